import pytest

from server.oauth.discovery import smart_configuration
from server.settings import read


def test_the_smart_configuration_says_where_tokens_are_and_what_is_supported():
    found = smart_configuration(read({}))
    assert found["issuer"] == "http://127.0.0.1:8000"
    assert found["token_endpoint"] == "http://127.0.0.1:8000/auth/token"
    assert found["jwks_uri"] == "http://127.0.0.1:8000/auth/jwks"
    assert found["authorization_endpoint"] == "http://127.0.0.1:8000/auth/authorize"
    assert found["grant_types_supported"] == ["authorization_code", "refresh_token", "client_credentials"]
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["token_endpoint_auth_signing_alg_values_supported"] == ["ES384", "RS384"]
    assert "permission-v2" in found["capabilities"]


def test_discovery_hangs_on_the_public_url():
    found = smart_configuration(read({"CHILDRECORD_PUBLIC_URL": "https://record.example/r4/fhir"}))
    assert found["token_endpoint"] == "https://record.example/auth/token"


@pytest.mark.parametrize(
    "path",
    ["/auth/jwks", "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"],
)
def test_discovery_needs_no_token(auth, path):
    assert auth.get(path).status_code == 200


def test_clients_that_know_oauth_alone_find_the_same_endpoints(auth):
    found = auth.get("/.well-known/oauth-authorization-server").json
    assert found["token_endpoint"] == "http://127.0.0.1:8000/auth/token"


def test_clients_that_know_openid_connect_find_who_the_user_is(auth):
    found = auth.get("/.well-known/openid-configuration").json
    assert found["issuer"] == "http://127.0.0.1:8000"
    assert found["userinfo_endpoint"] == "http://127.0.0.1:8000/auth/userinfo"
    assert found["id_token_signing_alg_values_supported"] == ["RS256"]


def test_every_endpoint_that_is_told_of_is_there(auth):
    told = auth.get("/.well-known/openid-configuration").json
    paths = [url.removeprefix(told["issuer"]) for name, url in told.items() if name.endswith("_endpoint")]
    assert len(paths) == 6
    for path in (*paths, told["jwks_uri"].removeprefix(told["issuer"])):
        statuses = {auth.get(path).status_code, auth.post(path).status_code}
        assert statuses != {404}, path


def test_the_capability_statement_tells_of_the_same_endpoints(serving):
    auth = serving(CHILDRECORD_REGISTRATION="open")
    told = auth.get("/.well-known/oauth-authorization-server").json
    [security] = [each["security"] for each in auth.get("/fhir/metadata").json["rest"]]
    [extension] = security["extension"]
    uris = {each["url"]: each["valueUri"] for each in extension["extension"]}
    assert uris == {
        "authorize": told["authorization_endpoint"],
        "token": told["token_endpoint"],
        "register": told["registration_endpoint"],
        "manage": told["management_endpoint"],
    }


@pytest.mark.parametrize(("registration", "is_told"), [("closed", False), ("token", True), ("open", True)])
def test_registration_is_told_of_where_there_is_any(registration, is_told):
    found = smart_configuration(read({"CHILDRECORD_REGISTRATION": registration}))
    assert ("registration_endpoint" in found) is is_told
