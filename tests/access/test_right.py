"""What a caller may do is its token's scopes and its agency's rights together."""

import pytest

from tests import make
from tests.make import CATEGORY, HL7_CATEGORY

VITAL, SURVEY, OTHER = "vital-signs", "survey", "laboratory"


@pytest.fixture
def observations(suite, child):
    """One Observation of each kind, by its name."""
    weight = {"code": make.concept("http://loinc.org", "29463-7")}
    sent = {
        "vital": make.observation(child, category=VITAL),
        "survey": make.observation(child, category=SURVEY),
        "other": make.observation(child, category=OTHER),
        "other by code": make.observation(child, category=OTHER) | weight,
        "same code of elsewhere": make.observation(child, category="vital-signs")
        | {"category": [make.concept("https://example.org/elsewhere", VITAL)]},
        "mark": make.mark(child, "school"),
        "both": make.mark(child, "school", session="pm")
        | {"category": [make.concept(CATEGORY, "attendance"), make.concept(HL7_CATEGORY, VITAL)]},
    }
    return {name: suite.post(each).id for name, each in sent.items()}


@pytest.mark.parametrize(
    ("agency", "scopes", "seen"),
    [
        ("health", "system/*.cruds", {"vital", "survey", "other by code", "both"}),
        ("health", "system/Observation.rs", {"vital", "survey", "other by code", "both"}),
        ("health", "system/Observation.read", {"vital", "survey", "other by code", "both"}),
        (
            "health",
            f"system/Observation.rs?category={HL7_CATEGORY}|survey",
            {"survey"},
        ),
        (
            "health",
            f"system/Observation.rs?category={HL7_CATEGORY}|survey "
            f"system/Observation.rs?category={HL7_CATEGORY}|vital-signs",
            {"survey", "vital", "both"},
        ),
        ("health", f"system/Observation.rs?category={HL7_CATEGORY}|laboratory", {"other by code"}),
        ("health", "system/Observation.rs?category=laboratory&code=x", set()),
        ("health", "system/Observation.rs?category=vital-signs,survey", {"vital", "survey", "both"}),
        ("school", "system/*.cruds", {"mark", "both"}),
        ("school", f"system/Observation.rs?category={HL7_CATEGORY}|vital-signs", {"both"}),
        ("social-care", "system/Observation.rs?status=final", None),
        ("social-care", "system/Observation.rs?status=amended", set()),
        ("social-care", "system/Observation.rs?performer=Organization/school", {"mark", "both"}),
        ("inspector", "system/Observation.rs", None),
    ],
)
def test_scopes_and_rights_together_say_what_is_seen_by_reading_and_searching_alike(
    client_with, observations, child, agency, scopes, seen
):
    client = client_with(agency, scopes)
    expected = set(observations) if seen is None else seen
    read = {name for name, id in observations.items() if client.get(f"Observation/{id}").status == 200}
    versions = {
        name for name, id in observations.items() if client.get(f"Observation/{id}/_history/1").status == 200
    }
    ids = client.search(f"Observation?patient={child}").ids
    assert read == versions == expected
    assert sorted(ids) == sorted(observations[name] for name in expected)
    assert client.search(f"Observation?patient={child}&_count=0").json["total"] == len(expected)


@pytest.mark.parametrize(
    ("agency", "scopes", "category", "status"),
    [
        ("health", "system/*.cruds", VITAL, 201),
        ("health", "system/*.cruds", SURVEY, 403),
        ("health", "system/Patient.r system/Observation.write", VITAL, 201),
        ("health", "system/Patient.r system/Observation.rs", VITAL, 403),
        (
            "health",
            f"system/Patient.r system/Observation.cruds?category={HL7_CATEGORY}|vital-signs",
            VITAL,
            201,
        ),
        ("health", "system/Patient.r system/Observation.cruds?code=other", VITAL, 403),
        (
            "social-care",
            "system/Patient.r system/Observation.c?category=survey system/Observation.c?category=laboratory",
            SURVEY,
            201,
        ),
        (
            "social-care",
            "system/Patient.r system/Observation.c?category=survey system/Observation.c?category=laboratory",
            VITAL,
            403,
        ),
        ("school", "system/*.cruds", VITAL, 403),
    ],
)
def test_what_is_written_is_within_scopes_and_rights(client_with, child, agency, scopes, category, status):
    client = client_with(agency, scopes)
    word = make.word()
    assert client.post(make.observation(child, word, category)).status == status
    put = client.put(make.observation(child, word, category, id=word))
    assert put.status == (201 if status == 201 else 403)


def test_what_a_token_does_not_let_its_holder_read_it_cannot_refer_to(client_with, child):
    refused = client_with("health", "system/Observation.cruds").post(make.observation(child))
    assert (refused.status, refused.code) == (422, "not-found")


