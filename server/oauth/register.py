"""Apps that register themselves, where the operator lets them, and look after their registration.

https://www.rfc-editor.org/rfc/rfc7591 and https://www.rfc-editor.org/rfc/rfc7592
"""

from typing import Any

import msgspec
from flask import Blueprint, Response, jsonify, request

from server import clock
from server.fhir.issue import Throttled
from server.http.rate import Rate
from server.oauth import secret
from server.oauth.administration import Administration, By
from server.oauth.fetch import Fetcher
from server.oauth.metadata import BadMetadata, Terms, information, read
from server.settings import Settings
from server.store import clients, registrations, sight
from server.store.clients import Client
from server.store.database import Database
from server.store.fingerprint import fingerprint

PATH = "/auth/register"

CLOSED, BY_TOKEN, OPEN = "closed", "token", "open"

OPEN_SCOPE = (
    "openid profile fhirUser launch launch/patient launch/encounter online_access offline_access "
    "patient/*.cruds user/*.cruds"
)
"""The most for which anybody may register an app: what it can do is what its user may do and lets it do."""

AN_HOUR = 200
"""How many apps may be registered from one network address, where nobody needs a token."""

_LARGEST = 64 * 1024
_NOT_TO_BE_SENT = (
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
)


class _Refused(Exception):
    """What is answered in OAuth's own form."""

    def __init__(self, status: int, error: str, told: str, challenge: str | None = None) -> None:
        self.status, self.error, self.challenge = status, error, challenge
        super().__init__(told)


def blueprint(found: Settings, database: Database) -> Blueprint:
    """The registration endpoint, and one for each client that registered itself there."""
    routes = Blueprint("register", __name__)
    registration = _Registration(found, database)

    @routes.post(PATH)
    def register() -> Response:
        return registration.register()

    @routes.get(f"{PATH}/<id>")
    def show(id: str) -> Response:
        return _answer(200, registration.told(registration.own(id)))

    @routes.put(f"{PATH}/<id>")
    def update(id: str) -> Response:
        return registration.update(registration.own(id))

    @routes.delete(f"{PATH}/<id>")
    def remove(id: str) -> Response:
        return registration.remove(registration.own(id))

    @routes.errorhandler(_Refused)
    def tell(refused: _Refused) -> Response:
        answer = _answer(refused.status, {"error": refused.error, "error_description": str(refused)})
        if refused.challenge:
            answer.headers["WWW-Authenticate"] = refused.challenge
        return answer

    @routes.errorhandler(Throttled)
    def throttle(throttled: Throttled) -> Response:
        told = {"error": "temporarily_unavailable", "error_description": str(throttled)}
        answer = _answer(throttled.status, told)
        answer.headers.extend(throttled.headers)
        return answer

    return routes


