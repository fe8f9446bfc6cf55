"""FHIR requests off the wire, and answers onto it.

It is a WSGI application of its own beside Flask's routes: whatever the path, it is `interaction.router` that
knows what it means, and to route it twice costs as much as to find a resource.
"""

from collections.abc import Iterable
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import parse_qsl

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wsgi import get_input_stream

from server.fhir import Json, json
from server.fhir.exchange import FhirRequest
from server.fhir.issue import NotFound, TooLarge, UnsupportedMediaType, UriTooLong
from server.http import compress, negotiate, outcome, wire
from server.http.bearer import Bearer
from server.http.edge import CLIENT, StartResponse
from server.http.rate import Rate
from server.http.wire import Answer, Environ, Wanted
from server.interaction import capabilities, declared
from server.interaction.opening import door
from server.interaction.router import respond
from server.oauth.discovery import smart_configuration
from server.operation import readable
from server.settings import Settings
from server.store.database import Database

_LINES = {each.value: f"{each.value} {each.phrase}" for each in HTTPStatus}
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
    ("x-confirm-new", "HTTP_X_CONFIRM_NEW"),
    ("x-provenance", "HTTP_X_PROVENANCE"),
    ("x-purpose-of-use", "HTTP_X_PURPOSE_OF_USE"),
    ("x-security-context", "HTTP_X_SECURITY_CONTEXT"),
)
"""The headers that interactions know, each with its name in the environment of a request."""


class Fhir:
    """Everything under the base URL: the token first, then the request."""

    def __init__(self, found: Settings, database: Database) -> None:
        """Raises CannotStart if the record cannot be opened."""
        opened = door(found, database)
        self.statement = capabilities.Statement(opened, found)
        self.door = replace(opened, statement=self.statement.text)
        self.bearer = Bearer(self.door, found)
        self._rate = Rate(found.rate_limit)
        self._settings = found
        self._begin = len(found.base_path) + 1
        self._public = {
            "metadata": self._metadata,
            ".well-known/smart-configuration": self._discovery,
        }

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            answer = self._answer(environ)
        except Exception as error:
            answer = outcome.render(error, environ)
        start_response(_LINES[answer.status], answer.headers)
        return [answer.body] if environ["REQUEST_METHOD"] != "HEAD" else []

    def _answer(self, environ: Environ) -> Answer:
        self._check_length(environ)
        path, method = wire.as_text(environ["PATH_INFO"][self._begin :]), environ["REQUEST_METHOD"]
        if path in self._public and method in ("GET", "HEAD"):
            return self._public[path](environ)
        if method == "OPTIONS":
            return wire.response(204, None, {"Allow": self._methods(path)}, wire.best(environ), environ)
        access = self.bearer.access(environ)
        environ[CLIENT] = access.client
        self._rate.admit(access.client)
        asked, request = self._off_the_wire(path, environ)
        answer = respond(request, self.door, access)
        return wire.response(answer.status, answer.body, answer.headers, asked, environ)

    def _metadata(self, environ: Environ) -> Answer:
        """The CapabilityStatement: for everybody."""
        query = wire.query(environ)
        asked = wire.wanted(environ, query)
        return wire.lasting(self.statement.text(dict(query).get("mode", "full")), asked, environ)

    def _discovery(self, environ: Environ) -> Answer:
        """What SMART clients read first: for everybody."""
        body = json.encode(smart_configuration(self._settings))
        return wire.response(200, body, {"Content-Type": "application/json"}, wire.best(environ), environ)

    def _methods(self, path: str) -> str:
        """What a URL takes, for everybody: it depends on the URL alone."""
        found = declared.methods(path, self.door.types)
        if not found:
            raise NotFound("There is no such URL.")
        return ", ".join(found)

    def _check_length(self, environ: Environ) -> None:
        """Raises UriTooLong."""
        limit = self._settings.url_limit
        if len(environ.get("QUERY_STRING", "")) + len(environ["PATH_INFO"]) > limit:
            raise UriTooLong(
                f"The URL is longer than {limit} characters: search by POST, or ask for less at once."
            )

    def _off_the_wire(self, path: str, environ: Environ) -> tuple[Wanted, FhirRequest]:
        method, query = environ["REQUEST_METHOD"], wire.query(environ)
        if method == "POST" and path.endswith("_search"):
            query += self._form(environ)
            content = raw = None
        elif method in _BODILESS:
            content = raw = None
        else:
            content, raw = self._body(method, path, environ)
        anything = _is_binary(path) or _is_for_people(path, query, environ)
        asked = wire.wanted(environ, query, anything=anything)
        headers = {
            name: wire.as_text(environ[variable])
            for name, variable in _PASSED
            if environ.get(variable) is not None
        }
        return asked, FhirRequest(method, path, tuple(query), headers, content, raw)

    def _form(self, environ: Environ) -> wire.Pairs:
        """The parameters of a search by POST."""
        if negotiate.sent(environ.get("CONTENT_TYPE", "")).type not in ("", negotiate.FORM):
            raise UnsupportedMediaType(f"A search by POST is sent as {negotiate.FORM}.")
        return parse_qsl(self._whole_body(environ).decode(errors="replace"), keep_blank_values=True)

    def _body(self, method: str, path: str, environ: Environ) -> tuple[Json | None, bytes | None]:
        """The resource, or what is sent in the place of one."""
        body = self._whole_body(environ)
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

    def _whole_body(self, environ: Environ) -> bytes:
        limit = self._settings.body_limit
        try:
            body = get_input_stream(environ, max_content_length=limit).read()
        except RequestEntityTooLarge:
            raise TooLarge(f"The body has more than {limit} bytes, which is the limit.") from None
        encoding = environ.get("HTTP_CONTENT_ENCODING")
        return compress.expanded(body, encoding, limit) if encoding else body


def _is_binary(path: str) -> bool:
    return path == "Binary" or path.startswith("Binary/")


def _is_for_people(path: str, query: wire.Pairs, environ: Environ) -> bool:
    """Whether an operation is asked for a page or a document."""
    if "$" not in path:
        return False
    return readable.wanted(path, dict(query).get("_format"), environ.get("HTTP_ACCEPT")) is not None
