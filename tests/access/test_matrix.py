"""What may not be seen answers exactly as what does not exist, on every path, whatever the reason.

Each case is two worlds that are alike but for one resource, which is in the one and was never in the other.
Who may not see it is answered alike in both; who may, is not, and so the path does lead there.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import pytest

from server.job.worker import Worker
from server.record import reindex
from tests import make
from tests.make import TEST

SURVEY = "survey"
HL7 = "http://hl7.org/fhir/StructureDefinition"


@dataclass(frozen=True)
class World:
    """Names that are one world's own; all have `word` in them and nothing else that differs.

    `ours`: a child whom everybody works with; `about`: the child of the hidden resource.
    """

    word: str
    type: str
    ours: str
    about: str

    @property
    def id(self) -> str:
        return self.about if self.type == "Patient" else f"id-{self.word}"

    @property
    def path(self) -> str:
        return f"{self.type}/{self.id}"

    @property
    def organization(self) -> str:
        return f"org-{self.word}"

    @property
    def date(self) -> str:
        """A day of its own."""
        day = self.number
        return f"{1700 + day // 336 % 200}-{day // 28 % 12 + 1:02d}-{day % 28 + 1:02d}"

    @property
    def number(self) -> int:
        """A number of its own, and of no page's size."""
        return 10_000 + int(self.word[-6:])

    @property
    def traits(self) -> dict:
        """What every resource of the world can be found by."""
        return {
            "meta": {
                "tag": [{"system": TEST, "code": self.word}],
                "profile": [f"https://example.org/{self.word}"],
                "source": f"https://example.org/{self.word}",
            },
            "identifier": [make.identifier(f"value-{self.word}")],
            "text": {
                "status": "generated",
                "div": f'<div xmlns="http://www.w3.org/1999/xhtml">Of {self.word}</div>',
            },
        }

    @property
    def hidden(self) -> dict:
        """The resource that is in one of the worlds."""
        org, own = make.reference(f"Organization/{self.organization}"), make.reference("#own")
        inside = {"resourceType": "Practitioner", "id": "own", "name": [{"family": self.word}]}
        match self.type:
            case "Patient":
                known = {"name": [{"family": self.word}], "managingOrganization": org, "birthDate": self.date}
                known |= {"contained": [inside], "generalPractitioner": [own]}
                return make.patient(id=self.id, **self.traits, **known)
            case "EpisodeOfCare":
                known = {
                    "managingOrganization": org,
                    "careManager": make.reference(f"Practitioner/{self.organization}"),
                }
                plan = make.episode(self.about, "x", "child-protection-plan", self.date)
                return {**plan, "id": self.id, **self.traits, **known}
        measured = {"value": self.number, "unit": "marks"}
        part = {"code": make.concept(TEST, f"part-{self.word}"), "valueQuantity": measured}
        known = {"valueString": self.word, "effectiveDateTime": self.date, "performer": [org, own]}
        known["contained"] = [inside]
        known |= {"component": [part], "bodySite": {"text": self.word}}
        return make.observation(self.about, self.word, id=self.id, **self.traits, **known)


Change = Callable[[World], dict]


@dataclass(frozen=True)
class Case:
    """A reason why `agency` may not see a resource of `type`.

    `known`: the child is one that the agency sees, and its Patient is in both worlds. `hidden`: what the
    resource has beside what it has anyway. `child`: what the Patient has. `around`: what else is there.
    """

    agency: str
    type: str = "Observation"
    scopes: str = "system/*.cruds"
    known: bool = True
    hidden: Change = lambda world: {}
    child: Change = lambda world: {}
    around: Callable[[World], list[dict]] = lambda world: []


def attendance(world):
    """Of the category that schools have a right to."""
    return {"category": [make.concept(make.CATEGORY, "attendance")]}


