"""What an administrator asks for over HTTP: read, checked against what they may do, done and told.

`docs/apps.md` has each request.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from marshmallow import Schema, ValidationError, fields
from marshmallow.validate import Length, Range, Regexp

from server import clock
from server.fhir.issue import Conflict, NotFound
from server.oauth import scope as scopes
from server.oauth.administration import Administration, By, IdTaken
from server.oauth.fetch import Fetcher
from server.oauth.keyset import BadKeys, public_keys
from server.oauth.metadata import BadMetadata, Fault, Terms, Values, faults_of, information, read
from server.oauth.powers import Powers
from server.record.door import Door
from server.store import accounts, agencies, clients, grants, registrations
from server.store.accounts import Account
from server.store.clients import CODE, CREDENTIALS, Client

_OF_CLIENT = ("agency", "demonstration", "rotated", "revoked", "suspended", "removed")
_OF_GRANT = (
    "id", "client", "agency", "account", "scope", "patient", "purpose", "authenticated", "created", "expires",
)  # fmt: skip
_OF_ACCOUNT = (
    "id", "agency", "username", "name", "fhir_user", "roles", "caseload", "teams", "created", "suspended",
    "locked_until", "demonstration",
)  # fmt: skip
_MOST = 1000
_NAME = Regexp(r"[^\0]{1,200}\Z")


class Wrong(Exception):
    """A request that cannot be understood, with everything that is wrong with it."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("The request cannot be carried out as it is.")


class _Page(Schema):
    """What narrows a list."""

    agency = fields.String(load_default=None, validate=_NAME)
    client = fields.String(load_default=None, validate=_NAME)
    account = fields.String(load_default=None, validate=_NAME)
    count = fields.Integer(data_key="_count", load_default=100, validate=Range(1, _MOST))
    offset = fields.Integer(data_key="_offset", load_default=0, validate=Range(0, 10_000_000))


class _New(Schema):
    """What a new client says beside its metadata."""

    agency = fields.String(load_default="", validate=Length(max=64))
    client_id = fields.String(load_default=None, validate=Regexp(r"[A-Za-z0-9._~-]{1,100}\Z"))


class _Keys(Schema):
    """New keys, published or here; nothing: a new secret."""

    jwks = fields.Raw(load_default=None)
    jwks_uri = fields.String(load_default=None, validate=Length(1, 2000))


class _Invitation(Schema):
    """For whom, for what and for how long apps may register themselves."""

    agency = fields.String(required=True, validate=Length(1, 64))
    scope = fields.String(required=True, validate=Length(1, 8000))
    uses = fields.Integer(load_default=1, validate=Range(1, 1000))
    days = fields.Integer(load_default=7, validate=Range(1, 365))


