"""What this server knows of codes, computed from the code systems that are at hand.

https://hl7.org/fhir/R4/terminologycapabilities.html
"""

from collections.abc import Iterable

from server.definition.operation import Parameter, operation
from server.fhir import Json
from server.terminology import systems

_TEXT = "The words of the filter begin words of the code, its display or one of its designations."


def elements() -> Json:
    """Those of a TerminologyCapabilities beside what every statement has."""
    return {
        "codeSystem": _code_systems(),
        "expansion": {
            "hierarchical": True,
            "paging": True,
            "incomplete": False,
            "parameter": [_parameter(each) for each in operation("ValueSet-expand").taken],
            "textFilter": _TEXT,
        },
        "codeSearch": "all",
        "validateCode": {"translations": False},
        "translation": {"needsMap": False},
        "closure": {"translation": False},
    }


def _code_systems() -> list[Json]:
    """Each once, with all of the versions that are held."""
    found: dict[str, list[str | None]] = {}
    for url, version in systems.held():
        found.setdefault(url, []).append(version)
    return [
        {"uri": url, **_versions(versions), "subsumption": True} for url, versions in sorted(found.items())
    ]


def _versions(versions: Iterable[str | None]) -> Json:
    """The last of them is meant by who names none."""
    named = [each for each in versions if each is not None]
    listed = [{"code": each, "isDefault": each == named[-1]} for each in dict.fromkeys(named)]
    return {"version": listed} if listed else {}


def _parameter(each: Parameter) -> Json:
    return {"name": each.name}
