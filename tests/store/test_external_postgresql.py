"""A PostgreSQL that the operator runs, of the oldest version that is taken."""

import os

import pytest

from server.fhir import Json, json
from server.fhir.exchange import FhirRequest
from server.interaction.opening import as_agency, door
from server.interaction.router import respond
from server.settings import read
from server.store import migrate
from server.store.database import Database

URN = "urn:uuid:5d1b8f0e-6a33-4d35-9b52-3f8c7d4e2a10"
GIVEN = os.environ.get("EXTERNAL_POSTGRESQL")

pytestmark = pytest.mark.skipif(
    not GIVEN and not os.environ.get("CI"),
    reason="needs a PostgreSQL of its own: name one in EXTERNAL_POSTGRESQL",
)


def test_a_record_is_kept_in_a_postgresql_that_others_run(tmp_path):
    assert GIVEN, "continuous integration must name a PostgreSQL in EXTERNAL_POSTGRESQL"
    database = Database(GIVEN)
    try:
        migrate.migrate(database.engine)
        found = read({"DATABASE_URL": GIVEN, "CHILDRECORD_DATA": str(tmp_path)})
        opened = door(found, database)
        suite = as_agency(opened, "conformance", "test")

        def answer(request: FhirRequest) -> Json:
            return json.decode(respond(request, opened, suite).body or b"")

        child = {
            "resourceType": "Patient",
            "name": [{"family": "Ågren", "given": ["Mia"]}],
            "birthDate": "2015-03-04",
        }
        seen = {"resourceType": "Observation", "status": "final", "code": {"text": "seen"},
                "subject": {"reference": URN}}  # fmt: skip
        bundle = {
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [
                {"fullUrl": URN, "resource": child, "request": {"method": "POST", "url": "Patient"}},
                {"resource": seen, "request": {"method": "POST", "url": "Observation"}},
            ],
        }
        answer(FhirRequest("POST", "", content=bundle))
        found = answer(FhirRequest("GET", "Patient", (("name", "agren"), ("birthdate", "ge2015"))))
        [entry] = found["entry"]
        about = answer(FhirRequest("GET", "Observation", (("patient", entry["resource"]["id"]),)))
        assert about["total"] == 1
    finally:
        database.close()
