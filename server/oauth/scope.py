"""What of the scopes that a client asks for it is given."""

from authlib.oauth2.rfc6749 import InvalidScopeError

from server.access import scope
from server.access.access import conditions_of
from server.access.scope import Scope
from server.definition.library import library
from server.fhir.issue import FhirError, Invalid
from server.search.registry import Registry


def granted(requested: str | None, registered: str) -> str:
    """The scopes of a token: what is asked for, as far as it is registered; all that is, if nothing is asked.

    Raises:
        InvalidScopeError: one that is no SMART scope, or none that is registered.
    """
    held = parsed(registered)
    if not (requested or "").strip():
        return " ".join(map(str, held))
    given = scope.granted(parsed(requested or ""), held)
    if not given:
        raise InvalidScopeError(description="None of the requested scopes is registered for this client.")
    return " ".join(map(str, given))


def fault(text: str) -> str | None:
    """What is wrong with a list of scopes, in a sentence; None if they can be granted."""
    try:
        return None if parsed(text) else f"'{text}' is not a scope such as system/Observation.rs."
    except InvalidScopeError as error:
        return f"'{text}' is not a scope that can be granted. {error.description}"


def parsed(text: str) -> tuple[Scope, ...]:
    """The scopes of a space-separated list.

    Raises:
        InvalidScopeError: one that is no SMART scope for a system.
    """
    found = tuple(scope.parse(part) for part in text.split())
    if None in found or not all(each and each.level == "system" for each in found):
        raise InvalidScopeError(
            description="Scopes have the form system/Observation.rs, system/Observation.read or "
            "system/Observation.rs?category=attendance."
        )
    kept = tuple(each for each in found if each is not None)
    for each in kept:
        _compiled(each)
    return kept


def _compiled(given: Scope) -> None:
    """A scope whose criteria could not be kept is refused when it is granted, not when it is used."""
    if not given.query:
        return
    registry = Registry(library())
    try:
        if given.type not in library().resource_types:
            raise Invalid("criteria need one type")
        conditions_of(given.type, given.query, registry)
    except FhirError as error:
        raise InvalidScopeError(
            description="The criteria of a scope must be token or reference parameters of one type, "
            "without modifiers."
        ) from error
