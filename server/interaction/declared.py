"""Every interaction there is: its code, its method and its URL.

The CapabilityStatement, the OpenAPI document and the header `Allow` are made from this table. The router
carries out what is in it and nothing else, and tests ask it for each.

https://hl7.org/fhir/R4/http.html and https://hl7.org/fhir/R4/valueset-type-restful-interaction.html
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from server.definition.compartment import COMPARTMENTS, compartment
from server.fhir.primitive import id as is_id
from server.operation import registry
from server.record.record import WRITTEN_ONCE


class Interaction(NamedTuple):
    """`url`: below the base, in the words of the specification; `conditional`: a search stands for the id."""

    code: str
    method: str
    url: str
    conditional: bool = False


INTERACTIONS = (
    Interaction("capabilities", "GET", "metadata"),
    Interaction("transaction", "POST", ""),
    Interaction("batch", "POST", ""),
    Interaction("search-system", "GET", ""),
    Interaction("search-system", "POST", "_search"),
    Interaction("history-system", "GET", "_history"),
    Interaction("search-type", "GET", "[type]"),
    Interaction("search-type", "POST", "[type]/_search"),
    Interaction("create", "POST", "[type]"),
    Interaction("update", "PUT", "[type]", conditional=True),
    Interaction("patch", "PATCH", "[type]", conditional=True),
    Interaction("delete", "DELETE", "[type]", conditional=True),
    Interaction("history-type", "GET", "[type]/_history"),
    Interaction("read", "GET", "[type]/[id]"),
    Interaction("update", "PUT", "[type]/[id]"),
    Interaction("patch", "PATCH", "[type]/[id]"),
    Interaction("delete", "DELETE", "[type]/[id]"),
    Interaction("history-instance", "GET", "[type]/[id]/_history"),
    Interaction("vread", "GET", "[type]/[id]/_history/[vid]"),
    Interaction("search-compartment", "GET", "[compartment]/[id]/[type]"),
    Interaction("search-compartment", "POST", "[compartment]/[id]/[type]/_search"),
)

WITHOUT: Mapping[str, frozenset[str]] = dict.fromkeys(WRITTEN_ONCE, frozenset({"update", "patch", "delete"}))
"""What a type has not: who looked is written down once."""

_BESIDE: Mapping[str, tuple[str, ...]] = {
    ".well-known/smart-configuration": ("GET",),
    "_async/[id]": ("GET", "DELETE"),
}
"""URLs that are there for other specifications' sake."""


def of_type(type_: str) -> tuple[Interaction, ...]:
    """The interactions of a resource type."""
    without = WITHOUT.get(type_, frozenset())
    return tuple(each for each in INTERACTIONS if each.url.startswith("[type]") and each.code not in without)


def of_compartment(type_: str) -> tuple[Interaction, ...]:
    """Those that find resources of the type in the compartments where it stands; `*`: of any type."""
    return tuple(
        each._replace(url=each.url.replace("[compartment]", kind))
        for kind in COMPARTMENTS
        if type_ == "*" or compartment(kind).get(type_)
        for each in INTERACTIONS
        if each.url.startswith("[compartment]")
    )


def lacks(type_: str, method: str, path: str, types: Iterable[str]) -> bool:
    """Whether a type has not what others have."""
    return type_ in WITHOUT and method not in methods(path, types)


def methods(path: str, types: Iterable[str]) -> tuple[str, ...]:
    """The methods that a URL takes, for `Allow`; none if it is no URL of ours."""
    parts = tuple(path.split("/")) if path else ()
    if parts and parts[-1].startswith("$"):
        return _of_operation(parts)
    url, without = _url(parts, types), WITHOUT.get(parts[0] if parts else "", frozenset())
    if url in _BESIDE:
        return _listed(_BESIDE[url])
    return _listed(each.method for each in INTERACTIONS if each.url == url and each.code not in without)


def _url(parts: tuple[str, ...], types: Iterable[str]) -> str:
    """The URL of the table that a path is an instance of."""
    match parts:
        case () | ("metadata",) | ("_history",) | ("_search",) | (".well-known", "smart-configuration"):
            return "/".join(parts)
        case ("_async", _):
            return "_async/[id]"
        case (type_, *rest) if type_ in types:
            return _below(type_, rest, types)
    return "unknown"


def _below(type_: str, rest: list[str], types: Iterable[str]) -> str:
    match rest:
        case [] | ["_history"] | ["_search"]:
            return "/".join(["[type]", *rest])
        case [id_, *more] if is_id(id_):
            match more:
                case [] | ["_history"]:
                    return "/".join(["[type]/[id]", *more])
                case ["_history", _]:
                    return "[type]/[id]/_history/[vid]"
                case [of, *search] if type_ in COMPARTMENTS and (of in types or of == "*"):
                    return "/".join(["[compartment]/[id]/[type]", *search])
    return "unknown"


def _of_operation(parts: tuple[str, ...]) -> tuple[str, ...]:
    level = {1: "system", 2: "type"}.get(len(parts), "instance")
    found = registry.find(parts[-1][1:], level, parts[0] if len(parts) > 1 else None)
    if found is None or (len(parts) > 3 and not registry.is_of_versions(found[0])):
        return ()
    return _listed(("GET", "POST") if found[0].by_get else ("POST",))


def _listed(methods: Iterable[str]) -> tuple[str, ...]:
    """Each once; what can be got, its headers can be too."""
    found = dict.fromkeys(methods)
    if "GET" in found:
        found["HEAD"] = None
    return (*found, "OPTIONS") if found else ()
