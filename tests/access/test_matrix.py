"""What may not be seen answers exactly as what does not exist, on every path, whatever the reason.

Each case is two worlds that are alike but for one resource, which is in the one and was never in the other;
or for what is held back of it, which in the other was never said. Who may not see it is answered alike in
both; who may, is not, and so the path does lead there. The paths are held against the registries of the
server: an interaction, an operation, a kind of search that has none fails the suite.
"""

import re
from functools import cache
from itertools import product
from zlib import crc32

import pytest

from server.definition.library import library
from server.record import reindex
from server.search.registry import Registry
from tests import make
from tests.access.matrix import path as ways_there
from tests.access.matrix import way
from tests.access.matrix.degree import CHILD, DEGREES, PARENT, WORKER
from tests.access.matrix.path import HL7, TELLING_NOBODY, WRITING, paths, plain
from tests.access.matrix.search import MISSING
from tests.access.matrix.world import TYPES, World
from tests.caller import Caller
from tests.make import TEST
from tests.oauth import flow

EVERYBODY = ("school", "social-care", "health", "glimpse", "inspector", "borough")
"""Agencies that work with a child of each world, whatever the case."""

SAMPLE = 8
"""Unless it is run in full, a degree goes one way in so many; the first goes all of them."""

OF_NO_CHILD = {
    "capabilities GET metadata": "the same for everybody",
    "mode": "of the CapabilityStatement",
    "_format": "how it is written, not what is told",
    "_pretty": "how it is written, not what is told",
    "Near": "Locations alone are searched by it, and they are about no child",
    **{
        f"${name} on {level}": "it reads definitions, which are about no child"
        for name, levels in {
            "CodeSystem-find-matches": ("type", "instance"),
            "CodeSystem-lookup": ("type",),
            "CodeSystem-subsumes": ("type", "instance"),
            "CodeSystem-validate-code": ("type", "instance"),
            "ConceptMap-closure": ("system",),
            "ConceptMap-translate": ("type", "instance"),
            "SearchParameter-reindex": ("system", "instance"),
            "SearchParameter-reindex-status": ("system", "instance"),
            "ValueSet-expand": ("type", "instance"),
            "ValueSet-validate-code": ("type", "instance"),
        }.items()
        for level in levels
    },
}
"""Ways that lead to nothing about a child, and why."""

ABSENT = [name for name, degree in DEGREES.items() if degree.gone is None]
"""Degrees by which nothing is seen."""

ELSEWHERE = {
    "update PUT [type]/[id]": "rule 3: test_who_chooses_an_id_may_learn_that_it_is_taken_and_nothing_more",
    "$Task-answer on instance": "of an alert, by whom it asks: tests/child/alert/test_answer.py",
    "$Task-decide on instance": "of a pair: tests/identity/test_door.py, test_reviewer.py",
    "$Resource-expunge on type": "of what was deleted: tests/operation/test_expunge.py",
    "$Patient-break-glass on type": "by identifier and birth date: tests/access/test_break_glass.py",
    "history-type GET [type]/_history": "test_a_history_has_nothing_of_what_may_not_be_seen",
    "history-system GET _history": "test_a_history_has_nothing_of_what_may_not_be_seen",
    **dict.fromkeys(
        (
            "$backport-subscription-status on type",
            "$backport-subscription-status on instance",
            "$backport-subscription-events on instance",
            "$backport-subscription-get-ws-binding-token on type",
            "$backport-subscription-get-ws-binding-token on instance",
        ),
        "of a Subscription, to who made it: tests/subscription/telling/test_operation.py",
    ),
    "X-Purpose-Of-Use": "what for: tests/access/test_user.py",
}
"""Ways that are not paths to one resource, and the test that goes them."""


def pytest_generate_tests(metafunc):
    """Every degree of right with every path to the resource; a part of these unless they are run in full."""
    in_full = metafunc.config.getoption("--soak")
    if "degree" in metafunc.fixturenames:
        every = _every() if in_full else _some()
        cases = [pytest.param(degree, path, id=f"{degree}-{path}") for degree, path in every]
        metafunc.parametrize(("degree", "path"), cases)
    if "query" in metafunc.fixturenames:
        asked = [each for each in product(DEGREES, _HISTORIES, _QUERIES) if in_full or _is_drawn(each)]
        metafunc.parametrize(("name", "path", "query"), asked)


