"""Functions of elements: what is in them, beside them, and where they lead; and of the time.

https://hl7.org/fhir/R4/fhirpath.html#functions
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from server import clock
from server.fhir import Json
from server.fhir import reference as _reference
from server.fhir.fhirpath.children import CLASS_INFO, EMPTY, Children, resource, system
from server.fhir.fhirpath.environment import Environment, Item, Untold
from server.fhir.fhirpath.function.define import Function, one, text_of
from server.fhir.property import is_primitive

Items = list[Item]


def _children(children: Children, items: Items, _: Environment) -> Items:
    return [child for item in items for child in children.every(item)]


def _descendants(children: Children, items: Items, _: Environment) -> Items:
    return [found for item in items for found in children.below(item)]


def _extension(items: Items, _: Environment, url: Items) -> Items:
    wanted = text_of(url)
    return [(each, "Extension", None) for each in _extensions(items) if each.get("url") == wanted]


def _extensions(items: Items) -> Iterator[Json]:
    for value, type, beside in items:
        holder = beside if is_primitive(type) else value
        if isinstance(holder, dict):
            yield from holder.get("extension", ())


def _has_value(items: Items, _: Environment) -> bool:
    return len(items) == 1 and items[0][0] is not None and not isinstance(items[0][0], dict)


def _get_value(items: Items, environment: Environment) -> Items:
    return [system(items[0][0])] if _has_value(items, environment) else EMPTY


class _Unseen(dict[str, Any]):
    """A resource of which nothing is known but its type: to ask for more is to leave it open."""

    def get(self, key: str, default: Any = None) -> Any:
        if key == "resourceType":
            return self[key]
        raise Untold

    def __iter__(self) -> Iterator[str]:
        raise Untold

    def __contains__(self, key: object) -> bool:
        if key == "resourceType":
            return True
        raise Untold


def _resolve(items: Items, environment: Environment) -> Items:
    found: Items = []
    for value, _, _ in items:
        text = value.get("reference") if isinstance(value, dict) else value
        if type(text) is str:
            found += _led_to(text, value, environment)
        elif isinstance(value, dict) and "type" in value:
            found.append(resource(_Unseen(resourceType=value["type"])))
    return found


def _led_to(text: str, element: Any, environment: Environment) -> Items:
    if text.startswith("#"):
        return _contained(text[1:], environment)
    target = environment.resolve(text) if environment.resolve else ...
    if isinstance(target, dict):
        return [resource(target)]
    if target is None:
        return EMPTY
    named = _reference.parse(text).type or (element.get("type") if isinstance(element, dict) else None)
    if named is None:
        raise Untold
    return [resource(_Unseen(resourceType=named))]


def _contained(id: str, environment: Environment) -> Items:
    whole = environment.root or environment.resource
    if whole is None:
        raise Untold
    if not id:
        return [resource(whole)]
    every = whole.get("contained")
    # An invariant may be asked of an element before the whole resource is known to have its shape.
    inside = [each for each in every if isinstance(each, dict)] if isinstance(every, list) else []
    return [resource(each) for each in inside if each.get("id") == id][:1]


def _member_of(items: Items, environment: Environment, value_set: Items) -> bool | None:
    item, url = one(items), text_of(value_set)
    if item is None or url is None:
        return None
    return _told(environment.member_of and environment.member_of(item[0], item[1], url))


def _conforms_to(items: Items, environment: Environment, profile: Items) -> bool | None:
    item, url = one(items), text_of(profile)
    if item is None or url is None:
        return None
    return _told(environment.conforms_to and environment.conforms_to(item[0], url))


def _subsumes(items: Items, environment: Environment, other: Items) -> bool | None:
    mine, its = one(items), one(other)
    if mine is None or its is None:
        return None
    answers = [
        environment.subsumes and environment.subsumes(above, below)
        for above in _codings(mine)
        for below in _codings(its)
    ]
    return True if True in answers else _told(None if None in answers else False)


def _codings(item: Item) -> list[Json]:
    value = item[0]
    if not isinstance(value, dict):
        return []
    return list(value.get("coding", ())) if item[1] == "CodeableConcept" else [value]


def _html_checks(items: Items, environment: Environment) -> bool | None:
    text = text_of(items)
    return text is None or environment.html_checks is None or environment.html_checks(text)


def _check_modifiers(items: Items, _: Environment, *urls: Items) -> Items:
    known = {text_of(each) for each in urls}
    for value, *_rest in items:
        extensions = value.get("modifierExtension", ()) if isinstance(value, dict) else ()
        if any(each.get("url") not in known for each in extensions):
            raise Untold
    return items


def _told(answer: bool | None) -> bool:
    if answer is None:
        raise Untold
    return answer


def _type(items: Items, _: Environment) -> Items:
    return [
        ({"namespace": namespace, "name": name}, CLASS_INFO, None) for namespace, name in map(_named, items)
    ]


def _named(item: Item) -> tuple[str, str]:
    type = item[1]
    if type.startswith("System."):
        return "System", type[7:]
    return "FHIR", "BackboneElement" if "." in type else type


def _now(environment: Environment) -> datetime:
    if environment.now is None:
        environment.now = clock.now()
    return environment.now


def _now_item(_: Items, environment: Environment) -> Items:
    return [(_now(environment).isoformat(timespec="milliseconds"), "System.DateTime", None)]


def _today(_: Items, environment: Environment) -> Items:
    return [(_now(environment).date().isoformat(), "System.Date", None)]


def _time_of_day(_: Items, environment: Environment) -> Items:
    return [(_now(environment).time().isoformat("milliseconds"), "System.Time", None)]


ELEMENT: Mapping[str, Function] = {
    "children": Function(_children, "items", walks=True),
    "descendants": Function(_descendants, "items", walks=True),
    "extension": Function(_extension, "items", 1, 1, frozenset({"Extension"})),
    "hasExtension": Function(
        lambda items, environment, url: bool(_extension(items, environment, url)), "truth", 1, 1
    ),
    "hasValue": Function(_has_value, "truth"),
    "getValue": Function(_get_value, "items", single=True),
    "resolve": Function(_resolve, "items"),
    "memberOf": Function(_member_of, "truth", 1, 1),
    "conformsTo": Function(_conforms_to, "truth", 1, 1),
    "subsumes": Function(_subsumes, "truth", 1, 1),
    "subsumedBy": Function(
        lambda items, environment, other: _subsumes(other, environment, items), "truth", 1, 1
    ),
    "htmlChecks": Function(_html_checks, "truth"),
    "checkModifiers": Function(_check_modifiers, "same", 0, 20),
    "type": Function(_type, "items", types=None, single=True),
    "now": Function(_now_item, "items", types=frozenset({"System.DateTime"}), single=True),
    "today": Function(_today, "items", types=frozenset({"System.Date"}), single=True),
    "timeOfDay": Function(_time_of_day, "items", types=frozenset({"System.Time"}), single=True),
}
