import pytest

from server.oauth.discovery import smart_configuration
from server.settings import read


def test_the_smart_configuration_says_where_tokens_are_and_what_is_supported():
    found = smart_configuration(read({}))
    assert found["issuer"] == "http://127.0.0.1:8000"
    assert found["token_endpoint"] == "http://127.0.0.1:8000/auth/token"
    assert found["jwks_uri"] == "http://127.0.0.1:8000/auth/jwks"
    assert found["grant_types_supported"] == ["client_credentials"]
    assert found["token_endpoint_auth_signing_alg_values_supported"] == ["ES384", "RS384"]
    assert "permission-v2" in found["capabilities"]


def test_discovery_hangs_on_the_public_url():
    found = smart_configuration(read({"CHILDRECORD_PUBLIC_URL": "https://record.example/r4/fhir"}))
    assert found["token_endpoint"] == "https://record.example/auth/token"


@pytest.mark.parametrize("path", ["/auth/jwks", "/.well-known/oauth-authorization-server"])
def test_discovery_needs_no_token(auth, path):
    assert auth.get(path).status_code == 200


def test_clients_that_know_oauth_alone_find_the_same_endpoints(auth):
    found = auth.get("/.well-known/oauth-authorization-server").json
    assert found["token_endpoint"] == "http://127.0.0.1:8000/auth/token"
