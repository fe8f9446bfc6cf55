"""Two records of one child become one, and are taken apart again.

https://hl7.org/fhir/R5/patient-operation-merge.html
"""

from typing import Any
from urllib.parse import quote

from server.fhir import Json
from server.fhir.issue import Invalid, Issue, Unprocessable
from server.fhir.outcome import outcome
from server.fhir.reference import parse
from server.operation.call import Call, Result
from server.operation.registry import implements
from server.record.merge import merge as work
from server.record.record import Record
from server.search.query import parse as query
from server.search.types.reference import localised


@implements("Patient-merge")
def merge(call: Call, record: Record) -> Result:
    """With `preview` nothing is left of it."""
    source, target = _patient(call, record, "source"), _patient(call, record, "target")
    result = _result(call, target)
    if call.one("preview"):
        with record.undone() as trial:
            made = work.merge(trial, source, target, result, _reason(call))
        work.previewed(record, source, target)
        said = f"Patient/{source} would be merged into Patient/{target}. Nothing was changed."
    else:
        made = work.merge(record, source, target, result, _reason(call))
        said = f"Patient/{source} was merged into Patient/{target}."
    return Result({"input": _input(call), "outcome": _told(said), "result": work.content(made)})


@implements("Patient-unmerge")
def unmerge(call: Call, record: Record) -> Result:
    """What was written meanwhile goes to the child that it names, and somebody is asked to look at it."""
    undone = work.unmerge(record, _patient(call, record, "source"), _reason(call))
    said = f"Patient/{undone.source.id} and Patient/{undone.target.id} are two records again."
    values: dict[str, Any] = {
        "outcome": _told(said),
        "source": work.content(undone.source),
        "target": work.content(undone.target),
        "written": [{"reference": each} for each in undone.written],
    }
    return Result({**values, **({"task": {"reference": undone.task}} if undone.task else {})})


def _reason(call: Call) -> str | None:
    reason = str(call.one("reason") or "").strip()
    return reason or None


def _told(said: str) -> Json:
    return outcome([Issue("informational", said, severity="information")])


def _input(call: Call) -> Json:
    return call.request.content or {"resourceType": "Parameters"}


def _patient(call: Call, record: Record, which: str) -> str:
    """The id of the Patient that is named by a reference, by identifiers, or by both if they agree."""
    reference, identifiers = call.one(f"{which}-patient"), call.every(f"{which}-patient-identifier")
    ids = set[str]()
    if reference is not None:
        target = parse(localised(reference.get("reference", ""), record.door.base_url) or "")
        if not (target.local and target.type == "Patient" and target.id):
            raise Invalid(f"'{which}-patient' refers to a Patient of this server.")
        ids.add(target.id)
    if identifiers:
        ids.add(_identified(record, which, identifiers))
    if not ids:
        raise Invalid(f"'{which}-patient' or '{which}-patient-identifier' names the {which}.")
    if len(ids) > 1:
        raise Unprocessable(f"'{which}-patient' and '{which}-patient-identifier' name two Patients.")
    return ids.pop()


def _identified(record: Record, which: str, identifiers: tuple[Json, ...]) -> str:
    """The one Patient that has all the identifiers."""
    pairs = [("identifier", _token(which, each)) for each in identifiers]
    asked = query("Patient", pairs, record.door.registry, strict=True)
    said = "&".join(f"{name}={quote(value)}" for name, value in pairs)
    found = record.search(asked, count=2, complete=True, said=said).rows
    if len(found) != 1:
        several = "several Patients" if found else "no Patient"
        raise Unprocessable(f"'{which}-patient-identifier' names {several}.")
    return found[0].id


def _token(which: str, identifier: Json) -> str:
    value, system = identifier.get("value"), identifier.get("system")
    if not value or not system:
        raise Invalid(f"'{which}-patient-identifier' has a system and a value.")
    return f"{_escaped(system)}|{_escaped(value)}"


def _escaped(text: str) -> str:
    for each in ("\\", "$", ",", "|"):
        text = text.replace(each, f"\\{each}")
    return text


def _result(call: Call, target: str) -> Json | None:
    """The target as it is to be, if the caller says so."""
    given: Json | None = call.one("result-patient")
    if given is not None and given.get("id") != target:
        raise Unprocessable("'result-patient' has the id of the target.")
    return given
