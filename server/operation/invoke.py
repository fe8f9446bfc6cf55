"""From a request to the operation that it calls, and from what that gives back to the answer.

https://hl7.org/fhir/R4/operations.html#executing
"""

from collections.abc import Mapping

from server.definition.operation import Operation
from server.fhir import json
from server.fhir.exchange import FhirRequest, FhirResponse
from server.fhir.issue import FhirError, MethodNotAllowed, NotFound
from server.fhir.primitive import id as is_id
from server.operation import parameters, registry
from server.operation.call import Call, Function, Result, Route
from server.record.door import Door
from server.record.record import Record

_WHERE = {
    "system": "[base]/${}",
    "type": "[base]/[type]/${}",
    "instance": "[base]/[type]/[id]/${}",
}


def is_call(parts: tuple[str, ...]) -> bool:
    """Whether a path ends in the name of an operation."""
    return bool(parts) and parts[-1].startswith("$")


def operation(request: FhirRequest, record: Record, route: Route) -> FhirResponse:
    """[base]/$code, [base]/[type]/$code, [base]/[type]/[id]/$code, and on a version of it."""
    *where, name = request.path.split("/")
    called, function = _found(name.removeprefix("$"), where, record.door)
    _allow(request, called)
    places = dict(zip(("type", "id", "_", "vid"), where, strict=False))
    call = Call(
        request, called, parameters.taken(request, called), route,
        places.get("type"), places.get("id"), places.get("vid"),
    )  # fmt: skip
    return _answer(called, function(call, record))


def _answer(called: Operation, result: Result | FhirResponse) -> FhirResponse:
    if isinstance(result, FhirResponse):
        return result
    return FhirResponse(200, json.encode(parameters.given(called, result.values)), result.headers)


def _found(code: str, where: list[str], door: Door) -> tuple[Operation, Function]:
    """The operation of this code there.

    Raises:
        NotFound: there is none, or not there.
    """
    level, type_ = _level(where, door)
    found = registry.find(code, level, type_)
    if found is None:
        elsewhere = sorted(_WHERE[each].format(code) for each in registry.levels(code, type_))
        hint = f" It is called on {' and '.join(elsewhere)}." if elsewhere else ""
        raise NotFound(f"There is no operation '${code[:60]}' of this URL.{hint}")
    if len(where) == 4 and not registry.is_of_versions(found[0]):
        raise NotFound(f"'${code}' is called on a resource, and not on one version of it.")
    return found


def _level(where: list[str], door: Door) -> tuple[str, str | None]:
    if where and where[0] not in door.types:
        raise NotFound(f"'{where[0][:60]}' is not a resource type of FHIR R4.")
    match where:
        case []:
            return "system", None
        case [type_]:
            return "type", type_
        case [type_, id_] | [type_, id_, "_history", _] if is_id(id_):
            return "instance", type_
    raise NotFound("What stands before the operation is no resource.")


def _allow(request: FhirRequest, called: Operation) -> None:
    allowed = ("GET", "HEAD", "POST") if called.by_get else ("POST",)
    if request.method not in allowed:
        raise _refused(request.method, called, {"Allow": ", ".join((*allowed, "OPTIONS"))})


def _refused(method: str, called: Operation, headers: Mapping[str, str]) -> FhirError:
    return MethodNotAllowed(f"${called.code} is not called by {method}.", headers=dict(headers))
