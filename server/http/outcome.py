"""Every error in FHIR's form: ours, Flask's own, and the unforeseen (a reference number, and no detail)."""

import logging

from flask import Response, current_app, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from server.fhir import json
from server.fhir.issue import FhirError, Issue, TooLarge
from server.http import wire
from server.http.edge import REQUEST_ID
from server.interaction.answer import outcome

_CODES = {404: "not-found", 405: "not-supported"}

_log = logging.getLogger(__name__)


def render(error: Exception) -> Response:
    """An OperationOutcome with the status that the error has."""
    if isinstance(error, RequestEntityTooLarge):
        limit = current_app.config["MAX_CONTENT_LENGTH"]
        return render(TooLarge(f"The body has more than {limit} bytes, which is the limit."))
    if isinstance(error, FhirError):
        return _response(error.status, error.issues, error.headers)
    if isinstance(error, HTTPException):
        told = error.description or error.name
        return _response(error.code or 500, (Issue(_CODES.get(error.code or 500, "processing"), told),), {})
    reference = request.environ[REQUEST_ID]
    _log.error("unforeseen", exc_info=error)
    told = f"Something unforeseen went wrong; nothing was stored. Reference {reference}."
    return _response(500, (Issue("exception", told, severity="fatal"),), {})


def _response(status: int, issues: tuple[Issue, ...], headers: dict[str, str]) -> Response:
    environ = request.environ
    return wire.response(status, json.encode(outcome(issues)), headers, wire.best(environ), environ)
