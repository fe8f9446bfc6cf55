"""Accounts as an operator makes and changes them. Who is to have one, and as whom, is the agency's to say."""

from dataclasses import dataclass, replace

from server import clock
from server.access.agency import Agency
from server.access.right import RESERVED
from server.access.user import CASELOADS, CHILD, FAMILY, WORKER
from server.fhir.primitive import id as is_id
from server.oauth import password
from server.oauth.account import tell
from server.store import accounts, approvals, grants, liveness, sessions
from server.store.accounts import Account
from server.store.database import Connection, Database

_PEOPLE = (WORKER, FAMILY, CHILD)
_GROUPS = ("Organization", "CareTeam")
_LONGEST = 128
_FIRST = 20
"""Digits of a first password: 80 random bits, to be typed once."""


class Unfit(Exception):
    """What an account cannot be; the message is a sentence for the operator."""


class Taken(Exception):
    """The username is somebody else's."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """The acts of an operator."""

    database: Database

    def add(self, account: Account, agency: Agency) -> tuple[Account, str]:
        """A new local account, and its first password, which is shown once and changed at the first sign-in.

        Raises:
            Unfit, Taken.
        """
        check(account, agency)
        first = _first_password()
        made = replace(
            account,
            username=accounts.folded(account.username or ""),
            password_hash=password.hashed(first),
            provisional=True,
        )
        with self.database.begin() as connection:
            if not accounts.add(connection, made):
                raise Taken
            tell(connection, "account-add", made)
        return made, first

    def reset(self, account: Account, *, codes: bool) -> str:
        """A first password once more; the old one is good no more. `codes`: the phone is lost as well."""
        first = _first_password()
        values = {
            "password_hash": password.hashed(first), "provisional": True, "failures": 0, "locked_until": None,
            **({"totp": None} if codes else {}),
        }  # fmt: skip
        with self.database.begin() as connection:
            accounts.change(connection, account.id, **values)
            if codes:
                accounts.set_recovery_codes(connection, account.id, ())
            _sign_out(connection, account)
            tell(connection, "account-reset", account)
        liveness.ended(self.database)
        return first

    def change(self, account: Account, agency: Agency, **values: object) -> Account:
        """The account with other roles, another caseload, …: what apps had for it they have to ask for again.

        Raises:
            Unfit.
        """
        changed = replace(account, **values)  # type: ignore[arg-type]
        check(changed, agency)
        with self.database.begin() as connection:
            accounts.change(connection, account.id, **values)
            grants.end_of_account(connection, account.id)
            tell(connection, "account-change", changed)
        liveness.ended(self.database)
        return changed


def check(account: Account, agency: Agency) -> None:
    """Raises Unfit: an account that nobody could use, or that would be more than its agency lets it be."""
    username = "somebody" if account.username is None else account.username
    faults = (
        (not 0 < len(username.strip()) <= _LONGEST, "A username has 1 to 128 characters."),
        (not username.isprintable(), "A username has no characters that cannot be seen."),
        (not _refers(account.fhir_user, _PEOPLE), "A person is Practitioner/x, RelatedPerson/x, Patient/x."),
        (account.caseload not in CASELOADS, f"A caseload is one of {', '.join(CASELOADS)}."),
        (not all(_refers(each, _GROUPS) for each in account.teams), "Teams are Organization/x, CareTeam/x."),
        (not all(_refers(each, (FAMILY,)) for each in account.references), "Others are RelatedPerson/x."),
    )  # fmt: skip
    for is_wrong, told in faults:
        if is_wrong:
            raise Unfit(told)
    for role in account.roles:
        if role in RESERVED:
            raise Unfit(f"The role '{role}' is given by who somebody is, and not by an operator.")
        if role not in agency.roles:
            known = ", ".join(agency.roles) or "none"
            raise Unfit(f"The rights of '{agency.code}' know no role '{role}'. They know: {known}.")


def _refers(text: str, types: tuple[str, ...]) -> bool:
    type_, _, id_ = text.partition("/")
    return type_ in types and is_id(id_)


def _sign_out(connection: Connection, account: Account) -> None:
    sessions.end_all(connection, account.id)
    grants.end_of_account(connection, account.id)
    approvals.forget(connection, account.id)


def _first_password() -> str:
    digits = clock.new_secret()[:_FIRST]
    return "-".join(digits[start : start + 5] for start in range(0, _FIRST, 5))
