"""Every path to a resource of a world that is not one search: reads, writes, Bundles, operations."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.utils import format_datetime
from urllib.parse import urlencode

from server import clock
from server.job.comparer import Comparer
from server.job.worker import Worker
from server.search.registry import Registry
from tests import make
from tests.access.matrix.search import searches
from tests.access.matrix.world import World
from tests.caller import Answer, Caller
from tests.make import TEST

Ask = Callable[[Caller, World], Answer]

HL7 = "http://hl7.org/fhir/StructureDefinition"
JSON_PATCH = "application/json-patch+json"
FORM = "application/x-www-form-urlencoded"


def paths(type_: str, registry: Registry) -> Iterator[str]:
    """The names of every path to a resource of the type: those of the searches are their templates."""
    yield from READING
    yield from WRITING
    yield from searches(type_, registry)


def ask(path: str, client: Caller, world: World) -> Answer:
    """Go that way."""
    named = READING.get(path) or WRITING.get(path)
    return named(client, world) if named else client.search(path.format(**world.names))


def plain(world: World, **more) -> dict:
    """A resource that the agency may write itself, about the child whom everybody works with."""
    match world.type:
        case "Patient":
            return make.patient(**more)
        case "Observation":
            category = [make.concept(make.CATEGORY, "attendance"), *make.observation()["category"]]
            return make.observation(world.ours, **more) | {"category": category}
        case "EpisodeOfCare":
            return make.episode(world.ours, world.organization, "child-protection-plan", **more)
    subject = make.reference(f"Patient/{world.ours}")
    return {"resourceType": world.type, "status": "final", "subject": subject, **more}


def _patched(client, path, *operations, **headers):
    test = [{"op": "test", "path": "/language", "value": "en"}]
    return client.ask("PATCH", path, list(operations) or test, Content_Type=JSON_PATCH, **headers)


def _alike(world):
    """A child of whom is known what the resource says, if it is a Patient."""
    return {"resourceType": "Patient", "name": [{"family": world.word}], "birthDate": world.date}


def _listed(client, world):
    """The review list, when who is alike was written and everybody is compared."""
    refused = client.post(_alike(world))
    if refused.status >= 400:
        return refused
    comparer = Comparer(client._app.extensions["door"])
    while comparer.work():
        pass
    code = "https://w3id.org/single-child-record/CodeSystem/worklist-code|same-child"
    return client.get(f"Task?code={code}&_summary=count")


def _called(client, path, **given):
    """An operation with parameters, each named by its type too: `meta_valueMeta`."""
    parts = [{"name": name, key: value} for each, value in given.items() for name, key in [each.split("_")]]
    return client.ask("POST", path, {"resourceType": "Parameters", "parameter": parts})


def _named(which, id):
    """A Patient as a parameter of a merge."""
    return {f"{which}-patient_valueReference": make.reference(f"Patient/{id}")}


def _last_page(client, path):
    """The page from which no link leads on, or the refusal."""
    answer = client.get(path)
    while answer.status == 200 and (url := answer.link("next")):
        answer = client.get(url)
    return answer


def _later(client, path):
    """A read that is answered by a worker, and then fetched."""
    accepted = client.get(path, Prefer="respond-async")
    worker = Worker(client._app.extensions["door"])
    while worker.work():
        pass
    return client.get(accepted.headers["Content-Location"])


def _called_off(client, path):
    """The same, and what is left of it when it is called off."""
    accepted = client.get(path, Prefer="respond-async")
    return client.delete(accepted.headers["Content-Location"])


def _again(ask, path, **headers):
    """A write that is sent twice under one key: what comes back the second time."""
    key = make.word()
    ask(path, Idempotency_Key=key, **headers)
    return ask(path, Idempotency_Key=key, **headers)


def _reason(path):
    """A Provenance for a header, of something that was made of a resource."""
    agent, entity = {"who": {"display": "x"}}, {"role": "source", "what": make.reference(path)}
    told = {"recorded": "2025-01-01T00:00:00Z", "agent": [agent], "entity": [entity]}
    return json.dumps({"resourceType": "Provenance", **told})


def _asking(world, profile):
    """A Linkage to the resource, of a profile that wants to know more of it."""
    claimed = {"meta": {"profile": [f"{TEST}/StructureDefinition/{profile}-{world.type}"]}}
    return make.linkage(world.path) | claimed


def _searched(client, path, **query):
    return client.ask("POST", path, urlencode(query), Content_Type=FORM)


def _transaction(client, *entries):
    return client.post(make.bundle("transaction", *entries))


def _batch(client, *entries):
    return client.post(make.bundle("batch", *entries))


def _identified(kind, world):
    """Of two identifiers of which the world's resource has one."""
    return (f"identifier={TEST}|{value}-{world.word}" for value in ("value", kind))


