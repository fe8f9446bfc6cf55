import json
from types import SimpleNamespace

import pytest
from joserfc.jwk import ECKey

from server.cli import apps
from server.oauth import redirect, secret
from server.oauth.scope import fault
from server.store import clients


@pytest.fixture(scope="module")
def admitted(database):
    opened = SimpleNamespace(database=database, agencies={apps.BACKEND_AGENCY: None})
    apps.admit(opened)
    apps.admit(opened)
    with database.begin() as connection:
        return {each.id: each for each in clients.every(connection)}


def test_the_demonstration_has_an_app_of_each_kind(admitted):
    assert {each.auth_method for each in admitted.values()} == {
        "none",
        "client_secret_basic",
        "private_key_jwt",
    }
    assert all(each.demonstration for each in admitted.values())
    assert {id for id, _, _ in apps.told()} == admitted.keys()


def test_each_could_have_been_registered(admitted):
    for each in admitted.values():
        assert fault(each.scope, each.grant_types) is None
        assert all(redirect.fault(uri) is None for uri in each.redirect_uris)


def test_they_prove_themselves_by_what_is_documented(admitted):
    portal, backend = admitted[apps.CONFIDENTIAL_APP], admitted[apps.BACKEND]
    assert secret.matches(apps.CONFIDENTIAL_APP, portal.secret_hash)
    key = ECKey.import_key(json.loads(apps.KEY.read_text()))
    assert backend.jwks["keys"][0]["kid"] == key.kid
    assert "d" not in backend.jwks["keys"][0]