def left(world):
    ended = make.episode(world.about, "school", start="2019-01-01") | {"status": "finished"}
    return [ended | {"period": {"start": "2019-01-01", "end": "2019-06-01"}}]


def secret(world):
    return make.labelled("V")


def with_labels(change):
    """The Patient's own `meta`, with a label."""
    return lambda world: {"meta": {**world.traits["meta"], **change(world)}}


def another_child(world):
    return {**attendance(world), "focus": [make.reference(f"Patient/other-{world.word}")]}


def registered(world):
    return [make.episode(world.about, "school"), make.episode(world.about, "social-care", "child-in-need")]


def social_worker(world):
    return [make.episode(world.about, "social-care", "child-in-need")]


CASES = {
    "a child it does not work with": Case("school", known=False, hidden=attendance, around=social_worker),
    "the record of a child it does not work with": Case(
        "school", "Patient", known=False, around=social_worker
    ),
    "a child it works with no more": Case("school", known=False, hidden=attendance, around=left),
    "the record of a child it works with no more": Case("school", "Patient", known=False, around=left),
    "a category it has no right to": Case("school", around=registered),
    "criteria that its scope leaves out": Case(
        "social-care",
        scopes="system/Observation.cruds?category=vital-signs system/Linkage.cruds "
        "system/Organization.rs system/Patient.rs",
        hidden=attendance,
        around=registered,
    ),
    "a child absent to all but the named": Case(
        "social-care", known=False, child=with_labels(secret), around=registered
    ),
    "the record of a child absent to all but the named": Case(
        "social-care",
        "Patient",
        known=False,
        child=with_labels(secret),
        hidden=with_labels(secret),
        around=registered,
    ),
    "one of two children it does not work with": Case("school", hidden=another_child, around=registered),
}


# ---- paths -------------------------------------------------------------------------------------------------


def plain(world, type_, **more):
    """A resource of the type that the agency may write itself, about the child whom everybody works with."""
    if type_ == "Patient":
        return make.patient(**more)
    category = [make.concept(make.CATEGORY, "attendance")]
    category += make.observation()["category"]
    return make.observation(world.ours, **more) | {"category": category}


def patched(client, path, **headers):
    test = [{"op": "test", "path": "/language", "value": "en"}]
    return client.ask("PATCH", path, test, Content_Type="application/json-patch+json", **headers)


def called(client, path, **given):
    """An operation with parameters, each named by its type too: `meta_valueMeta`."""
    parts = [{"name": name, key: value} for each, value in given.items() for name, key in [each.split("_")]]
    return client.ask("POST", path, {"resourceType": "Parameters", "parameter": parts})


def last_page(client, path):
    """The page from which no link leads on, or the refusal."""
    answer = client.get(path)
    while answer.status == 200 and (url := answer.link("next")):
        answer = client.get(url)
    return answer


def later(client, path):
    """A read that is answered by a worker, and then fetched."""
    accepted = client.get(path, Prefer="respond-async")
    worker = Worker(client._app.extensions["door"])
    while worker.work():
        pass
    return client.get(accepted.headers["Content-Location"])


def again(ask, path, **headers):
    """A write that is sent twice under one key: what comes back the second time."""
    key = make.word()
    ask(path, Idempotency_Key=key, **headers)
    return ask(path, Idempotency_Key=key, **headers)


def reason(path):
    """A Provenance for a header, of something that was made of a resource."""
    agent, entity = {"who": {"display": "x"}}, {"role": "source", "what": make.reference(path)}
    told = {"recorded": "2025-01-01T00:00:00Z", "agent": [agent], "entity": [entity]}
    return json.dumps({"resourceType": "Provenance", **told})


def asking(world, profile):
    """A Linkage to the resource, of a profile that wants to know more of it."""
    claimed = {"meta": {"profile": [f"{TEST}/StructureDefinition/{profile}-{world.type}"]}}
    return make.linkage(world.path) | claimed


def transaction(*entries):
    return lambda client: client.post(make.bundle("transaction", *entries))


