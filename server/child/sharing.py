"""What a SharingDecision says, as lines that the record keeps to: a decision not to share, an agreement to a
service, an objection to it.

https://hl7.org/fhir/R4/consent.html
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from server.access.agency import Agency
from server.child.kind import kinds
from server.definition.compartment import compartment
from server.definition.library import library
from server.fhir import Json
from server.fhir.issue import Issue, Unprocessable
from server.fhir.period import Interval, period
from server.fhir.reference import parse
from server.record.hook import Decision
from server.search.hash import Hasher, form
from server.search.types.reference import localised
from server.store.row import AGREED, DENIED, OBJECTED

CATEGORY = "https://w3id.org/single-child-record/CodeSystem/sharing-category"
DECISION, AGREEMENT = "decision-not-to-share", "agreement-to-service"

_EFFECTS = {(DECISION, "deny"): DENIED, (AGREEMENT, "permit"): AGREED, (AGREEMENT, "deny"): OBJECTED}
"""By category, and what a provision does. Everything else is a note, by which nobody's sight changes."""

_MEANS = {DECISION: "deny", AGREEMENT: "permit"}
"""What a provision does that does not say it."""

_TYPES = "http://hl7.org/fhir/resource-types"
_URI = "urn:ietf:rfc:3986"
_PURPOSES = "http://terminology.hl7.org/CodeSystem/v3-ActReason"

_SAYING_WHAT = ("category", "class", "code", "service-type", "type")
"""The search parameters by which a resource says what it is."""

_NARROWING = ("actor", "class", "code", "purpose")

_ACTORS = frozenset(
    {"CareTeam", "Organization", "Patient", "Practitioner", "PractitionerRole", "RelatedPerson"}
)
"""Whom a decision can be about: what stands for an agency, a team of it, or somebody who signs in."""

_NOT_KEPT = ("action", "securityLabel", "data", "dataPeriod")
"""Elements of a provision that narrow it in a way that the record does not keep to."""


def checked(resource: Json, agency: Agency) -> Json:
    """The resource, if the record can keep to what it decides.

    Raises:
        Unprocessable: it cannot; a decision that would be kept in part would be taken for kept.
    """
    found = tuple(_doubts(resource)) if _is_in_force(resource) else ()
    if found:
        raise Unprocessable(issues=found)
    return resource


@dataclass(frozen=True, slots=True)
class Sharing:
    """Knows how what is decided about is found in rows."""

    hasher: Hasher
    base_url: str

    def decisions(self, resource: Json) -> list[Decision]:
        """The lines of a Consent, none if it is not in force or of no category of ours.

        What cannot be kept to is refused, and was a document where an older release took it.
        """
        if _is_in_force(resource) and any(_doubts(resource)):
            return []
        return [
            line
            for category in _categories(resource)
            for does, provision, within in _provisions(resource, category)
            if (effect := _EFFECTS.get((category, does)))
            for line in self._lines(resource, effect, provision, within)
        ]

    def _lines(self, resource: Json, effect: int, provision: Json, within: Interval) -> Iterator[Decision]:
        deciders = tuple(self._references(resource.get("organization")))
        actors = provision.get("actor")
        # An agreement that names nobody is one with who records it; a denial, one to everybody else.
        nobody = None if effect == DENIED else deciders
        whom = tuple(self._references(each.get("reference") for each in actors)) if actors else nobody
        purposes = tuple(_purposes(provision))
        for type_, kind in self._classes(provision) or ((0, 0),):
            tokens = tuple(self._tokens(provision, type_))
            yield Decision(effect, whom, deciders, type_, kind, tokens, purposes, *within)

    def _references(self, references: Any) -> Iterator[str]:
        for each in references or ():
            if found := localised((each or {}).get("reference", ""), self.base_url):
                yield found

    def _classes(self, provision: Json) -> list[tuple[int, int]]:
        """(type, class) of each class of content that is named."""
        found = []
        for coding in provision.get("class", ()):
            if coding.get("system") == _TYPES:
                found.append((library().type_number(coding["code"]), 0))
            else:
                kind = kinds()[coding["code"]]
                found.append((library().type_number(kind.type), kind.number))
        return found

    def _tokens(self, provision: Json, type_: int) -> Iterator[int]:
        """What a resource of the type has among its tokens, of any type if 0, that is of one of the codes."""
        types = (library().type_name(type_),) if type_ else tuple(sorted(compartment("Patient")))
        for concept in provision.get("code", ()):
            for coding in concept.get("coding", ()):
                said = form(coding.get("system", ""), coding["code"])
                for name in types:
                    known = library().shipped(name)
                    for code in _SAYING_WHAT:
                        if code in known and known[code].type == "token":
                            yield self.hasher.token(name, code, said)


