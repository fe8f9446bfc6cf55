"""Every error in FHIR's form: ours, HTTP's own, and the unforeseen (a reference number, and no detail)."""

import logging

from werkzeug.exceptions import HTTPException

from server.fhir import json
from server.fhir.issue import FhirError, Issue
from server.fhir.outcome import outcome
from server.http import wire
from server.http.edge import REQUEST_ID
from server.http.wire import Answer, Environ

_CODES = {404: "not-found", 405: "not-supported"}

_log = logging.getLogger(__name__)


def render(error: Exception, environ: Environ) -> Answer:
    """An OperationOutcome with the status that the error has."""
    if isinstance(error, FhirError):
        return _answer(error.status, error.issues, error.headers, environ)
    if isinstance(error, HTTPException):
        code, told = error.code or 500, error.description or error.name
        return _answer(code, (Issue(_CODES.get(code, "processing"), told),), {}, environ)
    reference = environ[REQUEST_ID]
    _log.error("unforeseen", exc_info=error)
    told = f"Something unforeseen went wrong; nothing was stored. Reference {reference}."
    return _answer(500, (Issue("exception", told, severity="fatal"),), {}, environ)


def _answer(status: int, issues: tuple[Issue, ...], headers: dict[str, str], environ: Environ) -> Answer:
    return wire.response(status, json.encode(outcome(issues)), headers, wire.best(environ), environ)
