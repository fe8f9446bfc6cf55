"""Reduces HL7's package of R4 to what the program reads, in one archive that is committed.

The package is an NPM tarball: https://confluence.hl7.org/display/FHIR/NPM+Package+Specification
"""

import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from server.definition.archive import INDEX, Index, decode
from server.fhir import Json

_TYPES = frozenset(
    {
        "CodeSystem",
        "CompartmentDefinition",
        "ConceptMap",
        "NamingSystem",
        "OperationDefinition",
        "SearchParameter",
        "StructureDefinition",
        "ValueSet",
    }
)
# Prose and provenance of the publication: nothing that validation, search or terminology decides by.
_PROSE = frozenset(
    {
        "contact",
        "copyright",
        "date",
        "description",
        "_description",
        "extension",
        "identifier",
        "jurisdiction",
        "language",
        "mapping",
        "meta",
        "publisher",
        "purpose",
        "text",
        "useContext",
        "xpath",
        "xpathUsage",
    }
)
_ELEMENT_PROSE = frozenset(
    {
        "alias",
        "comment",
        "definition",
        "example",
        "isModifierReason",
        "mapping",
        "meaningWhenMissing",
        "orderMeaning",
        "requirements",
    }
)
_CONSTRAINT = frozenset({"key", "severity", "human", "expression"})
_CONCEPT = frozenset({"code", "display", "property", "concept"})
_MAX_VALUE_SET = "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet"
_JSON = msgspec.json.Encoder(decimal_format="number")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can say: no build differs from another by its hour


def build(package: Path, target: Path) -> int:
    """Writes the archive of `package` (the tarball, or the folder it was extracted to); counts its resources.

    The same package gives the same bytes.
    """
    resources = sorted(map(reduced, _definitions(package)), key=_name)
    members = [(_name(resource), _JSON.encode(resource)) for resource in resources]
    index = _index(resources, members)
    draft = target.with_suffix(".part")
    with zipfile.ZipFile(draft, "w") as archive:
        for name, body in [(INDEX, _JSON.encode(index)), *members]:
            archive.writestr(_entry(name), body, compresslevel=9)
    draft.replace(target)
    return len(members)


def reduced(resource: Json) -> Json:
    """A definition without what the program never reads."""
    kept = {key: value for key, value in resource.items() if key not in _PROSE}
    match kept["resourceType"]:
        case "StructureDefinition" if "snapshot" in kept:
            kept.pop("differential", None)
            kept["snapshot"] = {"element": [_element(each) for each in kept["snapshot"]["element"]]}
        case "CodeSystem" if "concept" in kept:
            kept["concept"] = [_concept(each) for each in kept["concept"]]
        case "OperationDefinition":
            kept.pop("comment", None)
    return kept


def _element(element: Json) -> Json:
    kept = {key: value for key, value in element.items() if key not in _ELEMENT_PROSE}
    # Absent means "defined here" and "false": nine elements in ten say no more than that.
    if kept.get("base") == {key: element[key] for key in ("path", "min", "max")}:
        del kept["base"]
    for flag in ("isModifier", "isSummary", "mustSupport"):
        if kept.get(flag) is False:
            del kept[flag]
    if "constraint" in kept:
        kept["constraint"] = [_only(each, _CONSTRAINT) for each in kept["constraint"]]
    if "binding" in kept:
        kept["binding"] = _binding(kept["binding"])
    return kept


def _binding(binding: Json) -> Json:
    kept = _only(binding, frozenset({"strength", "valueSet"}))
    widest = [each for each in binding.get("extension", ()) if each["url"] == _MAX_VALUE_SET]
    return {"extension": widest, **kept} if widest else kept


def _concept(concept: Json) -> Json:
    kept = _only(concept, _CONCEPT)
    if "concept" in kept:
        kept["concept"] = [_concept(each) for each in kept["concept"]]
    return kept


def _only(value: Json, keys: frozenset[str]) -> Json:
    return {key: each for key, each in value.items() if key in keys}


def _definitions(package: Path) -> Iterator[Json]:
    for text in _files(package):
        resource = decode(text)
        if resource.get("resourceType") in _TYPES:
            yield resource


def _files(package: Path) -> Iterator[bytes]:
    if package.is_dir():
        yield from (path.read_bytes() for path in package.glob("*.json"))
        return
    with tarfile.open(package) as tarball:
        for member in tarball:
            folder, _, name = member.name.partition("/")
            if folder == "package" and name.endswith(".json") and "/" not in name:
                content = tarball.extractfile(member)
                assert content is not None
                yield content.read()


def _name(resource: Json) -> str:
    return f"{resource['resourceType']}/{resource['id']}.json"


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    entry.create_system = 3  # Unix, wherever it is built
    return entry


def _index(resources: list[Json], members: list[tuple[str, bytes]]) -> Index:
    places: dict[str, dict[str, tuple[int, int]]] = {}
    offset = 0
    for resource, (name, body) in zip(resources, members, strict=True):
        offset += 30 + len(name.encode())  # the local header of a zip's member
        size = _deflated(body)
        url = resource.get("url") or f"{resource['resourceType']}/{resource['id']}"
        places.setdefault(resource["resourceType"], {})[url] = (offset, size)
        offset += size
    return {"types": _resource_types(resources), "places": places, "search": _search(resources)}


def _deflated(body: bytes) -> int:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return len(compressor.compress(body)) + len(compressor.flush())


def _resource_types(resources: Iterable[Json]) -> list[str]:
    """Those of which there can be instances, in the order that their numbers are given by."""
    return sorted(
        each["type"]
        for each in resources
        if each["resourceType"] == "StructureDefinition"
        and each["kind"] == "resource"
        and each.get("derivation") == "specialization"
        and not each["abstract"]
    )


def _search(resources: Iterable[Json]) -> dict[str, list[str]]:
    """The search parameters of each type, by canonical; the specification's own examples are none."""
    found: dict[str, list[str]] = {}
    for each in resources:
        if each["resourceType"] == "SearchParameter" and not each["id"].startswith("example"):
            for base in each.get("base", ()):
                found.setdefault(base, []).append(each["url"])
    return dict(sorted(found.items()))
