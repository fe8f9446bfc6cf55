"""What references lead to: the resource, if it can be found, and whether it may be led to from there.

https://hl7.org/fhir/R4/references.html
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from server.definition.library import HL7, library
from server.definition.structure import ElementType
from server.fhir import Json
from server.fhir.primitive import uri
from server.fhir.reference import parse
from server.validation.compiled import Compiled
from server.validation.context import UNKNOWN, Unknown
from server.validation.fault import Fault, Faults, shown
from server.validation.visit import Visit

Conforms = Callable[[Visit, str], bool]
"""Whether the resource of a visit meets a profile."""

Check = Callable[[Any, Visit], Faults]


def found(reference: str, visit: Visit) -> Visit | Unknown | None:
    """The visit of what a reference leads to; None if there is no such thing."""
    if reference.startswith("#"):
        return _contained(reference[1:], visit.container)
    here = _bundled(reference, visit.container)
    if here is not None:
        return here
    resource = visit.context.resolve(reference, visit.root)
    if resource is None or isinstance(resource, Unknown):
        return resource
    return visit.beyond(resource)


def _contained(fragment: str, container: Visit) -> Visit | None:
    if not fragment:
        return container
    every = container.resource.get("contained")
    for each in every if type(every) is list else ():
        if type(each) is dict and each.get("id") == fragment:
            return container.inside(each, contained=True)
    return None


def _bundled(reference: str, visit: Visit) -> Visit | None:
    """An entry of the innermost Bundle around that has it, by its full URL or by its type and id."""
    outer = visit.outer
    while outer is not None:
        if outer.resource.get("resourceType") == "Bundle":
            if outer.entries is None:
                outer.entries = dict(_entries(outer.resource))
            resource = outer.entries.get(reference)
            if resource is None and "/_history/" in reference:
                resource = _version(outer.entries, reference)
            if resource is not None:
                return outer.inside(resource)
        outer = outer.outer
    return None


def _entries(bundle: Json) -> Iterator[tuple[str, Json]]:
    entries = bundle.get("entry")
    every = [each for each in entries if type(each) is dict] if type(entries) is list else []
    for by_url in (False, True):  # a full URL is the better name, and so comes last
        for entry in every:
            resource = entry.get("resource")
            if type(resource) is dict:
                own = f"{resource.get('resourceType')}/{resource.get('id')}"
                name = entry.get("fullUrl") if by_url else own
                if type(name) is str:
                    yield name, resource


def _version(entries: dict[str, Any], reference: str) -> Json | None:
    url, _, version = reference.partition("/_history/")
    resource: Json | None = entries.get(url)
    meta = resource.get("meta") if resource else None
    return resource if type(meta) is dict and meta.get("versionId") == version else None


def targets(type_: ElementType, source: str, compiled: Compiled, conforms: Conforms) -> Check | None:
    """The check of a Reference; None if it may lead to anything."""
    allowed = _allowed(type_)
    if allowed.types is None and not allowed.profiles and not allowed.ways:
        return plain_form
    plainly = allowed.plainly

    def check(value: Any, visit: Visit) -> Faults:
        if type(value) is not dict:
            return None
        text = value.get("reference")
        if type(text) is not str:
            return _by_type_alone(value, allowed.types, source)
        if visit.outer is None and "type" not in value and text.partition("/")[0] in plainly:
            return None
        said = _followed(value, text, visit, allowed, conforms)
        if said is not None:
            said.source = source
            return [said]
        return None

    return check


class _Allowed(NamedTuple):
    """Where a reference may lead: `types` (None: any), `plain` ones without a profile; `ways` there.

    `profiles` are those of the others, each with its type, if it is known.
    """

    types: frozenset[str] | None
    plain: frozenset[str]
    profiles: tuple[tuple[str, str | None], ...]
    ways: frozenset[str]

    @property
    def plainly(self) -> frozenset[str]:
        """Types that are good whatever else there is to know."""
        return self.plain if not self.ways else frozenset()


def _allowed(type_: ElementType) -> _Allowed:
    kinds = {each: _type_of(each) for each in type_.targets}
    types = {*kinds.values()}
    plain = {kind for each, kind in kinds.items() if kind and each.removeprefix(HL7) == kind}
    return _Allowed(
        None if types & {None, "Resource"} or not types else frozenset(filter(None, types)),
        frozenset(plain),
        tuple((each, kind) for each, kind in kinds.items() if each.removeprefix(HL7) != kind),
        frozenset(type_.aggregation),
    )


def _followed(value: Json, text: str, visit: Visit, allowed: _Allowed, conforms: Conforms) -> Fault | None:
    to = _reached(text, visit, bool(allowed.profiles))
    if allowed.ways and (way := _way(text, to)) not in allowed.ways:
        ways = " or ".join(sorted(allowed.ways))
        return Fault("structure", f"leads to a resource that is {way}; it has to be {ways}.")
    if text.startswith("#") and to is None:
        return _nothing_contained(visit)
    actual = _actual(text, to)
    if actual is None:
        return _ill_formed(text) or next(iter(_by_type_alone(value, allowed.types, "") or ()), None)
    if allowed.types is not None and actual not in allowed.types:
        return _wrong_type(actual, allowed.types)
    named = value.get("type", actual)
    if named != actual and named in library().resource_types:
        return Fault("structure", f"says that it leads to a {shown(named)}, and leads to a {actual}.")
    if allowed.profiles and actual not in allowed.plain:
        return _unmet(actual, to, visit, allowed, conforms)
    return None


def _unmet(
    actual: str, to: Visit | Unknown | None, visit: Visit, allowed: _Allowed, conforms: Conforms
) -> Fault | None:
    """A target that meets none of the profiles; of one that is not there, that it was not seen."""
    asked = [each for each, kind in allowed.profiles if kind in (actual, None)]
    if isinstance(to, Visit) and asked and not any(conforms(to, each) for each in asked):
        return Fault("structure", f"leads to a {actual} that does not meet {' or '.join(asked)}.")
    if to is None and visit.context.full:
        text = f"leads to nothing that could be held against {' or '.join(asked)}."
        # Where one profile is wanted, what is not there does not meet it; of several none is sure to fail.
        sure = len(allowed.profiles) == 1 and not allowed.plain and allowed.profiles[0][1] is not None
        return Fault("not-found", text, severity="error" if sure else "warning")
    return None


def plain_form(value: Any, visit: Visit) -> Faults:
    """A reference that may lead to anything has to lead somewhere."""
    text = value.get("reference") if type(value) is dict else None
    if type(text) is not str:
        return None
    if text.startswith("#"):
        nothing = _nothing_contained(visit) if found(text, visit) is None else None
        return [nothing] if nothing else None
    ill_formed = _ill_formed(text) if parse(text).type is None else None
    return [ill_formed] if ill_formed else None


def _reached(text: str, visit: Visit, closely: bool) -> Visit | Unknown | None:
    """What is known of the target without asking further than need be."""
    if text.startswith("#"):
        return _contained(text[1:], visit.container)
    here = _bundled(text, visit.container)
    if here is not None:
        return here
    return found(text, visit) if closely or parse(text).type is None else UNKNOWN


def _way(text: str, to: Visit | Unknown | None) -> str:
    if text.startswith("#"):
        return "contained"
    inside = isinstance(to, Visit) and to.outer is not None and not to.contained
    return "bundled" if inside else "referenced"


def _actual(text: str, to: Visit | Unknown | None) -> str | None:
    if isinstance(to, Visit):
        return str(to.resource.get("resourceType"))
    named = parse(text).type
    return named if named in library().resource_types or to is not UNKNOWN else None


def _by_type_alone(value: Json, known: frozenset[str] | None, source: str) -> Faults:
    """A reference by identifier, or to what cannot be found, may still say what it is about."""
    named = value.get("type")
    if known is None or type(named) is not str or named in known or named not in library().resource_types:
        return None
    return [_wrong_type(named, known, source)]


def _wrong_type(actual: str, types: frozenset[str], source: str = "") -> Fault:
    said = f"leads to a {shown(actual)}; it has to lead to a {_or(types)}."
    return Fault("structure", said, source=source)


def _nothing_contained(visit: Visit) -> Fault | None:
    if visit.carries:
        return None
    said = "leads into the resource itself, and nothing with that id is contained there (ref-1)."
    return Fault("invariant", said, rule="ref-1")


def _ill_formed(text: str) -> Fault | None:
    """A relative reference names a resource by type and id; whoever writes another leads nowhere."""
    if ":" in text or "/" in text or "?" in text or not uri(text):
        return None
    said = "has to be Type/id, or an absolute URL, to lead to a resource."
    return Fault("value", said, rule="ref-1")


def _type_of(profile: str) -> str | None:
    """The type that a profile is about; None if the profile is not known."""
    tail = profile.removeprefix(HL7)
    if tail in library().resource_types or tail == "Resource":
        return tail
    definition = library().definition(profile)
    return str(definition["type"]) if definition else None


def _or(types: frozenset[str]) -> str:
    *others, last = sorted(types)
    return f"{', '.join(others)} or {last}" if others else last
