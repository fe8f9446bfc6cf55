"""Required bindings: the code has to be one of the value set's.

https://hl7.org/fhir/R4/terminologies.html#required
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from server.definition.codes import Codes
from server.definition.library import library
from server.fhir import Json
from server.fhir.primitive import PRIMITIVES, Primitive
from server.validation.element import Check, primitive
from server.validation.fault import Fault, Faults, shown, wrong_value

_Words = tuple[Callable[[str], bool], str]
"""Which words belong to a value set, and what a message says of them."""

# The short names are the ones that CapabilityStatement.format takes beside media types.
_MEDIA_TYPE = re.compile(r"json|xml|ttl|html|[\w!#$&^.+\-]+/[\w!#$&^.+*\-]+( ?;.*)?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}")
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")

_UNLISTED: Mapping[str, _Words] = {
    "http://hl7.org/fhir/ValueSet/mimetypes": (
        lambda word: _MEDIA_TYPE.fullmatch(word) is not None,
        "a media type like application/pdf",
    ),
    "http://hl7.org/fhir/ValueSet/currencies": (
        lambda word: _CURRENCY.fullmatch(word) is not None,
        "the three capital letters of a currency (ISO 4217)",
    ),
    "http://hl7.org/fhir/ValueSet/all-languages": (
        lambda word: _LANGUAGE.fullmatch(word) is not None,
        "a language like en or en-GB (BCP 47)",
    ),
}
_WHOLE_SYSTEMS: Mapping[str, str] = {"http://hl7.org/fhir/ValueSet/ucum-units": "http://unitsofmeasure.org"}
"""Value sets that hold all of a system whose codes nobody can list."""

_SHOWN = 12


def required(check_value: Check, type: str, value_set: str) -> Check:
    """The check of a value that is bound to a value set; only the value's own if the set is not known."""
    url = value_set.partition("|")[0]
    match type:
        case "Coding" | "CodeableConcept":
            return _concept(check_value, url)
        case _ if type in PRIMITIVES:
            return _code(PRIMITIVES[type], url)
    return check_value


def _code(type: Primitive, url: str) -> Check:
    words = _words(url)
    if words is None:
        return primitive(type)
    contains, expected = words
    # At most as large as the value set: only what it has is kept, and a rule's endless set is kept out.
    known: set[str] = set()
    keep = url not in _UNLISTED

    def check(value: Any, _: Json) -> Faults:
        if value.__class__ is str and value in known:
            return None
        if not type.valid(value):
            return [wrong_value(type, value)]
        if not contains(value):
            return [Fault("code-invalid", f"has to be {expected}; {shown(value)} is not.")]
        if keep:
            known.add(value)
        return None

    return check


def _concept(check_value: Check, url: str) -> Check:
    """A CodeableConcept of which one coding is of the value set; a Coding is a concept of one."""
    codes, whole = library().codes(url), _WHOLE_SYSTEMS.get(url)
    if codes is None and whole is None:
        return check_value

    def within(coding: Json) -> bool:
        system, code = coding.get("system", ""), coding.get("code")
        return code is not None and (codes.contains(system, code) if codes else system == whole)

    def check(value: Any, parent: Json) -> Faults:
        faults = check_value(value, parent)
        if faults is not None:
            return faults
        codings = value.get("coding", [value] if "code" in value else [])
        # An extension may say why there is no code: http://hl7.org/fhir/R4/extension-data-absent-reason.html
        if any(map(within, codings)) or (not codings and "extension" in value):
            return None
        return [Fault("code-invalid", f"has to have a coding with {_listed(url, codes)}; {_first(codings)}")]

    return check


def _words(url: str) -> _Words | None:
    if url in _UNLISTED:
        return _UNLISTED[url]
    codes = library().codes(url)
    if codes is None:
        return None
    every = frozenset(code for _, code in codes)
    return every.__contains__, _listed(url, codes)


def _listed(url: str, codes: Codes | None) -> str:
    """What a value set takes, spelled out if it is short."""
    if codes is None:
        return f"a code of {_WHOLE_SYSTEMS[url]}"
    every = sorted({code for _, code in codes})
    if len(every) > _SHOWN:
        return f"one of the {len(every)} codes of {url}"
    return f"one of the codes of {url} ({', '.join(every)})"


def _first(codings: list[Json]) -> str:
    if not codings:
        return "none was found."
    system, code = codings[0].get("system"), codings[0].get("code")
    return (
        f"{shown(code)} of {shown(system) if system else 'no system'} is not."
        if code
        else "a code is missing."
    )