def test_of_several_entries_one_that_is_not_allowed_stops_all(client_with, suite, child):
    word = make.word()
    allowed, refused = make.observation(child, word), make.observation(child, word, SURVEY)
    answer = client_with("health").post(
        make.bundle("transaction", make.posted(allowed), make.posted(refused))
    )
    assert (answer.status, answer.code) == (403, "forbidden")
    assert suite.search(f"Observation?code={word}").ids == []


@pytest.mark.parametrize(
    "scope",
    [
        "system/Observation.rs?nonsense=1",
        "system/Observation.rs?subject.name=x",
        "system/Observation.rs?_has:Provenance:target:agent=x",
        "system/Observation.rs?_filter=code eq x",
        "system/Observation.rs?_content=x",
        "system/Observation.rs?code:in=http://loinc.org/vs",
        "system/Observation.rs?date=ap2024",
        "system/Observation.rs?_count=5",
        "system/*.rs?category=x",
    ],
)
def test_a_scope_that_cannot_be_kept_is_not_granted(client_with, scope):
    with pytest.raises(AssertionError, match="invalid_scope"):
        client_with("social-care", scope)


def test_what_a_resource_becomes_must_be_within_the_rights_as_well_as_what_it_was(suite, client_with, child):
    health = client_with("health")
    made = health.post(make.observation(child))
    assert health.put(make.observation(child, category=SURVEY, id=made.id)).status == 403
    other = suite.post(make.observation(child, category=SURVEY)).id
    assert health.put(make.observation(child, id=other)).status == 403
    assert health.get(f"Observation/{made.id}").version == "1"
    assert suite.get(f"Observation/{other}").version == "1"


def test_an_earlier_version_is_seen_by_who_may_see_that_one_and_the_present(
    suite, client_with, school, child
):
    made = suite.post(make.mark(child, "school"))
    assert [school.get(f"Observation/{made.id}/_history/{at}").status for at in (1, 2)] == [200, 404]
    suite.put(make.observation(child, id=made.id))
    assert [
        school.get(f"Observation/{made.id}{path}").status
        for path in ("", "/_history", "/_history/1", "/_history/2")
    ] == [404] * 4
    health = client_with("health")
    assert [health.get(f"Observation/{made.id}/_history/{at}").status for at in (1, 2)] == [404, 200]
    assert len(health.get(f"Observation/{made.id}/_history").entries) == 1


def test_a_version_about_a_child_whom_the_caller_does_not_see_is_not_shown_with_those_that_are_not(
    suite, school, child
):
    other = suite.post(make.child()).id
    made = suite.post(make.mark(child, "school", focus=[make.reference(f"Patient/{other}")]))
    assert school.get(f"Observation/{made.id}").status == 404
    assert suite.put(make.mark(child, "school", id=made.id)).version == "2"
    assert school.get(f"Observation/{made.id}").status == 200
    assert school.get(f"Observation/{made.id}/_history/1").status == 404
    assert other not in school.get(f"Observation/{made.id}/_history").text


def test_a_version_about_the_wrong_child_stays_with_who_may_see_that_child(suite, school, child):
    other = suite.post(make.child()).id
    made = suite.post(make.mark(other, "school"))
    suite.put(make.mark(child, "school", id=made.id))
    assert school.get(f"Observation/{made.id}").status == 200
    assert school.get(f"Observation/{made.id}/_history/1").status == 404
    assert other not in school.get(f"Observation/{made.id}/_history").text
    assert len(suite.get(f"Observation/{made.id}/_history").entries) == 2


def test_what_was_deleted_is_gone_to_who_saw_it_and_nothing_to_others(suite, school, child):
    mine, others = suite.post(make.mark(child, "school")).id, suite.post(make.observation(child)).id
    for id in (mine, others):
        suite.delete(f"Observation/{id}")
    assert school.get(f"Observation/{mine}").status == 410
    assert school.get(f"Observation/{others}").status == 404
    assert school.get(f"Observation/{others}/_history").status == 404


# ---- involvement -------------------------------------------------------------------------------------------


def test_who_starts_a_record_sees_it_before_anything_brings_it_in(school):
    made = school.post(make.child())
    assert school.get(f"Patient/{made.id}").status == 200
    assert school.post(make.mark(made.id, "school")).status == 201


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, 200),
        ({"status": "planned"}, 200),
        ({"status": "entered-in-error"}, 404),
        ({"period": {"start": "2019-01-01", "end": "2019-06-01"}}, 404),
        ({"period": {"start": "2019-01-01", "end": "2999-01-01"}}, 200),
        ({"managingOrganization": make.reference("Organization/health")}, 404),
        ({"managingOrganization": {"identifier": make.identifier("school")}}, 404),
    ],
    ids=str,
)
def test_a_registration_opens_the_child_while_it_lasts(suite, school, change, status):
    child = suite.post(make.child()).id
    suite.post(make.episode(child, "school") | change)
    assert school.get(f"Patient/{child}").status == status


