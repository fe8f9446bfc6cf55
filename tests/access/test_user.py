"""A user sees what the agency may see, the roles allow and the caseload holds; a family, what is its own."""

import pytest
from sqlalchemy import text

from server import clock
from tests import make
from tests.person import signed_in

RESPONSIBLE = "https://w3id.org/single-child-record/StructureDefinition/parental-responsibility"
NO_CONTACT = "https://w3id.org/single-child-record/StructureDefinition/no-contact"
EVERYTHING = "user/*.cruds"


@pytest.fixture
def worker(suite):
    return suite.put({"resourceType": "Practitioner", "id": make.word("worker-")}).id


@pytest.fixture
def person(app, worker):
    """Signs in as the worker, or as somebody else."""

    def sign_in(scopes=EVERYTHING, reference=f"Practitioner/{worker}", **more):
        return signed_in(app, "people", scopes, reference, **more)

    return sign_in


@pytest.fixture
def known(suite):
    """A child with whom the agency works; `by`: what else the episode says."""

    def made(born="2015-04-01", **by):
        id = suite.put(born_on(born, id=make.word("child-"))).id
        episode = suite.post(make.episode(id, "people", "child-in-need") | by)
        assert episode.status == 201, episode
        return id

    return made


def born_on(day, number=None, **more):
    """A child born on that day; None: nobody knows when."""
    return {name: value for name, value in {**make.child(number, **more), "birthDate": day}.items() if value}


def sees(caller, id):
    """By reading and by every way of searching alike."""
    read = caller.get(f"Patient/{id}").status
    found = caller.search(f"Patient?_id={id}").ids
    total = caller.search(f"Patient?_id={id}&_count=0").json["total"]
    history = caller.get(f"Patient/{id}/_history").status
    walked = id in [each for page in caller.pages("Patient?_count=500") for each in page]
    seen = read == 200
    assert (found == [id], total == 1, history == 200, walked) == (seen,) * 4
    return seen


# ---- caseloads ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "caseload", "seen"),
    [
        ({}, "all", True),
        ({}, "own", False),
        ({}, "team", False),
        ({}, "nonsense", False),
        ({"careManager": "Practitioner/{worker}"}, "own", True),
        ({"careManager": "Practitioner/{worker}"}, "team", True),
        ({"careManager": "Practitioner/{other}"}, "own", False),
        ({"careManager": "PractitionerRole/{role}"}, "own", True),
        ({"careManager": "PractitionerRole/{past}"}, "own", False),
    ],
    ids=str,
)
def test_a_workers_children_are_those_of_the_caseload(suite, person, known, worker, names, caseload, seen):
    word = make.word()
    ids = {"worker": worker, "other": f"o-{word}", "role": f"r-{word}", "past": f"p-{word}"}
    suite.put({"resourceType": "Practitioner", "id": ids["other"]})
    role = {"resourceType": "PractitionerRole", "practitioner": make.reference(f"Practitioner/{worker}")}
    suite.put(role | {"id": ids["role"]})
    suite.put(role | {"id": ids["past"], "active": False})
    by = {name: make.reference(text.format(**ids)) for name, text in names.items()}
    assert sees(person(roles=("worker",), caseload=caseload), known(**by)) is seen


def test_a_contact_a_team_and_the_childs_own_doctor_bring_a_worker_in(suite, person, known, worker):
    mine, me = person(caseload="own"), make.reference(f"Practitioner/{worker}")
    met, joined, registered = known(), known(), known()
    assert not any(sees(mine, id) for id in (met, joined, registered))
    today = clock.now().date().isoformat()
    contact = make.encounter(met, "people") | {
        "participant": [{"individual": me}],
        "period": {"start": today},
    }
    assert suite.post(contact).status == 201
    assert suite.post(make.team(joined) | {"participant": [{"member": me}]}).status == 201
    doctor = suite.get(f"Patient/{registered}").json | {"generalPractitioner": [me]}
    assert suite.put(doctor).status == 200
    assert all(sees(mine, id) for id in (met, joined, registered))
    assert (
        suite.put({name: value for name, value in doctor.items() if name != "generalPractitioner"}).status
        == 200
    )
    assert not sees(mine, registered)


def test_a_team_has_the_children_of_its_teams_and_organizations(suite, person, known):
    ward = suite.put(make.organization(make.word("ward-"))).id
    of_team, of_ward = known(), known()
    team = suite.post(make.team(of_team, "people")).id
    suite.post(make.encounter(of_ward, ward) | {"period": {"start": clock.now().date().isoformat()}})
    teams = (f"CareTeam/{team}", f"Organization/{ward}")
    of_both = person(caseload="team", teams=teams)
    assert [sees(of_both, id) for id in (of_team, of_ward)] == [True, True]
    assert not any(sees(person(caseload="own", teams=teams), id) for id in (of_team, of_ward))


