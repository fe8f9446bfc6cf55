"""SubscriptionTopics: what can be subscribed to, as data in `profiles/subscriptiontopic/`.

A topic is a SubscriptionTopic of R5. In R4 that is no resource: it is read as the Basic that the Backport
makes of it, and announced in the CapabilityStatement. What cannot be understood stops the start.

https://hl7.org/fhir/R5/subscriptiontopic.html,
https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/components.html#subscription-topics-in-r4
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from server.child.alert import topic as alert
from server.definition.folder import profiles
from server.definition.library import library
from server.fhir import Json, json
from server.fhir.issue import FhirError
from server.settings import CannotStart

CREATE, UPDATE, DELETE = INTERACTIONS = ("create", "update", "delete")

_TYPES = "http://hl7.org/fhir/StructureDefinition/"
_PASSES = {"test-passes": True, "test-fails": False}


class BadTopic(CannotStart):
    """A topic that cannot be kept; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """When a change of a resource of a type is one that a topic tells of.

    `previous` and `current`: queries; `both` have to be met, or one. `for_create`: what the previous one
    comes to where there was nothing, `for_delete`: the current one where nothing is left. `expression`: of
    FHIRPath.
    """

    type: str
    interactions: frozenset[str]
    previous: str | None = None
    current: str | None = None
    for_create: bool | None = None
    for_delete: bool | None = None
    both: bool = False
    expression: str | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """A search parameter by which subscribers may narrow a topic. No `type`: of any of its resources. None of
    `comparators` and `modifiers`: all that the parameter has."""

    parameter: str
    type: str | None
    comparators: frozenset[str]
    modifiers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Shape:
    """What is sent along with a resource of a type: `_include` and `_revinclude` of a search for it."""

    type: str
    include: tuple[str, ...]
    revinclude: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic, understood. `resource`: as it is published."""

    url: str
    id: str
    title: str
    triggers: tuple[Trigger, ...]
    filters: tuple[Filter, ...]
    shapes: tuple[Shape, ...]
    resource: Json

    @property
    def types(self) -> tuple[str, ...]:
        """Of which resources it tells."""
        return tuple(dict.fromkeys(trigger.type for trigger in self.triggers))


# ---- files -------------------------------------------------------------------------------------------------


@cache
def topics() -> Mapping[str, Topic]:
    """All that there are, by canonical.

    Raises:
        BadTopic: one that cannot be understood, or that is there twice.
    """
    found: dict[str, Topic] = {}
    for where, resource in _given():
        made = read(resource, where)
        if made.url in found:
            raise BadTopic(f"{where}: there is another topic '{made.url}'.")
        found[made.url] = made
    return found


def topic(canonical: str) -> Topic | None:
    """The topic of a canonical, whether or not it names a version."""
    url, _, version = canonical.partition("|")
    found = topics().get(url)
    return found if found and version in ("", found.resource.get("version")) else None


def folder() -> Path:
    """Where the topics are that ship."""
    return profiles() / "subscriptiontopic"


def _given() -> Iterable[tuple[str, Json]]:
    for file in sorted(folder().glob("*.json")):
        try:
            yield file.name, json.decode(file.read_bytes())
        except FhirError as error:
            raise BadTopic(f"{file}: {error}") from error
    for resource in alert.topics():
        yield f"the alert '{resource.get('id')}'", resource


@cache
def events() -> Mapping[tuple[str, str, str], Json]:
    """What the events come to that a topic can be triggered by: (system, code, type) → a trigger."""
    file = profiles() / "subscriptionevent.json"
    given: list[Json] = json.decode(file.read_bytes())["event"]
    return {(each["system"], each["code"], each["resource"]): each for each in given}


# ---- reading -----------------------------------------------------------------------------------------------


class _Criteria(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    previous: str | None = None
    result_for_create: str | None = None
    current: str | None = None
    result_for_delete: str | None = None
    require_both: bool = False


class _Trigger(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    resource: str
    supported_interaction: list[str] = []
    query_criteria: _Criteria | None = None
    fhir_path_criteria: str | None = None
    description: str | None = None


class _Event(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    event: dict[str, Any]
    resource: str
    description: str | None = None


class _Filter(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    filter_parameter: str
    resource: str | None = None
    description: str | None = None
    filter_definition: str | None = None
    comparator: list[str] = []
    modifier: list[str] = []


class _Shape(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    resource: str
    include: list[str] = []
    rev_include: list[str] = []


class _Topic(msgspec.Struct, rename="camel"):
    resource_type: str
    id: str
    url: str
    status: str
    title: str = ""
    resource_trigger: list[_Trigger] = []
    event_trigger: list[_Event] = []
    can_filter_by: list[_Filter] = []
    notification_shape: list[_Shape] = []


def read(resource: Json, where: str) -> Topic:
    """A topic.

    Raises:
        BadTopic: it cannot be understood.
    """
    try:
        said = msgspec.convert(resource, _Topic)
    except msgspec.ValidationError as error:
        raise BadTopic(f"{where}: {error}.") from error
    if said.resource_type != "SubscriptionTopic":
        raise BadTopic(f"{where}: it is no SubscriptionTopic.")
    triggers = [_trigger(each, where) for each in said.resource_trigger]
    triggers += [made for each in said.event_trigger for made in _of_event(each, where)]
    if not triggers:
        raise BadTopic(f"{where}: nothing triggers it.")
    return Topic(
        url=said.url,
        id=said.id,
        title=said.title or said.id,
        triggers=tuple(triggers),
        filters=tuple(_filter(each, where) for each in said.can_filter_by),
        shapes=tuple(
            Shape(_type(each.resource, where), tuple(each.include), tuple(each.rev_include))
            for each in said.notification_shape
        ),
        resource=resource,
    )


def _trigger(said: _Trigger, where: str) -> Trigger:
    interactions = frozenset(said.supported_interaction or INTERACTIONS)
    if not interactions <= set(INTERACTIONS):
        raise BadTopic(f"{where}: a supportedInteraction is one of {', '.join(INTERACTIONS)}.")
    asked = said.query_criteria or _Criteria()
    for_create, for_delete = (
        None if text is None else _result(text, where)
        for text in (asked.result_for_create, asked.result_for_delete)
    )
    if asked.previous is not None and CREATE in interactions and for_create is None:
        raise BadTopic(f"{where}: say by resultForCreate what the previous query comes to on a create.")
    if asked.current is not None and DELETE in interactions and for_delete is None:
        raise BadTopic(f"{where}: say by resultForDelete what the current query comes to on a delete.")
    return Trigger(
        type=_type(said.resource, where),
        interactions=interactions,
        previous=asked.previous,
        current=asked.current,
        for_create=for_create,
        for_delete=for_delete,
        both=asked.require_both,
        expression=said.fhir_path_criteria,
    )


def _of_event(said: _Event, where: str) -> Iterable[Trigger]:
    type_ = _type(said.resource, where)
    codings = [(each.get("system"), each.get("code"), type_) for each in said.event.get("coding", ())]
    known = [events()[each] for each in codings if each in events()]
    if not known:
        raise BadTopic(f"{where}: no event of profiles/subscriptionevent.json is meant by its eventTrigger.")
    for each in known:
        yield _trigger(msgspec.convert(each["trigger"] | {"resource": type_}, _Trigger), where)


def _filter(said: _Filter, where: str) -> Filter:
    type_ = _type(said.resource, where) if said.resource else None
    return Filter(said.filter_parameter, type_, frozenset(said.comparator), frozenset(said.modifier))


def _type(text: str, where: str) -> str:
    name = text.removeprefix(_TYPES)
    if name not in library().resource_types:
        raise BadTopic(f"{where}: '{text}' is no type of resource.")
    return name


def _result(text: str, where: str) -> bool:
    if text not in _PASSES:
        raise BadTopic(f"{where}: '{text}' is neither of {', '.join(_PASSES)}.")
    return _PASSES[text]


# ---- as R4 has it ------------------------------------------------------------------------------------------

_R5 = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic"
_ELEMENTS: Mapping[str, str] = {
    "url": "valueUri",
    "version": "valueString",
    "title": "valueString",
    "status": "valueCode",
    "date": "valueDateTime",
    "description": "valueMarkdown",
}
_PARTS: Mapping[str, Mapping[str, str]] = {
    "resourceTrigger": {
        "description": "valueMarkdown",
        "resource": "valueUri",
        "supportedInteraction": "valueCode",
        "fhirPathCriteria": "valueString",
    },
    "eventTrigger": {
        "description": "valueMarkdown",
        "event": "valueCodeableConcept",
        "resource": "valueUri",
    },
    "canFilterBy": {
        "description": "valueMarkdown",
        "resource": "valueUri",
        "filterParameter": "valueString",
        "filterDefinition": "valueUri",
        "comparator": "valueCode",
        "modifier": "valueCode",
    },
    "notificationShape": {
        "resource": "valueUri",
        "include": "valueString",
        "revInclude": "valueString",
    },
}
_CRITERIA: Mapping[str, str] = {
    "previous": "valueString",
    "resultForCreate": "valueCode",
    "current": "valueString",
    "resultForDelete": "valueCode",
    "requireBoth": "valueBoolean",
}


def basic(made: Topic) -> Json:
    """A topic as a resource of R4: each element an extension of R5.

    https://hl7.org/fhir/R5/versions.html#extensions
    """
    extensions = [
        {"url": f"{_R5}.{name}", value: made.resource[name]}
        for name, value in _ELEMENTS.items()
        if made.resource.get(name) is not None
    ]
    for name, parts in _PARTS.items():
        extensions += [_part(name, parts, each) for each in made.resource.get(name, ())]
    return {
        "resourceType": "Basic",
        "id": f"topic-{made.id}",
        "extension": extensions,
        "code": {"coding": [{"system": "http://hl7.org/fhir/fhir-types", "code": "SubscriptionTopic"}]},
    }


def _part(name: str, parts: Mapping[str, str], said: Json) -> Json:
    inner = [{"url": each, value: one} for each, value in parts.items() for one in _all(said.get(each))]
    if criteria := said.get("queryCriteria"):
        asked = [
            {"url": each, value: criteria[each]} for each, value in _CRITERIA.items() if each in criteria
        ]
        inner.append({"url": "queryCriteria", "extension": asked})
    return {"url": f"{_R5}.{name}", "extension": inner}


def _all(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
