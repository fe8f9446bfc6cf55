"""Search parameters that are added while the server runs, and what was there before they were."""

import time

import pytest
from sqlalchemy import any_, delete, func, select, text, update

from server.definition import added
from server.job.reindexer import Reindexer
from server.record import reindex
from server.record.record import Record
from server.search.complete import FINDING, SEEING
from server.search.hash import Hasher
from server.store import indexing, parameters
from server.store import tables as t
from tests import make
from tests.access.test_decision import not_shared
from tests.caller import Caller, token
from tests.person import signed_in

EXTENSION = "https://example.org/shoe-size"
URL = "https://example.org/SearchParameter/shoe"


@pytest.fixture
def url(new_database, monkeypatch):
    # Nothing has to wait for what another process might not know yet, unless that is the point.
    monkeypatch.setattr(reindex, "GRACE", reindex.GRACE * 0)
    with new_database() as url:
        yield url
        added.hold(added.NONE)


@pytest.fixture
def opened(serve, url):
    """Makes one process more over the same database."""
    apps = []

    def application(**settings):
        apps.append(serve(url, **settings))
        return apps[-1]

    yield application
    for app in apps:
        app.extensions["database"].close()


@pytest.fixture
def app(opened):
    return opened()


@pytest.fixture
def admin(app):
    return Caller(app, token(app, "suite", "system/*.cruds"))


def parameter(**more):
    size = f"Patient.extension('{EXTENSION}').value as code"
    return make.search_parameter("shoe", "Patient", "token", size) | {"id": "shoe", "url": URL, **more}


def shod(size, **more):
    return make.patient(extension=[{"url": EXTENSION, "valueCode": size}], **more)


def work(app, most=1000):
    """Do what is to be done; how many pieces that were."""
    door, number, patience = app.extensions["door"], 0, 20
    while number < most and patience:
        if reindex.step(door) is not None:
            number += 1
        elif not reindex.is_open(door):
            break
        else:
            # What is written in this millisecond may still be on its way.
            patience -= 1
            time.sleep(0.01)
    return number


def begun(app):
    """Work until resources are indexed."""
    while (job := reindex.step(app.extensions["door"])) and not job.work.done:
        pass
    return job


def indexed(app):
    """How many resources carry the hash of a small shoe, and how many are listed under it."""
    hash_ = Hasher(bytes.fromhex("0f" * 32)).token("Patient", "shoe", "small")
    with app.extensions["database"].begin() as connection:
        carried = select(func.count()).select_from(t.resource).where(hash_ == any_(t.resource.c.tok))
        listed = select(func.count()).select_from(t.facet).where(t.facet.c.h == hash_)
        return connection.execute(carried).scalar_one(), connection.execute(listed).scalar_one()


def names(caller):
    statement = caller.get("metadata").json
    [found] = [each for each in statement["rest"][0]["resource"] if each["type"] == "Patient"]
    return {each["name"] for each in found["searchParam"]}


def test_what_was_there_before_is_found_when_it_is_indexed(app, admin):
    small, large = admin.post(shod("small")).id, admin.post(shod("large")).id
    assert admin.put(parameter()).status == 201
    direct = ("Patient?shoe=small", "Patient?_sort=shoe", "Patient?_filter=shoe eq small")
    for query in (*direct, "Observation?subject:Patient.shoe=x", "Observation?subject.shoe:missing=true"):
        for handling in ("strict", "lenient"):
            refused = admin.get(query, Prefer=f"handling={handling}")
            assert (refused.status, refused.code) == (409, "incomplete"), query
    assert "shoe" not in names(admin)
    assert "SearchParameter-shoe" not in admin.ask("GET", "metadata").text
    work(app)
    assert admin.search("Patient?shoe=small").ids == [small]
    assert admin.search("Patient?shoe:not=small").ids == [large]
    assert admin.search("Patient?_filter=shoe eq large").ids == [large]
    assert admin.search("Patient?shoe:missing=false&_sort=-shoe").ids == [small, large]
    assert "shoe" in names(admin)


