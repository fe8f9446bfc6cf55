"""Bindings: which codes an element takes, and how strictly.

https://hl7.org/fhir/R4/terminologies.html#strength
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from typing import Any

from server.definition.library import library
from server.definition.restriction import Binding
from server.fhir import Json
from server.fhir.primitive import PRIMITIVES, Primitive
from server.terminology import table
from server.terminology.codes import codes
from server.terminology.provider import Verdict
from server.terminology.validate_code import validate_code
from server.validation.compiled import Compiled
from server.validation.element import Check
from server.validation.fault import Fault, Faults, every, shown, wrong_value
from server.validation.visit import Visit

Bound = Callable[[Any, Visit], Faults]

_SHOWN = 12
_KEPT = 4096

_SEVERITIES = {
    "required": "error",
    "maximum": "error",
    "extensible": "warning",
    "minimum": "warning",
    "preferred": "information",
}
_WORDS = {"error": "has to", "warning": "should", "information": "could"}


def of_choice(binding: Binding) -> Binding:
    """The binding of a choice of several types: it says of none that it has to have codes.

    So the reference validator reads R4's vital signs, whose components have units and words of all kinds.
    """
    weaker = "extensible" if binding.strength == "required" else binding.strength
    return replace(binding, strength=weaker)


def bound(binding: Binding, type: str, source: str, compiled: Compiled) -> Bound | None:
    """The check of a value of a type against all that a binding asks; None if it asks nothing here."""
    checks = [
        check
        for strength, value_set in _asked(binding, type)
        if (check := _bound(strength, value_set, type, source, compiled))
    ]
    match checks:
        case []:
            return None
        case [only]:
            return only
    return every(checks)


def _asked(binding: Binding, type: str) -> Iterator[tuple[str, str]]:
    yield binding.strength, binding.value_set
    # A concept may say the same in a second system, as a child's language is in the lists of the DfE.
    if binding.widest and (type == "code" or binding.strength != "required"):
        yield ("maximum" if type in PRIMITIVES else "extensible"), binding.widest
    for each in binding.more:
        yield each.strength, each.value_set


def _bound(strength: str, value_set: str, type: str, source: str, compiled: Compiled) -> Bound | None:
    severity = _SEVERITIES.get(strength)
    if severity is None or (severity != "error" and not compiled.full):
        return None
    codes = _codes(value_set)
    reader = _reader(type)
    if reader is None:
        return None

    def check(value: Any, visit: Visit) -> Faults:
        found = reader(value)
        if found is None:
            return None
        told: list[Verdict] = []
        for system, code in found:
            if code:
                verdict = codes.verdict(system, code, visit.context.at)
                if verdict.result:
                    return None
                told.append(verdict)
        for verdict in told:
            if verdict.result is None:
                return _untold(verdict, value_set, source) if compiled.full else None
        text = _said(severity, value_set, type, _first(value_set, found, told, visit.context.at))
        return [Fault("code-invalid", text, severity=severity, source=source)]

    return check


Codings = list[tuple[str | None, str]]
"""Each with its system, which a `code` has not; "" where it is missing."""


def codings(value: Any, type: str) -> Codings | None:
    """The codes that a value has; None if it is of a type that has none, or says why there are none."""
    reader = _reader(type)
    return reader(value) if reader is not None else None


def _reader(type: str) -> Callable[[Any], Codings | None] | None:
    return _CODINGS.get(type, _of_primitive if type in PRIMITIVES else None)


def _of_primitive(value: Any) -> Codings | None:
    return [(None, value)] if type(value) is str else None


def _of_coding(value: Any) -> Codings | None:
    code = value.get("code") if type(value) is dict else None
    if type(code) is not str:
        # An extension may say why there is no code: http://hl7.org/fhir/R4/extension-data-absent-reason.html
        return None if type(value) is not dict or "extension" in value else [(_system(value), "")]
    return [(_system(value), code)]


def _of_concept(value: Any) -> Codings | None:
    if type(value) is not dict:
        return None
    codings = value.get("coding")
    if type(codings) is not list:
        return None if "extension" in value else []
    return [(_system(each), each.get("code", "")) for each in codings if type(each) is dict]


def _system(coding: Json) -> str:
    system = coding.get("system")
    return system if type(system) is str else ""


def _of_quantity(value: Any) -> Codings | None:
    """The unit, if it is a code at all."""
    return _of_coding(value) if type(value) is dict and "code" in value else None


_CODINGS: dict[str, Callable[[Any], Codings | None]] = {
    "Coding": _of_coding,
    "CodeableConcept": _of_concept,
    "Quantity": _of_quantity,
    "Age": _of_quantity,
    "Duration": _of_quantity,
}


class _Codes:
    """A value set, and what was said of codes that were asked for."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._told: dict[tuple[str | None, str, date | None], Verdict] = {}
        self._moment: object = None

    def verdict(self, system: str | None, code: str, at: date | None) -> Verdict:
        # A code system that was loaded may know what the one before did not.
        if (moment := table.moment()) is not self._moment:
            self._told, self._moment = {}, moment
        key = system, code, at
        told = self._told.get(key)
        if told is None:
            told = validate_code(self._url, system, code, at=at)
            if len(self._told) >= _KEPT:
                self._told.clear()
            if told.result is not None:
                self._told[key] = told
        return told


