"""Whether a code is one of a code system's, or of a value set's.

https://hl7.org/fhir/R4/codesystem-operation-validate-code.html,
https://hl7.org/fhir/R4/valueset-operation-validate-code.html
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from server.fhir.issue import Invalid
from server.fhir.json import shown
from server.operation.call import Call, Result
from server.operation.registry import implements
from server.operation.terminology import answered, code_system, coded, value_set, wanted
from server.record.record import Record
from server.terminology import systems
from server.terminology.provider import CannotTell, System, Verdict
from server.terminology.validate_code import Coded, in_system, in_value_set


@implements("CodeSystem-validate-code")
def of_code_system(call: Call, record: Record) -> Result:
    """A code that is of another system is none of this one."""
    asked = coded(call)
    with answered():
        system = code_system(call, record, call.one("url") or _named(asked))
    return _told([_of(system, each, call) for each in asked])


@implements("ValueSet-validate-code")
def of_value_set(call: Call, record: Record) -> Result:
    """A CodeableConcept is good if one of its codes is."""
    asked = coded(call)
    _refuse_ambiguity(call, asked)
    with answered():
        among = value_set(call, record)
    return _told([in_value_set(among, each, wanted(call)) for each in asked])


def _named(asked: Iterable[Coded]) -> str | None:
    return next((each.system for each in asked if each.system is not None), None)


def _of(system: System, asked: Coded, call: Call) -> Verdict:
    if asked.system not in (None, system.url):
        message = f"The code '{shown(asked.code)}' is of '{asked.system}', and not of '{system.url}'."
        return Verdict(False, message, "code-invalid")
    # A Coding may say of which version it is, and what is held is of another.
    if asked.version is not None and system.version is not None and asked.version != system.version:
        try:
            system = systems.known(system.url, asked.version)
        except CannotTell as why:
            return Verdict(None, str(why), why.code)
    return in_system(system, replace(asked, version=None), wanted(call))


def _refuse_ambiguity(call: Call, asked: Iterable[Coded]) -> None:
    """A code says of which system it is, unless it is that of an element that takes codes without one."""
    for each in asked:
        if each.system is None and call.one("context") is None:
            raise Invalid("$validate-code needs the system of the code, or the context that it stands in.")


def _told(verdicts: list[Verdict]) -> Result:
    if not verdicts:
        return Result({"result": False, "message": "There is no code to look at."})
    best = next((each for is_so in _BEST for each in verdicts if is_so(each)), verdicts[0])
    values: dict[str, Any] = {"result": _is_good(best)}
    message = best.message if _is_good(best) else " ".join(dict.fromkeys(each.message for each in verdicts))
    if message:
        values["message"] = message
    if best.display is not None:
        values["display"] = best.display
    return Result(values)


def _is_good(verdict: Verdict) -> bool:
    """What cannot be told is not affirmed, and a display that is wrong is not passed over."""
    return verdict.result is True and verdict.display_fits


_BEST: tuple[Callable[[Verdict], bool], ...] = (_is_good, lambda verdict: verdict.result is True)
