"""The application: every route, and how what fails outside FHIR is told."""

import json
import logging
from collections.abc import Callable

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from server.definition.library import library
from server.fhir.issue import FhirError
from server.http import fhir, health, log, outcome
from server.http.edge import REQUEST_ID, Edge
from server.http.route import namer
from server.oauth import server as oauth
from server.settings import Settings, settings
from server.store.database import Database

_log = logging.getLogger(__name__)


def create(found: Settings | None = None) -> Flask:
    """The WSGI application of one worker, with database connections of its own."""
    found = found or settings()
    log.configure(found.log_level)
    database = Database(
        found.database_url,
        pool_size=found.pool_size,
        statement_timeout=found.statement_timeout,
        prepare=found.prepare,
    )
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_FORM_MEMORY_SIZE"] = found.body_limit
    app.extensions["settings"], app.extensions["database"] = found, database
    fhir.open_to(app, found, database)
    app.register_blueprint(fhir.blueprint, url_prefix=found.base_path)
    app.register_blueprint(oauth.blueprint(found, database))
    app.register_blueprint(health.blueprint(database))
    app.register_error_handler(Exception, _refusal(found.base_path))
    name = namer(found.base_path, frozenset(library().resource_types))
    app.wsgi_app = Edge(app.wsgi_app, found, name)  # type: ignore[method-assign]
    return app


def preload() -> None:
    """Load what every worker will need, in the process that they are forked from."""
    library()


def _refusal(base_path: str) -> Callable[[Exception], Response]:
    """Tells every failure in the form of the place where it happened."""

    def tell(error: Exception) -> Response:
        if request.path == base_path or request.path.startswith(base_path + "/"):
            return outcome.render(error)
        return _plain(error)

    return tell


def _plain(error: Exception) -> Response:
    if isinstance(error, HTTPException):
        response = error.get_response()
        response.data = json.dumps({"error": error.name, "message": error.description})
        response.content_type = "application/json"
        return Response(response.data, response.status, response.headers)
    if isinstance(error, FhirError):
        return Response(
            json.dumps({"error": error.code, "message": str(error)}),
            error.status,
            error.headers,
            content_type="application/json",
        )
    reference = request.environ[REQUEST_ID]
    _log.error("unforeseen", exc_info=error)
    return Response(
        json.dumps({"error": "Internal Server Error", "message": f"Reference {reference}."}),
        500,
        content_type="application/json",
    )
