"""Makes the FHIR terminology out of the tables in terminology/source: the same tables give the same files.

Code systems, their value sets, concept maps and naming systems: https://hl7.org/fhir/R4/terminology-module.html
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from server.fhir import Json

BASE = "https://w3id.org/single-child-record"

_PUBLISHED = "2026-11-22"
_VERSION = "1.0.0"
_WIDTH = 110
_Row = Mapping[str, str]

_PROPERTIES: tuple[tuple[str, str, str], ...] = (
    ("group", "string", "The heading under which the list puts the code."),
    ("validFrom", "dateTime", "The first day on which the code could be used, if known."),
    ("validTo", "dateTime", "The last day on which the code could be used."),
    ("wordedSince", "dateTime", "The first day of the present wording, where the code is older than that."),
    ("status", "code", "active, or retired: kept for what was recorded while it was valid."),
    ("source", "string", "Where it was found: [V] read in a published source, [R] to be checked."),
)
_NHS_ETHNICITY = "https://fhir.hl7.org.uk/CodeSystem/UKCore-EthnicCategoryEngland"
_CONCEPT_MAPS: Mapping[str, tuple[str, str, str, str]] = {
    "ethnicity-dfe-to-nhs": (
        "Ethnicity: DfE to NHS",
        "ethnicity",
        _NHS_ETHNICITY,
        "https://fhir.hl7.org.uk/ValueSet/UKCore-EthnicCategory",
    ),
    "language-dfe-to-bcp47": (
        "Language: DfE to BCP 47",
        "language",
        "urn:ietf:bcp:47",
        "http://hl7.org/fhir/ValueSet/all-languages",
    ),
}


def build(source: Path, target: Path) -> int:
    """Writes all that the tables of `source` say into the folders of `target`; returns how many files."""
    made = list(resources(source))
    for resource in made:
        folder = target / resource["resourceType"].lower()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{resource['id']}.json").write_text(pretty(resource), encoding="utf-8")
    return len(made)


def resources(source: Path) -> Iterator[Json]:
    """Every resource that the tables make."""
    for entry in table(source / "lists.csv"):
        rows = table(source / f"{entry['name']}.csv")
        yield code_system(entry, rows)
        yield value_set(entry)
    for entry in table(source / "subsets.csv"):
        yield subset(entry, table(source / f"{entry['list']}.csv"))
    for name in _CONCEPT_MAPS:
        yield concept_map(name, table(source / f"conceptmap_{name.replace('-', '_')}.csv"))
    identifiers = {row["code"]: row for row in table(source / "identifiers.csv")}
    for entry in table(source / "naming_systems.csv"):
        yield naming_system(entry, identifiers)


def table(path: Path) -> list[_Row]:
    """The rows of a CSV file by their headings."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def code_system(entry: _Row, rows: Iterable[_Row]) -> Json:
    """A list as a code system. A code that stands in it twice changed its wording: it is one concept."""
    by_code: dict[str, list[_Row]] = {}
    for row in rows:
        by_code.setdefault(row["code"], []).append(row)
    name = _id(entry["name"])
    return {
        **_head("CodeSystem", name, entry["title"], entry["description"]),
        "caseSensitive": True,
        "valueSet": f"{BASE}/ValueSet/{name}",
        "content": "complete",
        "count": len(by_code),
        "property": [
            {"code": code, "description": meaning, "type": type} for code, type, meaning in _PROPERTIES
        ],
        "concept": [_concept(wordings) for wordings in by_code.values()],
    }


def value_set(entry: _Row) -> Json:
    """All codes of a list, the withdrawn ones too: what was recorded while they were valid stays valid."""
    name = _id(entry["name"])
    return {
        **_head("ValueSet", name, entry["title"], entry["description"]),
        "compose": {"include": [{"system": f"{BASE}/CodeSystem/{name}"}]},
    }


def subset(entry: _Row, rows: Iterable[_Row]) -> Json:
    """The codes of some groups of a list."""
    groups = entry["groups"].split()
    concepts = [{"code": row["code"], "display": row["display"]} for row in rows if row["group"] in groups]
    system = f"{BASE}/CodeSystem/{_id(entry['list'])}"
    return {
        **_head("ValueSet", _id(entry["name"]), entry["title"], ""),
        "compose": {"include": [{"system": system, "concept": concepts}]},
    }