def test_whom_the_agency_does_not_work_with_is_no_workers_child(suite, person, worker):
    other = suite.put(make.child(id=make.word("child-"))).id
    by = {"careManager": make.reference(f"Practitioner/{worker}")}
    assert suite.post(make.episode(other, "school") | by).status == 201
    assert not any(sees(person(caseload=caseload), other) for caseload in ("own", "team", "all"))


def test_a_resource_about_two_children_is_seen_by_whose_children_both_are(suite, person, known, worker):
    mine = {"careManager": make.reference(f"Practitioner/{worker}")}
    one, two = known(**mine), known()
    about = make.observation(one, category="vital-signs", focus=[make.reference(f"Patient/{two}")])
    both = suite.post(about).id
    path = f"Observation/{both}"
    assert person(roles=("worker",), caseload="own").get(path).status == 404
    assert person(roles=("worker",), caseload="all").get(path).status == 200


def test_an_end_of_the_work_ends_the_sight_of_the_worker(suite, person, worker):
    id = suite.put(make.child(id=make.word("child-"))).id
    by = {"careManager": make.reference(f"Practitioner/{worker}")}
    episode = suite.post(make.episode(id, "people", "child-in-need") | by).json
    mine = person(caseload="own")
    assert sees(mine, id)
    assert suite.put({name: value for name, value in episode.items() if name != "careManager"}).status == 200
    assert not sees(mine, id)


def test_who_starts_a_record_sees_it_before_anything_says_whose_it_is(person):
    mine = person(roles=("worker",), caseload="own")
    made = mine.post(make.child())
    assert made.status == 201
    assert mine.get(f"Patient/{made.id}").status == 200
    assert person(reference="Practitioner/nobody", caseload="own").get(f"Patient/{made.id}").status == 404


# ---- roles, purposes, days ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("category", "more", "seen"),
    [
        ("vital-signs", {}, False),
        ("vital-signs", {"roles": ("worker",)}, True),
        ("survey", {"roles": ("worker",)}, False),
        ("survey", {"roles": ("worker", "lead")}, True),
        ("survey", {"roles": ("family", "child", "system")}, False),
        ("exam", {"caseload": "own"}, True),
        ("exam", {"caseload": "all"}, True),
        ("laboratory", {}, False),
        ("laboratory", {"purpose": "TREAT"}, False),
        ("laboratory", {"purpose": "HRESCH"}, True),
        ("imaging", {"roles": ("lead",)}, False),
    ],
    ids=str,
)
def test_a_right_is_of_its_roles_purposes_and_days(suite, person, known, worker, category, more, seen):
    child = known(careManager=make.reference(f"Practitioner/{worker}"))
    id = suite.post(make.observation(child, category=category)).id
    caller = person(**more)
    answer = caller.get(f"Observation/{id}").status
    assert answer == (200 if seen else 404)
    assert (caller.search(f"Observation?patient={child}").ids == [id]) is seen


@pytest.fixture
def of_laboratory(suite, known):
    """What is seen for one purpose alone, as a path."""
    return f"Observation/{suite.post(make.observation(known(), category='laboratory')).id}"


@pytest.mark.parametrize(
    ("of_token", "of_request", "status"),
    [
        (None, None, 404),
        (None, "HRESCH", 200),
        (None, "TREAT", 404),
        (None, "hresch", 400),
        (None, "", 400),
        (None, "http://terminology.hl7.org/CodeSystem/v3-ActReason|HRESCH", 400),
        ("HRESCH", None, 200),
        ("HRESCH", "HRESCH", 200),
        # What a token is for is not widened by what a request says, nor exchanged for it.
        ("HRESCH", "TREAT", 403),
        ("TREAT", "HRESCH", 403),
        ("TREAT", "nonsense", 400),
    ],
)
def test_a_request_says_what_it_is_for_where_its_token_does_not(
    app, person, of_laboratory, of_token, of_request, status
):
    caller = person(purpose=of_token)
    said = {} if of_request is None else {"X_Purpose_Of_Use": of_request}
    assert caller.get(of_laboratory, **said).status == status
    assert caller.get(of_laboratory).status == (200 if of_token == "HRESCH" else 404)
    # Each is accounted for, with the purpose that held.
    held = of_token or (of_request if status in (200, 404) else None)
    query = text("SELECT outcome, purpose FROM audit WHERE client = :client ORDER BY id")
    with app.extensions["database"].autocommit() as connection:
        first = connection.execute(query, {"client": caller.client}).first()
    assert tuple(first) == (status, held)