@pytest.mark.parametrize(
    ("type_", "expression", "query", "others"),
    [
        ("string", "Patient.contact.name.family", "shoe=ost", "shoe=west"),
        ("reference", "Patient.contact.organization", "shoe=Organization/ost", "shoe=Organization/west"),
        ("date", "Patient.contact.period", "shoe=2020-05", "shoe=2021"),
        ("number", "Patient.multipleBirth as integer", "shoe=3", "shoe=4"),
        ("uri", "Patient.photo.url", "shoe=https://example.org/ost", "shoe=https://example.org/west"),
        ("quantity", "(Patient.extension('https://example.org/foot').value as Quantity)", "shoe=gt10||cm",
         "shoe=lt0.1||m"),
    ],
)  # fmt: skip
def test_each_type_of_parameter_can_be_added(app, admin, type_, expression, query, others):
    length = {"value": 25, "unit": "cm", "system": "http://unitsofmeasure.org", "code": "cm"}
    ost = admin.post(
        make.patient(
            contact=[{"name": {"family": "Osten"}, "organization": make.reference("Organization/ost"),
                      "period": {"start": "2020-05-01", "end": "2020-05-02"}}],
            multipleBirthInteger=3, photo=[{"url": "https://example.org/ost"}],
            extension=[{"url": "https://example.org/foot", "valueQuantity": length}],
        )
    ).id  # fmt: skip
    admin.post(make.patient())
    assert admin.put(parameter(type=type_, expression=expression)).status == 201
    work(app)
    assert admin.search(f"Patient?{query}").ids == [ost]
    assert admin.search(f"Patient?{others}").ids == []
    if type_ == "reference":
        admin.put(make.organization("ost"))
        assert admin.search("Patient?shoe=Organization/ost&_include=Patient:shoe").included == [
            "Organization/ost"
        ]
        assert admin.search("Organization?_has:Patient:shoe:_id=" + ost).ids == ["ost"]


def test_what_is_written_while_it_goes_on_is_found(app, admin, monkeypatch):
    monkeypatch.setattr(reindex, "AT_ONCE", 3)
    before = [admin.post(shod("small")).id for _ in range(12)]
    admin.put(parameter())
    begun(app)
    wanted = set(before)
    for number in range(1000):
        if reindex.step(app.extensions["door"]) is None:
            break
        if number < 4:
            first, last = before[number], before[-1 - number]
            admin.put(shod("large", id=first))
            wanted.discard(first)
            admin.put(shod("small", id=last, gender="other"))
            wanted.add(admin.post(shod("small")).id)
        if number == 4:
            admin.delete(f"Patient/{before[5]}")
            wanted.discard(before[5])
    assert set(admin.search("Patient?shoe=small&_count=100").ids) == wanted
    assert indexed(app) == (len(wanted), len(wanted))


def test_what_was_begun_is_gone_on_with_by_another_when_the_first_dies(app, admin, opened, monkeypatch):
    monkeypatch.setattr(reindex, "AT_ONCE", 3)
    before = {admin.post(shod("small")).id for _ in range(10)}
    admin.put(parameter())
    came = begun(app).work.done

    def die(connection, pairs):
        align(connection, pairs)
        connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    align = indexing.align
    with monkeypatch.context() as dying:
        dying.setattr(indexing, "align", die)
        with pytest.raises(Exception, match="went away"):
            work(app)
    other = opened()
    status = Caller(other, token(other, "suite", "system/*.cruds")).get(
        "SearchParameter/shoe/$reindex-status"
    )
    told = {each["name"]: each for each in status.json["parameter"]}
    assert told["status"]["valueCode"] == "running"
    assert 0 < told["percent"]["valueUnsignedInt"] < 100
    assert told["incomplete"]["valueCanonical"] == URL
    assert came == 3
    work(other)
    app.extensions["door"].parameters.forget()
    assert set(admin.search("Patient?shoe=small").ids) == before


