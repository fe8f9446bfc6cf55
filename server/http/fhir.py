"""FHIR requests off the wire, and responses onto it."""

from dataclasses import replace
from urllib.parse import parse_qsl

from flask import Blueprint, Flask, Response, current_app, request
from werkzeug.routing import Rule

from server.fhir import Json, json
from server.fhir.exchange import FhirRequest
from server.fhir.issue import NotFound, UnsupportedMediaType, UriTooLong
from server.http import compress, negotiate, wire
from server.http.bearer import Bearer
from server.http.edge import CLIENT
from server.http.rate import Rate
from server.http.wire import Environ, Wanted
from server.interaction import capabilities, declared, openapi
from server.interaction.opening import door
from server.interaction.router import respond
from server.oauth.discovery import smart_configuration
from server.record.door import Door
from server.settings import Settings
from server.store.database import Database

blueprint = Blueprint("fhir", __name__)

_BODILESS = ("GET", "HEAD", "DELETE")
_PASSED = (
    ("accept", "HTTP_ACCEPT"),
    ("content-type", "CONTENT_TYPE"),
    ("idempotency-key", "HTTP_IDEMPOTENCY_KEY"),
    ("if-match", "HTTP_IF_MATCH"),
    ("if-modified-since", "HTTP_IF_MODIFIED_SINCE"),
    ("if-none-exist", "HTTP_IF_NONE_EXIST"),
    ("if-none-match", "HTTP_IF_NONE_MATCH"),
    ("prefer", "HTTP_PREFER"),
    ("x-cascade", "HTTP_X_CASCADE"),
    ("x-provenance", "HTTP_X_PROVENANCE"),
    ("x-security-context", "HTTP_X_SECURITY_CONTEXT"),
)
"""The headers that interactions know, each with its name in the environment of a request."""


def open_to(app: Flask, found: Settings, database: Database) -> None:
    """Let requests in; raises if the record cannot be opened."""
    opened = door(found, database)
    statement = capabilities.Statement(opened, found)
    opened = replace(opened, statement=statement.text)
    app.extensions["door"], app.extensions["bearer"] = opened, Bearer(opened, found)
    app.view_functions[interaction.__name__] = interaction
    for path in ("", "/<path:path>"):
        # Whatever the method: what is no interaction is refused in FHIR's terms, and says what would be one.
        app.url_map.add(Rule(found.base_path + path, endpoint=interaction.__name__))
    app.extensions["rate"] = Rate(found.rate_limit)
    app.config["URL_LIMIT"] = found.url_limit
    app.extensions["capabilities"] = statement
    app.extensions["openapi"] = openapi.Document(opened, found)


@blueprint.route("/metadata", methods=["GET"], provide_automatic_options=False)
def metadata() -> Response:
    """The CapabilityStatement: for everybody."""
    asked = wire.wanted(request.environ, wire.query(request.environ))
    statement: capabilities.Statement = current_app.extensions["capabilities"]
    return wire.lasting(statement.text(request.args.get("mode", "full")), asked, request.environ)


@blueprint.route("/.well-known/smart-configuration", methods=["GET"], provide_automatic_options=False)
def discovery() -> Response:
    """What SMART clients read first: for everybody."""
    return Response(
        json.encode(smart_configuration(current_app.extensions["settings"])), content_type="application/json"
    )


def interaction(path: str = "") -> Response:
    """Every interaction: token first, then the request."""
    environ = request.environ
    bearer: Bearer = current_app.extensions["bearer"]
    _fits(environ)
    if environ["REQUEST_METHOD"] == "OPTIONS":
        return wire.response(204, None, {"Allow": _methods(path.strip("/"))}, wire.best(environ), environ)
    access = bearer.access(environ.get("HTTP_AUTHORIZATION"))
    environ[CLIENT] = access.client
    rate: Rate = current_app.extensions["rate"]
    rate.admit(access.client)
    opened: Door = current_app.extensions["door"]
    asked, found = _off_the_wire(path.strip("/"), environ)
    answer = respond(found, opened, access)
    return wire.response(answer.status, answer.body, answer.headers, asked, environ)


def _methods(path: str) -> str:
    """What a URL takes, for everybody: it depends on the URL alone."""
    found = declared.methods(path, current_app.extensions["door"].types)
    if not found:
        raise NotFound("There is no such URL.")
    return ", ".join(found)


def _fits(environ: Environ) -> None:
    """Raises UriTooLong."""
    query = environ.get("QUERY_STRING", "")
    limit: int = current_app.config["URL_LIMIT"]
    if len(query) + len(environ["PATH_INFO"]) > limit:
        raise UriTooLong(
            f"The URL is longer than {limit} characters: search by POST, or ask for less at once."
        )


def _off_the_wire(path: str, environ: Environ) -> tuple[Wanted, FhirRequest]:
    method, query = environ["REQUEST_METHOD"], wire.query(environ)
    if method == "POST" and path.endswith("_search"):
        query += _form()
        content = raw = None
    elif method in _BODILESS:
        content = raw = None
    else:
        content, raw = _body(method, path, environ)
    asked = wire.wanted(environ, query, anything=_is_binary(path))
    headers = {
        name: wire.as_text(environ[variable])
        for name, variable in _PASSED
        if environ.get(variable) is not None
    }
    return asked, FhirRequest(method, path, tuple(query), headers, content, raw)


def _form() -> wire.Pairs:
    """The parameters of a search by POST."""
    if request.mimetype not in ("", negotiate.FORM):
        raise UnsupportedMediaType(f"A search by POST is sent as {negotiate.FORM}.")
    return parse_qsl(_whole_body(request.environ).decode(errors="replace"), keep_blank_values=True)


def _body(method: str, path: str, environ: Environ) -> tuple[Json | None, bytes | None]:
    """The resource, or what is sent in the place of one."""
    body = _whole_body(environ)
    said = negotiate.sent(environ.get("CONTENT_TYPE", ""))
    # A patch may be written in JSON or XML that is no resource, and anything may be kept as a Binary.
    if method == "PATCH" or _is_binary(path):
        is_resource = said.own
    elif said.format is None and body:
        raise UnsupportedMediaType(f"The body must be {negotiate.FHIR_TYPES}.")
    else:
        is_resource = True
    if not is_resource:
        return None, body
    return (wire.read(body, said.format), None) if body and said.format else (None, None)


def _whole_body(environ: Environ) -> bytes:
    body = request.get_data(cache=False)
    encoding = environ.get("HTTP_CONTENT_ENCODING")
    if not encoding:
        return body
    return compress.expanded(body, encoding, current_app.config["MAX_CONTENT_LENGTH"])


def _is_binary(path: str) -> bool:
    return path == "Binary" or path.startswith("Binary/")