_HISTORIES = ("_history", "[type]/_history")
_QUERIES = ("", "&_sort=_lastUpdated", "&_at={day}", "&_count=1", "&_elements=meta")


def _is_drawn(case):
    """The same ones each time, of every kind some."""
    return crc32(" ".join(case).encode()) % SAMPLE == 0


def _every():
    registry = Registry(library())
    for name, degree in DEGREES.items():
        for path in paths(degree.type, registry):
            yield name, path


def _some():
    first = next(iter(DEGREES))
    for name, path in _every():
        if name == first or _is_drawn((name, path)):
            yield name, path


@pytest.mark.soak
def test_what_may_not_be_seen_answers_as_what_does_not_exist(client_with, caller, worlds, degree, path):
    case = DEGREES[degree]
    there, nowhere = worlds(degree, afresh=path in WRITING)
    client = caller(degree)
    asked = [path, path.replace(MISSING, ":missing=false")] if MISSING in path else [path]
    for each in asked:
        assert told(client, each, there) == told(client, each, nowhere)
    if case.gone is None and path not in TELLING_NOBODY:
        inspector = client_with(case.shown)
        assert any(told(inspector, each, there) != told(inspector, each, nowhere) for each in asked)


def test_every_way_that_the_registries_know_has_a_path_or_a_reason_why_not(app, client_with, suite):
    registry = app.extensions["door"].registry
    taken = set()
    for type_ in TYPES:
        world = _world(type_)
        _make(suite, DEGREES["a child it does not work with"], world, world.whole)
        watched = way.Watched(client_with("inspector"))
        for path in paths(type_, registry):
            ways_there.ask(path, watched, world)
        taken |= {each for asked in watched.asked for each in way.taken(asked, registry)}
    every = way.every(registry)
    assert sorted(every - taken - set(OF_NO_CHILD) - set(ELSEWHERE)) == []
    assert sorted((set(OF_NO_CHILD) | set(ELSEWHERE)) - every) == []


@pytest.mark.soak
def test_a_history_has_nothing_of_what_may_not_be_seen(client_with, caller, suite, worlds, name, path, query):
    """Of two worlds written one after the other the past differs only for who sees what is hidden in one."""
    case = DEGREES[name]
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
        return neutral("".join(found), world)

    client, inspector = caller(name), client_with(case.shown)
    assert past(client, there) == past(client, nowhere)
    if case.gone is None:
        assert past(inspector, there) != past(inspector, nowhere)


def told(client, path, world):
    """An answer without what differs between two worlds, or between any two answers, anyway."""
    answer = ways_there.ask(path, client, world)
    kept = {name: "…" if name in _CHANGING else value for name, value in answer.headers.items()}
    return neutral(f"{answer.status} {kept} {answer.text}", world)


def neutral(text, world):
    text = text.replace(world.word, "WORD").replace(world.date, "DATE").replace(world.day, "DAY")
    text = text.replace(str(world.share), "SHARE")
    text = re.sub(rf"(?<![\d.-]){world.number}(?![\w.-])", "NUMBER", text)
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
    for type_ in TYPES:
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
def worlds(client_with, suite):
    """Makes the two worlds of a case: `worlds(name)`, or new ones for what would change them."""

    def both(name):
        case = DEGREES[name]
        there, nowhere = (_world(case.type) for _ in range(2))
        writer = client_with(case.writer)
        _make(suite, case, there, {**there.whole, **case.hidden(there)}, writer)
        unsaid = case.bare({**nowhere.whole, **case.hidden(nowhere)}) if case.gone else None
        _make(suite, case, nowhere, unsaid, writer)
        return there, nowhere

    kept = cache(both)
    return lambda name, afresh=False: both(name) if afresh else kept(name)