def test_a_purpose_holds_for_one_request_with_all_its_entries(person, of_laboratory):
    caller, said = person(), {"X_Purpose_Of_Use": "HRESCH"}
    batch = make.bundle("batch", {"request": {"method": "GET", "url": of_laboratory}})
    assert [each["response"]["status"][:3] for each in caller.post(batch, **said).json["entry"]] == ["200"]
    assert [each["response"]["status"][:3] for each in caller.post(batch).json["entry"]] == ["404"]


def test_what_nobody_in_particular_may_is_a_workers_and_a_systems_and_no_familys(client_with, person, known):
    child = known()
    assert client_with("people").get(f"Patient/{child}").status == 200
    assert client_with("people").search(f"Observation?patient={child}&category=exam").ids == []
    assert person(reference=f"Practitioner/{make.word()}").get(f"Patient/{child}").status == 200
    assert person(reference=f"RelatedPerson/{make.word()}").get(f"Patient/{child}").status == 404


def test_a_right_for_an_age_is_for_children_of_that_age(suite, client_with, known):
    people = client_with("people")
    year = clock.now().year
    for born, status in ((f"{year - 7}-01-01", 200), (f"{year - 4}", 404), (f"{year - 12}-01-01", 404)):
        child = known(born=born)
        id = suite.post(make.observation(child, category="therapy")).id
        assert people.get(f"Observation/{id}").status == status, born


# ---- levels of scopes --------------------------------------------------------------------------------------


def test_an_agencys_scope_says_nothing_for_a_user(client_with, person, known):
    child = known()
    assert person("system/Patient.rs").get(f"Patient/{child}").status == 403
    assert client_with("people", "system/Patient.rs").get(f"Patient/{child}").status == 200


def test_a_patients_scope_is_for_the_one_child_and_for_who_serves_it(suite, person, known):
    one, two = known(), known()
    app = person("patient/*.rs", roles=("worker",), patient=one)
    assert (sees(app, one), sees(app, two)) == (True, False)
    assert app.get("Organization/people").status == 200
    ids = [suite.post(make.observation(id, category="vital-signs")).id for id in (one, two)]
    about = [make.reference(f"Patient/{two}")]
    both = suite.post(make.observation(one, category="vital-signs", focus=about)).id
    assert [app.get(f"Observation/{id}").status for id in (*ids, both)] == [200, 404, 404]
    assert app.search("Observation?category=vital-signs").ids == ids[:1]
    assert app.get(f"Patient/{two}/_history").status == 404
    assert person("patient/*.rs", roles=("worker",)).get(f"Patient/{one}").status == 403


def test_a_worker_without_the_child_does_not_get_it_by_being_launched_for_it(person, known):
    child = known()
    assert not sees(person("patient/*.rs", caseload="own", patient=child), child)


def test_who_is_here_for_one_child_or_a_family_traces_nobody(suite, person):
    number = make.nhs()
    suite.post(born_on("2015-04-01", number))
    query = f"Patient?identifier=https://fhir.nhs.uk/Id/nhs-number|{number}&birthdate=2015-04-01"
    assert len(person().search(query).ids) == 1
    family = person(reference=f"RelatedPerson/{make.word()}")
    assert family.search(query).ids == []


# ---- families ----------------------------------------------------------------------------------------------


@pytest.fixture
def parent(suite, person):
    """Signs in as the parent of a child, as the RelatedPerson says."""

    def sign_in(child, *said, scopes="patient/*.rs", patient=None, **more):
        extension = [{"url": url, "valueBoolean": value} for url, value in said]
        held = {"resourceType": "RelatedPerson", "id": make.word("parent-"), "extension": extension, **more}
        if not extension:
            del held["extension"]
        made = suite.put(held | {"patient": make.reference(f"Patient/{child}")})
        assert made.status == 201, made
        return person(scopes, reference=f"RelatedPerson/{made.id}", patient=patient or child), made.json

    return sign_in


