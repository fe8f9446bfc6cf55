"""Administration over HTTP: clients, agencies, accounts, what was granted, tokens for registration.

For who holds the scope `system/admin.…`, of every agency or of those that it names (`?agency=`); and, with
`user/admin.…`, for an administrator of an agency, of that one. `docs/apps.md` shows it in use.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

import msgspec
from flask import Blueprint, Response, request

from server import clock
from server.access.access import Access
from server.fhir.issue import FhirError, Forbidden
from server.http.bearer import Bearer
from server.http.edge import CLIENT
from server.http.rate import Rate
from server.oauth.fetch import Fetcher
from server.oauth.metadata import Fault
from server.oauth.office import ROUTES, Office, Wrong
from server.oauth.powers import Powers
from server.record.door import Door
from server.record.event import act
from server.settings import Settings
from server.store import audit

PATH = "/admin"

_READ, _REFUSED = "administration", "administration-refused"
_LARGEST = 256 * 1024
_JSON = "application/json"


def blueprint(found: Settings, door: Door, bearer: Bearer) -> Blueprint:
    """The routes of /admin."""
    routes = Blueprint("admin", __name__, url_prefix=PATH)
    fetcher, rate = Fetcher.of(found), Rate(found.rate_limit)

    def add(rule: str, method: str, do: Callable[..., Any], status: int) -> None:
        def answer(**parts: str) -> Response:
            access = bearer.access(request.environ)
            request.environ[CLIENT] = access.client
            rate.admit(access.client)
            try:
                office = Office(door, fetcher, Powers.of(access), request.args.to_dict(), _sent())
                told = do(office, **parts)
            except Forbidden:
                _account(door, access, _REFUSED, 403)
                raise
            if method == "GET":
                # What changes something has its own line.
                _account(door, access, _READ, status)
            return _answer(status, told)

        routes.add_url_rule(rule, f"{do.__name__}", answer, methods=[method])

    for route in ROUTES:
        add(*route)
    routes.register_error_handler(Wrong, lambda wrong: _refusal(400, "invalid", str(wrong), wrong.faults))
    routes.register_error_handler(FhirError, _failed)
    return routes


def _account(door: Door, access: Access, what: str, status: int) -> None:
    said = act(access, clock.now(), what, query=f"{request.method} {request.path}", outcome=status)
    with door.database.autocommit() as connection:
        audit.record(connection, said)


def _sent() -> Any:
    """The body; none is an empty one."""
    if (request.content_length or 0) > _LARGEST:
        raise Wrong([Fault("", "", f"A request has at most {_LARGEST:,} bytes.")])
    body = request.get_data(cache=False)
    if not body:
        return {}
    if request.mimetype != _JSON:
        raise Wrong([Fault("Content-Type", request.mimetype, f"The body must be {_JSON}.")])
    try:
        given = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Wrong([Fault("", "", f"The body is not JSON: {error}.")]) from error
    if not isinstance(given, dict):
        raise Wrong([Fault("", "", "The body must be a JSON object.")])
    return given


def _answer(status: int, told: Any) -> Response:
    content = msgspec.json.encode(told) if status != 204 else b""
    return Response(content, status, {"Cache-Control": "no-store"}, content_type=_JSON)


def _failed(error: FhirError) -> Response:
    answer = _refusal(error.status, error.code, str(error), ())
    answer.headers.extend(error.headers)
    return answer


def _refusal(status: int, code: str, told: str, faults: Iterable[Fault]) -> Response:
    """Every refusal says what was refused, and of each fault where it is, what it is and why it is one."""
    return _answer(status, {"error": code, "message": told, "issues": [asdict(each) for each in faults]})