def test_two_processes_share_the_work_and_do_it_once(app, admin, opened, monkeypatch):
    monkeypatch.setattr(reindex, "AT_ONCE", 2)
    before = {admin.post(shod("small")).id for _ in range(10)}
    admin.put(parameter())
    doors, done = [app.extensions["door"], opened().extensions["door"]], [0, 0]
    for turn in range(40):
        job = reindex.step(doors[turn % 2])
        done[turn % 2] = job.work.done if job else done[turn % 2]
    assert max(done) == 10
    app.extensions["door"].parameters.forget()
    assert set(admin.search("Patient?shoe=small").ids) == before


def test_a_process_does_it_beside_its_requests(app, admin, monkeypatch):
    monkeypatch.setattr("server.job.reindexer.POLL", 0.01)
    small = admin.post(shod("small")).id
    reindexer = Reindexer(app.extensions["door"])
    reindexer.start()
    try:
        admin.put(parameter())
        while (answer := admin.get("Patient?shoe=small")).status == 409:
            assert answer.code == "incomplete"
        assert answer.ids == [small]
    finally:
        reindexer.stop()


def test_another_process_knows_it_when_it_looks_again(app, admin, opened, monkeypatch):
    monkeypatch.setattr("server.record.added.EVERY", 0.0)
    other = opened()
    caller = Caller(other, token(other, "suite", "system/*.cruds"))
    admin.put(parameter())
    assert caller.get("Patient?shoe=small").code == "incomplete"
    work(app)
    assert caller.search("Patient?shoe=small").ids == []
    assert "shoe" in names(caller)
    small = caller.post(shod("small")).id
    assert admin.search("Patient?shoe=small").ids == [small]
    admin.delete("SearchParameter/shoe")
    assert caller.search("Patient?name=x").status == 200
    assert caller.get("Patient?shoe=small", Prefer="handling=strict").status == 400


def test_nobody_looks_more_often_than_once_a_second(app, admin, monkeypatch):
    looked = []
    monkeypatch.setattr(parameters, "state", lambda c, state=parameters.state: looked.append(1) or state(c))
    monkeypatch.setattr("server.record.added.EVERY", 1000.0)
    app.extensions["door"].parameters.forget()
    for _ in range(5):
        admin.get("Patient")
    assert len(looked) == 1


def test_it_does_not_begin_before_whoever_may_not_know_of_it_is_done(app, admin, opened, monkeypatch):
    monkeypatch.setattr("server.record.added.EVERY", 1000.0)
    late = opened()
    caller = Caller(late, token(late, "suite", "system/*.cruds"))
    caller.get("Patient")
    door = late.extensions["door"]
    with door.database.transaction() as transaction:
        record = Record(door, transaction, _access(late))
        record.hold()
        admin.put(parameter())
        record.create(shod("small"))
        record.flush()
        assert work(app) == 1
        assert admin.get("Patient?shoe=small").code == "incomplete"
    work(app)
    app.extensions["door"].parameters.forget()
    assert len(admin.search("Patient?shoe=small").ids) == 1


def _access(app):
    from server.interaction.opening import as_agency

    return as_agency(app.extensions["door"], "suite", "late")


def test_what_somebody_is_writing_is_looked_at_again(app, admin):
    ids = {admin.post(shod("small")).id for _ in range(3)}
    admin.put(parameter())
    with app.extensions["database"].begin() as writer:
        writer.execute(select(t.resource_patient).limit(1).with_for_update())
        work(app, 20)
        assert admin.get("Patient?shoe=small").code == "incomplete"
    work(app)
    assert set(admin.search("Patient?shoe=small").ids) == ids


