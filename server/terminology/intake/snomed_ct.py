"""SNOMED CT as its release files: the international edition, with extensions such as the United Kingdom's.

Release Format 2, of which the snapshot is read: https://confluence.ihtsdotools.org/display/DOCRELFMT
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from server.terminology.implicit import SNOMED_CT
from server.terminology.intake.release import MEMBER, Declared, Group, Progress, Release, Unreadable
from server.terminology.intake.source import Row, Source, named, tab_separated
from server.terminology.provider import Concept, Designation, Property

_CONCEPTS = r"x?sct2_Concept_.*Snapshot.*\.txt"
_DESCRIPTIONS = r"x?sct2_(Description|TextDefinition)_.*Snapshot.*\.txt"
_RELATIONSHIPS = r"x?sct2_Relationship_.*Snapshot.*\.txt"
_VALUES = r"x?sct2_RelationshipConcreteValues_.*Snapshot.*\.txt"
_LANGUAGES = r"x?der2_cRefset_.*Language.*Snapshot.*\.txt"
_SETS = r"x?der2_\w*Refset_\w*Simple\w*Snapshot.*\.txt"

_IS_A = "116680003"
_INFERRED = "900000000000011006"
_FULLY_SPECIFIED, _SYNONYM, _DEFINITION = "900000000000003001", "900000000000013009", "900000000000550004"
_PREFERRED, _DEFINED = "900000000000548007", "900000000000073002"

# Whose preferred term is shown: of the United Kingdom (clinical, drugs), Great Britain, the United States.
_DIALECTS = {
    "999001261000000100": 0,
    "999000671000001103": 1,
    "900000000000508004": 2,
    "900000000000509007": 3,
}
# An edition is named for its module; one of the United Kingdom has concepts of its own modules.
_INTERNATIONAL, _UNITED_KINGDOM = "900000000000207008", "83821000000107"
_UNITED_KINGDOM_MODULES = frozenset(
    {"999000011000000103", "999000011000001104", "999000021000000109", "999000021000001108"}
)
_USES: Mapping[str, str] = {_FULLY_SPECIFIED: "Fully specified name", _SYNONYM: "Synonym"}


def is_release(files: Sequence[Source]) -> bool:
    """Whether there are files of SNOMED CT among them."""
    return bool(named(files, _CONCEPTS))


@dataclass(slots=True)
class _Head:
    """What the file of concepts says of one."""

    effective: str
    active: bool
    defined: bool
    module: str


@dataclass(slots=True)
class _Terms:
    """What a concept is called. `preferred`: the place of the dialect in our order, and the term."""

    preferred: tuple[int, str] | None = None
    full: str | None = None
    definition: str | None = None
    synonyms: list[tuple[str, str]] = field(default_factory=list)


def read(files: Sequence[Source], progress: Progress, version: str | None = None) -> Release:
    """The release.

    Raises:
        Unreadable: a file is missing, or not what its name says.
    """
    heads = _heads(_needed(files, _CONCEPTS, "concepts"), progress)
    terms = _terms(
        _needed(files, _DESCRIPTIONS, "descriptions"),
        _preferred(named(files, _LANGUAGES), progress),
        progress,
    )
    parents: dict[str, list[str]] = {code: [] for code in heads}
    said = _relationships(_needed(files, _RELATIONSHIPS, "relationships"), heads, parents, progress)
    for code, property in _concrete(named(files, _VALUES), progress):
        said[code].append(property)

    def concept(code: str) -> Concept:
        return _concept(code, heads[code], terms.get(code, _NO_TERMS), said.get(code, ()))

    return Release(
        url=SNOMED_CT,
        version=version or _version(heads.values()),
        title="SNOMED CT",
        parents=parents,
        concept=concept,
        properties=_properties(said, terms),
        groups=_sets(named(files, _SETS), progress),
    )


_NO_TERMS = _Terms()


def _needed(files: Sequence[Source], pattern: str, what: str) -> list[Source]:
    found = named(files, pattern)
    if not found:
        raise Unreadable(f"The release has no snapshot of its {what}: name its archive, or its whole folder.")
    return found


def _rows(files: Iterable[Source], columns: Sequence[str], what: str, progress: Progress) -> Iterator[Row]:
    """The rows of all the files, with `active` first among the columns that they must have."""
    done = 0
    for file in files:
        for row in tab_separated(file, ("active", *columns)):
            done += 1
            if done % 50_000 == 0:
                progress(what, done, None)
            yield row
    progress(what, done, done)


def _heads(files: Sequence[Source], progress: Progress) -> Mapping[str, _Head]:
    heads: dict[str, _Head] = {}
    columns = ("id", "effectiveTime", "moduleId", "definitionStatusId")
    for row in _rows(files, columns, "Reading concepts", progress):
        before = heads.get(row["id"])
        # Packages may each have a version of it: the latest is right.
        if before is None or before.effective < row["effectiveTime"]:
            defined = row["definitionStatusId"] == _DEFINED
            heads[row["id"]] = _Head(row["effectiveTime"], row["active"] == "1", defined, row["moduleId"])
    return heads


def _preferred(files: Sequence[Source], progress: Progress) -> Mapping[str, int]:
    """The descriptions that are preferred, each with the place of the dialect."""
    found: dict[str, int] = {}
    columns = ("refsetId", "referencedComponentId", "acceptabilityId")
    for row in _rows(files, columns, "Reading languages", progress):
        if row["active"] == "1" and row["acceptabilityId"] == _PREFERRED:
            place = _DIALECTS.get(row["refsetId"], len(_DIALECTS))
            found[row["referencedComponentId"]] = min(place, found.get(row["referencedComponentId"], place))
    return found


def _terms(files: Sequence[Source], preferred: Mapping[str, int], progress: Progress) -> Mapping[str, _Terms]:
    terms: defaultdict[str, _Terms] = defaultdict(_Terms)
    columns = ("id", "conceptId", "languageCode", "typeId", "term")
    for row in _rows(files, columns, "Reading descriptions", progress):
        if row["active"] != "1":
            continue
        own = terms[row["conceptId"]]
        if row["typeId"] == _FULLY_SPECIFIED:
            own.full = row["term"]
        elif row["typeId"] == _DEFINITION:
            own.definition = row["term"]
        else:
            own.synonyms.append((row["languageCode"], row["term"]))
            place = preferred.get(row["id"])
            if place is not None and (own.preferred is None or place < own.preferred[0]):
                own.preferred = (place, row["term"])
    return terms


def _relationships(
    files: Sequence[Source], heads: Mapping[str, _Head], parents: Mapping[str, list[str]], progress: Progress
) -> defaultdict[str, list[Property]]:
    """The attributes of each concept; those right above it go to `parents`."""
    said: defaultdict[str, list[Property]] = defaultdict(list)
    columns = ("sourceId", "destinationId", "typeId", "characteristicTypeId")
    for row in _rows(files, columns, "Reading relationships", progress):
        source = row["sourceId"]
        if row["active"] != "1" or row["characteristicTypeId"] != _INFERRED:
            continue
        if source not in heads:
            raise Unreadable(
                f"A relationship begins at '{source}', which is not among the concepts. An extension has to "
                "be loaded together with what it extends: name the files of both."
            )
        if row["typeId"] == _IS_A:
            parents[source].append(row["destinationId"])
        else:
            said[source].append(Property(row["typeId"], row["destinationId"], "code"))
    return said


def _concrete(files: Sequence[Source], progress: Progress) -> Iterator[tuple[str, Property]]:
    for row in _rows(files, ("sourceId", "value", "typeId"), "Reading values", progress) if files else ():
        if row["active"] == "1":
            yield row["sourceId"], _value(row["typeId"], row["value"])


def _value(type: str, written: str) -> Property:
    """`#5` is a number, `"5"` a text."""
    if written.startswith("#"):
        return Property(type, Decimal(written[1:]), "decimal")
    return Property(type, written.strip('"'), "string")


def _sets(files: Sequence[Source], progress: Progress) -> Mapping[Group, Iterable[str]]:
    found: defaultdict[Group, list[str]] = defaultdict(list)
    columns = ("refsetId", "referencedComponentId")
    for row in _rows(files, columns, "Reading reference sets", progress) if files else ():
        if row["active"] == "1":
            found[MEMBER, row["refsetId"]].append(row["referencedComponentId"])
    return found


def _version(heads: Iterable[_Head]) -> str:
    """https://hl7.org/fhir/R4/snomedct.html#versions"""
    known = list(heads)
    own = any(head.module in _UNITED_KINGDOM_MODULES for head in known)
    latest = max((head.effective for head in known), default="00000000")
    return f"{SNOMED_CT}/{_UNITED_KINGDOM if own else _INTERNATIONAL}/version/{latest}"