def _yesterday():
    return format_datetime(clock.now() - timedelta(days=1), usegmt=True)


def _fhirpath(operation, path, name=None, **value):
    parts = [{"name": "type", "valueCode": operation}, {"name": "path", "valueString": path}]
    parts += [{"name": "name", "valueString": name}] if name else []
    parts += [{"name": "value", **value}] if value else []
    return {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]}


def _registered(client: Caller, child: str) -> Answer:
    mark = [
        {"name": "child", "valueReference": make.reference(f"Patient/{child}")},
        {"name": "code", "valueCode": "/"},
    ]
    when = [{"name": "date", "valueDate": "2025-09-08"}, {"name": "session", "valueCode": "am"}]
    sent = {"resourceType": "Parameters", "parameter": [*when, {"name": "mark", "part": mark}]}
    return client.ask("POST", "Observation/$register", sent)


READING: dict[str, Ask] = {
    "read": lambda client, w: client.get(w.path),
    "head": lambda client, w: client.ask("HEAD", w.path),
    "read of a version": lambda client, w: client.get(w.path, If_None_Match='W/"1"'),
    "read if it changed": lambda client, w: client.get(w.path, If_Modified_Since=_yesterday()),
    "read of a part": lambda client, w: client.get(f"{w.path}?_elements=id"),
    "vread": lambda client, w: client.get(f"{w.path}/_history/1"),
    "history": lambda client, w: client.get(f"{w.path}/_history"),
    "history since": lambda client, w: client.get(f"{w.path}/_history?_since=2020-01-01T00:00:00Z"),
    "history at": lambda client, w: client.get(f"{w.path}/_history?_at={clock.now():%Y}"),
    "search by POST": lambda client, w: _searched(client, f"{w.type}/_search", _tag=w.word),
    "search of the system by POST": lambda client, w: _searched(client, "_search", _tag=w.word),
    "compartment by POST": lambda client, w: _searched(
        client, f"Patient/{w.about}/{w.type}/_search", _tag=w.word
    ),
    "batch": lambda client, w: _batch(
        client,
        make.entry("GET", w.path),
        make.entry("GET", f"{w.type}?_id={w.id}"),
        make.entry("GET", f"{w.path}/_history"),
    ),
    "transaction": lambda client, w: _transaction(client, make.entry("GET", w.path)),
    "search in a transaction": lambda client, w: _transaction(
        client, make.entry("GET", f"{w.type}?_tag={w.word}")
    ),
    "everything": lambda client, w: client.get(f"Patient/{w.about}/$everything"),
    "everything of a type": lambda client, w: client.get(f"Patient/{w.about}/$everything?_type={w.type}"),
    "everything by pages": lambda client, w: _last_page(client, f"Patient/{w.about}/$everything?_count=1"),
    "everything in a batch": lambda client, w: _batch(
        client, make.entry("GET", f"Patient/{w.about}/$everything")
    ),
    "everything later": lambda client, w: _later(client, f"Patient/{w.about}/$everything"),
    "meta": lambda client, w: client.get(f"{w.path}/$meta"),
    "meta of a version": lambda client, w: client.get(f"{w.path}/_history/1/$meta"),
    "diff": lambda client, w: client.get(f"{w.path}/$diff"),
    "diff of versions": lambda client, w: client.get(f"{w.path}/$diff?fromVersion=1&toVersion=1"),
    "validate a reference": lambda client, w: _called(
        client, "Linkage/$validate", mode_valueCode="create", resource_resource=make.linkage(w.path)
    ),
    "validate what refers to it": lambda client, w: _called(
        client, "Linkage/$validate", resource_resource=_asking(w, "target")
    ),
    "validate what asks for it": lambda client, w: _called(
        client, "Linkage/$validate", resource_resource=_asking(w, "asked")
    ),
    "validate a reference to what a profile asks for": lambda client, w: _called(
        client, "Linkage/$validate", mode_valueCode="create", resource_resource=_asking(w, "target")
    ),
    "validate it by a profile": lambda client, w: _called(
        client, f"{w.path}/$validate", mode_valueCode="profile", profile_valueUri=f"{HL7}/{w.type}"
    ),
    "validate a delete": lambda client, w: _called(client, f"{w.path}/$validate", mode_valueCode="delete"),
    "why": lambda client, w: client.get(f"{w.path}/$why?agency=school"),
    "chronology": lambda client, w: client.get(f"Patient/{w.about}/$chronology?gap=0"),
    "chronology, its first page": lambda client, w: client.get(
        f"Patient/{w.about}/$chronology?_count=1&gap=0"
    ),
    "chronology, its last page": lambda client, w: _last_page(
        client, f"Patient/{w.about}/$chronology?_count=1&gap=0"
    ),
    "chronology as it was recorded, mark by mark": lambda client, w: client.get(
        f"Patient/{w.about}/$chronology?clock=recorded&attendance=mark&order=newest&gap=0"
    ),
    "chronology of a past day": lambda client, w: client.get(
        f"Patient/{w.about}/$chronology?gap=0&asOf={clock.now():%Y-%m-%d}"
    ),
    "team": lambda client, w: client.get(f"Patient/{w.about}/$team"),
    "family": lambda client, w: client.get(f"Patient/{w.about}/$family"),
    "who looked": lambda client, w: client.get(f"Patient/{w.about}/$who-looked"),
    "attendance of a child": lambda client, w: client.get(f"Patient/{w.about}/$attendance-summary"),
    "attendance of a school": lambda client, w: client.get(
        f"Organization/{w.organization}/$attendance-summary"
    ),
    "sources": lambda client, w: client.get(f"Patient/{w.about}/$sources?former=true"),
    "holds": lambda client, w: client.get(f"{w.path}/$hold-list"),
    "match": lambda client, w: client.ask("POST", "Patient/$match", _alike(w)),
    "match of the certain": lambda client, w: _called(
        client, "Patient/$match", resource_resource=_alike(w), onlyCertainMatches_valueBoolean=True
    ),
    "respond-async": lambda client, w: _later(client, w.path),
    "respond-async, called off": lambda client, w: _called_off(client, w.path),
}

