"""A classification in ClaML, as the World Health Organization publishes ICD-10.

ISO 13120; https://www.who.int/classifications/icd (the files themselves are licensed)
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from server.terminology.intake.markup import Element, all_text, elements, root
from server.terminology.intake.release import Declared, Progress, Release, Unreadable
from server.terminology.intake.source import Source, named
from server.terminology.provider import Concept, Designation, Property

ICD_10 = "http://hl7.org/fhir/sid/icd-10"


@dataclass(slots=True)
class _Class:
    """A chapter, block or category; or one of the subdivisions that a modifier makes."""

    code: str
    kind: str
    parents: tuple[str, ...]
    rubrics: Mapping[str, Sequence[str]]
    modified_by: Sequence["_Modified"] = ()
    not_modified_by: frozenset[str] = frozenset()
    has_children: bool = False

    @property
    def display(self) -> str:
        return next(
            (each for kind in ("preferredLong", "preferred") for each in self.rubrics.get(kind, ())), ""
        )


@dataclass(frozen=True, slots=True)
class _Modified:
    """`only`: the subdivisions that are allowed; none: all."""

    modifier: str
    only: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Found:
    title: str = ""
    version: str = ""
    classes: dict[str, _Class] = field(default_factory=dict)
    subdivisions: dict[str, list[_Class]] = field(default_factory=dict)


def is_release(files: Sequence[Source]) -> bool:
    """Whether there is a ClaML file among them."""
    return any(root(each) == "ClaML" for each in named(files, r".*\.(xml|claml)"))


def read(files: Sequence[Source], progress: Progress, version: str | None = None) -> Release:
    """The classification.

    Raises:
        Unreadable: it is not one file of classes.
    """
    found = _found(_one(files), progress)
    for each in tuple(found.classes.values()):
        for parent in each.parents:
            if parent in found.classes:
                found.classes[parent].has_children = True
    total = dict(found.classes)
    for each in found.classes.values():
        total.update((one.code, one) for one in _subdivided(each, found))
    return Release(
        url=ICD_10,
        version=version or found.version,
        title=found.title or "ICD-10",
        parents={code: each.parents for code, each in total.items()},
        concept=lambda code: _concept(total[code]),
        properties=(Declared("kind", "code", "chapter, block, category, or subdivision."),),
    )


def _one(files: Sequence[Source]) -> Source:
    found = [each for each in named(files, r".*\.(xml|claml)") if root(each) == "ClaML"]
    if len(found) != 1:
        names = ", ".join(f"'{each.name}'" for each in found)
        raise Unreadable(f"One classification is loaded at a time; these are {len(found)}: {names}.")
    return found[0]


def _found(source: Source, progress: Progress) -> _Found:
    found = _Found()
    for element in elements(source, "Title", "Class", "ModifierClass"):
        match element.tag:
            case "Title":
                found.title = all_text(element) or element.get("name", "")
                found.version = element.get("version", "")
            case "Class":
                one = _class(element, element.get("kind", ""))
                found.classes[one.code] = one
                if len(found.classes) % 1000 == 0:
                    progress("Reading classes", len(found.classes), None)
            case _:
                modifier = element.get("modifier", "")
                found.subdivisions.setdefault(modifier, []).append(_class(element, "subdivision"))
    progress("Reading classes", len(found.classes), len(found.classes))
    return found


def _class(element: Element, kind: str) -> _Class:
    rubrics: dict[str, list[str]] = {}
    for rubric in element.iterfind("Rubric"):
        labels = (all_text(label) for label in rubric.iterfind("Label"))
        rubrics.setdefault(rubric.get("kind", ""), []).extend(label for label in labels if label)
    return _Class(
        code=element.get("code", ""),
        kind=kind,
        parents=tuple(each.get("code", "") for each in element.iterfind("SuperClass")),
        rubrics=rubrics,
        modified_by=[_modified(each) for each in element.iterfind("ModifiedBy")],
        not_modified_by=frozenset(each.get("code", "") for each in element.iterfind("ExcludeModifier")),
    )


def _modified(element: Element) -> _Modified:
    if element.get("all", "true") == "true":
        return _Modified(element.get("code", ""))
    only = frozenset(each.get("code", "") for each in element.iterfind("ValidModifierClass"))
    return _Modified(element.get("code", ""), only)


def _subdivided(each: _Class, found: _Found) -> Iterator[_Class]:
    """What the modifiers of a category without subcategories make of it, one modifier after another."""
    if each.kind != "category" or each.has_children:
        return
    level = [each]
    for modified in _inherited(each, found):
        subdivisions = found.subdivisions.get(modified.modifier, ())
        level = [
            _combined(above, one)
            for above in level
            for one in subdivisions
            if not modified.only or one.code in modified.only
        ]
        yield from level


def _inherited(each: _Class, found: _Found) -> list[_Modified]:
    """The modifiers of the class and of what it stands under, the nearest first."""
    total: dict[str, _Modified] = {}
    excluded: set[str] = set()
    todo: list[str] = [each.code]
    seen: set[str] = set()
    while todo:
        code = todo.pop(0)
        if code in seen or code not in found.classes:
            continue
        seen.add(code)
        one = found.classes[code]
        excluded |= one.not_modified_by
        for modified in one.modified_by:
            if modified.modifier not in excluded:
                total.setdefault(modified.modifier, modified)
        todo += one.parents
    return list(total.values())


def _combined(above: _Class, one: _Class) -> _Class:
    code = one.code if one.code.startswith(".") and "." not in above.code else one.code.removeprefix(".")
    display = f"{above.display}: {one.display}"
    return _Class(f"{above.code}{code}", "subdivision", (above.code,), {"preferred": (display,)})


def _concept(each: _Class) -> Concept:
    display = each.display
    others = (label for kind in ("preferred", "inclusion") for label in each.rubrics.get(kind, ()))
    return Concept(
        code=each.code,
        display=display or None,
        definition=next(iter(each.rubrics.get("definition", ())), None),
        designations=tuple(Designation(label) for label in dict.fromkeys(others) if label != display),
        properties=(Property("kind", each.kind, "code"),),
    )
