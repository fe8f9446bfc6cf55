"""Extracts as features: CSV with a mapping, or NDJSON of FHIR resources as `$export` writes it."""

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from server.child.likeness.feature import Features, features
from server.child.linkage.mapping import Mapping, MappingError, Row, child

Json = dict[str, Any]

_PORTION = 2000


class Held(NamedTuple):
    """A record of a source."""

    source: str
    id: str
    features: Features


def is_ndjson(path: Path) -> bool:
    """By its name, as all tools take it."""
    return path.suffix.lower() in {".ndjson", ".jsonl"}


def read(path: Path, mapping: Path | None = None, workers: int = 2) -> list[Held]:
    """Every child of a file; the mapping of `pupils.csv` is `pupils.mapping.json`, unless another is
    given."""
    if is_ndjson(path):
        return _unique(path, _ndjson(path))
    try:
        return _csv(path, Mapping.read(mapping or path.with_suffix(".mapping.json")), workers)
    except UnicodeDecodeError as error:
        raise MappingError(
            f"{path} is not UTF-8: save it as that, from byte {error.start} on it is not."
        ) from error


def _csv(path: Path, told: Mapping, workers: int) -> list[Held]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file, restval="")
        told.check(rows.fieldnames or ())
        first = list(islice(rows, _PORTION))
        told.check_dates(path, first)
        portions = chain([first], iter(lambda: list(islice(rows, _PORTION)), []))
        return _unique(path, _side_by_side(told, portions, workers))


def _side_by_side(mapping: Mapping, portions: Iterable[list[Row]], workers: int) -> Iterator[Held]:
    """Names are folded by several processes: it is most of the reading."""
    with ProcessPoolExecutor(workers) as pool:
        for held in pool.map(partial(_portion, mapping), portions):
            yield from held


def _portion(mapping: Mapping, rows: list[Row]) -> list[Held]:
    return [Held(mapping.source, row[mapping.id].strip(), features(*child(mapping, row))) for row in rows]


def _ndjson(path: Path) -> Iterator[Held]:
    """Patients, with the RelatedPersons and EpisodesOfCare that refer to them, in any order."""
    patients: dict[str, Json] = {}
    related: dict[str, list[Json]] = defaultdict(list)
    registrations: dict[str, list[Json]] = defaultdict(list)
    with path.open("rb") as file:
        for at, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                resource: Json = msgspec.json.decode(line)
            except msgspec.MsgspecError as error:
                raise MappingError(f"Line {at} of {path} is no JSON: {error}") from error
            if not isinstance(resource, dict) or "resourceType" not in resource:
                raise MappingError(f"Line {at} of {path} is no FHIR resource.")
            match resource["resourceType"]:
                case "Patient" if not resource.get("id"):
                    raise MappingError(f"The Patient in line {at} of {path} has no id.")
                case "Patient":
                    patients[resource["id"]] = resource
                case "RelatedPerson":
                    related[_subject(resource)].append(resource)
                case "EpisodeOfCare":
                    registrations[_subject(resource)].append(resource)
    for id, patient in patients.items():
        yield Held(path.stem, id, features(patient, related[id], registrations[id]))


def _subject(resource: Json) -> str:
    reference: str = resource.get("patient", {}).get("reference", "")
    return reference.rpartition("/")[2]


def _unique(path: Path, read: Iterable[Held]) -> list[Held]:
    held = list(read)
    if len({record.id for record in held}) < len(held):
        raise MappingError(f"Several rows of {path} have the same id.")
    return held
