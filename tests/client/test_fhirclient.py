"""fhirclient, of the SMART project: what its users do, by its own models."""

import pytest
import requests
from fhirclient.client import FHIRClient
from fhirclient.models.bundle import Bundle
from fhirclient.models.observation import Observation
from fhirclient.models.patient import Patient
from fhirclient.server import FHIRNotFoundException

from tests import make


@pytest.fixture(scope="module")
def server(running):
    """Signed in: the library's own sign-in is another test's."""
    found = FHIRClient({"app_id": "suite", "api_base": running.base}).server
    found.session.headers["Authorization"] = running.authorization
    yield found
    found.session.close()


@pytest.fixture
def family():
    """A family name of the test's own."""
    return make.word("Fhirclient")


@pytest.fixture
def patient(server, family):
    made = Patient({"name": [{"family": family, "given": ["Ada"]}], "birthDate": "2015-04-01"})
    made.id = made.create(server)["id"]
    return made


def test_what_is_created_is_read_as_a_model(server, patient, family):
    read = Patient.read(patient.id, server)
    assert read.name[0].family == family
    assert read.birthDate.isostring == "2015-04-01"


def test_an_update_is_the_next_version(server, patient):
    read = Patient.read(patient.id, server)
    read.gender = "female"
    read.update(server)
    assert Patient.read(patient.id, server).meta.versionId == "2"


def test_an_update_of_what_somebody_changed_is_refused(running, server, patient):
    read = Patient.read(patient.id, server)
    read.gender = "female"
    read.update(server)
    body = {**read.as_json(), "gender": "male"}
    headers = {"Authorization": running.authorization, "If-Match": 'W/"1"'}
    stale = requests.put(f"{running.base}/Patient/{patient.id}", json=body, headers=headers, timeout=30)
    assert stale.status_code == 412
    assert Patient.read(patient.id, server).gender == "female"


def test_what_is_deleted_is_not_found(server, patient):
    patient._server = server
    patient.delete(server)
    with pytest.raises((FHIRNotFoundException, requests.HTTPError)):
        Patient.read(patient.id, server)


def test_a_search_gives_models_of_every_page(server, family):
    for given in ("A", "B", "C", "D", "E"):
        Patient({"name": [{"family": family, "given": [given]}]}).create(server)
    search = Patient.where(struct={"family": family, "_sort": "given", "_count": "2"})
    found = [each.name[0].given[0] for each in search.perform_resources_iter(server)]
    assert found == ["A", "B", "C", "D", "E"]


def test_the_capability_statement_is_understood(server):
    statement = server.capabilityStatement
    assert statement.fhirVersion == "4.0.1"
    assert "Patient" in {each.type for each in statement.rest[0].resource}


def test_history_is_a_bundle_of_models(server, patient):
    read = Patient.read(patient.id, server)
    read.gender = "female"
    read.update(server)
    history = Bundle(server.request_json(f"Patient/{patient.id}/_history"))
    assert [each.resource.meta.versionId for each in history.entry] == ["2", "1"]


def test_a_transaction_is_one_request(server, family):
    urn = "urn:uuid:5f0c1d43-6d0f-4a2a-9d61-0e7a3a9b7c11"
    patient = Patient({"name": [{"family": family}]})
    seen = Observation({"status": "final", "code": {"text": "x"}, "subject": {"reference": urn}})
    bundle = Bundle({
        "type": "transaction",
        "entry": [
            {"fullUrl": urn, "resource": patient.as_json(),
             "request": {"method": "POST", "url": "Patient", "ifNoneExist": f"family={family}"}},
            {"resource": seen.as_json(), "request": {"method": "POST", "url": "Observation"}},
        ],
    })  # fmt: skip
    for statuses in (["201", "201"], ["200", "201"]):
        answer = Bundle(server.post_json("", bundle.as_json()).json())
        assert [each.response.status[:3] for each in answer.entry] == statuses
    assert len(list(Patient.where(struct={"family": family}).perform_resources_iter(server))) == 1