SEARCHES = {
    "Observation": [
        "_id={id}",
        "_tag={word}",
        "_profile=https://example.org/{word}",
        "_source=https://example.org/{word}",
        "identifier=value-{word}",
        f"identifier={TEST}|value-{{word}}",
        "code={word}",
        f"code={TEST}|{{word}}",
        "value-string={word}",
        "value-string:exact={word}",
        "value-string:contains={word}",
        "date={date}",
        "date=ge{date}&date=le{date}",
        "patient={about}",
        "patient=Patient/{about}&code={word}",
        "subject=Patient/{about}",
        "performer=Organization/{organization}",
        "performer=Organization/{organization}&_sort=date",
        "code={word}&performer:missing=false",
        "code={word}&code:not=nonsense",
        "_tag={word}&_lastUpdated=gt2020",
        "_tag={word}&_sort=code,-value-string",
        "_tag={word}&_sort=-date",
        "_id={id},nobody&_sort=_lastUpdated",
        "_tag={word}&_total=accurate&_count=1",
        "_tag={word}&_count=0",
        "_tag={word}&_count=0&_total=estimate",
        "_text={word}",
        "_content={word}&_total=accurate",
        "_content={word}&_sort=-_score",
        "_tag={word}&_maxresults=01",
        "combo-value-quantity={number}||marks",
        "component-value-quantity={number}&_count=0",
        "component-code-value-quantity=part-{word}${number}",
        "code-value-string={word}${word}",
        "code:not=nonsense&_tag={word}",
        "_tag={word}&_sort=-component-value-quantity",
        "_filter=code eq {word}",
        "_filter=code eq nonsense or value-string eq {word}",
        "_filter=not (code ne {word})",
        "word={word}",
        "_tag={word}&_sort=-word&_total=accurate",
        "_list=list-{word}",
    ],
    "Patient": [
        "_id={id}",
        "_tag={word}",
        "_source=https://example.org/{word}",
        "identifier=value-{word}",
        f"identifier={TEST}|value-{{word}}",
        "name={word}",
        "family:exact={word}",
        "family:contains={word}",
        "birthdate={date}",
        "organization=Organization/{organization}",
        "name={word}&gender:missing=true",
        "identifier=value-{word}&birthdate={date}",
        "name={word}&_sort=birthdate",
        "_tag={word}&_sort=family",
        "_tag={word}&_total=accurate&_count=1",
        "_tag={word}&_count=0",
        "_tag={word}&_count=0&_total=estimate",
        "_text={word}",
        "_content={word}&_count=0",
        "_content={word}&_sort=_score&_maxresults=01",
        "_filter=family eq {word}",
        "_filter=birthdate po {date} and name sw {word}",
        "_filter=name eq nonsense or name eq {word}",
        "word={word}",
        "_tag={word}&word:missing=false&_count=0",
        "_list=list-{word}",
    ],
}

REVINCLUDE = {
    "Observation": [
        "Organization?_id={organization}&_revinclude=Observation:performer",
        "Organization?_id={organization}&_revinclude=Observation:performer:Organization&_total=accurate",
    ],
    "Patient": ["Organization?_id={organization}&_revinclude=Patient:organization"],
}

