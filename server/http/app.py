"""The application: FHIR under its base URL, Flask's routes beside it, and how what fails there is told."""

import json
import logging
from collections.abc import Iterable

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from server.definition.library import library
from server.fhir.issue import FhirError
from server.http import docs, health
from server.http.edge import REQUEST_ID, Application, Edge, Environ, StartResponse
from server.http.fhir import Fhir
from server.http.route import namer
from server.interaction.openapi import Document
from server.oauth import admin, page, register
from server.oauth import server as oauth
from server.record.warm import warm
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
    fhir = Fhir(found, database)
    app.extensions["door"] = fhir.door
    app.register_blueprint(docs.blueprint(fhir.statement, Document(fhir.door, found)))
    app.register_blueprint(oauth.blueprint(found, fhir.door, fhir.bearer))
    app.register_blueprint(register.blueprint(found, database))
    app.register_blueprint(admin.blueprint(found, fhir.door, fhir.bearer))
    app.register_blueprint(page.blueprint(found, fhir.door))
    app.register_blueprint(health.blueprint(database))
    app.register_error_handler(Exception, _tell)
    name = namer(found.base_path, frozenset(library().resource_types))
    both = _under(found.base_path, fhir, app.wsgi_app)
    app.wsgi_app = Edge(both, found, name)  # type: ignore[method-assign]
    return app


def preload() -> None:
    """Try it once, in the process that the workers are forked from: whatever cannot start says so there, and
    what is loaded for good is shared."""
    library().check()
    app = create()
    warm(app.extensions["door"])
    database: Database = app.extensions["database"]
    # A connection must not be used on both sides of a fork.
    database.close()


def _under(base_path: str, fhir: Application, others: Application) -> Application:
    """What is under the base URL is FHIR's."""
    prefix = base_path + "/"

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        chosen = fhir if path.startswith(prefix) or path == base_path else others
        return chosen(environ, start_response)

    return application


def _tell(error: Exception) -> Response:
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