def _codes(url: str) -> _Codes:
    known: dict[str, _Codes] = library().memo.setdefault(_Codes, {})
    if url not in known:
        known[url] = _Codes(url)
    return known[url]


def primitive(type_: Primitive, value_set: str) -> Check:
    """A value whose value set is required: its own form is asked about only if it is no such code."""
    codes = _codes(value_set)

    def check(value: Any, _: Json, visit: Visit) -> Faults:
        if value.__class__ is str:
            verdict = codes.verdict(None, value, visit.context.at)
            if verdict.result:
                return None
        if not type_.valid(value):
            return [wrong_value(type_, value)]
        if verdict.result is None:
            return _untold(verdict, value_set, "") if visit.context.full else None
        found = _first(value_set, [(None, value)], [verdict], visit.context.at)
        return [Fault("code-invalid", _said("error", value_set, type_.name, found))]

    return check


def _untold(verdict: Verdict, value_set: str, source: str) -> Faults:
    text = f"has a code that cannot be looked up in {_url(value_set)}: {verdict.message}"
    return [Fault("not-found", text, severity="warning", source=source)]


def _said(severity: str, value_set: str, type_: str, found: str) -> str:
    words = _WORDS[severity]
    expected = f"{words} be " if type_ in PRIMITIVES else f"{words} have a coding with "
    return f"{expected}{_listed(value_set)}; {found}"


def _first(value_set: str, found: Codings, told: list[Verdict], at: date | None) -> str:
    """What was found instead."""
    if not found:
        return "none was found."
    system, code = found[0]
    if not code:
        return "a code is missing."
    of = "" if system is None else f" of {shown(system) if system else 'no system'}"
    if told and at is not None and (told[0].since or told[0].until):
        return f"{shown(code)}{of} was not in use on {at.isoformat()}{_when(told[0])}."
    return f"{shown(code)}{of} is not{_meant(_url(value_set), system, code, at)}."


def _meant(url: str, system: str | None, code: str, at: date | None) -> str:
    """The other system of the value set that has the code, and when it was in use there."""
    listed = codes(url)
    others = listed.listed.items() if listed is not None and system is not None else ()
    found = next((other for other, known in others if other != system and code in known), None)
    if found is None:
        return ""
    verdict = _codes(url).verdict(found, code, at)
    return f"; {found} has it{'' if verdict.result else _when(verdict)}"


def _when(denied: Verdict) -> str:
    since = f" since {denied.since}" if denied.since else ""
    until = f" until {denied.until}" if denied.until else ""
    return f", but{since}{until}"


def _listed(value_set: str) -> str:
    """What a value set takes, spelled out if it is short."""
    url = _url(value_set)
    listed = codes(url)
    if listed is None:
        return f"one of the codes of {url}"
    every = sorted({code for _, code in listed})
    if len(every) > _SHOWN:
        return f"one of the {len(every)} codes of {url}"
    return f"one of the codes of {url} ({', '.join(every)})"


def _url(value_set: str) -> str:
    return value_set.partition("|")[0]
