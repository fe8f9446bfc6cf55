"""The cases of FHIR's own validator (tests/data/ORIGIN.md), and what it says of each."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from server.definition.library import Library
from server.definition.loose import library_with
from server.fhir import Json
from server.fhir.reference import parse
from server.validation.document import read

FOLDER = Path(__file__).parents[2] / "data" / "validator-cases"


@dataclass(frozen=True)
class Case:
    """One question: is the resource in `file` valid, with or without a profile that is asked for?

    `named`: the elements that the reference validator's errors name. `definitions`: the files of what else
    has to be known. `closed`: whether every extension has to be known. `html`, `examples`: whether
    text like HTML and URLs of examples may pass.
    """

    name: str
    module: str
    file: Path
    definitions: tuple[Path, ...]
    profile: Path | None
    closed: bool
    html: bool
    examples: bool
    valid: bool
    named: tuple[str, ...]
    says: tuple[str, ...]

    @property
    def id(self) -> str:
        return f"{self.name} against {self.profile.name}" if self.profile else self.name


def cases() -> tuple[Case, ...]:
    return tuple(case for each in _listed() for case in _cases(each))


def library_of(case: Case) -> Library:
    """The program's own, with the definitions of the case."""
    return library_with(_resource(path) for path in sorted({*case.definitions}))


def filed(reference: str, within: Json) -> Json | None:
    """What a reference leads to: a resource has a file of its id's name, or is not there."""
    named = parse(reference)
    if named.id is None:
        return None
    files = (FOLDER / "files" / f"{named.id}{suffix}" for suffix in (".xml", ".json"))
    found = next((_resource(path) for path in files if path.is_file()), None)
    return found if found and found["resourceType"] == named.type else None


def canonical(path: Path) -> str:
    """The canonical of the definition in a file, with its version: another of that name may be known."""
    definition = _resource(path)
    version = definition.get("version")
    return f"{definition['url']}|{version}" if version else str(definition["url"])


@cache
def _resource(path: Path) -> Json:
    return read(path.read_bytes())


@cache
def _listed() -> list[Any]:
    listed: list[Any] = json.loads((FOLDER / "cases.json").read_text("utf-8"))
    return listed


def _cases(each: Any) -> Iterator[Case]:
    known = tuple(map(_file, (*each.get("supporting", ()), *each.get("profiles", ()))))
    yield _case(each, known, None, each["expected"])
    if "expected_against_profile" in each:
        # What the profile is made of is known only where the profile is asked for.
        profile = each["profile"]
        source, beside = _file(profile["source"]), tuple(map(_file, profile.get("supporting", ())))
        yield _case(each, (*known, *beside, source), source, each["expected_against_profile"])


def _case(each: Any, definitions: tuple[Path, ...], profile: Path | None, expected: Any) -> Case:
    errors = [issue for issue in expected["issues"] if issue["severity"] in ("error", "fatal")]
    return Case(
        name=each["name"],
        module=each["module"],
        file=_file(each["file"]),
        definitions=definitions,
        profile=profile,
        closed="allowed-extension-domain" not in each,
        html=not each.get("security-checks", False),
        examples=each.get("examples", True),
        valid=expected["valid"],
        named=tuple(path for issue in errors for path in issue.get("expression", ())),
        says=tuple(issue["text"] for issue in errors),
    )


def _file(name: str) -> Path:
    return FOLDER / "files" / name