def test_one_that_is_deleted_vanishes_with_its_rows(app, admin):
    admin.post(shod("small"))
    admin.put(parameter())
    work(app)
    assert indexed(app) == (1, 1)
    assert admin.delete("SearchParameter/shoe").status == 204
    refused = admin.get("Patient?shoe=small", Prefer="handling=strict")
    assert (refused.status, refused.code) == (400, "invalid")
    assert "shoe" not in names(admin)
    work(app)
    assert indexed(app) == (0, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"status": "retired"},
        {"base": ["Practitioner"], "expression": "Practitioner.photo.title"},
    ],
)
def test_one_that_no_longer_speaks_of_a_type_vanishes_there(app, admin, change):
    admin.post(shod("small"))
    admin.put(parameter())
    work(app)
    assert admin.put(parameter(**change)).status == 200
    work(app)
    assert admin.get("Patient?shoe=small", Prefer="handling=strict").status == 400
    assert indexed(app) == (0, 0)


def test_one_that_is_changed_is_indexed_anew(app, admin):
    small = admin.post(shod("small", language="en")).id
    admin.put(parameter())
    work(app)
    admin.put(parameter(description="Of the left foot."))
    assert admin.search("Patient?shoe=small").ids == [small]
    admin.put(parameter(expression="Patient.language"))
    assert admin.get("Patient?shoe=en").code == "incomplete"
    work(app)
    assert admin.search("Patient?shoe=en").ids == [small]
    assert admin.search("Patient?shoe=small").ids == []
    admin.put(parameter(type="string", expression="Patient.contact.name.given"))
    work(app)
    assert admin.search("Patient?shoe=en").ids == []


@pytest.mark.parametrize(
    ("element", "more"),
    [
        ("expression", {"expression": "Patient.nonsense"}),
        ("expression", {"expression": "Patient.name.where("}),
        ("expression", {"expression": "Practitioner.name"}),
        ("expression", {"expression": "Patient.descendants()"}),
        ("expression", {"expression": "Patient.generalPractitioner.resolve().name"}),
        ("expression", {"expression": "Patient"}),
        ("expression", {"expression": "Patient.birthDate"}),
        ("expression", {"base": ["Patient", "Practitioner"]}),
        ("type", {"type": "special"}),
        ("type", {"type": "composite"}),
        ("code", {"code": "gender"}),
        ("code", {"code": "_shoe"}),
        ("code", {"code": "date"}),
        ("code", {"code": "subject"}),
        ("code", {"code": "sh.oe"}),
        ("code", {"code": "shoe", "id": "other", "url": f"{URL}-other"}),
        ("code", {"id": "other", "code": "boot"}),
    ],
)
def test_what_cannot_be_searched_by_is_refused(admin, element, more):
    assert admin.put(parameter()).status == 201
    refused = admin.put(parameter(**more))
    assert (refused.status, refused.code) == (422, "business-rule"), refused
    assert refused.json["issue"][0]["expression"] == [f"SearchParameter.{element}"]
    assert admin.get("SearchParameter/shoe").json["code"] == "shoe"


def test_one_without_an_expression_is_refused(admin):
    without = {name: value for name, value in parameter().items() if name != "expression"}
    assert admin.put(without).status == 422


@pytest.mark.parametrize(
    "more", [{"status": "draft"}, {"url": "http://hl7.org/fhir/SearchParameter/individual-gender"}]
)
def test_one_that_is_not_in_force_is_only_kept(app, admin, more):
    assert admin.put(parameter(expression="Patient.nonsense", **more)).status == 201
    assert work(app) == 0
    assert admin.get("Patient?shoe=small", Prefer="handling=strict").code == "invalid"


def test_who_may_not_write_search_parameters_adds_none_and_indexes_nothing(app, admin):
    school = Caller(app, token(app, "school", "system/*.cruds"))
    assert school.put(parameter()).status == 403
    assert school.ask("POST", "$reindex").status == 403
    assert admin.put(parameter()).status == 201
    assert school.ask("POST", "SearchParameter/shoe/$reindex").status == 403


def test_two_of_one_code_at_once_are_one(app, admin):
    from tests.record.test_race import at_once

    sent = [parameter(id=f"shoe-{number}", url=f"{URL}-{number}") for number in range(6)]
    answers = at_once(lambda number: admin.put(sent[number]), 6)
    assert sorted(answer.status for answer in answers) == [201, 422, 422, 422, 422, 422]


