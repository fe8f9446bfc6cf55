"""What a merge makes of the two Patients, and what is left of that when it is undone."""

from collections.abc import Iterable

from server.fhir import Json
from server.fhir.meta import CONFIDENTIALITY
from server.store.merge.ledger import Before
from server.store.row import RESTRICTED, VERY_RESTRICTED

REPLACED_BY, REPLACES = "replaced-by", "replaces"

_CODES = {"R": RESTRICTED, "V": VERY_RESTRICTED}


def replaced(source: Json, target: str) -> Json:
    """The Patient that was merged: it is out of use, and says by which it is replaced."""
    return {**source, "active": False, "link": [*source.get("link", ()), _link(target, REPLACED_BY)]}


def replacing(target: Json, source: Json, labels: Iterable[str]) -> Json:
    """The Patient that takes the place of another: with that one's identifiers of systems that it has none
    of, and its stricter labels."""
    more = [{**each, "use": "old"} for each in missing(target, source)]
    made = {**target, "link": [*target.get("link", ()), _link(source["id"], REPLACES)]}
    if more:
        made["identifier"] = [*target.get("identifier", ()), *more]
    new = [{"system": CONFIDENTIALITY, "code": label} for label in labels]
    if new:
        meta = made.get("meta", {})
        made["meta"] = {**meta, "security": [*meta.get("security", ()), *new]}
    return made


def missing(target: Json, source: Json) -> list[Json]:
    """The identifiers of the source of a system that the target has none of."""
    known = {each.get("system") for each in target.get("identifier", ())}
    return [
        each
        for each in source.get("identifier", ())
        if each.get("value") and each.get("system") and each["system"] not in known
    ]


def labels(bits: int) -> tuple[str, ...]:
    """The labels that bits stand for."""
    return tuple(label for label, bit in _CODES.items() if bits & bit)


def stricter(source: int, target: int) -> tuple[str, ...]:
    """The labels of the source that the target has not."""
    return labels(source & ~target)


def restored(target: Json, source: str, before: Before, lifted: Iterable[str] = ()) -> Json:
    """The target as it is since, without the link and the identifiers that the merge gave it, and without
    these labels."""
    given = {*before.identifiers}
    made = {
        **_unlinked(target, _link(source, REPLACES)),
        "identifier": [
            each
            for each in target.get("identifier", ())
            if not ((each.get("system"), each.get("value")) in given and each.get("use") == "old")
        ],
    }
    gone = [{"system": CONFIDENTIALITY, "code": label} for label in lifted]
    if gone:
        meta = target["meta"]
        made["meta"] = _but({**meta, "security": [e for e in meta.get("security", ()) if e not in gone]})
    return _but(made)


def returned(source: Json, was: Json, target: str) -> Json:
    """The Patient that was merged, in use again if it was so before."""
    made = _unlinked(source, _link(target, REPLACED_BY))
    rest = {name: value for name, value in made.items() if name != "active"}
    return _but({**rest, "active": was["active"]} if "active" in was else rest)


def _unlinked(patient: Json, link: Json) -> Json:
    return {**patient, "link": [each for each in patient.get("link", ()) if each != link]}


def _but(element: Json) -> Json:
    """The element without lists of nothing."""
    return {name: value for name, value in element.items() if value != []}


def _link(id_: str, type_: str) -> Json:
    return {"other": {"reference": f"Patient/{id_}"}, "type": type_}