class Office:
    """One request of one administrator: what it sent, and what it may do."""

    def __init__(self, door: Door, fetcher: Fetcher, powers: Powers, query: Values, sent: Any) -> None:
        self.door, self.powers, self._fetcher = door, powers, fetcher
        self._query, self._sent = query, sent
        access = powers.access
        who = (access.user.id, access.user.reference) if access.user else ()
        self.acts = Administration(door.database, By(access.client, access.agency.code, *who))

    # ---- clients -------------------------------------------------------------------------------------------

    def clients(self) -> Any:
        page = _load(_Page(), self._query)
        with self.door.database.autocommit() as connection:
            every = clients.every(connection, page["agency"])
        return _paged("clients", (_client(each) for each in self._seen(every)), page)

    def client(self, id: str) -> Any:
        return _client(self._client(id, "r"))

    def register(self) -> Any:
        sent = self._sent
        new = _load(_New(unknown="exclude"), sent)
        agency = new["agency"]
        self.powers.require("c", agency)
        if agency and agency not in self.door.agencies:
            raise Wrong([Fault("agency", agency, "There is no such agency.")])
        values = self._values(sent, agency)
        id = new["client_id"] or clock.new_id()
        try:
            made, told = self.acts.register(id, agency, values | {"name": values["name"] or id})
        except IdTaken as error:
            raise Conflict(f"There is, or was, a client '{id}': ids are not given twice.") from error
        return _client(made) | _secret(told)

    def change(self, id: str) -> Any:
        found = self._client(id, "u")
        values = self._values(self._sent, found.agency)
        changed, told = self.acts.change(found, values | {"name": values["name"] or id})
        return _client(changed) | _secret(told)

    def rotate(self, id: str) -> Any:
        found, sent = self._client(id, "u"), _load(_Keys(), self._sent)
        if found.auth_method == clients.NONE:
            raise Wrong([Fault("client_id", id, "A public client has nothing to rotate.")])
        if sent["jwks"] is not None and sent["jwks_uri"]:
            raise Wrong([Fault("jwks", "", "Keys are registered, or published at jwks_uri: not both.")])
        if sent["jwks_uri"] and (told := self._fetcher.fault(sent["jwks_uri"])):
            raise Wrong([Fault("jwks_uri", sent["jwks_uri"], told)])
        try:
            keys = public_keys(sent["jwks"]) if sent["jwks"] is not None else None
        except BadKeys as error:
            raise Wrong([Fault("jwks", "", str(error))]) from error
        new = self.acts.rotate(found, keys, sent["jwks_uri"])
        return _client(self._client(id, "u")) | _secret(new)

    def suspend_client(self, id: str) -> Any:
        self.acts.suspend(self._client(id, "u").id)
        return _client(self._client(id, "u"))

    def resume_client(self, id: str) -> Any:
        self.acts.suspend(self._client(id, "u").id, until_resumed=False)
        return _client(self._client(id, "u"))

    def revoke_client(self, id: str) -> Any:
        return {"ended": self.acts.revoke_client(self._client(id, "u").id)}

    def remove(self, id: str) -> None:
        self.acts.remove(self._client(id, "d").id)

    # ---- agencies ------------------------------------------------------------------------------------------

    def agencies(self) -> Any:
        page = _load(_Page(), self._query)
        with self.door.database.autocommit() as connection:
            suspended = agencies.suspended(connection)
        told = [
            {
                "agency": each.code,
                "name": each.name,
                "kind": each.kind,
                "demonstration": each.demonstration,
                "suspended": suspended.get(each.code),
            }
            for each in self.door.agencies.values()
            if self.powers.may("s", each.code) and page["agency"] in (None, each.code)
        ]
        return _paged("agencies", told, page)

    def suspend_agency(self, code: str) -> Any:
        # Who administers one agency may stop its access, but neither shut it out nor let it in again.
        self.powers.require("u", "")
        self.acts.suspend_agency(self._agency(code, "u"))
        return {"agency": code, "suspended": clock.now()}

    def resume_agency(self, code: str) -> Any:
        self.powers.require("u", "")
        self.acts.suspend_agency(self._agency(code, "u"), until_resumed=False)
        return {"agency": code, "suspended": None}

    def revoke_agency(self, code: str) -> Any:
        return {"agency": code, "ended": self.acts.revoke_agency(self._agency(code, "u"))}

    # ---- accounts ------------------------------------------------------------------------------------------

    def accounts(self) -> Any:
        page = _load(_Page(), self._query)
        with self.door.database.autocommit() as connection:
            every = accounts.every(connection, page["agency"])
        return _paged("accounts", (_part(each, _OF_ACCOUNT) for each in self._seen(every)), page)

    def account(self, id: str) -> Any:
        return _part(self._account(id, "r"), _OF_ACCOUNT)

    def suspend_account(self, id: str) -> Any:
        self.acts.suspend_account(self._account(id, "u").id)
        return self.account(id)

    def resume_account(self, id: str) -> Any:
        self.acts.resume_account(self._account(id, "u").id)
        return self.account(id)

    # ---- what was granted, and tokens for registration -----------------------------------------------------

    def tokens(self) -> Any:
        page = _load(_Page(), self._query)
        with self.door.database.autocommit() as connection:
            if page["client"]:
                every = grants.of_client(connection, page["client"])
            elif page["account"]:
                every = grants.of_account(connection, page["account"])
            else:
                codes = [page["agency"]] if page["agency"] else list(self.door.agencies)
                every = [
                    grant
                    for code in codes
                    if self.powers.may("s", code)
                    for grant in grants.of_agency(connection, code)
                ]
        chosen = (
            each
            for each in self._seen(every)
            if page["agency"] in (None, each.agency) and page["account"] in (None, each.account)
        )
        return _paged("tokens", (_part(each, _OF_GRANT) for each in chosen), page)

    def revoke(self, id: str) -> None:
        with self.door.database.autocommit() as connection:
            found = grants.find(connection, _id(id))
        if found is None or found.ended is not None or not self.powers.may("d", found.agency):
            raise NotFound(f"There is no grant '{id}'.")
        self.acts.end_grant(found.id)

    def invitations(self) -> Any:
        page = _load(_Page(), self._query)
        with self.door.database.autocommit() as connection:
            every = registrations.every(connection, page["agency"])
        return _paged("registration-tokens", (asdict(each) for each in self._seen(every)), page)

    def invite(self) -> Any:
        sent = _load(_Invitation(), self._sent)
        self.powers.require("c", sent["agency"])
        if sent["agency"] not in self.door.agencies:
            raise Wrong([Fault("agency", sent["agency"], "There is no such agency.")])
        if told := scopes.fault(sent["scope"], (CODE, CREDENTIALS)):
            raise Wrong([Fault("scope", sent["scope"], told)])
        self.powers.require_all_of(sent["scope"], sent["agency"])
        expires = clock.now() + timedelta(days=sent["days"])
        made, told = self.acts.invite(sent["agency"], sent["scope"], sent["uses"], expires)
        return asdict(made) | {"token": told}

    def end_invitation(self, id: str) -> None:
        with self.door.database.autocommit() as connection:
            every = registrations.every(connection)
        if not any(each.id == id and self.powers.may("d", each.agency) for each in every):
            raise NotFound(f"There is no registration token '{id}'.")
        self.acts.end_invitation(id)

    # ---- what is there for this administrator --------------------------------------------------------------

    def _seen(self, every: Iterable[Any]) -> list[Any]:
        return [each for each in every if self.powers.may("s", each.agency)]

    def _client(self, id: str, letter: str) -> Client:
        with self.door.database.autocommit() as connection:
            found = clients.find(connection, _id(id))
        if found is None or not self.powers.may(letter, found.agency) or (letter != "r" and found.removed):
            raise NotFound(f"There is no client '{id}'.")
        if letter != "r":
            # With its new secret one could do what it may do.
            self.powers.require_all_of(found.scope, found.agency)
        return found

    def _account(self, id: str, letter: str) -> Account:
        with self.door.database.autocommit() as connection:
            found = accounts.find(connection, _id(id))
        if found is None or not self.powers.may(letter, found.agency):
            raise NotFound(f"There is no account '{id}'.")
        return found

    def _agency(self, code: str, letter: str) -> str:
        if code not in self.door.agencies or not self.powers.may(letter, code):
            raise NotFound(f"There is no agency '{code}'.")
        return code

    def _values(self, sent: Any, agency: str) -> dict[str, Any]:
        try:
            values = read(sent, Terms(agency, self._fetcher))
        except BadMetadata as error:
            raise Wrong(error.faults) from error
        self.powers.require_all_of(values["scope"], agency)
        return values