@pytest.mark.parametrize(
    ("said", "more", "born", "seen"),
    [
        ([(RESPONSIBLE, True)], {}, "2015-04-01", True),
        ([(RESPONSIBLE, False)], {}, "2015-04-01", False),
        ([], {}, "2015-04-01", False),
        ([(RESPONSIBLE, True), (NO_CONTACT, True)], {}, "2015-04-01", False),
        ([(RESPONSIBLE, True), (NO_CONTACT, False)], {}, "2015-04-01", True),
        ([(RESPONSIBLE, True)], {"active": False}, "2015-04-01", False),
        ([(RESPONSIBLE, True)], {"period": {"end": "2020-01-01"}}, "2015-04-01", False),
        ([(RESPONSIBLE, True)], {}, "2000-04-01", False),
        ([(RESPONSIBLE, True)], {}, None, False),
    ],
    ids=str,
)
def test_a_parent_sees_what_age_and_parental_responsibility_permit(suite, parent, said, more, born, seen):
    child = suite.put(born_on(born, id=make.word("child-"))).id
    own, _ = parent(child, *said, **more)
    assert sees(own, child) is seen
    assert own.get("Organization/people").status == 200
    other = suite.put(born_on("2015-04-01", id=make.word("child-"))).id
    assert not sees(own, other)


def test_a_parent_who_is_told_of_no_more_sees_no_more(suite, parent):
    child = suite.put(born_on("2015-04-01", id=make.word("child-"))).id
    own, person = parent(child, (RESPONSIBLE, True))
    assert sees(own, child)
    barred = [*person["extension"], {"url": NO_CONTACT, "valueBoolean": True}]
    assert suite.put(person | {"extension": barred}).status == 200
    assert not sees(own, child)


def test_a_parent_of_two_sees_both_but_in_an_app_for_one_only_that(suite, parent, app):
    one, two = (suite.put(born_on("2015-04-01", id=make.word("c-"))).id for _ in "ab")
    _, first = parent(one, (RESPONSIBLE, True))
    _, second = parent(two, (RESPONSIBLE, True))
    references = (f"RelatedPerson/{second['id']}",)
    me = f"RelatedPerson/{first['id']}"
    whole = signed_in(app, "people", "user/*.rs", me, references=references)
    narrow = signed_in(app, "people", "patient/*.rs", me, references=references, patient=two)
    assert [sees(whole, id) for id in (one, two)] == [True, True]
    assert [sees(narrow, id) for id in (one, two)] == [False, True]


def test_a_parent_is_not_named_for_a_restricted_child_by_the_agency_that_is(suite, client_with, parent):
    people = client_with("people")
    child = people.post(born_on("2015-04-01", address=[{"city": "Refuge"}])).id
    own, _ = parent(child, (RESPONSIBLE, True))
    held = people.get(f"Patient/{child}").json
    assert people.put({**held, "meta": make.labelled("R")}).status == 200
    assert "Refuge" in people.get(f"Patient/{child}").text
    assert "Refuge" not in own.get(f"Patient/{child}").text
    assert people.put({**held, "meta": make.labelled("V")}).status == 200
    assert not sees(own, child)


def test_parental_responsibility_ends_with_what_it_was_recorded_in(app, suite, known):
    first, second = known(), known()
    said = {
        "resourceType": "RelatedPerson",
        "id": make.word("parent-"),
        "patient": make.reference(f"Patient/{first}"),
        "extension": [{"url": RESPONSIBLE, "valueBoolean": True}],
    }
    suite.put(said)
    mother = signed_in(app, "people", "user/*.rs", f"RelatedPerson/{said['id']}")

    def children():
        return [mother.get(f"Patient/{each}").status == 200 for each in (first, second)]

    assert children() == [True, False]
    suite.put(said | {"patient": make.reference(f"Patient/{second}")})
    assert children() == [False, True]
    suite.delete(f"RelatedPerson/{said['id']}")
    assert children() == [False, False]
    suite.put({name: value for name, value in said.items() if name != "extension"})
    assert children() == [False, False]


@pytest.mark.parametrize(("age", "seen"), [(12, False), (15, True), (30, False)])
def test_a_young_person_sees_the_own_record_from_an_age_on(suite, person, age, seen):
    born = f"{clock.now().year - age}-01-01"
    child, other = (suite.put(born_on(born, id=make.word("c-"))).id for _ in "ab")
    own = person("patient/*.rs", reference=f"Patient/{child}", patient=child)
    assert (sees(own, child), sees(own, other)) == (seen, False)
    misled = person("patient/*.rs user/*.rs", reference=f"Patient/{child}", patient=other)
    assert not sees(misled, other)


# ---- cost --------------------------------------------------------------------------------------------------


def test_all_users_who_may_do_the_same_share_their_statements(app, suite, person, known):
    from server.search import kept

    id = known()
    callers = [person(reference=f"Practitioner/{make.word()}", caseload="own") for _ in range(4)]

    def asked(caller):
        caller.get(f"Patient/{id}")
        caller.search("Patient?name=x&_count=3")
        caller.search(f"Patient?_id={id}&_count=3")

    asked(callers[0])
    before = len(kept._statements)
    for caller in callers[1:]:
        asked(caller)
    assert len(kept._statements) == before