def test_a_trial_adds_nothing(app, admin):
    given = {name: value for name, value in parameter().items() if name != "id"}
    parts = [{"name": "mode", "valueCode": "create"}, {"name": "resource", "resource": given}]
    asked = {"resourceType": "Parameters", "parameter": parts}
    assert admin.ask("POST", "SearchParameter/$validate", asked).status == 200
    assert work(app) == 0


def test_what_is_withheld_is_not_found_by_it(app, admin):
    id_ = make.word("child-")
    patient = make.child(id=id_, meta=make.labelled("R"), address=[{"city": "Exampleton"}], language="en")
    sent = [make.put(make.organization("school")), make.put(make.organization("social-care")),
            make.put(patient), make.posted(make.episode(id_, "school")),
            make.posted(make.team(id_, "social-care"))]  # fmt: skip
    assert admin.post(make.bundle("transaction", *sent)).status == 200
    town = "Patient.where(address.city = 'Exampleton').language"
    admin.put(parameter(expression=town))
    admin.put(parameter(id="tongue", url=f"{URL}-tongue", code="tongue", expression="Patient.language"))
    work(app)
    school, named = (Caller(app, token(app, each, "system/*.cruds")) for each in ("school", "social-care"))
    assert named.search("Patient?shoe=en").ids == [id_]
    assert school.search("Patient?tongue=en").ids == [id_]
    assert school.search("Patient?shoe=en").ids == []


def test_rights_are_not_narrowed_by_what_may_be_taken_away(app, admin):
    admin.put(parameter())
    work(app)
    with pytest.raises(AssertionError, match="invalid_scope"):
        token(app, "suite", "system/Patient.rs?shoe=small")


def test_the_index_of_an_older_release_is_renewed(opened):
    app = opened()
    admin, keeper = (Caller(app, token(app, each, "system/*.cruds")) for each in ("suite", "keeper"))
    admin.put(make.organization("shoes"))
    admin.put(make.organization("keeper"))
    worn = [{"url": EXTENSION, "valueReference": make.reference("Organization/shoes")}]
    id_ = admin.post(make.observation("nobody", valueQuantity={"value": 3}, extension=worn)).id
    door = app.extensions["door"]
    reference = door.hasher.token("", ":reference", "Organization/shoes")
    with door.database.begin() as connection:
        parameters.put_index(connection, FINDING - 1)
        connection.execute(delete(t.number_index))
        connection.execute(delete(t.text_index))
        assert connection.execute(delete(t.facet).where(t.facet.c.h == reference)).rowcount == 1
        connection.execute(update(t.resource).values(tok=func.array_remove(t.resource.c.tok, reference)))
    app = opened()
    admin, keeper = (Caller(app, token(app, each, "system/*.cruds")) for each in ("suite", "keeper"))
    for query in ("Observation?value-quantity=3", "Observation?_content=x", "Observation?code:text=x"):
        assert admin.get(query).code == "incomplete"
    assert "value-quantity" not in {each["name"] for each in _observation(admin)["searchParam"]}
    assert keeper.delete("Organization/shoes").code == "incomplete"
    assert admin.search(f"Observation?_id={id_}&subject=Patient/nobody").ids == [id_]
    work(app)
    assert admin.search("Observation?value-quantity=3").ids == [id_]
    assert keeper.delete("Organization/shoes").code == "conflict"
    admin.delete(f"Observation/{id_}")
    assert keeper.delete("Organization/shoes").status == 204
    assert admin.get("$reindex-status").json["parameter"][0]["valueCode"] == "done"
    assert work(opened()) == 0


