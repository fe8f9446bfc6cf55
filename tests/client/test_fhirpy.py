"""fhirpy: what its users do, by its own calls."""

import pytest
from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import MultipleResourcesFound, OperationOutcome, ResourceNotFound

from tests import make


@pytest.fixture(scope="module")
def client(running):
    return SyncFHIRClient(running.base, authorization=running.authorization)


@pytest.fixture
def family():
    """A family name of the test's own."""
    return make.word("Fhirpy")


@pytest.fixture
def patient(client, family):
    made = client.resource("Patient", name=[{"family": family, "given": ["Ada"]}], gender="female")
    made.save()
    return made


def test_what_is_saved_has_an_id_and_can_be_read(client, patient, family):
    read = client.reference("Patient", patient.id).to_resource()
    assert read["name"][0]["family"] == family
    assert read["meta"]["versionId"] == "1"


def test_saving_again_is_the_next_version(client, patient):
    patient["gender"] = "male"
    patient.save()
    assert patient["meta"]["versionId"] == "2"
    assert client.reference("Patient", patient.id).to_resource()["gender"] == "male"


def test_refreshing_what_has_not_changed_leaves_it_as_it_is(patient):
    before = patient.serialize()
    patient.refresh()
    assert patient.serialize() == before


def test_a_patch_changes_what_it_names_and_nothing_else(client, patient, family):
    patient.patch(gender="other")
    read = client.reference("Patient", patient.id).to_resource()
    assert (read["gender"], read["name"][0]["family"]) == ("other", family)


def test_a_patch_with_none_takes_the_element_away(client, patient):
    client.patch("Patient", patient.id, gender=None)
    assert "gender" not in client.reference("Patient", patient.id).to_resource()


def test_what_is_deleted_is_gone(client, patient):
    patient.delete()
    with pytest.raises((ResourceNotFound, OperationOutcome)):
        client.reference("Patient", patient.id).to_resource()


def test_a_search_is_read_page_by_page(client, family):
    for given in ("A", "B", "C", "D", "E"):
        client.resource("Patient", name=[{"family": family, "given": [given]}]).save()
    found = client.resources("Patient").search(family=family).limit(2).sort("given")
    assert [each["name"][0]["given"][0] for each in found] == ["A", "B", "C", "D", "E"]
    assert found.count() == 5
    assert len(found.fetch()) == 2


def test_the_first_and_the_only_one_are_found(client, patient, family):
    search = client.resources("Patient").search(family=family)
    assert search.first().id == search.get().id == patient.id
    client.resource("Patient", name=[{"family": family}]).save()
    with pytest.raises(MultipleResourcesFound):
        search.get()


def test_an_include_comes_along(client, patient):
    client.resource(
        "Observation", status="final", code={"text": "x"}, subject={"reference": f"Patient/{patient.id}"}
    ).save()
    search = client.resources("Observation").search(patient=patient.id).include("Observation", "subject")
    types = {entry["resource"]["resourceType"] for entry in search.fetch_raw()["entry"]}
    assert types == {"Observation", "Patient"}


def test_a_create_on_condition_makes_one(running, client, family):
    only = {"If-None-Exist": f"family={family}"}
    careful = SyncFHIRClient(running.base, authorization=running.authorization, extra_headers=only)
    made = [careful.resource("Patient", name=[{"family": family}]) for _ in range(2)]
    for each in made:
        each.save()
    assert made[0].id == made[1].id


def test_update_on_condition_makes_and_then_changes_one(client, family):
    search = client.resources("Patient").search(family=family)
    first, made = search.update(client.resource("Patient", name=[{"family": family}]))
    again, made_again = search.update(client.resource("Patient", name=[{"family": family}], gender="male"))
    assert (made, made_again) == (True, False)
    assert first.id == again.id
    assert again["meta"]["versionId"] == "2"


def test_patch_on_condition_changes_the_one(client, patient, family):
    changed = client.resources("Patient").search(family=family).patch(gender="unknown")
    assert (changed.id, changed["gender"]) == (patient.id, "unknown")


def test_delete_on_condition_takes_the_one(client, patient, family):
    search = client.resources("Patient").search(family=family)
    search.delete()
    assert search.count() == 0


def test_a_transaction_is_one_request(client, family):
    urn = "urn:uuid:0d5e4c9c-7a4f-4e2e-8a3b-2f1f6c9c4b11"
    bundle = client.resource(
        "Bundle",
        type="transaction",
        entry=[
            {"fullUrl": urn, "resource": {"resourceType": "Patient", "name": [{"family": family}]},
             "request": {"method": "POST", "url": "Patient"}},
            {"resource": {"resourceType": "Observation", "status": "final", "code": {"text": "x"},
                          "subject": {"reference": urn}},
             "request": {"method": "POST", "url": "Observation"}},
        ],
    )  # fmt: skip
    answer = client.execute("", method="post", data=bundle.serialize())
    assert [entry["response"]["status"][:3] for entry in answer["entry"]] == ["201", "201"]
    patient = client.resources("Patient").search(family=family).get()
    assert client.resources("Observation").search(patient=patient.id).count() == 1


def test_history_is_read_as_a_bundle(client, patient):
    patient["gender"] = "male"
    patient.save()
    history = client.execute(f"Patient/{patient.id}/_history", method="get")
    assert [entry["resource"]["meta"]["versionId"] for entry in history["entry"]] == ["2", "1"]


def test_a_refusal_is_an_operation_outcome_that_the_client_understands(client):
    with pytest.raises(OperationOutcome, match="gender"):
        client.resource("Patient", gender="neither").save()
