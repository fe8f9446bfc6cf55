"""What is done to clients and agencies by those who administer them: at once, everywhere, and accounted for.

The command line and the endpoints of /admin do the same by these; each is one transaction.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from server import clock
from server.fhir import Json
from server.oauth import secret
from server.oauth.metadata import Values
from server.store import accounts, agencies, approvals, clients, grants, liveness, registrations, sessions
from server.store.audit import record_act
from server.store.clients import KEYS, NONE, Client
from server.store.database import Connection, Database
from server.store.registrations import RegistrationToken


@dataclass(frozen=True, slots=True)
class By:
    """Who does it: a client, and the person behind it, if one is. `agency`: for whom they act."""

    client: str
    agency: str = ""
    account: str | None = None
    person: str | None = None


_WEIGHTY = ("scope", "redirect_uris", "grant_types", "auth_method")

OPERATOR = By("childrecord")
"""Who has the machine."""


@dataclass(frozen=True, slots=True)
class Administration:
    """The acts of one of them."""

    database: Database
    by: By

    # ---- clients -------------------------------------------------------------------------------------------

    def register(
        self, id: str, agency: str, values: Values, registration: str | None = None
    ) -> tuple[Client, str | None]:
        """A new client and its secret, if it has one, which nobody will see again.

        Raises:
            IdTaken: there is, or was, a client of this id.
        """
        made = Client(id=id, agency=agency, secret_hash=None, created=clock.now(), **values)
        made, told = with_secret(replace(made, registration_hash=registration))
        with self.database.begin() as connection:
            if not clients.add(connection, made):
                raise IdTaken(id)
            self._account(connection, "client-register", id)
        return made, told

    def change(self, client: Client, values: Values) -> tuple[Client, str | None]:
        """The client with other metadata, and a new secret if it had none and now needs one."""
        changed, told = with_secret(replace(client, **values))
        with self.database.begin() as connection:
            clients.replace(connection, changed)
            if any(getattr(client, name) != getattr(changed, name) for name in _WEIGHTY):
                # What it was granted it was granted as what it was.
                grants.end_of_client(connection, client.id)
                approvals.forget_client(connection, client.id)
            self._account(connection, "client-change", client.id)
        liveness.ended(self.database)
        return changed, told

    def rotate(self, client: Client, jwks: Json | None = None, jwks_uri: str | None = None) -> str | None:
        """A new secret, or these keys; what it had is good no more, and neither are the tokens had by it."""
        signs = jwks is not None or jwks_uri is not None
        method = KEYS if signs else clients.BASIC if client.auth_method == KEYS else client.auth_method
        told = None if method in (KEYS, NONE) else secret.new()
        kept = secret.hashed(told) if told else None

        def other(connection: Connection) -> bool:
            clients.revoke(connection, client.id)
            grants.end_of_client(connection, client.id)
            return clients.rotate(connection, client.id, method, kept, jwks, jwks_uri)

        self._do("client-rotate", client.id, other)
        return told

    def suspend(self, id: str, *, until_resumed: bool = True) -> bool:
        """Whether there is such a client, which may not act from now on; or may again."""
        at = clock.now() if until_resumed else None
        act = "client-suspend" if until_resumed else "client-resume"
        return self._do(act, id, lambda c: clients.suspend(c, id, at))

    def remove(self, id: str) -> bool:
        """Whether there was such a client. What it was granted ends with it."""

        def gone(connection: Connection) -> bool:
            grants.end_of_client(connection, id)
            return clients.remove(connection, id)

        return self._do("client-remove", id, gone)

    # ---- what was granted ----------------------------------------------------------------------------------

    def end_grant(self, id: str) -> bool:
        """Whether it had not ended before: its codes and tokens are good no more."""
        return self._do("revoke", id, lambda c: grants.end(c, id))

    def revoke_client(self, id: str) -> int:
        """Every token that a client has is good no more. How many grants of users have ended with that."""

        def all_of_it(connection: Connection) -> int:
            clients.revoke(connection, id)
            return grants.end_of_client(connection, id)

        return self._count("client-revoke", id, all_of_it)

    # ---- agencies ------------------------------------------------------------------------------------------

    def suspend_agency(self, code: str, *, until_resumed: bool = True) -> bool:
        """Whether there is such an agency, for which nobody may act from now on; or may again."""
        at = clock.now() if until_resumed else None
        act = "agency-suspend" if until_resumed else "agency-resume"
        return self._do(act, code, lambda c: agencies.suspend(c, code, at))

    def revoke_agency(self, code: str) -> int:
        """Everything by which somebody acts for an agency now: what its people granted, where they are signed
        in, tokens for registration, its systems' access. How many grants that were.

        Its systems and its people may prove themselves again: who must not is suspended.
        """

        def all_of_it(connection: Connection) -> int:
            registrations.revoke_of_agency(connection, code)
            for account in accounts.every(connection, code):
                sessions.end_all(connection, account.id)
            agencies.revoke(connection, code)
            return grants.end_of_agency(connection, code)

        return self._count("agency-revoke", code, all_of_it)

    # ---- accounts ------------------------------------------------------------------------------------------

    def suspend_account(self, id: str) -> bool:
        """Whether it was not suspended before: its owner is signed out, and no app acts for them."""

        def out(connection: Connection) -> bool:
            sessions.end_all(connection, id)
            grants.end_of_account(connection, id)
            return accounts.suspend(connection, id)

        return self._do("account-suspend", id, out)

    def resume_account(self, id: str) -> bool:
        """Whether there is such an account; its owner may sign in again."""
        return self._do("account-resume", id, lambda c: accounts.resume(c, id))

    # ---- registration tokens -------------------------------------------------------------------------------

    def invite(self, agency: str, scope: str, uses: int, expires: datetime) -> tuple[RegistrationToken, str]:
        """A token by which apps may register themselves for an agency; shown once."""
        told = secret.new()
        made = RegistrationToken(clock.new_id(), agency, scope, uses, clock.now(), expires)
        with self.database.begin() as connection:
            registrations.add(connection, told, made)
            self._account(connection, "client-invite", made.id)
        return made, told

    def end_invitation(self, id: str) -> bool:
        """Whether it had not ended before."""
        return self._do("client-uninvite", id, lambda c: registrations.revoke(c, id))

    def _do(self, act: str, what: str, change: Callable[[Connection], bool]) -> bool:
        with self.database.begin() as connection:
            done = change(connection)
            if done:
                self._account(connection, act, what)
        if done:
            liveness.ended(self.database)
        return done

    def _count(self, act: str, what: str, change: Callable[[Connection], int]) -> int:
        with self.database.begin() as connection:
            count = change(connection)
            self._account(connection, act, what)
        liveness.ended(self.database)
        return count

    def _account(self, connection: Connection, act: str, what: str) -> None:
        number = agencies.number(connection, self.by.agency)
        record_act(
            connection,
            clock.now(),
            act,
            agency=number,
            client=self.by.client,
            account=self.by.account,
            person=self.by.person,
            query=what,
        )


class IdTaken(Exception):
    """There is, or was, a client of this id: ids are not given twice."""


def with_secret(client: Client) -> tuple[Client, str | None]:
    """The client as it proves itself, and a new secret, if it needs one that it has not."""
    if client.auth_method in (KEYS, NONE):
        return replace(client, secret_hash=None), None
    if client.secret_hash is not None:
        return client, None
    told = secret.new()
    return replace(client, secret_hash=secret.hashed(told)), told