ROUTES: tuple[tuple[str, str, Callable[..., Any], int], ...] = (
    ("/clients", "GET", Office.clients, 200),
    ("/clients", "POST", Office.register, 201),
    ("/clients/<id>", "GET", Office.client, 200),
    ("/clients/<id>", "PUT", Office.change, 200),
    ("/clients/<id>", "DELETE", Office.remove, 204),
    ("/clients/<id>/rotate", "POST", Office.rotate, 200),
    ("/clients/<id>/suspend", "POST", Office.suspend_client, 200),
    ("/clients/<id>/resume", "POST", Office.resume_client, 200),
    ("/clients/<id>/revoke", "POST", Office.revoke_client, 200),
    ("/agencies", "GET", Office.agencies, 200),
    ("/agencies/<code>/suspend", "POST", Office.suspend_agency, 200),
    ("/agencies/<code>/resume", "POST", Office.resume_agency, 200),
    ("/agencies/<code>/revoke", "POST", Office.revoke_agency, 200),
    ("/accounts", "GET", Office.accounts, 200),
    ("/accounts/<id>", "GET", Office.account, 200),
    ("/accounts/<id>/suspend", "POST", Office.suspend_account, 200),
    ("/accounts/<id>/resume", "POST", Office.resume_account, 200),
    ("/tokens", "GET", Office.tokens, 200),
    ("/tokens/<id>", "DELETE", Office.revoke, 204),
    ("/registration-tokens", "GET", Office.invitations, 200),
    ("/registration-tokens", "POST", Office.invite, 201),
    ("/registration-tokens/<id>", "DELETE", Office.end_invitation, 204),
)
"""Path, method, what is done, and the status of a success."""


def _client(client: Client) -> Values:
    return information(client) | _part(client, _OF_CLIENT)


def _secret(told: str | None) -> Values:
    return {"client_secret": told, "client_secret_expires_at": 0} if told else {}


def _part(found: object, names: Iterable[str]) -> Values:
    """What is told of it; what is not known of it is left out."""
    told = {name: getattr(found, name) for name in names}
    return {name: value for name, value in told.items() if value not in (None, ())}


def _paged(name: str, every: Iterable[Values], page: Values) -> Values:
    """One page of a list, and how long the list is."""
    listed = list(every)
    return {"total": len(listed), name: listed[page["offset"] : page["offset"] + page["count"]]}


def _load(schema: Schema, given: Any) -> Values:
    try:
        return dict(schema.load(given if isinstance(given, dict) else {}))
    except ValidationError as error:
        raise Wrong(faults_of(error, given)) from error


def _id(text: str) -> str:
    # PostgreSQL has no text with a null character; nothing has an empty id.
    return "" if "\0" in text else text