JOINED = {
    "Observation": [
        "Linkage?_id=link-{word}&item:Observation._tag={word}",
        "Linkage?_id=link-{word}&item:Observation.code={word}&_total=accurate",
        "Linkage?item:Observation.identifier=value-{word}",
        "Linkage?_id=link-{word}&item:Observation._id={id}&_count=0",
        "Linkage?_id=link-{word}&item:Observation.performer:Organization._id={organization}",
        "Organization?_has:Observation:performer:_tag={word}",
        "Organization?_id={organization}&_has:Observation:performer:code={word}&_total=accurate",
        "Organization?_id={organization}&_has:Observation:performer:date={date}&_count=0",
        "Organization?_has:Observation:performer:_has:Linkage:item:_id=link-{word}",
        "Linkage?_id=link-{word}&_include=*",
        "Linkage?_id=link-{word}&_include:iterate=*",
        "Organization?_id={organization}&_revinclude=Observation:*",
        "Organization?_id={organization}&_revinclude=*",
        "Patient/{about}/Observation",
        "Patient/{about}/Observation?_count=0",
        "Patient/{about}/*",
    ],
    "Patient": [
        "Linkage?_id=link-{word}&item:Patient._tag={word}",
        "Linkage?_id=link-{word}&item:Patient.name={word}&_total=accurate",
        "Linkage?item:Patient.identifier=value-{word}",
        "Linkage?_id=link-{word}&item:Patient.organization:Organization._id={organization}",
        "Organization?_has:Patient:organization:_tag={word}",
        "Organization?_id={organization}&_has:Patient:organization:name={word}&_count=0",
        "Linkage?_id=link-{word}&_include=*",
        "Organization?_id={organization}&_revinclude=*",
        "Patient/{about}/Patient",
        "Patient/{about}/*",
    ],
}
SEVERAL = [
    "?_tag={word}",
    "?_id={id}&_count=0",
    "?_type={type}&_tag={word}&_total=accurate",
    "?_type={type},Linkage&_tag={word}&_sort=_id",
    "Practitioner?family={word}&_contained=true",
    "Practitioner?name={word}&_contained=both&_containedType=contained&_total=accurate",
    "Practitioner?family={word}&_contained=true&_count=0",
]

