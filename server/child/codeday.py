"""The day that a resource is about, on which its codes have to be in use.

Which element tells it is data, `profiles/code-day.json`, for each profile. Where several moments would do, it
is the one at which every code could have been given: what began to be used in the course of a long episode is
not held against it. A profile that is not there, or a resource that does not know the day, has codes of any
time.
"""

from collections.abc import Sequence
from datetime import date

import msgspec

from server.child.statute import BadStatute
from server.definition.folder import profiles as folder
from server.definition.library import library
from server.fhir import Json
from server.fhir.fhirpath import Environment, Expression, Unknown, Unread, compile
from server.fhir.period import day


class _CodeDay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    profile: str
    day: str


def code_day(resource: Json, profiles: Sequence[str]) -> date | None:
    """The day, by the first of the profiles that has one."""
    known = _expressions()
    for profile in profiles:
        expression = known.get(profile)
        if expression is not None:
            days = expression.values(resource, Environment(resource=resource))
            return day(days[0]) if days else None
    return None


def _expressions() -> dict[str, Expression]:
    known: dict[str, Expression] | None = library().memo.get(_expressions)
    if known is None:
        listed = msgspec.json.decode((folder() / "code-day.json").read_bytes(), type=list[_CodeDay])
        known = library().memo[_expressions] = {each.profile: _compiled(each) for each in listed}
    return known


def _compiled(asked: _CodeDay) -> Expression:
    definition = library().definition(asked.profile)
    if definition is None:
        raise BadStatute(f"The day of codes is told for '{asked.profile}', which does not exist.")
    try:
        return compile(asked.day, definition["type"], library().children)
    except (Unread, Unknown) as error:
        raise BadStatute(f"The day of codes of '{asked.profile}' cannot be: {error}") from error