TELLING_NOBODY = {
    "respond-async, called off", "hold that is lifted", "break the glass", "who looked", "match",
    "match of the certain", "create of one who is alike", "review list", "merge", "unmerge", "sources",
    "attendance of a child", "attendance of a school", "register", "team", "family",
    "chronology, its last page",
}  # fmt: skip
"""Paths on which who may see it is told nothing of it either, or the same of a child that is there anyway;
what is said of those who are alike is promised by tests/identity."""

WRITING: dict[str, Ask] = {
    "create of one who is alike": lambda client, w: client.post(_alike(w)),
    "review list": _listed,
    "reference": lambda client, w: client.post(make.linkage(w.path)),
    "absolute reference": lambda client, w: client.post(make.linkage(f"{client.base}/{w.path}/_history/1")),
    "conditional reference": lambda client, w: _transaction(
        client, make.posted(make.linkage(f"{w.type}?identifier=value-{w.word}"))
    ),
    "conditional references": lambda client, w: _transaction(
        client, *(make.posted(make.linkage(f"{w.type}?{each}")) for each in _identified("other", w))
    ),
    "reference to what a profile asks for": lambda client, w: client.post(_asking(w, "target")),
    "reference by what asks for it": lambda client, w: client.post(_asking(w, "asked")),
    "conditional create": lambda client, w: client.post(plain(w), If_None_Exist=f"_tag={w.word}"),
    "conditional create in a transaction": lambda client, w: _transaction(
        client, make.posted(plain(w), None, ifNoneExist=f"identifier=value-{w.word}")
    ),
    "conditional creates in a transaction": lambda client, w: _transaction(
        client, *(make.posted(plain(w), None, ifNoneExist=each) for each in _identified("other", w))
    ),
    "conditional create under a key": lambda client, w: _again(
        lambda condition, **key: client.post(plain(w), If_None_Exist=condition, **key), f"_tag={w.word}"
    ),
    "meta-add": lambda client, w: _called(client, f"{w.path}/$meta-add", meta_valueMeta=make.tagged("x")),
    "meta-delete": lambda client, w: _called(
        client, f"{w.path}/$meta-delete", meta_valueMeta=make.tagged("x")
    ),
    "expunge": lambda client, w: _called(client, f"{w.path}/$expunge", reason_valueString="A test."),
    "hold": lambda client, w: _called(client, f"{w.path}/$hold", reason_valueString="A test."),
    "hold that is lifted": lambda client, w: _called(
        client, f"{w.path}/$hold-lift", hold_valueId="x", reason_valueString="A test."
    ),
    "break the glass": lambda client, w: _called(
        client, f"Patient/{w.about}/$break-glass", reason_valueString="A test.", purpose_valueCode="ETREAT"
    ),
    "register": lambda client, w: _registered(client, w.about),
    "merge": lambda client, w: _called(
        client, "Patient/$merge", **_named("source", w.about), **_named("target", "nobody")
    ),
    "unmerge": lambda client, w: _called(
        client, "Patient/$unmerge", **_named("source", w.about), reason_valueString="A test."
    ),
    "delete": lambda client, w: client.delete(w.path),
    "delete of a version": lambda client, w: client.delete(w.path, If_Match='W/"1"'),
    "cascading delete": lambda client, w: client.delete(f"{w.path}?_cascade=delete"),
    "conditional delete": lambda client, w: client.delete(f"{w.type}?_tag={w.word}"),
    "conditional delete of a version": lambda client, w: client.delete(
        f"{w.type}?_tag={w.word}", If_Match='W/"1"'
    ),
    "what a conditional delete took": lambda client, w: client.delete(
        f"{w.type}?_tag={w.word}", Prefer="return=OperationOutcome"
    ),
    "conditional update": lambda client, w: client.ask("PUT", f"{w.type}?_tag={w.word}", plain(w)),
    "conditional update of a version": lambda client, w: client.ask(
        "PUT", f"{w.type}?_tag={w.word}", plain(w), If_Match='W/"1"'
    ),
    "conditional update in a transaction": lambda client, w: _transaction(
        client, make.entry("PUT", f"{w.type}?_tag={w.word}", plain(w))
    ),
    "patch": lambda client, w: _patched(client, w.path),
    "patch of a version": lambda client, w: _patched(client, w.path, If_Match='W/"1"'),
    "patch that tests": lambda client, w: _patched(
        client, w.path, {"op": "test", "path": "/identifier/0/value", "value": f"value-{w.word}"}
    ),
    "patch that copies": lambda client, w: _patched(
        client, w.path, {"op": "copy", "from": "/identifier/0/value", "path": "/language"}
    ),
    "patch that removes": lambda client, w: _patched(client, w.path, {"op": "remove", "path": "/identifier"}),
    "patch by FHIRPath": lambda client, w: client.ask("PATCH", w.path, {"resourceType": "Parameters"}),
    "patch by FHIRPath of what says it": lambda client, w: client.ask(
        "PATCH",
        w.path,
        _fhirpath("replace", f"{w.type}.identifier.where(value = 'value-{w.word}').use", valueCode="usual"),
    ),
    "patch by FHIRPath in XML": lambda client, w: client.ask(
        "PATCH", w.path, '<Parameters xmlns="http://hl7.org/fhir"/>', Content_Type="application/fhir+xml"
    ),
    "patch of the XML": lambda client, w: client.ask(
        "PATCH",
        w.path,
        f"<diff><remove sel=\"{w.type}/identifier/value[@value='value-{w.word}']\"/></diff>",
        Content_Type="application/xml-patch+xml",
    ),
    "merge patch": lambda client, w: client.ask(
        "PATCH", w.path, {"language": "en"}, Content_Type="application/merge-patch+json", If_Match='W/"2"'
    ),
    "patch in a transaction": lambda client, w: _transaction(
        client, make.entry("PATCH", w.path, {"resourceType": "Parameters"})
    ),
    "conditional patch": lambda client, w: _patched(client, f"{w.type}?_tag={w.word}"),
    "conditional patch of a version": lambda client, w: _patched(
        client, f"{w.type}?_tag={w.word}", If_Match='W/"1"'
    ),
    "patch under a key": lambda client, w: _patched(client, w.path, Idempotency_Key=make.word()),
    "delete under a key": lambda client, w: _again(client.delete, w.path, If_Match='W/"1"'),
    "a reason that speaks of it": lambda client, w: client.post(
        make.linkage(f"Organization/{w.organization}"), X_Provenance=_reason(w.path)
    ),
    "security context": lambda client, w: client.ask(
        "POST", "Binary", b"x", Content_Type="text/plain", X_Security_Context=w.path
    ),
}
