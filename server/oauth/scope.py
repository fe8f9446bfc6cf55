"""What of the scopes that a client asks for it is given.

https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html
"""

from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache

from authlib.oauth2.rfc6749 import InvalidScopeError

from server.access import scope
from server.access.criteria import conditions_of
from server.access.scope import ADMIN, ANY, LEVELS, PATIENT, SYSTEM, USER, Scope
from server.definition.library import library
from server.fhir.issue import FhirError
from server.search.registry import Registry
from server.store.clients import CODE, CREDENTIALS

LAUNCH_CONTEXT = "launch-context"
"""Ours: an agency's own system tells by it in which child's record it opens an app."""

WORDS = (
    "openid",
    "fhirUser",
    "profile",
    "launch",
    "launch/patient",
    "launch/encounter",
    "online_access",
    "offline_access",
    LAUNCH_CONTEXT,
)
"""The scopes that are no access to resources."""

_OF_GRANT = {
    CODE: (frozenset({PATIENT, USER}), frozenset(WORDS)),
    CREDENTIALS: (frozenset({SYSTEM}), frozenset({LAUNCH_CONTEXT})),
}
_MOST = 200
_LONGEST = 8_000


def granted(requested: str | None, registered: str) -> str:
    """The scopes of a token: what is asked for, as far as it is registered; all that is, if nothing is asked.

    A word that nobody knows is left out, as OpenID Connect wants it: SMART's own scopes must be right.

    Raises:
        InvalidScopeError: one that is no SMART scope, or none that is registered.
    """
    held = tuple(registered.split())
    asked = _split(requested or "") or held
    for text in asked:
        if _is_leveled(text):
            _checked(text)
    given = _joined(part for text in asked for part in _granted(text, held))
    if not given:
        raise InvalidScopeError(description="None of the requested scopes is registered for this client.")
    return given


def of_grant(text: str, grant_type: str) -> str:
    """Those that this grant type can give: a system has no user, and what a user may do is no system's.

    Raises:
        InvalidScopeError: none of them.
    """
    levels, words = _OF_GRANT[grant_type]
    kept = _joined(
        each
        for each in text.split()
        if (each.partition("/")[0] in levels if _is_leveled(each) else each in words)
    )
    if not kept:
        raise InvalidScopeError(description=f"None of the scopes can be granted by {grant_type}.")
    return kept


def narrowed(asked: str, chosen: Iterable[str]) -> str:
    """What a user let stand of what was asked: never more than that, whatever was sent. May be nothing."""
    held = tuple(asked.split())
    return _joined(part for text in chosen for part in _granted(text, held))


def fault(text: str, grant_types: Collection[str] = (CREDENTIALS,)) -> str | None:
    """What is wrong with a list of scopes to be registered, in a sentence; None if it can be granted."""
    try:
        parts = _split(text)
    except InvalidScopeError as error:
        return str(error.description)
    if not parts:
        return f"'{text}' is not a scope such as system/Observation.rs."
    return next((told for part in parts if (told := _fault(part, grant_types))), None)


def registrable(text: str, most: str, grant_types: Collection[str]) -> str:
    """What of the scopes may be registered by a client that may have `most`; without any asked, all that."""
    held = tuple(most.split())
    asked = text.split()[:_MOST] or held
    return _joined(
        part for each in asked if _fault(each, grant_types) is None for part in _granted(each, held)
    )


def _fault(text: str, grant_types: Collection[str]) -> str | None:
    told = f"'{text}' is not a scope that can be granted"
    try:
        if _is_leveled(text):
            _checked(text)
        elif text not in WORDS:
            return f"{told}. There is none of this name."
    except InvalidScopeError as error:
        return f"{told}. {error.description}"
    levels = [_OF_GRANT[each] for each in grant_types if each in _OF_GRANT]
    if not any(text.partition("/")[0] in level or text in words for level, words in levels):
        return f"{told} by {', '.join(grant_types)}."
    return None


def _granted(text: str, held: Collection[str]) -> Iterator[str]:
    wanted = scope.parse(text)
    if wanted is not None:
        registered = (found for each in held if (found := scope.parse(each)) is not None)
        yield from map(str, scope.granted((wanted,), registered))
    elif text in held:
        yield text


def _split(text: str) -> tuple[str, ...]:
    parts = tuple(dict.fromkeys(text.split()))
    if len(parts) > _MOST or len(text) > _LONGEST:
        raise InvalidScopeError(description=f"At most {_MOST} scopes, of {_LONGEST:,} characters together.")
    return parts


def _joined(parts: Iterable[str]) -> str:
    return " ".join(dict.fromkeys(parts))


def _is_leveled(text: str) -> bool:
    level, slash, _ = text.partition("/")
    return bool(slash) and level in LEVELS


def _checked(text: str) -> None:
    """A scope that could not be kept is refused when it is granted, not when it is used.

    Raises:
        InvalidScopeError: it is no SMART scope, or has criteria that cannot be decided.
    """
    found = scope.parse(text)
    if found is None:
        raise InvalidScopeError(
            description="Scopes have the form system/Observation.rs, system/Observation.read or "
            "system/Observation.rs?category=attendance."
        )
    if told := _unkept(found):
        raise InvalidScopeError(description=told)


@lru_cache(2048)
def _unkept(given: Scope) -> str | None:
    """Why a scope cannot be kept; None if it can."""
    if given.type == ADMIN:
        fits = given.level != PATIENT and all(name == "agency" for name, _ in given.criteria)
        return (
            None if fits else "Administration is by system/admin or user/admin, narrowed by ?agency= alone."
        )
    if given.type != ANY and given.type not in library().resource_types:
        return f"This server has no {given.type}."
    if not given.query:
        return None
    if given.type == ANY:
        return "The criteria of a scope are search parameters of one type."
    try:
        conditions_of(given.type, given.query, Registry(library()))
    except FhirError as error:
        return f"The criteria of a scope must be ones that a row decides. {error}"
    return None