PATHS: dict[str, Callable] = {
    "read": lambda client, w: client.get(w.path),
    "head": lambda client, w: client.ask("HEAD", w.path),
    "read of a version": lambda client, w: client.get(w.path, If_None_Match='W/"1"'),
    "vread": lambda client, w: client.get(f"{w.path}/_history/1"),
    "history": lambda client, w: client.get(f"{w.path}/_history"),
    "search by POST": lambda client, w: client.ask(
        "POST", f"{w.type}/_search", f"_tag={w.word}", Content_Type="application/x-www-form-urlencoded"
    ),
    "include": lambda client, w: client.search(f"Linkage?_id=link-{w.word}&_include=Linkage:item"),
    "include of a type": lambda client, w: client.search(
        f"Linkage?_id=link-{w.word}&_include=Linkage:item:{w.type}"
    ),
    "batch": lambda client, w: client.post(
        make.bundle(
            "batch",
            make.entry("GET", w.path),
            make.entry("GET", f"{w.type}?_id={w.id}"),
            make.entry("GET", f"{w.path}/_history"),
        )
    ),
    "transaction": lambda client, w: client.post(make.bundle("transaction", make.entry("GET", w.path))),
    "search in a transaction": lambda client, w: client.post(
        make.bundle("transaction", make.entry("GET", f"{w.type}?_tag={w.word}"))
    ),
    "reference": lambda client, w: client.post(make.linkage(w.path)),
    "absolute reference": lambda client, w: client.post(make.linkage(f"{client.base}/{w.path}/_history/1")),
    "conditional reference": lambda client, w: client.post(
        make.bundle("transaction", make.posted(make.linkage(f"{w.type}?identifier=value-{w.word}")))
    ),
    "conditional create": lambda client, w: client.post(plain(w, w.type), If_None_Exist=f"_tag={w.word}"),
    "conditional create in a transaction": lambda client, w: client.post(
        make.bundle(
            "transaction", make.posted(plain(w, w.type), None, ifNoneExist=f"identifier=value-{w.word}")
        )
    ),
    "conditional creates in a transaction": lambda client, w: client.post(
        make.bundle(
            "transaction",
            *(
                make.posted(plain(w, w.type), None, ifNoneExist=f"identifier={TEST}|{value}-{w.word}")
                for value in ("value", "other")
            ),
        )
    ),
    "conditional references": lambda client, w: client.post(
        make.bundle(
            "transaction",
            *(
                make.posted(make.linkage(f"{w.type}?identifier={TEST}|{value}-{w.word}"))
                for value in ("value", "other")
            ),
        )
    ),
    "everything": lambda client, w: client.get(f"Patient/{w.about}/$everything"),
    "everything of a type": lambda client, w: client.get(f"Patient/{w.about}/$everything?_type={w.type}"),
    "everything by pages": lambda client, w: last_page(client, f"Patient/{w.about}/$everything?_count=1"),
    "everything in a batch": lambda client, w: client.post(
        make.bundle("batch", make.entry("GET", f"Patient/{w.about}/$everything"))
    ),
    "meta": lambda client, w: client.get(f"{w.path}/$meta"),
    "meta of a version": lambda client, w: client.get(f"{w.path}/_history/1/$meta"),
    "meta-add": lambda client, w: called(client, f"{w.path}/$meta-add", meta_valueMeta=make.tagged("x")),
    "meta-delete": lambda client, w: called(
        client, f"{w.path}/$meta-delete", meta_valueMeta=make.tagged("x")
    ),
    "diff": lambda client, w: client.get(f"{w.path}/$diff"),
    "diff of versions": lambda client, w: client.get(f"{w.path}/$diff?fromVersion=1&toVersion=1"),
    "validate a reference": lambda client, w: called(
        client, "Linkage/$validate", mode_valueCode="create", resource_resource=make.linkage(w.path)
    ),
    "validate what refers to it": lambda client, w: called(
        client, "Linkage/$validate", resource_resource=asking(w, "target")
    ),
    "validate what asks for it": lambda client, w: called(
        client, "Linkage/$validate", resource_resource=asking(w, "asked")
    ),
    "validate a reference to what a profile asks for": lambda client, w: called(
        client, "Linkage/$validate", mode_valueCode="create", resource_resource=asking(w, "target")
    ),
    "validate it by a profile": lambda client, w: called(
        client, f"{w.path}/$validate", mode_valueCode="profile", profile_valueUri=f"{HL7}/{w.type}"
    ),
    "reference to what a profile asks for": lambda client, w: client.post(asking(w, "target")),
    "reference by what asks for it": lambda client, w: client.post(asking(w, "asked")),
    "validate a delete": lambda client, w: called(client, f"{w.path}/$validate", mode_valueCode="delete"),
    "respond-async": lambda client, w: later(client, w.path),
    "everything later": lambda client, w: later(client, f"Patient/{w.about}/$everything"),
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
    "conditional update": lambda client, w: client.ask("PUT", f"{w.type}?_tag={w.word}", plain(w, w.type)),
    "conditional update of a version": lambda client, w: client.ask(
        "PUT", f"{w.type}?_tag={w.word}", plain(w, w.type), If_Match='W/"1"'
    ),
    "conditional update in a transaction": lambda client, w: client.post(
        make.bundle("transaction", make.entry("PUT", f"{w.type}?_tag={w.word}", plain(w, w.type)))
    ),
    "patch": lambda client, w: patched(client, w.path),
    "patch of a version": lambda client, w: patched(client, w.path, If_Match='W/"1"'),
    "patch by FHIRPath": lambda client, w: client.ask("PATCH", w.path, {"resourceType": "Parameters"}),
    "patch in a transaction": lambda client, w: client.post(
        make.bundle("transaction", make.entry("PATCH", w.path, {"resourceType": "Parameters"}))
    ),
    "conditional patch": lambda client, w: patched(client, f"{w.type}?_tag={w.word}"),
    "conditional patch of a version": lambda client, w: patched(
        client, f"{w.type}?_tag={w.word}", If_Match='W/"1"'
    ),
    "patch under a key": lambda client, w: patched(client, w.path, Idempotency_Key=make.word()),
    "delete under a key": lambda client, w: again(client.delete, w.path, If_Match='W/"1"'),
    "a reason that speaks of it": lambda client, w: client.post(
        make.linkage(f"Organization/{w.organization}"), X_Provenance=reason(w.path)
    ),
    "security context": lambda client, w: client.ask(
        "POST", "Binary", b"x", Content_Type="text/plain", X_Security_Context=w.path
    ),
}