@pytest.fixture(scope="module")
def caller(app, client_with, suite):
    """Who may not see what a degree hides: a client of its agency, or somebody who uses an app of it."""
    sent = [
        make.put({"resourceType": "Practitioner", "id": WORKER}),
        make.put(make.child(id=CHILD)),
        make.posted(_episode(CHILD, "borough")),
        make.put(_parent(CHILD)),
    ]
    assert suite.post(make.bundle("transaction", *sent)).status == 200

    @cache
    def called(name):
        case = DEGREES[name]
        if not case.user:
            return client_with(case.agency, case.scopes)
        context = " launch/patient" if "patient/" in case.scopes else ""
        scope = f"{case.scopes}{context}"
        asking = flow.app_of(app, case.agency, scope=scope)
        browser = flow.Browser(app, flow.account_of(app, case.agency, **case.user))
        answer = browser.tokens(asking, browser.code(asking, child=CHILD, scope=scope))
        assert answer.json["scope"] == scope
        return Caller(app, answer.json["access_token"])

    return called


def _episode(child, agency):
    """By which an agency works with a child, and its worker does."""
    return make.episode(child, agency, careManager=make.reference(f"Practitioner/{WORKER}"))


def _parent(child):
    """Who has parental responsibility for a child."""
    responsible = {"url": f"{make.B}/StructureDefinition/parental-responsibility", "valueBoolean": True}
    return {
        "resourceType": "RelatedPerson",
        "id": PARENT,
        "extension": [responsible],
        "patient": make.reference(f"Patient/{child}"),
    }


def _world(type_):
    word = make.word("x")
    return World(word, type_, f"ours-{word}", f"child-{word}")


def _make(suite, case, world, resource, writer=None):
    """Everything but the hidden resource, and that too if there is one."""
    sent = [
        make.put(make.organization(world.organization)),
        make.put({"resourceType": "Practitioner", "id": world.organization}),
        make.put(make.patient(id=world.ours)),
        *(make.posted(_episode(world.ours, agency)) for agency in EVERYBODY),
        make.put(make.linkage(world.path, id=f"link-{world.word}")),
        make.put(make.list_of(world.path, id=f"list-{world.word}")),
    ]
    if case.known or resource:
        if world.type != "Patient":
            sent.append(make.put(make.patient(id=world.about, **case.child(world))))
        sent.append(make.posted(make.team(world.about, "inspector")))
        sent += map(make.posted, case.around(world))
        sent.append(make.put(make.patient(id=f"other-{world.word}")))
    assert suite.post(make.bundle("transaction", *sent)).status == 200
    if resource:
        entry = make.bundle("transaction", make.put(resource))
        assert (writer or suite).post(entry).status == 200


# ---- the one exception -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [each for each in ABSENT if DEGREES[each].writes])
def test_who_chooses_an_id_may_learn_that_it_is_taken_and_nothing_more(caller, suite, worlds, name):
    there, _ = worlds(name, afresh=True)
    client, before = caller(name), suite.get(there.path)
    mine = plain(there, id=there.id)
    for headers in ({}, {"If_Match": 'W/"1"'}, {"If_Match": 'W/"2"'}, {"If_None_Match": "*"}):
        for ask in (client.put, lambda *args, **more: by_condition(client, there, *args, **more)):
            refused = ask(mine, **headers)
            assert refused.status == 409
            assert refused.issues == [("conflict", "This id cannot be used.")]
    assert suite.get(there.path).text == before.text


@pytest.mark.parametrize(
    "headers", [{}, {"If_Match": 'W/"1"'}, {"If_Match": "*"}, {"If_None_Match": "*"}], ids=str
)
@pytest.mark.parametrize("name", ABSENT)
def test_who_may_write_nothing_learns_of_no_id_whether_it_is_taken(client_with, worlds, name, headers):
    case = DEGREES[name]
    client = client_with(case.agency, f"system/{case.type}.rs system/Organization.rs")
    asked = (client.put(plain(each, id=each.id), **headers) for each in worlds(name))
    there, nowhere = asked
    assert (there.status, there.text) == (nowhere.status, nowhere.text)
    assert there.status == 403


def by_condition(client, world, resource, **headers):
    return client.ask("PUT", f"{world.type}?_tag={world.word}", resource, **headers)


@pytest.mark.parametrize("name", DEGREES)
def test_a_page_link_is_no_proof_of_access(client_with, caller, worlds, name):
    case = DEGREES[name]
    for _ in range(2):
        worlds(name, afresh=True)
    link = client_with(case.shown).search(f"{case.type}?_count=1").link("next")
    refused = caller(name).get(link)
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
