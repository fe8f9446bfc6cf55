"""Restricted children: R, whose whereabouts are withheld, and V, who are absent to all but the named."""

import pytest

from tests import make

ADDRESS = {"line": ["12 Example Road"], "city": "Exampleton", "postalCode": "EX1 1AA"}


@pytest.fixture
def hidden(suite):
    """A child labelled R whom the school works with; social care is named, by the team around the child."""
    word = make.word()
    organization = f"refuge-{word}"
    suite.put(make.organization(organization))
    suite.put({"resourceType": "Practitioner", "id": organization})
    patient = make.child(
        id=f"child-{word}",
        meta=make.labelled("R"),
        address=[{**ADDRESS, "city": word}],
        telecom=[{"system": "phone", "value": f"01632 {word}"}],
        contact=[{"name": {"family": word}}],
        generalPractitioner=[make.reference(f"Practitioner/{organization}")],
        managingOrganization=make.reference(f"Organization/{organization}"),
        text={"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{word}</div>'},
    )
    placement = make.episode(patient["id"], organization, "placement", id=f"placement-{word}")
    sent = [
        make.put(patient),
        make.posted(make.episode(patient["id"], "school")),
        make.posted(make.episode(patient["id"], "inspector", "child-in-need")),
        make.posted(make.team(patient["id"], "social-care")),
        make.put(
            {
                **placement,
                "careManager": make.reference(f"Practitioner/{organization}"),
                "identifier": [make.identifier(word)],
            }
        ),
    ]
    assert suite.post(make.bundle("transaction", *sent)).status == 200
    return {
        **patient,
        "word": word,
        "placement": f"EpisodeOfCare/{placement['id']}",
        "organization": organization,
    }


WITHHELD = {"address", "telecom", "contact", "generalPractitioner", "managingOrganization", "text"}


def test_the_whereabouts_are_withheld_from_all_but_the_named(school, social_care, hidden):
    path = f"Patient/{hidden['id']}"
    whole, shown = social_care.get(path), school.get(path)
    assert set(whole.json) >= WITHHELD
    assert not WITHHELD & set(shown.json)
    assert shown.json["name"] == whole.json["name"]
    assert [label["code"] for label in shown.json["meta"]["security"]] == ["R", "REDACTED"]
    assert hidden["word"] not in shown.text.replace(hidden["id"], "")


def test_they_are_withheld_on_every_path_and_in_every_version(school, social_care, hidden):
    path = f"Patient/{hidden['id']}"
    social_care.put({**social_care.get(path).json, "gender": "female"})
    told = [
        school.get(path),
        school.get(f"{path}/_history"),
        school.get(f"{path}/_history/1"),
        school.search(f"Patient?_id={hidden['id']}"),
        school.search(
            f"Patient?birthdate={hidden['birthDate']}&identifier={hidden['identifier'][0]['value']}"
        ),
        school.search(f"EpisodeOfCare?patient={hidden['id']}&_include=EpisodeOfCare:patient"),
        school.post(make.bundle("batch", make.entry("GET", path))),
        school.post(make.bundle("transaction", make.entry("GET", path))),
        school.put({**school.get(path).json, "gender": "male"}),
        school.post(make.child(hidden["identifier"][0]["value"])),
    ]
    for answer in told:
        assert hidden["id"] in answer.text
        assert hidden["word"] not in answer.text.replace(hidden["id"], "")


@pytest.mark.parametrize(
    "query",
    [
        "address={word}",
        "address-city={word}",
        "phone=01632 {word}",
        "telecom=01632 {word}",
        "organization=Organization/{organization}",
        "general-practitioner=Practitioner/{organization}",
        "_id={id}&address:missing=false",
        "_id={id}&telecom:not=x",
        "_id={id}&_sort=address",
        "_id={id}&_sort=-organization",
    ],
)
def test_a_child_is_not_found_or_sorted_by_what_is_withheld(school, social_care, hidden, query):
    asked = f"Patient?{query.format(**hidden)}"
    assert school.search(asked).ids == []
    assert social_care.search(asked).ids == [hidden["id"]]


def test_where_a_child_is_placed_is_not_told_by_the_resources_about_it(client_with, social_care, hidden):
    inspector, path = client_with("inspector"), hidden["placement"]
    whole, shown = social_care.get(path).json, inspector.get(path).json
    assert whole["managingOrganization"]["reference"].endswith(hidden["organization"])
    assert not {"managingOrganization", "careManager", "identifier"} & set(shown)
    assert shown["type"] == whole["type"]
    for asked in (
        f"EpisodeOfCare?organization=Organization/{hidden['organization']}",
        f"EpisodeOfCare?care-manager=Practitioner/{hidden['organization']}",
        f"EpisodeOfCare?identifier={hidden['word']}",
        f"EpisodeOfCare?_id={whole['id']}&_sort=organization",
    ):
        assert inspector.search(asked).ids == []
        assert social_care.search(asked).ids == [whole["id"]]


@pytest.mark.parametrize(
    "query",
    [
        "EpisodeOfCare?_id=placement-{word}&_include=EpisodeOfCare:organization",
        "EpisodeOfCare?_id=placement-{word}&_include=EpisodeOfCare:care-manager",
        "Patient?_id={id}&_include=Patient:organization",
        "Patient?_id={id}&_include=Patient:general-practitioner",
        "Organization?_id={organization}&_revinclude=EpisodeOfCare:organization",
        "Organization?_id={organization}&_revinclude=Patient:organization",
        "Practitioner?_id={organization}&_revinclude=EpisodeOfCare:care-manager",
        "Practitioner?_id={organization}&_revinclude=Patient:general-practitioner",
    ],
)
def test_what_is_withheld_is_not_followed_either_way(client_with, social_care, hidden, query):
    asked = query.format(**hidden)
    assert client_with("inspector").search(asked).included == []
    assert len(social_care.search(asked).included) == 1


def test_what_an_agency_was_not_shown_it_cannot_erase_or_replace(school, social_care, hidden):
    path = f"Patient/{hidden['id']}"
    before = social_care.get(path).json
    assert (
        school.put({**school.get(path).json, "gender": "female", "address": [{"city": "Nowhere"}]}).status
        == 200
    )
    after = social_care.get(path).json
    assert after["gender"] == "female"
    assert all(after[name] == before[name] for name in WITHHELD)
    assert [label["code"] for label in after["meta"]["security"]] == ["R"]


def test_who_is_not_named_cannot_lift_the_restriction(school, social_care, hidden):
    path = f"Patient/{hidden['id']}"
    shown = school.get(path).json
    for meta in ({}, {"meta": {}}, {"meta": make.labelled("N")}):
        assert (
            school.put({**{name: value for name, value in shown.items() if name != "meta"}, **meta}).status
            == 200
        )
        assert "address" not in school.get(path).json
    assert [label["code"] for label in social_care.get(path).json["meta"]["security"]] == ["R"]


@pytest.mark.parametrize("meta", [1, None, []], ids=str)
def test_what_is_no_meta_is_refused_where_something_is_withheld_too(school, hidden, meta):
    shown = school.get(f"Patient/{hidden['id']}").json
    assert school.put({**shown, "meta": meta}).status == 400


def test_a_label_that_is_taken_away_opens_all_that_is_known_of_the_child(school, social_care, hidden):
    path = f"Patient/{hidden['id']}"
    whole = social_care.get(path).json
    assert social_care.put({**whole, "meta": {}}).status == 200
    assert "address" in school.get(path).json
    assert "address" in school.get(f"{path}/_history/1").json


def test_a_label_that_is_put_on_closes_what_was_written_before_it(suite, school, social_care, child):
    suite.post(make.team(child, "social-care"))
    visit = suite.post(make.encounter(child, "school")).id
    assert "serviceProvider" in school.get(f"Encounter/{visit}").json
    social_care.put({**social_care.get(f"Patient/{child}").json, "meta": make.labelled("R")})
    assert "serviceProvider" not in school.get(f"Encounter/{visit}").json
    assert "serviceProvider" in social_care.get(f"Encounter/{visit}").json
    social_care.put({**social_care.get(f"Patient/{child}").json, "meta": make.labelled("V")})
    for path in (
        f"Patient/{child}",
        f"Encounter/{visit}",
        f"Patient/{child}/_history/1",
        f"Patient/{child}/_history",
    ):
        assert school.get(path).status == 404
        assert social_care.get(path).status == 200
    assert school.search(f"Encounter?patient={child}").ids == []


def test_what_is_written_later_about_a_restricted_child_is_restricted_with_it(
    suite, school, social_care, hidden
):
    visit = suite.post(make.encounter(hidden["id"], "school")).id
    assert "serviceProvider" not in school.get(f"Encounter/{visit}").json
    assert "serviceProvider" in social_care.get(f"Encounter/{visit}").json


def test_a_restricted_child_who_is_spoken_of_beside_another_is_restricted_there_too(
    suite, school, social_care, hidden, child
):
    visit = make.encounter(child, "school", participant=[{"individual": make.reference("Practitioner/x")}])
    about_both = {
        **visit,
        "extension": [
            {
                "url": "https://example.org/sibling",
                "valueReference": make.reference(f"Patient/{hidden['id']}"),
            }
        ],
    }
    id = suite.post(about_both).id
    assert "serviceProvider" not in school.get(f"Encounter/{id}").json
    assert "serviceProvider" in social_care.get(f"Encounter/{id}").json
    social_care.put({**social_care.get(f"Patient/{hidden['id']}").json, "meta": make.labelled("V")})
    assert school.get(f"Encounter/{id}").status == 404
    assert social_care.get(f"Encounter/{id}").status == 200


def test_who_labels_a_child_from_the_first_is_named(client_with, suite):
    social_care = client_with("social-care")
    id = social_care.post(make.child(meta=make.labelled("V"), address=[ADDRESS])).id
    assert social_care.get(f"Patient/{id}").json["address"] == [ADDRESS]
    assert suite.get(f"Patient/{id}").status == 404


def test_who_is_not_named_names_nobody(client_with, social_care, hidden):
    inspector = client_with("inspector")
    for team in (make.team(hidden["id"], "inspector"), make.team(hidden["id"], "inspector", id=make.word())):
        made = inspector.put(team) if "id" in team else inspector.post(team)
        assert made.status == 201
        assert "address" not in inspector.get(f"Patient/{hidden['id']}").json
    assert social_care.post(make.team(hidden["id"], "inspector")).status == 201
    assert "address" in inspector.get(f"Patient/{hidden['id']}").json


def test_a_name_on_a_team_that_has_ended_is_a_name_no_more(suite, social_care, hidden):
    assert social_care.get(f"Patient/{hidden['id']}").status == 200
    [team] = suite.search(f"CareTeam?patient={hidden['id']}").ids
    ended = make.team(
        hidden["id"], "social-care", id=team, period={"start": "2020-01-01", "end": "2021-01-01"}
    )
    assert suite.put(ended).status == 200
    assert social_care.get(f"Patient/{hidden['id']}").status == 404
