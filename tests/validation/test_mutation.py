import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest

from server.definition.library import library
from server.fhir import Json
from server.fhir.issue import Issue
from server.terminology.codes import codes
from server.validation.validate import validate

Place = tuple[str | int, ...]


def _places(node: Any, at: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every value of a resource with the way to it."""
    if at:
        yield at, node
    for step, child in (
        node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    ):
        yield from _places(child, (*at, step))


def _path(type: str, at: Place) -> str:
    """The way as a FHIRPath, save that a choice keeps the name that it has in JSON."""
    return type + "".join(
        f"[{step}]" if isinstance(step, int) else f".{step.removeprefix('_')}" for step in at
    )


def _normal(expression: str) -> str:
    """`value.ofType(Quantity)` as `valueQuantity`."""
    return re.sub(r"\.ofType\((\w)(\w*)\)", lambda found: found[1].upper() + found[2], expression)


def _at(resource: Json, at: Place) -> Any:
    node: Any = resource
    for step in at:
        node = node[step]
    return node


def _broken(resource: Json, at: Place, value: Any) -> Json:
    copy = deepcopy(resource)
    _at(copy, at[:-1])[at[-1]] = value
    return copy


def _new(broken: Json, example: Json) -> list[Issue]:
    """What is wrong since it was broken; a rule that is broken with it (an invariant) is no news."""
    before = {issue.expression for issue in validate(example)}
    return [
        issue for issue in validate(broken) if issue.code != "invariant" and issue.expression not in before
    ]


def _expressions(resource: Json) -> list[str]:
    return [_normal(path) for issue in validate(resource) for path in issue.expression]


def _of_another_type(value: Any) -> Any:
    match value:
        case bool():
            return "true"
        case str():
            return {"unexpected": True}
        case dict():
            return "a string"
        case list():
            return value[0]
    return "a string"


def _null_is_fine(resource: Json, at: Place) -> bool:
    """In an array of primitives, null says nothing beside an array that says something at that place."""
    if len(at) < 2 or not isinstance(at[-1], int):
        return False
    name = str(at[-2])
    beside = _at(resource, at[:-2]).get(name[1:] if name.startswith("_") else f"_{name}", [])
    return len(beside) > at[-1] and beside[at[-1]] is not None


@pytest.mark.parametrize(
    "instead",
    [lambda _: None, lambda _: [], lambda _: {}, _of_another_type],
    ids=["null", "empty array", "empty object", "another type"],
)
def test_a_value_of_the_wrong_kind_is_refused_where_it_stands(
    example: Json, instead: Callable[[Any], Any]
) -> None:
    missed = []
    for at, value in _places(example):
        if at[-1] == "resourceType" or (instead(value) is None and _null_is_fine(example, at)):
            continue
        path = _path(example["resourceType"], at)
        found = _expressions(_broken(example, at, instead(value)))
        if path not in found:
            missed.append((path, found))
    assert not missed


def test_an_unknown_element_is_refused_in_every_object(example: Json) -> None:
    for at, value in [((), example), *_places(example)]:
        if isinstance(value, dict):
            broken = deepcopy(example)
            _at(broken, at)["unknownElement"] = "x"
            issues = _new(broken, example)
            assert [_normal(issue.expression[0]) for issue in issues] == [
                f"{_path(example['resourceType'], at)}.unknownElement"
            ]
            assert issues[0].code == "structure"


def test_a_required_element_that_is_missing_is_named(example: Json) -> None:
    definition = library().definition(example["resourceType"])
    assert definition is not None
    for element in definition["snapshot"]["element"]:
        _, *rest = element["path"].split(".")
        if len(rest) != 1 or element["min"] == 0:
            continue
        word = rest[0].removesuffix("[x]")
        typed = word != rest[0]
        broken = {
            key: value
            for key, value in example.items()
            if not (key.removeprefix("_") == word or (typed and re.match(f"_?{word}[A-Z]", key)))
        }
        issues = _new(broken, example)
        assert [(issue.code, issue.expression) for issue in issues] == [
            ("required", (f"{example['resourceType']}.{word}",))
        ]


def test_a_word_that_is_no_code_is_refused_where_codes_are_bound(example: Json) -> None:
    definition = library().definition(example["resourceType"])
    assert definition is not None
    for element in definition["snapshot"]["element"]:
        _, *rest = element["path"].split(".")
        binding = element.get("binding", {})
        if len(rest) != 1 or binding.get("strength") != "required" or element["type"][0]["code"] != "code":
            continue
        if rest[0] not in example or codes(binding["valueSet"]) is None:
            continue
        many = isinstance(example[rest[0]], list)
        issues = _new({**example, rest[0]: ["no-such-code"] if many else "no-such-code"}, example)
        where = f"{element['path']}[0]" if many else element["path"]
        assert [(issue.code, issue.expression) for issue in issues] == [("code-invalid", (where,))]
        assert "'no-such-code'" in issues[0].diagnostics


def test_everything_that_is_wrong_is_said_at_once(patient: Json) -> None:
    patient["gender"] = "unknowable"
    patient["birthDate"] = "2011-02-30"
    patient["active"] = "yes"
    patient["nickname"] = "Jim"
    patient["name"][0]["given"] = []
    patient["contact"][0]["period"]["start"] = "yesterday"
    assert [(issue.code, issue.expression[0]) for issue in validate(patient)] == [
        ("structure", "Patient.active"),
        ("structure", "Patient.name[0].given"),
        ("code-invalid", "Patient.gender"),
        ("value", "Patient.birthDate"),
        ("value", "Patient.contact[0].period.start"),
        ("structure", "Patient.nickname"),
    ]
