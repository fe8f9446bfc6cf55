"""What of the scopes that a client asks for it is given."""

from authlib.oauth2.rfc6749 import InvalidScopeError

from server.access import scope
from server.access.scope import Scope


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


def parsed(text: str) -> tuple[Scope, ...]:
    """The scopes of a space-separated list.

    Raises:
        InvalidScopeError: one that is no SMART scope for a system.
    """
    found = tuple(scope.parse(part) for part in text.split())
    if None in found:
        raise InvalidScopeError(
            description="Scopes have the form system/Observation.rs, system/Observation.read or "
            "system/Observation.rs?category=attendance."
        )
    return tuple(each for each in found if each is not None)
