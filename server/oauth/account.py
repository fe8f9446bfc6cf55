"""A person signs in with a username and a password, and with a code where one is wanted.

Whatever is wrong is answered in the same words and after the same work: nobody learns who has an account, or
that one is locked. Guesses are counted for the account and for the network they come from.
"""

from dataclasses import dataclass
from datetime import timedelta

from server import clock
from server.oauth import password, totp
from server.oauth.session import is_admitted, key
from server.settings import Settings
from server.store import accounts, agencies, grants, liveness, sessions, sign_ins
from server.store.accounts import Account
from server.store.audit import record_act
from server.store.database import Connection, Database
from server.store.fingerprint import fingerprint

PATIENCE = 5
"""Wrong passwords or codes, one after the other, after which an account is locked for a while."""

PAUSE = timedelta(minutes=1)
"""For how long at first; twice as long each time, up to sixteen minutes."""

MOST_REFUSALS = 50
"""Of one network in a quarter of an hour: a school stands behind a single address."""


class Refused(Exception):
    """It was not proven who it is."""


class Crowded(Exception):
    """Too many guesses from one network."""


@dataclass(frozen=True, slots=True)
class People:
    """Those who may sign in here."""

    settings: Settings
    database: Database

    def signed_in(self, username: str, given: str, address: str) -> Account:
        """Whose username and password these are.

        Raises:
            Refused, Crowded.
        """
        with self.database.begin() as connection:
            self._check_network(connection, address)
            found = None if "\0" in username else accounts.by_username(connection, username)
        # While it is worked out no connection is held: it takes longer than everything else here.
        kept = found.password_hash if found is not None and found.provider is None else None
        is_right = password.matches(given, kept)
        if found is not None and is_right and self._may_try(found):
            return found
        self._refuse(found, address)
        raise Refused

    def give_code(self, account: Account, code: str, address: str) -> None:
        """Prove a phone by its code, or a sheet of paper by one of those on it.

        Raises:
            Refused, Crowded.
        """
        with self.database.begin() as connection:
            self._check_network(connection, address)
            is_right = self._may_try(account) and self._is_code(connection, account, code)
            if is_right:
                accounts.succeeded(connection, account.id)
        if not is_right:
            self._refuse(account, address)
            raise Refused

    def arrived(self, account: Account, how: str) -> None:
        """Nothing is left to prove: failures are forgotten, and it is written down who came."""
        with self.database.begin() as connection:
            accounts.succeeded(connection, account.id)
            tell(connection, "sign-in", account, reason=how)

    def left(self, account: Account, session: str) -> None:
        """End a session, and what apps were granted for as long as it went on."""
        with self.database.begin() as connection:
            sessions.end(connection, session)
            grants.end_of_session(connection, session)
            tell(connection, "sign-out", account)
        liveness.ended(self.database)

    def choose_password(self, account: Account, chosen: str, keep: str) -> None:
        """From now on it is this one; but for the session `keep`, its owner is signed out everywhere."""
        with self.database.begin() as connection:
            values = {"password_hash": password.hashed(chosen), "provisional": False}
            accounts.change(connection, account.id, **values)
            for each in sessions.end_all(connection, account.id, but=keep):
                grants.end_of_session(connection, each)
            tell(connection, "account-password", account)
        liveness.ended(self.database)

    def enrol(self, account: Account, secret: str, code: str) -> list[str] | None:
        """Keep a phone's secret if its code is right; the recovery codes, to be shown once."""
        step = totp.step_of(secret, code)
        if step is None:
            return None
        codes = totp.recovery_codes()
        with self.database.begin() as connection:
            kept = totp.sealed(secret, key(self.settings, "totp"))
            accounts.change(connection, account.id, totp=kept, totp_step=step)
            accounts.set_recovery_codes(connection, account.id, [totp.recovery_hash(each) for each in codes])
            tell(connection, "account-code", account)
        return codes

    def _may_try(self, account: Account) -> bool:
        is_locked = account.locked_until is not None and account.locked_until > clock.now()
        return is_admitted(account, self.settings) and not is_locked

    def _is_code(self, connection: Connection, account: Account, code: str) -> bool:
        secret = totp.opened(account.totp, key(self.settings, "totp")) if account.totp else None
        step = totp.step_of(secret, code) if secret else None
        if step is not None:
            return accounts.use_step(connection, account.id, step)
        return accounts.use_recovery_code(connection, account.id, totp.recovery_hash(code))

    def _check_network(self, connection: Connection, address: str) -> None:
        if sign_ins.refusals(connection, fingerprint(address)) >= MOST_REFUSALS:
            raise Crowded

    def _refuse(self, account: Account | None, address: str) -> None:
        with self.database.begin() as connection:
            sign_ins.refused(connection, fingerprint(address))
            # Done for nobody as well: it takes as long.
            accounts.failed(connection, account.id if account else "", PATIENCE, PAUSE)
            tell(connection, "sign-in-refused", account, outcome=401)


def tell(
    connection: Connection,
    act: str,
    account: Account | None,
    *,
    outcome: int = 200,
    reason: str | None = None,
    client: str = "",
) -> None:
    """The line of the audit about what a person did, or what was done to an account. Of somebody unknown it
    holds no name: people type passwords where their names belong."""
    record_act(
        connection,
        clock.now(),
        act,
        agency=agencies.number(connection, account.agency) if account else 0,
        client=client,
        account=account.id if account else None,
        person=account.fhir_user if account else None,
        outcome=outcome,
        reason=reason,
    )
