"""Extensions: held against the definitions that their URLs name, and in the places that these allow.

https://hl7.org/fhir/R4/extensibility.html
"""

from collections.abc import Callable
from functools import partial

from server.definition.library import library
from server.definition.restriction import Constraint
from server.definition.structure import Element, Structure
from server.fhir import Json
from server.fhir.primitive import uri
from server.validation import place
from server.validation.compiled import Compiled
from server.validation.fault import Fault, Faults, joined, shown
from server.validation.invariant import Invariants, invariants
from server.validation.occurrence import Occurrence
from server.validation.profile import profile
from server.validation.visit import Visit

Check = Callable[[Json, Json, Visit], Faults]
"""`(the extension, the object that it stands in, the visit)`."""

# Those of HL7 that are not here are defined in packages beside R4; the others are nobody's.
_EXAMPLES = ("http://example.org/", "https://example.org/")
_ELSEWHERE = ("http://hl7.org/fhir/", *_EXAMPLES)
# HL7's own examples are to be accepted; what is under this address has no meaning that could be missed.
_NOT_FOR_USE = "http://example.org/do-not-use/"
_KEPT = 1000


def extensions(within: Structure, parent: Element, modifier: bool, compiled: Compiled) -> Check:
    """The check of the extensions, or modifier extensions, of an element."""
    known: dict[str, Check] = {}

    def check(value: Json, holder: Json, visit: Visit) -> Faults:
        url = value.get("url") if type(value) is dict else None
        if type(url) is not str:
            return None
        rule = known.get(url)
        if rule is None:
            rule = _check(url, within, parent, modifier, compiled)
            # Clients invent URLs without end.
            if len(known) < _KEPT:
                known[url] = rule
        return rule(value, holder, visit)

    return check


def _check(url: str, within: Structure, parent: Element, modifier: bool, compiled: Compiled) -> Check:
    nested = within.type == "Extension"
    if ":" not in url:
        # Inside an extension it is a name, which the outer one's definition gives its meaning.
        return _accepted if nested else _relative
    bare, _, version = url.partition("|")
    if version:
        return _versioned
    definition = library().definition(bare)
    if definition is None:
        if modifier and not bare.startswith(_NOT_FOR_USE):
            return partial(_unknown_modifier, bare.startswith(_EXAMPLES))
        return partial(_unknown, bare.startswith(_ELSEWHERE))
    if definition.get("type") != "Extension":
        return partial(_no_extension, definition["type"])
    return _Defined(definition, within, parent, modifier, compiled).check


def _accepted(value: Json, holder: Json, visit: Visit) -> Faults:
    return None


def _relative(value: Json, holder: Json, visit: Visit) -> Faults:
    if not uri(value["url"]):
        return None  # its own type has said so
    return [
        Fault("value", "has to be an absolute URL: only inside another extension it may be a name.", ".url")
    ]


def _versioned(value: Json, holder: Json, visit: Visit) -> Faults:
    return [Fault("value", "may not have a version.", ".url")]


def _no_extension(type_: str, value: Json, holder: Json, visit: Visit) -> Faults:
    return [Fault("extension", f"has a URL that is defined to be a profile of {type_}, and no extension.")]


def _unknown_modifier(example: bool, value: Json, holder: Json, visit: Visit) -> Faults:
    """Nobody may keep what he cannot understand; as an example of FHIR it may be good all the same."""
    severity = "warning" if example and visit.context.full else "error"
    text = f"may change what the resource means, and nobody here knows the modifier extension {_url(value)}."
    return [Fault("extension", text, severity=severity)]


def _unknown(elsewhere: bool, value: Json, holder: Json, visit: Visit) -> Faults:
    if visit.context.closed and not elsewhere:
        return [Fault("extension", f"is an extension that is not known here: {_url(value)}.")]
    if visit.context.full:
        text = f"is an extension that is not known here, and was not checked: {_url(value)}."
        return [Fault("extension", text, severity="information")]
    return None


def _url(value: Json) -> str:
    return shown(str(value["url"]))


class _Defined:
    """An extension whose definition is known, in one place."""

    def __init__(
        self, definition: Json, within: Structure, parent: Element, modifier: bool, compiled: Compiled
    ) -> None:
        self._url: str = definition["url"]
        self._rule = profile(self._url, compiled)
        self._contexts = tuple(
            (each["type"], each["expression"])
            for each in definition.get("context", ())
            if "expression" in each
        )
        self._placed = not self._contexts or place.allowed_by_type(self._contexts, within, parent)
        self._is_modifier = _is_modifier(definition)
        self._modifier = modifier
        self._invariants = _context_invariants(definition, compiled)
        self._type = parent.path if "." in parent.path else within.type

    def check(self, value: Json, holder: Json, visit: Visit) -> Faults:
        faults: Faults = None
        if self._rule is not None:
            faults = self._rule(Occurrence(value, None, "", "Extension"), visit)
        if not (self._placed or visit.carries or place.allowed_by_holder(self._contexts, holder, visit)):
            faults = joined(faults, [self._misplaced()])
        if self._is_modifier is not self._modifier:
            faults = joined(faults, [self._wrong_kind()])
        if self._invariants is not None:
            found = self._invariants(holder, None, self._type, visit)
            if found is not None:
                faults = joined(faults, found)
        return faults

    def _misplaced(self) -> Fault:
        places = ", ".join(expression for _, expression in self._contexts)
        text = f"is the extension {self._url}, which may not stand here; it may in {places}."
        return Fault(
            "extension", text, source=self._url, unless=partial(place.allowed_by_path, self._contexts)
        )

    def _wrong_kind(self) -> Fault:
        text = "has to be a modifierExtension" if self._is_modifier else "may not be a modifierExtension"
        return Fault("extension", f"{text}, as its definition {self._url} says.", source=self._url)


def _is_modifier(definition: Json) -> bool:
    return bool(definition["snapshot"]["element"][0].get("isModifier", False))


def _context_invariants(definition: Json, compiled: Compiled) -> Invariants | None:
    asked = (
        Constraint(f"context-{number}", "error", f"The extension may stand only where {each}", each)
        for number, each in enumerate(definition.get("contextInvariant", ()), 1)
    )
    return invariants(asked, definition["url"], compiled)
