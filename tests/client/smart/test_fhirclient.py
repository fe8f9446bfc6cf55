"""fhirclient (PyPI), of the SMART project, signs in, reads and refreshes."""

import pytest
from fhirclient.client import FHIRClient
from fhirclient.models.observation import Observation
from fhirclient.models.patient import Patient

from server.oauth import secret
from tests.client.smart.conftest import answered
from tests.oauth.flow import REDIRECT, app_of

SECRET = "plain-and-simple"


@pytest.mark.parametrize("method", ["none", "client_secret_basic"])
def test_an_app_signs_in_reads_and_refreshes(live, browser, base, pupil, method):
    # The library sends a secret as it is, where RFC 6749 would have it encoded: here the two are the same.
    asking = app_of(live, auth_method=method, secret_hash=secret.hashed(SECRET) if method != "none" else None)
    smart = FHIRClient(
        {
            "app_id": asking.id,
            "app_secret": SECRET if method != "none" else None,
            "api_base": base,
            "redirect_uri": REDIRECT,
            "scope": "openid fhirUser launch/patient patient/*.rs offline_access",
        }
    )
    smart.handle_callback(answered(browser, smart.authorize_url, pupil))
    assert (smart.ready, smart.patient_id) == (True, pupil)
    assert smart.human_name(smart.patient.name[0]) == "Robin Pupil"
    marks = Observation.where(struct={"patient": pupil}).perform_resources_iter(smart.server)
    assert len(list(marks)) == 1
    first = smart.server.auth.access_token
    assert smart.reauthorize()
    assert smart.server.auth.access_token != first
    assert Patient.read(pupil, smart.server).id == pupil
    smart.server.session.close()
