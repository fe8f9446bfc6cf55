"""What the operations on codes are given: a code in one of three forms, a definition in one of three ways.

https://hl7.org/fhir/R4/terminology-service.html
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date

from server.definition.library import library
from server.fhir import Json, json
from server.fhir.issue import (
    FhirError,
    Invalid,
    NotFound,
    NotSupported,
    TooCostly,
    Unavailable,
    Unprocessable,
)
from server.fhir.period import HOME, interval
from server.operation.call import Call
from server.record.record import Record
from server.terminology import systems, valueset
from server.terminology.context import bound
from server.terminology.memory import Listed
from server.terminology.provider import CannotTell, System
from server.terminology.validate_code import Coded, Wanted
from server.terminology.valueset import Find, ValueSet
from server.validation.validate import validate

_REFUSALS: Mapping[str, type[FhirError]] = {
    "not-found": NotFound,
    "not-supported": NotSupported,
    "too-costly": TooCostly,
    "timeout": Unavailable,
    "business-rule": Unprocessable,
}

_CODED = ("code", "coding", "codeableConcept")


@contextmanager
def answered() -> Iterator[None]:
    """What cannot be told is a refusal to who needs an answer."""
    try:
        yield
    except CannotTell as why:
        raise _REFUSALS.get(why.code, Invalid)(str(why)) from why


def coded(call: Call) -> tuple[Coded, ...]:
    """What is asked about: one code, or each of a CodeableConcept."""
    given = [name for name in _CODED if call.one(name) is not None]
    if len(given) != 1:
        allowed = [each.name for each in call.operation.taken if each.name in _CODED]
        raise Invalid(f"${call.operation.code} needs one of the parameters {', '.join(allowed)}, and no two.")
    if given == ["codeableConcept"]:
        codings = call.one("codeableConcept").get("coding", ())
        return tuple(coded_as(each) for each in codings if "code" in each)
    if given == ["coding"]:
        return (coded_as(call.one("coding")),)
    version = call.one("systemVersion") or (None if call.one("url") else call.one("version"))
    return (Coded(call.one("code"), call.one("system"), version, call.one("display")),)


def coded_as(coding: Json, name: str = "coding") -> Coded:
    if "code" not in coding:
        raise Invalid(f"The parameter '{name}' has no code.")
    return Coded(coding["code"], coding.get("system"), coding.get("version"), coding.get("display"))


def wanted(call: Call) -> Wanted:
    """The parameters that say how a code is looked at."""
    return Wanted(day(call), call.one("abstract") is True, call.one("displayLanguage"))


def day(call: Call) -> date | None:
    """The day that a code is about; of a year or a month the first."""
    text = call.one("date")
    return interval(text)[0].astimezone(HOME).date() if text else None


def resource(call: Call, record: Record, name: str) -> Json | None:
    """The definition that the operation is called on, or that came with it; None: it is named otherwise."""
    if call.id is not None:
        assert call.type is not None
        kept: Json = json.decode(record.read(call.type, call.id).body.encode())
        return kept
    sent: Json | None = call.one(name)
    if sent is not None and (faults := validate(sent)):
        raise Unprocessable(issues=tuple(faults))
    return sent


def code_system(call: Call, record: Record, url: str | None) -> System:
    """The code system that is meant.

    Raises:
        CannotTell: it is not held.
    """
    definition = resource(call, record, "codeSystem")
    if definition is not None:
        return _defined(definition)
    if url is None:
        raise Invalid(f"${call.operation.code} needs to be told the code system, by its URL.")
    return systems.known(url, call.one("version"))


def _defined(definition: Json) -> System:
    """The code system of this definition; of what is stored it is made once."""
    url, version = definition.get("url", ""), definition.get("version")
    if definition.get("content") == "not-present":
        return systems.known(url, version)
    stored = definition.get("meta", {}).get("versionId")
    memo, key = library().memo, ("code system stored", definition.get("id"), stored)
    if stored is None or key not in memo:
        made = Listed({**definition, "url": url})
        if stored is None:
            return made
        memo[key] = made
    found: Listed = memo[key]
    return found


def value_set(call: Call, record: Record, find: Find | None = None) -> ValueSet:
    """The value set that is meant.

    Raises:
        CannotTell: it is not held.
    """
    definition = resource(call, record, "valueSet")
    if definition is not None:
        return valueset.of(definition, find)
    held, version = valueset.value_set(_canonical(call)), call.one("valueSetVersion")
    if version is not None and held.definition.get("version") != version:
        raise CannotTell(f"The value set '{held.url}' is not held in version '{version}'.", "not-found")
    return valueset.of(held.definition, find) if find else held


def _canonical(call: Call) -> str:
    url, version, context = call.one("url"), call.one("valueSetVersion"), call.one("context")
    if url is None and context is not None:
        return bound(context)
    if url is None:
        raise Invalid(
            f"${call.operation.code} needs 'url', 'valueSet' or 'context', or to be called on a ValueSet."
        )
    return f"{url}|{version}" if version else str(url)
