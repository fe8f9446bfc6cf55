"""One criterion of a query: a parameter, how it is asked, and the values that will do.

https://hl7.org/fhir/R4/search.html#modifiers
"""

from server.fhir.issue import Invalid, NotSupported
from server.search.complete import require_complete
from server.search.escape import split
from server.search.filter import Node, Test, written
from server.search.registry import Registry, kind
from server.search.types import Condition, check_missing
from server.search.types.filter import CODE, asked


class Unknown(Invalid):
    """A name that is no search parameter, or one without a value: ignored, unless the client is strict."""


def criterion(type_: str, name: str, value: str, registry: Registry) -> Condition:
    """What `name=value` asks of resources of a type.

    Raises:
        Unknown. Invalid: the value makes no sense. NotSupported: it does, and is not built.
    """
    code, _, modifier = name.partition(":")
    parameter = registry.parameter(type_, code)
    if parameter is None:
        raise Unknown(f"'{code}' is not a search parameter of {type_}.")
    answer = kind(parameter)
    whole = answer is not None and not answer.alternatives
    condition = Condition(parameter, modifier or None, (value,) if whole else alternatives(value))
    if not condition.values:
        raise Unknown(f"The search parameter '{name}' has no value.")
    _check(type_, condition, registry)
    return condition


def filtered(type_: str, part: Node, registry: Registry) -> Condition:
    """What a part of a `_filter` asks: a single test like the parameter that it names, which a search can
    begin from."""
    whole = criterion(type_, CODE, written(part), registry)
    if isinstance(part, Test):
        negated, plain = asked(type_, part)
        if not negated:
            return plain
    return whole


def alternatives(value: str) -> tuple[str, ...]:
    """What commas separate, escapes and all."""
    return tuple(text for text in split(value, ",") if text)


def _check(type_: str, condition: Condition, registry: Registry) -> None:
    parameter, modifier = condition.parameter, condition.modifier
    answer = kind(parameter)
    if answer is None:
        raise NotSupported(f"'{parameter.code}', of type {parameter.type}, cannot be searched by yet.")
    require_complete(type_, parameter, modifier)
    if modifier == "missing":
        check_missing(condition)
        return
    of_type = parameter.type == "reference" and modifier in registry.library.resource_types
    if modifier is not None and modifier not in answer.modifiers and not of_type:
        raise NotSupported(
            f"'{parameter.code}:{modifier}': the modifier '{modifier}' is not built for parameters "
            f"of type {parameter.type}."
        )
    answer.check(type_, condition)