WRITING = {
    "reference to what a profile asks for",
    "reference by what asks for it",
    "conditional create",
    "conditional create in a transaction",
    "conditional creates in a transaction",
    "conditional references",
    "meta-add",
    "meta-delete",
    "delete",
    "delete of a version",
    "cascading delete",
    "conditional delete",
    "conditional delete of a version",
    "what a conditional delete took",
    "conditional update",
    "conditional update of a version",
    "conditional update in a transaction",
    "patch",
    "patch of a version",
    "patch by FHIRPath",
    "patch in a transaction",
    "conditional patch",
    "conditional patch of a version",
    "patch under a key",
    "delete under a key",
    "a reason that speaks of it",
    "security context",
    "reference",
    "absolute reference",
    "conditional reference",
}


def _paths(type_):
    yield from PATHS
    yield from (f"{type_}?{query}" for query in SEARCHES[type_])
    yield from REVINCLUDE[type_]
    yield from JOINED[type_]
    yield from SEVERAL


EVERY = [
    pytest.param(name, path, id=f"{name}-{path}")
    for name, case in CASES.items()
    for path in _paths(case.type)
]


@pytest.mark.parametrize(("name", "path"), EVERY)
def test_what_may_not_be_seen_answers_as_what_does_not_exist(client_with, worlds, name, path):
    case = CASES[name]
    there, nowhere = worlds(name, afresh=path in WRITING)
    client, inspector = client_with(case.agency, case.scopes), client_with("inspector")
    assert told(client, path, there) == told(client, path, nowhere)
    assert told(inspector, path, there) != told(inspector, path, nowhere)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("path", ["_history", "[type]/_history"])
@pytest.mark.parametrize("query", ["", "&_sort=_lastUpdated", "&_at={day}", "&_count=1", "&_elements=meta"])
def test_a_history_has_nothing_of_what_may_not_be_seen(client_with, suite, worlds, name, path, query):
    """Of two worlds written one after the other the past differs only for who sees what is hidden in one."""
    case = CASES[name]
    before = suite.put(make.organization(make.word())).json["meta"]["lastUpdated"]
    there, nowhere = worlds(name, afresh=True)
    where = path.replace("[type]", case.type)
    url = f"{where}?_since={before}&_count=1000{query.format(day=before[:10])}"

    def past(client, world):
        found, following = [], url.replace("&_count=1000", "") if "_count=1" in query else url
        while following:
            page = client.get(following)
            found += [each for each in map(str, page.entries) if world.word in each]
            following = page.link("next")
        text = "".join(found).replace(world.word, "WORD").replace(world.date, "DATE")
        for pattern in _PASSING:
            text = re.sub(pattern, "…", text)
        return text

    client, inspector = client_with(case.agency, case.scopes), client_with("inspector")
    assert past(client, there) == past(client, nowhere)
    assert past(inspector, there) != past(inspector, nowhere)


def told(client, path, world):
    """An answer without what differs between two worlds, or between any two answers, anyway."""
    if path in PATHS:
        answer = PATHS[path](client, world)
    else:
        own = ("word", "id", "type", "date", "number", "about", "organization")
        names = {name: getattr(world, name) for name in own}
        answer = client.search(path.format(**names))
    kept = {name: "…" if name in _CHANGING else value for name, value in answer.headers.items()}
    text = f"{answer.status} {kept} {answer.text}".replace(world.word, "WORD").replace(world.date, "DATE")
    text = text.replace(f"={world.number}", "=NUMBER").replace(f"${world.number}", "$NUMBER")
    for pattern in _PASSING:
        text = re.sub(pattern, "…", text)
    return text


