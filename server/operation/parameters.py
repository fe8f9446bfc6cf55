"""Parameters in and out, held against the definition of the operation.

https://hl7.org/fhir/R4/parameters.html
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from server.definition.operation import ANY, Operation, Parameter
from server.fhir import Json
from server.fhir.exchange import FhirRequest
from server.fhir.issue import Invalid, Malformed
from server.fhir.json import shown
from server.fhir.primitive import PRIMITIVES
from server.interaction import subset
from server.terminology.codes import codes
from server.validation.validate import validate

_OF_EVERY_REQUEST = ("_format", "_pretty")
"""What a URL may say beside the parameters of the operation."""

_NO_VALUE = object()

Where = str | tuple[str, ...]
"""The FHIRPath of what is spoken of; of a URL there is none."""


def taken(request: FhirRequest, operation: Operation) -> Mapping[str, tuple[Any, ...]]:
    """The values of the parameters by name: from the URL, and from the body.

    Raises:
        Invalid: a parameter that the operation has not, has too often or not at all, or of another type.
    """
    found: dict[str, list[Any]] = {}
    for name, value in (*_of_url(request, operation), *_of_body(request, operation)):
        found.setdefault(name, []).append(value)
    for each in operation.taken:
        _count(operation, each, len(found.get(each.name, ())))
    return {name: tuple(values) for name, values in found.items()}


def given(operation: Operation, values: Mapping[str, Any]) -> Json:
    """What goes back: one resource called `return` as it is, anything else in a Parameters."""
    only = operation.given[0] if len(operation.given) == 1 else None
    if only is not None and only.name == "return" and only.is_resource:
        resource: Json = values["return"]
        assert only.takes(resource["resourceType"]), operation.url
        return resource
    assert values.keys() <= {each.name for each in operation.given}, operation.url
    return {
        "resourceType": "Parameters",
        "parameter": _parts(operation, operation.given, values),
    }


def _parts(operation: Operation, parameters: Iterable[Parameter], values: Mapping[str, Any]) -> list[Json]:
    found: list[Json] = []
    for parameter in parameters:
        value = values.get(parameter.name, [])
        several = value if isinstance(value, list) else [value]
        assert len(several) >= parameter.min, operation.url
        found += ({"name": parameter.name, **_said(operation, parameter, each)} for each in several)
    return found


def _said(operation: Operation, parameter: Parameter, value: Any) -> Json:
    if parameter.parts:
        return {"part": _parts(operation, parameter.parts, value)}
    if parameter.type == ANY:
        assert isinstance(value, dict), operation.url
        return value
    return {"resource" if parameter.is_resource else _key(parameter.type): value}


def _of_url(request: FhirRequest, operation: Operation) -> Iterator[tuple[str, Any]]:
    for name, text in request.query:
        if name in _OF_EVERY_REQUEST or (name in subset.PARAMETERS and operation.gives_bundle):
            continue
        parameter = _named(operation, operation.taken, name)
        if not parameter.is_primitive:
            what = f"is a {parameter.type}" if parameter.type else "has parts"
            raise Invalid(f"'{name}' {what}: it is sent in the body, in a Parameters.")
        yield name, _primitive(parameter, _read(parameter, text), text)


def _of_body(request: FhirRequest, operation: Operation) -> Iterable[tuple[str, Any]]:
    content = request.content
    if content is None:
        return ()
    if content.get("resourceType") == "Parameters":
        return _of_parameters(content, operation)
    if operation.body is None or not operation.body.takes(str(content.get("resourceType"))):
        raise Malformed(f"What is posted to ${operation.code} must be a Parameters.")
    return ((operation.body.name, content),)


def _of_parameters(content: Json, operation: Operation) -> Iterator[tuple[str, Any]]:
    # What a resource inside says is for the operation to judge.
    listed = content.get("parameter")
    bare = [_without_resource(each) for each in listed] if isinstance(listed, list) else listed
    faults = validate({**content, "parameter": bare} if "parameter" in content else content)
    if faults:
        raise Malformed(issues=tuple(faults))
    yield from _of_parts(content.get("parameter", ()), operation, operation.taken, "Parameters.parameter")


def _of_parts(
    parts: Iterable[Json], operation: Operation, parameters: Iterable[Parameter], within: str
) -> Iterator[tuple[str, Any]]:
    for at, each in enumerate(parts):
        where = f"{within}[{at}]"
        parameter = _named(operation, parameters, each["name"], where)
        yield parameter.name, _value(operation, parameter, each, where)


def _without_resource(parameter: Any) -> Any:
    if not isinstance(parameter, dict) or not isinstance(parameter.get("resource"), dict):
        return parameter
    rest = {name: value for name, value in parameter.items() if name != "resource"}
    # A parameter has to have a value.
    return {**rest, "valueBoolean": True}


def _named(operation: Operation, parameters: Iterable[Parameter], name: str, where: Where = ()) -> Parameter:
    for each in parameters:
        if each.name == name:
            return each
    known = ", ".join(each.name for each in parameters) or "none"
    raise Invalid(
        f"'{shown(name)}' is not a parameter of ${operation.code}, whose parameters are: {known}.",
        expression=where,
    )


def _value(operation: Operation, parameter: Parameter, part: Json, where: str) -> Any:
    if parameter.parts:
        return _of_part(operation, parameter, part, where)
    if parameter.is_resource:
        resource = part.get("resource")
        if not isinstance(resource, dict) or not parameter.takes(str(resource.get("resourceType"))):
            raise Invalid(f"'{parameter.name}' has to be a resource: {parameter.type}.", expression=where)
        return resource
    key = next((name for name in part if name.startswith("value")), "")
    value = part.get(key, _NO_VALUE)
    if parameter.type == ANY and key:
        return {key: value}
    if parameter.is_primitive:
        # Any text may stand for another kind of text: what it says is checked.
        return _primitive(parameter, value, value if isinstance(value, str) else None, where)
    if key != _key(parameter.type):
        raise Invalid(f"'{parameter.name}' has to be a {parameter.type}.", expression=where)
    return value


def _of_part(operation: Operation, parameter: Parameter, part: Json, where: str) -> Any:
    """What stands in the parts of a parameter, by their names."""
    found: dict[str, list[Any]] = {}
    for name, value in _of_parts(part.get("part", ()), operation, parameter.parts, f"{where}.part"):
        found.setdefault(name, []).append(value)
    for each in parameter.parts:
        _count(operation, each, len(found.get(each.name, ())), f" in '{parameter.name}'")
    return {name: tuple(values) for name, values in found.items()}


def _primitive(parameter: Parameter, value: Any, text: str | None, where: Where = ()) -> Any:
    primitive = PRIMITIVES[parameter.type]
    if not primitive.valid(value):
        found = f"; '{shown(text)}' is not" if primitive.quotable and text is not None else ""
        raise Invalid(f"'{parameter.name}' has to be {primitive.expected}{found}.", expression=where)
    listed = codes(parameter.codes) if parameter.codes else None
    if listed is not None and not listed.contains(None, value):
        raise Invalid(f"'{parameter.name}' has no code '{shown(value)}'.", expression=where)
    return value


def _read(parameter: Parameter, text: str) -> Any:
    """The JSON value that a text of a URL stands for."""
    try:
        match PRIMITIVES[parameter.type].json:
            case t if t is bool:
                return {"true": True, "false": False}.get(text, text)
            case t if t is int:
                return int(text) if text.isascii() and len(text) < 20 else text
            case t if t is not str:
                return Decimal(text)
    except (ValueError, InvalidOperation):
        return _NO_VALUE
    # A plus that was not escaped arrives as a space, and only a zone has one.
    return text.replace(" ", "+") if parameter.type in ("instant", "dateTime") else text


def _count(operation: Operation, parameter: Parameter, number: int, within: str = "") -> None:
    if number < parameter.min:
        raise Invalid(f"${operation.code} needs the parameter '{parameter.name}'{within}.")
    if parameter.max is not None and number > parameter.max:
        raise Invalid(
            f"${operation.code} takes the parameter '{parameter.name}' {parameter.max} time(s){within}."
        )


def _key(type_: str) -> str:
    return f"value{type_[0].upper()}{type_[1:]}"
