"""Definitions that a test adds to those that ship."""

from collections.abc import Iterator
from contextlib import contextmanager

from server.definition import loose

B = "https://example.org/"


@contextmanager
def added(*definitions: dict) -> Iterator[None]:
    """The definitions are in force as if an administrator had posted them."""
    loose.hold(loose.library_with(definitions))
    try:
        yield
    finally:
        loose.hold(None)


def code_system(name: str, *concepts: dict, **more: object) -> dict:
    return {
        "resourceType": "CodeSystem",
        "id": name,
        "url": f"{B}CodeSystem/{name}",
        "status": "active",
        "content": "complete",
        "concept": list(concepts),
        **more,
    }


def value_set(name: str, *include: dict, exclude: list[dict] | None = None, **more: object) -> dict:
    compose: dict = {"include": list(include)} | ({"exclude": exclude} if exclude else {})
    return {
        "resourceType": "ValueSet",
        "id": name,
        "url": f"{B}ValueSet/{name}",
        "status": "active",
        "compose": compose,
        **more,
    }


def concept(code: str, *children: dict, **more: object) -> dict:
    properties = [{"code": name, **_value(value)} for name, value in more.pop("has", {}).items()]  # type: ignore
    return {
        "code": code,
        "display": f"Display of {code}",
        **more,
        **({"property": properties} if properties else {}),
        **({"concept": list(children)} if children else {}),
    }


def _value(value: object) -> dict:
    match value:
        case bool():
            return {"valueBoolean": value}
        case int():
            return {"valueInteger": value}
        case str() if value[:4].isdigit():
            return {"valueDateTime": value}
    return {"valueCode": value}


ANIMALS = code_system(
    "animals",
    concept(
        "animal",
        concept(
            "mammal",
            concept("dog", has={"legs": 4, "home": "house"}, designation=[
                {"language": "de", "value": "Hund"},
                {"language": "fr", "use": {"system": f"{B}use", "code": "pet"}, "value": "Chien"},
            ]),
            concept("cat", has={"legs": 4, "home": "house"}),
            concept("whale", has={"home": "sea"}),
        ),
        concept("bird", concept("penguin", has={"legs": 2, "home": "sea"}), has={"legs": 2}),
        concept("dodo", has={"status": "retired", "validTo": "1662"}),
        has={"notSelectable": True},
    ),
    concept("robot", has={"validFrom": "1921-01-25"}),
    version="2",
    title="Animals",
    hierarchyMeaning="is-a",
    valueSet=f"{B}ValueSet/every-animal",
    property=[
        {"code": "legs", "type": "integer"},
        {"code": "home", "type": "code", "description": "Where it is."},
    ],
)  # fmt: skip
PLANTS = code_system("plants", concept("oak"), concept("rose"))
PART = code_system("part", concept("known"), content="fragment")
SUPPLEMENT = code_system(
    "animals-welsh",
    {"code": "cat", "designation": [{"language": "cy", "value": "Cath"}]},
    content="supplement",
    supplements=ANIMALS["url"],
)
