"""The profiles, tags and labels of a resource: read, added to, taken away.

https://hl7.org/fhir/R4/resource-operation-meta.html
"""

from collections.abc import Callable, Hashable
from typing import Any

from server.fhir import Json, json
from server.interaction import answer
from server.operation.call import Call, Result
from server.operation.registry import implements
from server.record.record import WRITTEN_ONCE, Record
from server.store.row import Stored

_SETS = ("profile", "security", "tag")


@implements("Resource-meta", of_versions=True)
def meta(call: Call, record: Record) -> Result:
    """As a read of the resource, or of the version, would show it."""
    assert call.type is not None
    assert call.id is not None
    if call.vid is not None:
        return _result(record.vread(call.type, call.id, call.vid))
    return _result(record.read(call.type, call.id))


@implements("Resource-meta-add", but=WRITTEN_ONCE)
def meta_add(call: Call, record: Record) -> Result:
    """What is there already is not there twice."""
    return _changed(call, record, _with)


@implements("Resource-meta-delete", but=WRITTEN_ONCE)
def meta_delete(call: Call, record: Record) -> Result:
    """What is not there is no error."""
    return _changed(call, record, _without)


def _with(held: list[Any], named: list[Any]) -> list[Any]:
    known = {_identity(each) for each in held}
    new = {_identity(each): each for each in named if _identity(each) not in known}
    return [*held, *new.values()]


def _without(held: list[Any], named: list[Any]) -> list[Any]:
    gone = {_identity(each) for each in named}
    return [each for each in held if _identity(each) not in gone]


def _identity(value: Any) -> Hashable:
    """A tag or label is known by system and code, a profile by its URL."""
    return value if isinstance(value, str) else (value.get("system"), value.get("code"))


def _changed(call: Call, record: Record, change: Callable[[list[Any], list[Any]], list[Any]]) -> Result:
    """A patch of the resource like any other, but that it says which elements of `meta` it is about."""
    assert call.type is not None
    assert call.id is not None
    named = call.one("meta")

    def patch(resource: Json) -> Json:
        meta = resource.get("meta", {})
        sets = {name: change(meta.get(name, []), named.get(name, [])) for name in _SETS}
        return {**resource, "meta": {name: value for name, value in (meta | sets).items() if value}}

    if_match = call.request.headers.get("if-match")
    return _result(record.patch(call.type, call.id, patch, if_match=if_match)[0])


def _result(stored: Stored) -> Result:
    resource: Json = json.decode(stored.body.encode())
    return Result({"return": resource["meta"]}, answer.described(stored))