def test_who_works_with_a_child_and_what_was_decided_is_known_of_what_an_older_release_wrote(opened):
    app = opened()
    suite = Caller(app, token(app, "suite", "system/*.cruds"))
    for agency in ("people", "school"):
        suite.put(make.organization(agency))
    worker = suite.post({"resourceType": "Practitioner"}).id
    child = suite.post(make.child()).id
    mother = suite.post(related(child)).id
    by = {"careManager": make.reference(f"Practitioner/{worker}")}
    suite.post(make.episode(child, "people", "child-in-need") | by)
    suite.post(make.episode(child, "school"))
    visit = suite.post(make.encounter(child, "people")).id
    suite.post(not_shared(child, "school"))
    before = _seeing(app)
    with app.extensions["database"].begin() as connection:
        parameters.put_index(connection, FINDING)
        assert connection.execute(delete(t.sight).where(t.sight.c.principal < 0)).rowcount == 2
        assert connection.execute(delete(t.decision)).rowcount == 1
        connection.execute(update(t.resource).values(restriction=0))

    app = opened()
    own = signed_in(
        app, "people", "user/*.cruds", f"Practitioner/{worker}", roles=("worker",), caseload="own"
    )
    parent = signed_in(app, "people", "patient/*.rs", f"RelatedPerson/{mother}", patient=child)
    school = Caller(app, token(app, "school", "system/*.cruds"))
    # Everything is found meanwhile, as it was.
    assert school.search("Observation?value-quantity=3").status == 200
    assert [each.get(f"Patient/{child}").status for each in (own, parent)] == [404, 404]
    assert school.get(f"Encounter/{visit}").status == 200
    work(app)
    assert [each.get(f"Patient/{child}").status for each in (own, parent)] == [200, 200]
    assert school.get(f"Encounter/{visit}").status == 404
    assert _seeing(app) == before
    assert work(opened()) == 0


def test_children_of_an_older_release_come_to_be_compared(opened):
    app = opened()
    suite = Caller(app, token(app, "suite", "system/*.cruds"))
    child = suite.post(make.child(name=[{"family": "Ashdown", "given": ["Wren"]}])).id
    suite.post(related(child))
    before = _compared(app)
    assert all(before)
    with app.extensions["database"].begin() as connection:
        parameters.put_index(connection, SEEING)
        for table in (t.likeness, t.blocking):
            connection.execute(delete(table))
    work(opened())
    assert _compared(app) == before


def _compared(app):
    with app.extensions["database"].begin() as connection:
        return [set(connection.execute(select(each))) for each in (t.likeness, t.blocking)]


def related(child):
    return {
        "resourceType": "RelatedPerson",
        "patient": make.reference(f"Patient/{child}"),
        "extension": [{"url": f"{make.B}/StructureDefinition/parental-responsibility", "valueBoolean": True}],
    }


def _seeing(app):
    """Who sees whom because of which resource, what was decided, and what is restricted by it."""
    restricted = select(t.resource.c.rid, t.resource.c.restriction)
    with app.extensions["database"].begin() as connection:
        return [set(connection.execute(each)) for each in (select(t.sight), restricted)] + [
            sorted(map(str, connection.execute(select(t.decision))))
        ]


def _observation(caller):
    rest = caller.get("metadata").json["rest"][0]["resource"]
    return next(each for each in rest if each["type"] == "Observation")


def test_indexing_anew_changes_nothing_that_is_as_it_should_be(app, admin):
    sent = [make.put(make.child(id="robin")), make.put(make.organization("school"))]
    sent += map(make.posted, (make.observation("robin"), make.episode("robin", "school")))
    assert admin.post(make.bundle("transaction", *sent)).status == 200
    before = _rows(app)
    answer = admin.ask("POST", "$reindex")
    assert [each["valueCode"] for each in answer.json["parameter"] if each["name"] == "status"] == ["waiting"]
    work(app)
    assert _rows(app) == before
    told = admin.get("$reindex-status").json["parameter"]
    assert {each["name"]: each.get("valueUnsignedInt") for each in told}["percent"] == 100


def _rows(app):
    """Every row of what is found by, with the place on disk where it was put."""
    tables = (t.resource, t.facet, t.string_index, t.date_index, t.number_index, t.text_index, t.identifier)
    with app.extensions["database"].begin() as connection:
        return [
            connection.execute(text(f"SELECT ctid::text, t::text FROM {table.name} t ORDER BY 2")).all()
            for table in tables
        ]
