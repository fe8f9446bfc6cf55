"""`_query`: searches that have a name. They are data, `profiles/query.json`.

https://hl7.org/fhir/R4/search.html#query
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple
from urllib.parse import parse_qsl

import msgspec

from server.definition.folder import profiles
from server.fhir.issue import Invalid

NAME = "_query"

Pair = tuple[str, str]


class Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`search` is a query string, in which what it `takes` stands in braces."""

    description: str
    search: str
    takes: list[str] = []


class Meant(NamedTuple):
    """The parameters of a request that a name stands for: as they were said, and what they mean."""

    said: tuple[Pair, ...] = ()
    pairs: tuple[Pair, ...] = ()


def meant(type_: str, query: Sequence[Pair]) -> Meant:
    """What `_query` means here, with the parameters that it takes; nothing if it is not asked for.

    Raises:
        Invalid: the type has no such query, or it is not given what it takes.
    """
    names = [value for name, value in query if name == NAME]
    if not names:
        return Meant()
    known = named(type_)
    found = known.get(names[0])
    if found is None or len(names) > 1:
        of_type = f"those of {type_} are {', '.join(sorted(known))}" if known else f"{type_} has none"
        raise Invalid(f"'_query' is one named query, and was given '{', '.join(names)}': {of_type}.")
    said = tuple((name, value) for name, value in query if name == NAME or name in found.takes)
    given = dict(said)
    for name in found.takes:
        if not given.get(name):
            raise Invalid(f"'_query={names[0]}' takes '{name}', which is missing.")
    return Meant(said, tuple((name, _filled(value, given)) for name, value in parse_qsl(found.search)))


def named(type_: str) -> Mapping[str, Named]:
    """The named queries of a type."""
    return _all().get(type_, {})


def _filled(text: str, given: Mapping[str, str]) -> str:
    for name, value in given.items():
        text = text.replace(f"{{{name}}}", value)
    return text


@cache
def _all() -> Mapping[str, Mapping[str, Named]]:
    return msgspec.json.decode((profiles() / "query.json").read_bytes(), type=dict[str, dict[str, Named]])
