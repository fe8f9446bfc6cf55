"""The operations of a FHIRPath Patch, as a Parameters resource gives them.

http://hl7.org/fhir/R4/fhirpatch.html
"""

from dataclasses import dataclass, field
from typing import Any

from server.fhir import Json, json
from server.fhir.issue import Malformed
from server.fhir.patch import MOST

_NEEDED: dict[str, tuple[str, ...]] = {
    "add": ("path", "name", "value"),
    "insert": ("path", "index", "value"),
    "delete": ("path",),
    "replace": ("path", "value"),
    "move": ("path", "source", "destination"),
}
_NUMBERS = ("index", "source", "destination")


def steps(patch: Json) -> list["Step"]:
    """The operations in their order.

    Raises:
        Malformed: what is given is no patch.
    """
    parameters = patch.get("parameter", [])
    if not isinstance(parameters, list) or len(parameters) > MOST:
        raise Malformed(f"The patch must be a list of at most {MOST} operations.", expression="Parameters")
    return [_step(at, each) for at, each in enumerate(parameters)]


@dataclass(frozen=True, slots=True)
class Given:
    """The `value` of an operation: a value with the data type that its name says, what stands beside it (of a
    primitive), a resource, or parts that each are an element."""

    type: str = ""
    value: Any = None
    side: Any = None
    parts: tuple[tuple[str, "Given"], ...] = ()
    resource: Json | None = None


@dataclass(slots=True)
class Step:
    """One operation; what its type has no use for is left as it is here."""

    type: str
    path: str
    name: str = ""
    value: Given = field(default_factory=Given)
    index: int = 0
    source: int = 0
    destination: int = 0


def at_parameter(at: int) -> str:
    """The path of an operation."""
    return f"Parameters.parameter[{at}]"


def _malformed(at: int, told: str) -> Malformed:
    return Malformed(told, expression=at_parameter(at))


def _step(at: int, parameter: Any) -> Step:
    if not isinstance(parameter, dict) or parameter.get("name") != "operation":
        raise _malformed(at, "Each parameter of a patch is named 'operation'.")
    parts = _parts(at, parameter)
    type_ = _text(at, parts, "type")
    if type_ not in _NEEDED:
        raise _malformed(at, f"The type of an operation is one of {', '.join(_NEEDED)}.")
    for name in _NEEDED[type_]:
        if name not in parts:
            raise _malformed(at, f"The operation '{type_}' must have a part '{name}'.")
    step = Step(type_, _text(at, parts, "path"))
    if "name" in _NEEDED[type_]:
        step.name = _text(at, parts, "name").removesuffix("[x]")
    if "value" in _NEEDED[type_]:
        step.value = _given(at, parts["value"])
    for name in _NUMBERS:
        if name in _NEEDED[type_]:
            setattr(step, name, _number(at, parts, name))
    return step


def _parts(at: int, parameter: Json) -> dict[str, Json]:
    """The parts of a parameter by name, each of which is there once."""
    found: dict[str, Json] = {}
    listed: Any = parameter.get("part", [])
    for each in listed if isinstance(listed, list) else ():
        name = each.get("name") if isinstance(each, dict) else None
        if not isinstance(name, str) or name in found:
            raise _malformed(at, "Each part of an operation has a name, and no two the same.")
        found[name] = each
    return found


def _text(at: int, parts: dict[str, Json], name: str) -> str:
    value = _given(at, parts[name]).value if name in parts else None
    if not isinstance(value, str):
        raise _malformed(at, f"The part '{name}' of an operation must be a string.")
    return value


def _number(at: int, parts: dict[str, Json], name: str) -> int:
    value = _given(at, parts[name]).value
    if type(value) is not int or value < 0:
        raise _malformed(at, f"The part '{name}' of an operation must be a number from 0 up.")
    return value


def _given(at: int, part: Json) -> Given:
    keys: set[str] = {key.removeprefix("_") for key in part} - {"name", "id", "extension"}
    if len(keys) != 1:
        raise _malformed(at, "A part has a value, a resource, or parts of its own.")
    [key] = keys
    content: Any = part.get(key)
    if key == "resource" and isinstance(content, dict):
        return Given(resource=content)
    if key == "part" and isinstance(content, list):
        return Given(parts=tuple(_named(at, each) for each in content))
    if not key.startswith("value"):
        raise _malformed(at, f"A part of an operation has no '{json.shown(key)}'.")
    return Given(key.removeprefix("value"), content, part.get("_" + key))


def _named(at: int, part: Any) -> tuple[str, Given]:
    name = part.get("name") if isinstance(part, dict) else None
    if not isinstance(name, str):
        raise _malformed(at, "A part of a value must have the name of an element.")
    return name, _given(at, part)
