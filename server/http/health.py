"""For who runs the server: is it up, can it serve, what has it done."""

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST

from server.fhir import Json
from server.fhir.issue import FhirError
from server.http import metrics
from server.store import migrate
from server.store.database import Database

Answer = tuple[Json, int]


def blueprint(database: Database) -> Blueprint:
    """`/healthz`, `/readyz` and `/metrics`. None of them needs a token or says anything about anyone."""
    routes = Blueprint("health", __name__)

    @routes.get("/healthz")
    def healthz() -> Answer:
        return {"status": "up"}, 200

    @routes.get("/readyz")
    def readyz() -> Answer:
        try:
            with database.autocommit() as connection:
                status = migrate.status(connection)
        except FhirError:
            return {"status": "not ready", "reason": "The database cannot be reached."}, 503
        if not status.is_current:
            return {"status": "not ready", "reason": f"The database has schema {status.found}."}, 503
        return {"status": "ready", "schema": status.newest}, 200

    @routes.get("/metrics")
    def exposition() -> Response:
        return Response(metrics.exposition(), content_type=CONTENT_TYPE_LATEST)

    return routes