def concept_map(name: str, rows: Iterable[_Row]) -> Json:
    """How the codes of one list are said in another."""
    title, source, target, target_set = _CONCEPT_MAPS[name]
    return {
        **_head("ConceptMap", name, title, ""),
        "sourceUri": f"{BASE}/ValueSet/{source}",
        "targetUri": target_set,
        "group": [
            {
                "source": f"{BASE}/CodeSystem/{source}",
                "target": target,
                "element": [_mapping(row) for row in rows],
            }
        ],
    }


def naming_system(entry: _Row, identifiers: Mapping[str, _Row]) -> Json:
    """A system of identifiers; R4 gives a NamingSystem no canonical of its own."""
    rows = [identifiers[code] for code in entry["identifiers"].split()]
    description = " ".join(filter(None, [*(row["definition"] for row in rows), entry["description"]]))
    return {
        "resourceType": "NamingSystem",
        "id": entry["id"],
        "name": _computable(entry["title"]),
        "status": "active",
        "kind": "identifier",
        "date": _PUBLISHED,
        "publisher": "single-child-record",
        "description": description,
        "uniqueId": [{"type": "uri", "value": entry["system"], "preferred": True}],
    }


def pretty(value: Any) -> str:
    """JSON to be read: what fits on a line stands on one."""
    return f"{_pretty(value, 0)}\n"


def _pretty(value: Any, indent: int) -> str:
    flat = json.dumps(value, ensure_ascii=False)
    if len(flat) + 2 * indent <= _WIDTH or not isinstance(value, dict | list):
        return flat
    pad = "  " * (indent + 1)
    if isinstance(value, list):
        return _block("[", [f"{pad}{_pretty(each, indent + 1)}" for each in value], indent, "]")
    lines = [f"{pad}{json.dumps(key)}: {_pretty(each, indent + 1)}" for key, each in value.items()]
    return _block("{", lines, indent, "}")


def _block(opening: str, lines: list[str], indent: int, closing: str) -> str:
    return "\n".join([opening, ",\n".join(lines), f"{'  ' * indent}{closing}"])


def _concept(wordings: list[_Row]) -> Json:
    """One code: its present wording, and the earlier ones as designations."""
    present = max(wordings, key=lambda row: row["valid_to"] or "9999")
    first = min(wordings, key=lambda row: row["valid_from"])
    concept: Json = {"code": present["code"], "display": present["display"]}
    if present["definition"]:
        concept["definition"] = present["definition"]
    if len(wordings) > 1:
        concept["designation"] = [_former(row) for row in wordings if row is not present]
    values = {
        "group": ("valueString", present["group"]),
        "validFrom": ("valueDateTime", first["valid_from"]),
        "validTo": ("valueDateTime", present["valid_to"]),
        "wordedSince": ("valueDateTime", present["valid_from"] if len(wordings) > 1 else ""),
        "status": ("valueCode", "retired" if present["valid_to"] else "active"),
        "source": ("valueString", present["source"]),
    }
    concept["property"] = [{"code": code, key: value} for code, (key, value) in values.items() if value]
    return concept


def _former(row: _Row) -> Json:
    return {
        "use": {"system": f"{BASE}/CodeSystem/designation-use", "code": "former-wording"},
        "value": row["display"],
    }


def _mapping(row: _Row) -> Json:
    target = {"code": row["target_code"]}
    if row.get("target_display"):
        target["display"] = row["target_display"]
    target["equivalence"] = row["equivalence"]
    return {"code": row["source_code"], "display": row["source_display"], "target": [target]}


def _head(kind: str, name: str, title: str, description: str) -> Json:
    head: Json = {
        "resourceType": kind,
        "id": name,
        "url": f"{BASE}/{kind}/{name}",
        "version": _VERSION,
        "name": _computable(name),
        "title": title,
        "status": "active",
        "experimental": False,
        "date": _PUBLISHED,
        "publisher": "single-child-record",
        "description": description or f"{title}.",
    }
    return head


def _id(name: str) -> str:
    return name.replace("_", "-")


def _computable(text: str) -> str:
    """A name that a program can use: letters and digits only, a capital first."""
    words = "".join(each if each.isalnum() else " " for each in text).split()
    return "".join(word[0].upper() + word[1:] for word in words)
