"""Every statutory rule that data is held against, as a table to be read: `docs/statutory-rules.md`."""

from collections.abc import Iterator
from dataclasses import dataclass

from server.child.kind import rules as selections
from server.child.statute import Source, Statute, link, statutes, title
from server.definition.library import library
from server.fhir import Json

SOURCE = "https://w3id.org/single-child-record/StructureDefinition/statutory-source"

_HEAD = """# Statutory rules

What the statutory returns and the law ask of the data, held when it is written. `childrecord rules document`
makes this page out of `profiles/`.

An *error* refuses the write, or marks it where the agency's policy says so ([access.md](access.md)). A
*warning* is told by `$validate` and by `childrecord rules check`: it is for what may still come, or what time
makes wrong.

A rule of one resource is an invariant of its profile, in `profiles/structuredefinition/`. A rule *across*
resources is a file in `profiles/rule/`, and is held against the other resources of the same child that the
writer may see. One *in time* is such a file too, and speaks only when its day has passed. Working days and
school days are weekdays that are no bank holidays; a day that the register marks as closed (#) is no school
day.

Each rule has an example that keeps it in `profiles/example/rule/`, and one that breaks it in
`profiles/example/invalid/rule/`; the tests hold both against it.
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One rule of one profile."""

    profile: str
    key: str
    severity: str
    human: str
    source: Source
    across: bool
    in_time: bool = False


def entries() -> list[Entry]:
    """All of them, by profile, those of one resource first."""
    return [entry for each in selections() for entry in _of(each.profile)]


def page() -> str:
    """The page of documentation."""
    found = entries()
    by_profile: dict[str, list[Entry]] = {}
    for entry in found:
        by_profile.setdefault(entry.profile, []).append(entry)
    sections = [_section(profile, rows) for profile, rows in by_profile.items()]
    across = sum(entry.across for entry in found)
    count = (
        f"There are {len(found)} rules: {len(found) - across} of one resource, {across} across resources.\n"
    )
    return "\n".join([_HEAD, count, *sections, _publications(found)])


def _of(profile: str) -> Iterator[Entry]:
    definition = library().definition(profile)
    assert definition is not None
    for constraint in definition["differential"]["element"][0].get("constraint", ()):
        for extension in constraint.get("extension", ()):
            if extension["url"] == SOURCE:
                yield _invariant(profile, constraint, extension)
    yield from (_statute(each) for each in statutes() if each.profile == profile)


def _invariant(profile: str, constraint: Json, extension: Json) -> Entry:
    parts = {each["url"]: each for each in extension["extension"]}
    source = Source(parts["publication"]["valueCoding"]["code"], parts["rule"]["valueString"])
    return Entry(
        profile, constraint["key"], constraint["severity"], constraint["human"], source, across=False
    )


def _statute(statute: Statute) -> Entry:
    return Entry(
        statute.profile,
        statute.key,
        statute.severity,
        statute.human,
        statute.source,
        across=bool(statute.others),
        in_time=statute.due is not None,
    )


def _section(profile: str, rows: list[Entry]) -> str:
    lines = [f"## {profile.rpartition('/')[2]}\n", "| rule | | holds | source |", "|---|---|---|---|"]
    lines += [f"| `{each.key}` | {_kind(each)} | {each.human} | {_cell(each.source)} |" for each in rows]
    return "\n".join([*lines, ""])


def _kind(entry: Entry) -> str:
    told = [entry.severity]
    if entry.across:
        told.append("across")
    if entry.in_time:
        told.append("in time")
    return ", ".join(told)


def _cell(source: Source) -> str:
    return f"[{source.publication}]({link(source)}) {source.rule}"


def _publications(found: list[Entry]) -> str:
    named = sorted({entry.source.publication for entry in found})
    lines = [f"- `{each}`: [{title(Source(each, ''))}]({link(Source(each, ''))})" for each in named]
    return "\n".join(["## Publications\n", *lines, ""])