def _properties(said: Mapping[str, Sequence[Property]], terms: Mapping[str, _Terms]) -> tuple[Declared, ...]:
    types = {each.code: each.type for properties in said.values() for each in properties}
    attributes = (
        Declared(code, type, terms.get(code, _NO_TERMS).full or "An attribute.")
        for code, type in sorted(types.items())
    )
    return (
        Declared(
            "effectiveTime", "string", "When this version of the concept came into force.", grouped=False
        ),
        Declared("moduleId", "code", "The module that the concept belongs to."),
        Declared("sufficientlyDefined", "boolean", "Whether its attributes are enough to tell it."),
        *attributes,
    )


def _concept(code: str, head: _Head, terms: _Terms, said: Sequence[Property]) -> Concept:
    display = _display(terms)
    designations = [
        Designation(term, language, _use(_SYNONYM)) for language, term in terms.synonyms if term != display
    ]
    if terms.full is not None:
        designations.insert(0, Designation(terms.full, "en", _use(_FULLY_SPECIFIED)))
    return Concept(
        code=code,
        display=display,
        definition=terms.definition,
        designations=tuple(designations),
        properties=(
            Property("effectiveTime", head.effective, "string"),
            Property("moduleId", head.module, "code"),
            Property("sufficientlyDefined", head.defined, "boolean"),
            *said,
        ),
        inactive=not head.active,
    )


def _display(terms: _Terms) -> str | None:
    if terms.preferred is not None:
        return terms.preferred[1]
    return terms.synonyms[0][1] if terms.synonyms else terms.full


def _use(type: str) -> dict[str, str]:
    return {"system": SNOMED_CT, "code": type, "display": _USES[type]}
