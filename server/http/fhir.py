"""FHIR requests off the wire, and responses onto it."""

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from flask import Blueprint, Flask, Response, current_app, request
from werkzeug.datastructures import Headers

from server.fhir import Json, json
from server.fhir.exchange import FhirRequest, FhirResponse
from server.fhir.issue import Malformed, NotAcceptable, UnsupportedMediaType
from server.http.bearer import Bearer
from server.http.edge import CLIENT
from server.http.outcome import FHIR_JSON
from server.interaction import capabilities
from server.interaction.opening import door
from server.interaction.router import respond
from server.oauth.discovery import smart_configuration
from server.record.door import Door
from server.settings import Settings
from server.store.database import Database

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

blueprint = Blueprint("fhir", __name__)

_JSON = ("application/fhir+json", "application/json", "text/json", "application/json+fhir")
_ACCEPTED = (*_JSON, "*/*", "application/*", "text/*", "")
_FORMATS = (*_JSON, "json")
_FORM = "application/x-www-form-urlencoded"
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_PASSED = {
    name: "HTTP_" + name.upper().replace("-", "_")
    for name in ("if-match", "if-none-match", "if-none-exist", "if-modified-since", "prefer")
}
"""The headers that interactions know, each with its name in the environment of a request."""


def open_to(app: Flask, found: Settings, database: Database) -> None:
    """Let requests in; raises if the record cannot be opened."""
    opened = door(found, database)
    app.extensions["door"], app.extensions["bearer"] = opened, Bearer(opened, found)
    app.extensions["capabilities"] = capabilities.Statement(opened, found.issuer)


@blueprint.route("/metadata", methods=["GET"])
def metadata() -> Response:
    """The CapabilityStatement: for everybody."""
    _acceptable(request.args.get("_format"), request.headers.get("Accept", ""))
    statement: capabilities.Statement = current_app.extensions["capabilities"]
    return _onto_the_wire(FhirResponse(200, statement.text(request.args.get("mode", "full"))))


@blueprint.route("/.well-known/smart-configuration", methods=["GET"])
def discovery() -> Response:
    """What SMART clients read first: for everybody."""
    return Response(
        json.encode(smart_configuration(current_app.extensions["settings"])), content_type="application/json"
    )


@blueprint.route("", methods=_METHODS, defaults={"path": ""}, strict_slashes=False)
@blueprint.route("/<path:path>", methods=_METHODS)
def interaction(path: str) -> Response:
    """Every interaction: token first, then the request."""
    bearer: Bearer = current_app.extensions["bearer"]
    access = bearer.access(request.headers.get("Authorization"))
    request.environ[CLIENT] = access.client
    opened: Door = current_app.extensions["door"]
    return _onto_the_wire(respond(_off_the_wire(path), opened, access))


def _off_the_wire(path: str) -> FhirRequest:
    environ = request.environ
    headers = {name: environ[variable] for name, variable in _PASSED.items() if variable in environ}
    query = parse_qsl(_as_text(environ.get("QUERY_STRING", "")), keep_blank_values=True)
    _acceptable(dict(query).get("_format"), environ.get("HTTP_ACCEPT", ""))
    form = request.method == "POST" and path.endswith("_search")
    if form:
        if request.mimetype not in ("", _FORM):
            raise UnsupportedMediaType(f"A search by POST is sent as {_FORM}.")
        query += parse_qsl(request.get_data(cache=False, as_text=True), keep_blank_values=True)
    content = None if form or request.method in ("GET", "HEAD", "DELETE") else _content()
    return FhirRequest(request.method, path.strip("/"), tuple(query), headers, content)


def _as_text(query: str) -> str:
    """What a client sent without percent-encoding is UTF-8, which WSGI hands over as Latin-1."""
    return query if query.isascii() else query.encode("latin-1").decode(errors="replace")


def _content() -> Json:
    body = request.get_data(cache=False)
    if not body:
        raise Malformed("The request must carry a resource.")
    if request.mimetype not in _JSON:
        raise UnsupportedMediaType(f"The body must be {FHIR_JSON}; other formats are not built yet.")
    content: Json = json.decode(body)
    return content


def _acceptable(format_: str | None, accept: str) -> None:
    if format_ is not None:
        if format_.split(";")[0].strip().replace(" ", "+") not in _FORMATS:
            raise NotAcceptable("This server answers in JSON; other formats are not built yet.")
    elif accept not in _ACCEPTED and not _accepts_json(accept):
        raise NotAcceptable(f"None of the formats in Accept is built: {FHIR_JSON} is.")


def _accepts_json(accept: str) -> bool:
    return any(part.split(";")[0].strip().lower() in _ACCEPTED for part in accept.split(","))


class _Wire(Response):
    """A response whose headers are as they are to be sent: nothing is left to be looked up or corrected."""

    def get_wsgi_headers(self, environ: "WSGIEnvironment") -> Headers:
        return self.headers


def _onto_the_wire(response: FhirResponse) -> Response:
    headers = Headers(list(response.headers.items()))
    body = response.body
    if body is None:
        empty = _Wire(status=response.status, headers=headers)
        del empty.headers["Content-Type"]
        return empty
    headers.set("Content-Length", str(len(body)))
    return _Wire(body, response.status, headers, content_type=f"{FHIR_JSON};charset=utf-8")