_CHANGING = {"ETag", "Expires", "Last-Modified", "X-Request-Id", "Content-Length"}
_PASSING = (
    r"_page=[\w-]+",
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z",
)


# ---- worlds ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", autouse=True)
def word(app, suite):
    """A search parameter of either type that was added while the server runs."""
    paths = {"Observation": "Observation.bodySite.text", "Patient": "Patient.name.family"}
    for type_, path in paths.items():
        definition = make.search_parameter("word", type_, "token", path)
        assert suite.put(definition).status == 201
    _index(app)
    yield
    for type_ in paths:
        suite.delete(f"SearchParameter/{type_}-word")
    _index(app)


def _index(app):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reindex, "GRACE", reindex.GRACE * 0)
        while reindex.is_open(app.extensions["door"]):
            reindex.step(app.extensions["door"])


def _profile(name, type_, *elements):
    return {
        "resourceType": "StructureDefinition",
        "id": name,
        "url": f"{TEST}/StructureDefinition/{name}",
        "name": name.replace("-", "_").capitalize(),
        "status": "active",
        "kind": "resource",
        "abstract": False,
        "type": type_,
        "baseDefinition": f"{HL7}/{type_}",
        "derivation": "constraint",
        "differential": {"element": [{"id": each["path"], **each} for each in elements]},
    }


@pytest.fixture(scope="module", autouse=True)
def profiles(suite):
    """Of a Linkage whose target has a language: by the profile of the target, and by an invariant."""
    made = []
    for type_ in ("Observation", "Patient"):
        spoken = _profile(f"spoken-{type_}", type_, {"path": f"{type_}.language", "min": 1})
        of_target = {"code": "Reference", "targetProfile": [spoken["url"]]}
        rule = {"key": "asked-1", "severity": "error", "human": "It has a language."}
        rule["expression"] = "item.resource.resolve().language.exists()"
        item = {"path": "Linkage.item.resource", "type": [of_target]}
        target = _profile(f"target-{type_}", "Linkage", item)
        asked = _profile(f"asked-{type_}", "Linkage", {"path": "Linkage", "constraint": [rule]})
        made += [spoken, target, asked]
    assert suite.post(make.bundle("transaction", *map(make.put, made))).status == 200
    yield
    for each in reversed(made):
        suite.delete(f"StructureDefinition/{each['id']}")


@pytest.fixture(scope="module")
def worlds(suite):
    """Makes the two worlds of a case: `worlds(name)`, or new ones for what would change them."""

    def both(name):
        there, nowhere = (_world(CASES[name]) for _ in range(2))
        _make(suite, CASES[name], there, present=True)
        _make(suite, CASES[name], nowhere, present=False)
        return there, nowhere

    kept = cache(both)
    return lambda name, afresh=False: both(name) if afresh else kept(name)


def _world(case):
    word = make.word("x")
    return World(word, case.type, f"ours-{word}", f"child-{word}")


def _make(suite, case, world, *, present):
    """Everything but the hidden resource, and that too if it is to be present."""
    hidden = {**world.hidden, **case.hidden(world)}
    everybody = ("school", "social-care", "health", "glimpse", "inspector")
    sent = [
        make.put(make.organization(world.organization)),
        make.put({"resourceType": "Practitioner", "id": world.organization}),
        make.put(make.patient(id=world.ours)),
        *(make.posted(make.episode(world.ours, agency)) for agency in everybody),
        make.put(make.linkage(world.path, id=f"link-{world.word}")),
        make.put(make.list_of(world.path, id=f"list-{world.word}")),
    ]
    if case.known or present:
        if case.type != "Patient":
            sent.append(make.put(make.patient(id=world.about, **case.child(world))))
        sent.append(make.posted(make.team(world.about, "inspector")))
        sent += map(make.posted, case.around(world))
        sent.append(make.put(make.patient(id=f"other-{world.word}")))
    if present:
        sent.append(make.put(hidden))
    assert suite.post(make.bundle("transaction", *sent)).status == 200


