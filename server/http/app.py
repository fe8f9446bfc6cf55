"""The application: every route, and how what fails outside FHIR is told."""

import json
import logging
from collections.abc import Callable, Iterable

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from server.definition.library import library
from server.fhir.issue import FhirError
from server.http import docs, fhir, health, outcome
from server.http.edge import REQUEST_ID, Edge
from server.http.route import namer
from server.oauth import server as oauth
from server.settings import Settings, settings
from server.store.database import Database

_log = logging.getLogger(__name__)


def create(found: Settings | None = None) -> Flask:
    """The WSGI application of one worker, with database connections of its own."""
    found = found or settings()
    database = Database(
        found.database_url,
        pool_size=found.pool_size,
        statement_timeout=found.statement_timeout,
        prepare=found.prepare,
    )
    app = Flask(__name__, static_folder=None)
    # A client that joins with a slash too many is answered, not sent elsewhere.
    app.url_map.merge_slashes = False
    app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_FORM_MEMORY_SIZE"] = found.body_limit
    app.extensions["settings"], app.extensions["database"] = found, database
    fhir.open_to(app, found, database)
    app.register_blueprint(fhir.blueprint, url_prefix=found.base_path)
    app.register_blueprint(docs.blueprint(app.extensions["capabilities"], app.extensions["openapi"]))
    app.register_blueprint(oauth.blueprint(found, database))
    app.register_blueprint(health.blueprint(database))
    app.register_error_handler(Exception, _refusal(found.base_path))
    name = namer(found.base_path, frozenset(library().resource_types))
    app.wsgi_app = Edge(app.wsgi_app, found, name)  # type: ignore[method-assign]
    return app


def preload() -> None:
    """Try it once, in the process that the workers are forked from: whatever cannot start says so there, and
    what is loaded for good is shared."""
    library().check()
    database: Database = create().extensions["database"]
    # A connection must not be used on both sides of a fork.
    database.close()


def _refusal(base_path: str) -> Callable[[Exception], Response]:
    """Tells every failure in the form of the place where it happened."""

    def tell(error: Exception) -> Response:
        if request.path == base_path or request.path.startswith(base_path + "/"):
            return outcome.render(error)
        return _plain(error)

    return tell


def _plain(error: Exception) -> Response:
    if isinstance(error, HTTPException):
        answer = _told(error.code or 500, error.name, error.description or "")
        answer.headers.extend(_but_content(error.get_headers()))
        return answer
    if isinstance(error, FhirError):
        return _told(error.status, error.code, str(error))
    _log.error("unforeseen", exc_info=error)
    reference = request.environ[REQUEST_ID]
    return _told(500, "Internal Server Error", f"Something unforeseen went wrong. Reference {reference}.")


def _told(status: int, error: str, message: str) -> Response:
    return Response(json.dumps({"error": error, "message": message}), status, content_type="application/json")


def _but_content(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if not name.lower().startswith("content-")]