def test_an_end_that_is_written_later_closes_it_and_one_that_is_taken_back_opens_it(suite, school):
    child = suite.post(make.child()).id
    registration = suite.post(make.episode(child, "school")).json
    ended = {**registration, "period": {"start": "2019-01-01", "end": "2019-06-01"}}
    assert [
        school.get(f"Patient/{child}").status
        for sent in (registration, ended, registration)
        if suite.put(sent)
    ] == [200, 404, 200]
    suite.delete(f"EpisodeOfCare/{registration['id']}")
    assert school.get(f"Patient/{child}").status == 404


def test_a_right_may_last_some_months_longer(suite, client_with):
    """The health service sees what it saw for twelve months, and not what its right does not say so of."""
    health, child = client_with("health"), suite.post(make.child()).id
    ended = {"start": "2019-01-01", "end": _months_ago(6)}
    suite.post(make.episode(child, "health") | {"period": ended})
    survey = suite.post(make.observation(child, category=SURVEY)).id
    vital = suite.post(make.observation(child)).id
    assert [
        health.get(path).status
        for path in (f"Patient/{child}", f"Observation/{vital}", f"Observation/{survey}")
    ] == [200, 200, 404]
    assert health.search(f"Observation?patient={child}").ids == [vital]


def test_a_contact_opens_the_child_to_the_agency_that_had_it(suite, school):
    child = suite.post(make.child()).id
    suite.post(make.encounter(child, "school") | {"period": {"start": _months_ago(0), "end": _months_ago(0)}})
    assert school.get(f"Patient/{child}").status == 200
    other = suite.post(make.child()).id
    suite.post(make.encounter(other, "school") | {"period": {"start": "2019-01-01", "end": "2019-01-01"}})
    assert school.get(f"Patient/{other}").status == 404


def _months_ago(months):
    from datetime import timedelta

    from server import clock

    return (clock.now() - timedelta(days=30.4 * months)).date().isoformat()


# ---- criteria of any kind ----------------------------------------------------------------------------------


@pytest.fixture
def weighed(suite, child):
    """Observations that differ in what no code says."""
    mass = {"value": 20, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}
    sent = {
        "early": {"effectiveDateTime": "2001-02-03", "valueQuantity": mass},
        "late": {"effectiveDateTime": "2011-02-03", "valueQuantity": mass | {"value": 40}},
        "said": {"effectiveDateTime": "2011-02-03", "valueString": "Blue sky"},
        "numbered": {"effectiveDateTime": "2012", "identifier": [make.identifier("n-1")]},
    }
    word = make.word()
    made = {name: suite.post(make.observation(child, word) | more) for name, more in sent.items()}
    assert all(each.status == 201 for each in made.values()), made
    return {name: each.id for name, each in made.items()}


@pytest.mark.parametrize(
    ("criteria", "seen"),
    [
        ("date=lt2010", {"early"}),
        ("date=ge2011&date=lt2012", {"late", "said"}),
        ("value-quantity=gt30|http://unitsofmeasure.org|kg", {"late"}),
        ("value-string=Blue", {"said"}),
        ("value-string:exact=blue", set()),
        ("value-string:missing=false", {"said"}),
        ("identifier=n-1", {"numbered"}),
        ("status:not=final", set()),
        ("status:not=amended&identifier:missing=false", {"numbered"}),
        ("_lastUpdated=ge2020", {"early", "late", "said", "numbered"}),
        ("_lastUpdated=lt2020", set()),
    ],
)
def test_a_scope_may_be_narrowed_by_any_parameter_on_every_path(client_with, weighed, child, criteria, seen):
    client = client_with("inspector", f"system/Observation.rs?{criteria} system/Patient.r")
    read = {name for name, id in weighed.items() if client.get(f"Observation/{id}").status == 200}
    history = {name for name, id in weighed.items() if client.get(f"Observation/{id}/_history").status == 200}
    found = client.search(f"Observation?patient={child}&_id={','.join(weighed.values())}")
    walked = client.search("Observation?_count=500").ids
    assert read == history == seen
    assert set(found.ids) == {weighed[name] for name in seen}
    assert {name for name, id in weighed.items() if id in walked} == seen


def test_of_a_former_version_is_shown_what_can_still_be_decided(suite, client_with, weighed):
    id = weighed["early"]
    suite.put(suite.get(f"Observation/{id}").json | {"issued": "2020-01-01T00:00:00Z"})
    by_code = client_with("inspector", "system/Observation.rs?status=final")
    by_date = client_with("inspector", "system/Observation.rs?date=lt2010")
    paths = [f"Observation/{id}/_history/1", f"Observation/{id}/_history/2", f"Observation/{id}"]
    assert [by_code.get(path).status for path in paths] == [200, 200, 200]
    assert [by_date.get(path).status for path in paths] == [404, 200, 200]
    suite.delete(f"Observation/{id}")
    assert [each.get(f"Observation/{id}").status for each in (by_code, by_date)] == [410, 404]