class _Registration:
    def __init__(self, found: Settings, database: Database) -> None:
        self._settings, self._database = found, database
        self._fetcher = Fetcher.of(found)
        self._rate = Rate(found.token_rate)

    def register(self) -> Response:
        """A new client. By a token it is an agency's; without one it is nobody's."""
        terms, token = self._terms()
        self._rate.admit(request.remote_addr or "")
        values = _read(_sent(), terms)
        self._spend(token)
        id, handle = clock.new_id(), secret.new()
        values = values | {"name": values["name"] or id}
        made, told = self._by(id, terms.agency).register(id, terms.agency, values, fingerprint(handle))
        return _answer(201, self.told(made, handle, told))

    def own(self, id: str) -> Client:
        """The client that the request's token lets look after itself.

        Raises:
            _Refused: it is not that client's, in the same words whether there is such a client or not.
        """
        token = _bearer()
        with self._database.autocommit() as connection:
            found = clients.find(connection, id) if "\0" not in id else None
        kept = found.registration_hash if found and found.is_live else None
        if not secret.same(fingerprint(token or ""), kept) or found is None:
            raise _unauthorized("The token is not that of this registration.")
        return found

    def update(self, client: Client) -> Response:
        """The client as it now says that it is: nothing that it had before is kept unsaid, and no scope is
        added that it has not."""
        sent = _sent()
        _require_its_own(sent, client)
        terms = Terms(client.agency, self._fetcher, client.scope if client.agency else OPEN_SCOPE)
        values = _read(sent, terms)
        values = values | {"name": values["name"] or client.id}
        changed, told = self._by(client.id, client.agency).change(client, values)
        return _answer(200, self.told(changed, _bearer(), told))

    def remove(self, client: Client) -> Response:
        """No content: it is gone, and with it whatever people granted it."""
        self._by(client.id, client.agency).remove(client.id)
        return _no_store(Response(status=204))

    def told(self, client: Client, handle: str | None = None, new: str | None = None) -> dict[str, Any]:
        """The client with what it looks after itself by; its secret only when it is new."""
        kept = information(client) | {
            "registration_access_token": handle or _bearer(),
            "registration_client_uri": f"{self._settings.issuer}{PATH}/{client.id}",
        }
        return kept | ({"client_secret": new, "client_secret_expires_at": 0} if new else {})

    def _terms(self) -> tuple[Terms, str | None]:
        if self._settings.registration == CLOSED:
            raise _Refused(403, "access_denied", "Apps are registered by the operator of this server.")
        token = _bearer()
        if token is None and self._settings.registration == OPEN:
            return Terms("", self._fetcher, OPEN_SCOPE), None
        with self._database.autocommit() as connection:
            kept = registrations.find(connection, token) if token else None
        if kept is None:
            raise _unauthorized("Registration needs a token that is good: an agency gives one.")
        return Terms(kept.agency, self._fetcher, kept.scope), token

    def _spend(self, token: str | None) -> None:
        """One more by a token; or, where nobody needs one, from a network address."""
        with self._database.begin() as connection:
            if token is None:
                # Of the address a hash: what is counted is how many, not who.
                origin = fingerprint(request.remote_addr or "")
                if sight.spend(connection, origin, "registration", clock.now()) > AN_HOUR:
                    raise _Refused(429, "temporarily_unavailable", f"At most {AN_HOUR} apps an hour.")
            elif not registrations.use(connection, token):
                raise _unauthorized("The token has been used up.")

    def _by(self, id: str, agency: str) -> Administration:
        return Administration(self._database, By(id, agency))


def _read(sent: object, terms: Terms) -> dict[str, Any]:
    try:
        return read(sent, terms)
    except BadMetadata as error:
        of_redirects = error.faults[0].where.startswith("redirect_uris")
        name = "invalid_redirect_uri" if of_redirects else "invalid_client_metadata"
        raise _Refused(400, name, str(error)) from error


def _require_its_own(sent: object, client: Client) -> None:
    """https://www.rfc-editor.org/rfc/rfc7592#section-2.2"""
    if not isinstance(sent, dict) or sent.get("client_id") != client.id:
        raise _Refused(400, "invalid_client_metadata", "client_id must be that of the registration.")
    if found := [name for name in _NOT_TO_BE_SENT if name in sent]:
        raise _Refused(400, "invalid_client_metadata", f"{', '.join(found)}: not to be sent.")
    if "client_secret" in sent and not secret.matches(str(sent["client_secret"]), client.secret_hash):
        raise _Refused(400, "invalid_client_metadata", "client_secret is not the client's.")


def _sent() -> object:
    if request.mimetype != "application/json":
        raise _Refused(400, "invalid_client_metadata", "Content-Type must be application/json.")
    if (request.content_length or 0) > _LARGEST:
        raise _Refused(400, "invalid_client_metadata", f"At most {_LARGEST:,} bytes.")
    try:
        return msgspec.json.decode(request.get_data(cache=False))
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _Refused(400, "invalid_client_metadata", "The body is not JSON.") from error


def _bearer() -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def _unauthorized(told: str) -> _Refused:
    challenge = f'Bearer realm="registration", error="invalid_token", error_description="{told}"'
    return _Refused(401, "invalid_token", told, challenge)


def _answer(status: int, told: dict[str, Any]) -> Response:
    answer = jsonify(told)
    answer.status_code = status
    return _no_store(answer)


def _no_store(answer: Response) -> Response:
    answer.headers["Cache-Control"] = "no-store"
    return answer
