"""Value sets that a URL itself describes: those of SNOMED CT and of LOINC.

https://hl7.org/fhir/R4/snomedct.html#implicit, https://hl7.org/fhir/R4/loinc.html#implicit
"""

import re
from urllib.parse import unquote

from server.fhir import Json

SNOMED_CT = "http://snomed.info/sct"
LOINC = "http://loinc.org"

_SNOMED_CT = re.compile(
    rf"(?P<version>{re.escape(SNOMED_CT)}(?:/\d+(?:/version/\d{{8}})?)?)\?fhir_vs(?:=(?P<of>.*))?"
)
_LOINC = re.compile(rf"{re.escape(LOINC)}/vs(?:/(?P<of>L[LP][\d-]+))?")
_REFERENCE_SETS = "900000000000455006"
"""|Reference set|: above all of them."""


def value_set(url: str) -> Json | None:
    """The value set with its `compose`; None: the URL describes none."""
    include = _snomed_ct(url) or _loinc(url)
    if include is None:
        return None
    return {
        "resourceType": "ValueSet",
        "url": url,
        "status": "active",
        "compose": {"include": [include]},
    }


def _snomed_ct(url: str) -> Json | None:
    match = _SNOMED_CT.fullmatch(url)
    if match is None:
        return None
    filters = _snomed_ct_filters(unquote(match["of"] or ""))
    if filters is None:
        return None
    version = {"version": match["version"]} if match["version"] != SNOMED_CT else {}
    return {"system": SNOMED_CT, **version, **({"filter": filters} if filters else {})}


def _snomed_ct_filters(of: str) -> list[Json] | None:
    kind, _, what = of.partition("/")
    match kind, what:
        case "", "":
            return []
        case "isa", code if code.isdigit():
            return [_filter("concept", "is-a", code)]
        case "refset", "":
            return [_filter("concept", "descendent-of", _REFERENCE_SETS)]
        case "refset", code if code.isdigit():
            return [_filter("concept", "in", code)]
        case "ecl", expression if expression:
            return [_filter("constraint", "=", expression)]
    return None


def _loinc(url: str) -> Json | None:
    match = _LOINC.fullmatch(url)
    if match is None:
        return None
    of = match["of"]
    if of is None:
        return {"system": LOINC}
    # An answer list, or everything under a part of the hierarchy.
    wanted = (
        _filter("answer-list", "=", of) if of.startswith("LL") else _filter("concept", "descendent-of", of)
    )
    return {"system": LOINC, "filter": [wanted]}


def _filter(property: str, op: str, value: str) -> Json:
    return {"property": property, "op": op, "value": value}