def _is_in_force(resource: Json) -> bool:
    return bool(next(_categories(resource), None))


def _categories(resource: Json) -> Iterator[str]:
    """The categories of ours that an active Consent has and by which the record keeps to it."""
    if resource.get("resourceType") == "Consent" and resource.get("status") == "active":
        codes = {
            coding.get("code")
            for concept in _dicts(resource.get("category"))
            for coding in _dicts(concept.get("coding"))
            if coding.get("system") == CATEGORY
        }
        yield from (each for each in _MEANS if each in codes)


def _provisions(resource: Json, category: str) -> Iterator[tuple[str, Json, Interval]]:
    """(what it does, provision, when) of the first, and of those inside it: they hold within its time, and
    for whom and what it is about where they name no other."""
    first = resource.get("provision") or {}

    def walk(provision: Json, outer: Interval, does: str) -> Iterator[tuple[str, Json, Interval]]:
        low, high = period(provision.get("period") or {})
        within = max(low, outer[0]), min(high, outer[1])
        yield does, provision, within
        inherited = {name: provision[name] for name in _NARROWING if name in provision}
        for each in _dicts(provision.get("provision")):
            yield from walk(inherited | each, within, each.get("type", does))

    yield from walk(first, period({}), first.get("type", _MEANS[category]))


def _purposes(provision: Json) -> Iterator[str]:
    """The purposes of use for which it holds; one of another system is for all, as nobody's can be it."""
    given = provision.get("purpose", ())
    if all(coding.get("system") == _PURPOSES for coding in given):
        yield from (coding["code"] for coding in given)


def _dicts(value: Any) -> Iterator[Json]:
    return (each for each in value if isinstance(each, dict)) if isinstance(value, list) else iter(())


# ---- what cannot be kept to --------------------------------------------------------------------------------


def _doubts(resource: Json) -> Iterator[Issue]:
    first = resource.get("provision")
    if isinstance(first, dict):
        yield from _doubts_of(first, "Consent.provision", None)


def _doubts_of(provision: Json, path: str, outer: str | None) -> Iterator[Issue]:
    does = provision.get("type", outer)
    if outer == "deny" and does == "permit":
        yield _doubt("An exception from what is not to be shared is not kept: name what is not.", path)
    for name in _NOT_KEPT:
        if name in provision:
            told = f"'{name}' narrows the decision in a way that the record does not keep to."
            yield _doubt(told, f"{path}.{name}")
    for name, is_known in _KNOWN.items():
        for at, each in enumerate(_dicts(provision.get(name))):
            if not is_known(each):
                yield _doubt(_UNKNOWN[name], f"{path}.{name}[{at}]")
    for at, each in enumerate(_dicts(provision.get("provision"))):
        yield from _doubts_of(each, f"{path}.provision[{at}]", does)


def _is_class(coding: Json) -> bool:
    known = {_TYPES: compartment("Patient"), _URI: kinds()}.get(str(coding.get("system")), {})
    return str(coding.get("code")) in known


def _is_code(concept: Json) -> bool:
    codings = list(_dicts(concept.get("coding")))
    return bool(codings) and all(isinstance(each.get("code"), str) for each in codings)


def _is_actor(actor: Json) -> bool:
    reference = actor.get("reference")
    if not isinstance(reference, dict):
        return False
    text = reference.get("reference")
    if not isinstance(text, str):
        # Of who is named in words alone, nobody here is meant.
        return "identifier" not in reference
    found = parse(text)
    return found.fragment is None and found.type in _ACTORS


_KNOWN: Mapping[str, Callable[[Json], bool]] = {"class": _is_class, "code": _is_code, "actor": _is_actor}
_UNKNOWN = {
    "class": "A class of content is a resource type of a child's record, or a profile of ours by its URL.",
    "code": "What is not to be shared is named by a code, and not by a text.",
    "actor": "Whom a decision is about is named by a reference to an Organization, a team or a person.",
}


def _doubt(told: str, path: str) -> Issue:
    return Issue("not-supported", told, (path,))
