"""What can go wrong: one small class per kind of error, carrying an HTTP status and an issue code.

https://hl7.org/fhir/R4/valueset-issue-type.html
"""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Issue:
    """One `OperationOutcome.issue`.

    `source` is where the rule stands: a definition and its element, `canonical#id`, with `rule` as the key of
    an invariant. `profile` is the profile that was asked for when the issue came up; none is the type's own.
    """

    code: str
    diagnostics: str
    expression: tuple[str, ...] = ()
    severity: str = "error"
    source: str = ""
    rule: str = ""
    profile: str = ""


class FhirError(Exception):
    """A refusal; raised anywhere, rendered once by `http.outcome`.

    `diagnostics` is a whole sentence addressed to the client's developer and holds no child's data.
    `expression` is the FHIRPath (or paths) of what is wrong. Several issues at once: pass `issues`.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "exception"

    def __init__(
        self,
        diagnostics: str = "",
        *,
        expression: str | tuple[str, ...] = (),
        issues: tuple[Issue, ...] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        paths = (expression,) if isinstance(expression, str) else expression
        self.issues = issues or (Issue(self.code, diagnostics, paths),)
        self.headers = headers or {}
        super().__init__(diagnostics or "; ".join(issue.diagnostics for issue in issues))


class Invalid(FhirError):
    """The content or the query cannot be understood."""

    status, code = 400, "invalid"


class Malformed(Invalid):
    """Not JSON, or JSON that breaks FHIR's rules of structure."""

    code = "structure"


class NotSupported(Invalid):
    """Understood, and not built (yet)."""

    code = "not-supported"


class Unauthorized(FhirError):
    """No token, or one that is not good."""

    status, code = 401, "login"


class Forbidden(FhirError):
    """The caller's scopes and rights do not allow it."""

    status, code = 403, "forbidden"


class TooCostly(FhirError):
    """The query would run away; the message says what to add to it."""

    status, code = 403, "too-costly"


class NotFound(FhirError):
    """Absent, or not to be seen: the two are the same answer."""

    status, code = 404, "not-found"


class MethodNotAllowed(FhirError):
    """The URL exists and does not take this method."""

    status, code = 405, "not-supported"


class NotAcceptable(FhirError):
    """None of the formats the client accepts is one of ours."""

    status, code = 406, "not-supported"


class Conflict(FhirError):
    """Another write got there first."""

    status, code = 409, "conflict"


class Duplicate(Conflict):
    """A claimed identifier belongs to a record that exists (one child, one record).

    `claims` are the (system, value) pairs that were asked for, those of each Patient together: for finding
    the record again, never shown.
    """

    code = "duplicate"

    def __init__(
        self, diagnostics: str, *, expression: str = "", claims: tuple[tuple[tuple[str, str], ...], ...] = ()
    ) -> None:
        super().__init__(diagnostics, expression=(expression,) if expression else ())
        self.claims = claims


class Resembling(Conflict):
    """A new child resembles one that is known: people decide, and not the server."""

    code = "duplicate"


class Merged(FhirError):
    """One of several records of one child, which stays as it is until they are taken apart."""

    status, code = 409, "business-rule"


class Incomplete(FhirError):
    """Known, and not ready yet: it would find less than there is."""

    status, code = 409, "incomplete"


class Gone(FhirError):
    """It was here and has been deleted."""

    status, code = 410, "deleted"


class PreconditionFailed(FhirError):
    """`If-Match`, `If-None-Match` or `If-None-Exist` does not hold."""

    status, code = 412, "conflict"


class MultipleMatches(PreconditionFailed):
    """A condition that must find one resource found several."""

    code = "multiple-matches"


class TooLarge(FhirError):
    """The body is larger than the declared limit."""

    status, code = 413, "too-long"


class UriTooLong(FhirError):
    """The URL is longer than the declared limit."""

    status, code = 414, "too-long"


class UnsupportedMediaType(FhirError):
    """The body is in a format that is not ours."""

    status, code = 415, "not-supported"


class Unprocessable(FhirError):
    """Well-formed, and against a rule of the record or a profile."""

    status, code = 422, "business-rule"


class Inapplicable(FhirError):
    """A patch that can be understood, and that does not fit the resource as it is."""

    status, code = 422, "processing"


class Throttled(FhirError):
    """Too many of these in too short a time."""

    status, code = 429, "throttled"


class Unavailable(FhirError):
    """For the moment: the database is away, or the query was cut off."""

    status, code = 503, "transient"


class Contended(Unavailable):
    """Other transactions were in the way, and this one was undone: it may be tried again."""


class Lost(Unavailable):
    """The database went away in the middle: whether it did what it was told is not known."""