# ---- the one exception -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_who_chooses_an_id_may_learn_that_it_is_taken_and_nothing_more(client_with, suite, worlds, name):
    case = CASES[name]
    there, _ = worlds(name, afresh=True)
    client, before = client_with(case.agency, case.scopes), suite.get(there.path)
    mine = plain(there, there.type, id=there.id)
    for headers in ({}, {"If_Match": 'W/"1"'}, {"If_Match": 'W/"2"'}, {"If_None_Match": "*"}):
        for ask in (client.put, lambda *args, **more: by_condition(client, there, *args, **more)):
            refused = ask(mine, **headers)
            assert refused.status == 409
            assert refused.issues == [("conflict", "This id cannot be used.")]
    assert suite.get(there.path).text == before.text


@pytest.mark.parametrize(
    "headers", [{}, {"If_Match": 'W/"1"'}, {"If_Match": "*"}, {"If_None_Match": "*"}], ids=str
)
@pytest.mark.parametrize("name", CASES)
def test_who_may_write_nothing_learns_of_no_id_whether_it_is_taken(client_with, worlds, name, headers):
    case = CASES[name]
    client = client_with(case.agency, f"system/{case.type}.rs system/Organization.rs")
    asked = (client.put(plain(each, each.type, id=each.id), **headers) for each in worlds(name))
    there, nowhere = asked
    assert (there.status, there.text) == (nowhere.status, nowhere.text)
    assert there.status == 403


def by_condition(client, world, resource, **headers):
    return client.ask("PUT", f"{world.type}?_tag={world.word}", resource, **headers)


@pytest.mark.parametrize("name", CASES)
def test_a_page_link_is_no_proof_of_access(client_with, worlds, name):
    case = CASES[name]
    worlds(name)
    link = client_with("inspector").search(f"{case.type}?_count=1").link("next")
    refused = client_with(case.agency, case.scopes).get(link)
    assert (refused.status, refused.code) == (400, "invalid")


def test_rights_are_asked_again_when_a_page_link_is_used(suite, school):
    child, tag = make.word("child-"), make.word()
    registration = make.episode(child, "school", id=make.word())
    marks = [make.mark(child, "school", f"2025-09-0{day}", meta=make.tagged(tag)) for day in range(1, 5)]
    suite.post(
        make.bundle(
            "transaction", make.put(make.child(id=child)), make.put(registration), *map(make.posted, marks)
        )
    )
    page = school.search(f"Observation?_tag={tag}&_count=2")
    assert len(page.ids) == 2
    suite.put({**registration, "status": "entered-in-error"})
    assert school.get(page.link("next")).ids == []


@pytest.mark.parametrize("label", [None, "V"])
def test_who_presents_a_claimed_number_may_learn_that_it_is_taken_and_nothing_more(suite, school, label):
    sent = make.child(**({"meta": make.labelled(label)} if label else {}))
    id = suite.post(sent).id
    bare = {name: value for name, value in sent.items() if name != "meta"}
    condition = f"identifier={make.NHS_NUMBER}|{sent['identifier'][0]['value']}"
    plain_post, conditional = school.post(bare), school.post(bare, If_None_Exist=condition)
    assert (plain_post.status, plain_post.code) == (409, "duplicate")
    assert plain_post.json == conditional.json
    assert id not in plain_post.text
    other = make.child()
    suite.post(other)
    assert school.post(other).json == plain_post.json
    in_transaction = school.post(make.bundle("transaction", make.posted(bare, None, ifNoneExist=condition)))
    assert (in_transaction.status, in_transaction.code) == (409, "duplicate")
    assert id not in in_transaction.text
