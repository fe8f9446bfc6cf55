"""https://www.rfc-editor.org/rfc/rfc7591 and https://www.rfc-editor.org/rfc/rfc7592"""

from datetime import timedelta

import pytest

from server import clock
from server.oauth import secret
from server.oauth.administration import OPERATOR, Administration
from server.store import clients

CALLBACK = "https://app.example/cb"
APP = {"client_name": "Growth", "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none"}
MOST = "openid launch/patient user/Patient.rs user/Observation.cruds system/Observation.rs"


@pytest.fixture(scope="module")
def open_(serving):
    return serving(CHILDRECORD_REGISTRATION="open")


@pytest.fixture(scope="module")
def by_token(serving):
    return serving(CHILDRECORD_REGISTRATION="token")


@pytest.fixture
def invited(database):
    """Makes a registration token."""

    def invite(uses=1, days=1, scope=MOST):
        expires = clock.now() + timedelta(days=days)
        return Administration(database, OPERATOR).invite("ashbourne-primary", scope, uses, expires)[1]

    return invite


def bearer(token):
    return {"Authorization": f"Bearer {token}"} if token else {}


def register(auth, token=None, **differences):
    sent = {name: value for name, value in {**APP, **differences}.items() if value is not ...}
    return auth.post("/auth/register", json=sent, headers=bearer(token))


def kept(database, answer):
    with database.begin() as connection:
        return clients.find(connection, answer.json["client_id"])


def test_it_is_closed_unless_the_operator_opens_it(auth):
    answer = register(auth)
    assert (answer.status_code, answer.json["error"]) == (403, "access_denied")


def test_an_app_that_nobody_knows_may_ask_its_users_for_what_they_may_do(open_, database):
    answer = register(open_)
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    assert "client_secret" not in answer.json
    assert answer.json["grant_types"] == ["authorization_code", "refresh_token"]
    found = kept(database, answer)
    assert (found.agency, found.kind, found.name) == ("", "public", "Growth")
    assert "patient/*.cruds" in found.scope.split()
    assert "system" not in found.scope


def test_a_confidential_app_gets_a_secret_once_that_is_kept_as_a_hash(open_, database):
    answer = register(open_, token_endpoint_auth_method=...)
    assert answer.json["token_endpoint_auth_method"] == "client_secret_basic"
    assert answer.json["client_secret_expires_at"] == 0
    assert secret.matches(answer.json["client_secret"], kept(database, answer).secret_hash)
    again = open_.get(
        answer.json["registration_client_uri"].removeprefix("http://127.0.0.1:8000"),
        headers=bearer(answer.json["registration_access_token"]),
    )
    assert again.status_code == 200
    assert "client_secret" not in again.json


def test_a_software_statement_is_ignored(open_):
    answer = register(open_, software_statement="x.y.z", scope="openid", anything={"at": "all"})
    assert answer.status_code == 201
    assert answer.json["scope"] == "openid"
    assert "software_statement" not in answer.json


@pytest.mark.parametrize(
    ("differences", "error"),
    [
        ({"redirect_uris": []}, "invalid_redirect_uri"),
        ({"redirect_uris": ["http://app.example/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri"),
        ({"redirect_uris": CALLBACK}, "invalid_redirect_uri"),
        ({"redirect_uris": [CALLBACK] * 21}, "invalid_redirect_uri"),
        ({"redirect_uris": [1]}, "invalid_redirect_uri"),
        ({"grant_types": ["implicit"]}, "invalid_client_metadata"),
        ({"grant_types": ["password"]}, "invalid_client_metadata"),
        ({"grant_types": ["client_credentials"]}, "invalid_client_metadata"),
        ({"grant_types": ["refresh_token"]}, "invalid_client_metadata"),
        ({"response_types": ["token"]}, "invalid_client_metadata"),
        ({"response_types": []}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "client_secret_jwt"}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata"),
        (
            {
                "token_endpoint_auth_method": "private_key_jwt",
                "jwks": {"keys": []},
                "jwks_uri": "https://app.example/jwks",
            },
            "invalid_client_metadata",
        ),
        (
            {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://169.254.169.254/"},
            "invalid_client_metadata",
        ),
        ({"scope": "system/*.cruds"}, "invalid_client_metadata"),
        ({"scope": "user/admin.cruds"}, "invalid_client_metadata"),
        ({"scope": 1}, "invalid_client_metadata"),
        ({"client_name": "Growth\u202e"}, "invalid_client_metadata"),
        ({"client_name": "x" * 101}, "invalid_client_metadata"),
        ({"logo_uri": "javascript:alert(1)"}, "invalid_client_metadata"),
        ({"client_uri": "data:text/html,x"}, "invalid_client_metadata"),
        ({"contacts": "me"}, "invalid_client_metadata"),
    ],
)
def test_what_no_client_can_be_is_refused_in_the_words_of_oauth(open_, differences, error):
    answer = register(open_, **differences)
    assert (answer.status_code, answer.json["error"]) == (400, error)
    assert answer.json["error_description"]


@pytest.mark.parametrize("body", ["", "x", "[]", '"x"', "1", "{"])
def test_what_is_no_json_object_is_refused(open_, body):
    answer = open_.post("/auth/register", data=body, content_type="application/json")
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_client_metadata")
    assert open_.post("/auth/register", data={"client_name": "x"}).status_code == 400


def test_a_token_lets_an_app_in_for_its_agency_as_far_as_it_says(by_token, invited, database):
    asked = "openid user/*.rs system/*.cruds profile"
    answer = register(by_token, invited(), scope=asked)
    assert answer.status_code == 201, answer.text
    found = kept(database, answer)
    assert found.agency == "ashbourne-primary"
    assert found.scope == "openid user/Patient.rs user/Observation.rs"


def test_a_system_may_be_let_in_as_well(by_token, invited, database):
    answer = register(
        by_token,
        invited(),
        redirect_uris=...,
        token_endpoint_auth_method="client_secret_basic",
        grant_types=["client_credentials"],
    )
    assert answer.status_code == 201, answer.text
    assert kept(database, answer).scope == "system/Observation.rs"
    had = by_token.post(
        "/auth/token",
        data={"grant_type": "client_credentials"},
        auth=(answer.json["client_id"], answer.json["client_secret"]),
    )
    assert had.json["scope"] == "system/Observation.rs"


def test_a_token_is_good_for_as_many_as_it_says_and_not_for_what_was_refused(by_token, invited):
    token = invited(uses=2)
    assert register(by_token, token, redirect_uris=[]).status_code == 400
    assert [register(by_token, token).status_code for _ in range(3)] == [201, 201, 401]


@pytest.mark.parametrize("token", [None, "x", "\0"])
def test_without_a_good_token_nobody_is_let_in(by_token, token):
    answer = by_token.post("/auth/register", json=APP, headers=bearer(token) if token != "\0" else {})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_an_old_token_is_none(by_token, invited):
    assert register(by_token, invited(days=-1)).status_code == 401


def test_a_bad_token_is_not_the_same_as_none_where_anybody_may_register(open_):
    assert register(open_, "x").status_code == 401


def test_nobody_fills_the_table(open_, monkeypatch):
    monkeypatch.setattr("server.oauth.register.AN_HOUR", 0)
    answer = register(open_)
    assert (answer.status_code, answer.json["error"]) == (429, "temporarily_unavailable")


def path(answer):
    return f"/auth/register/{answer.json['client_id']}"


def own(answer):
    return bearer(answer.json["registration_access_token"])


def test_a_client_reads_its_registration_by_its_own_token_alone(open_):
    first, second = register(open_), register(open_)
    assert open_.get(path(first), headers=own(first)).json["client_name"] == "Growth"
    refused = [
        open_.get(path(first), headers=own(second)),
        open_.get(path(first)),
        open_.get("/auth/register/nobody", headers=own(first)),
        open_.get("/auth/register/school", headers=bearer("0" * 64)),
        open_.get("/auth/register/school"),
    ]
    assert {each.status_code for each in refused} == {401}
    assert len({each.text for each in refused}) == 1


def test_a_client_changes_what_it_says_of_itself_and_keeps_nothing_unsaid(open_, database):
    made = register(open_, client_uri="https://app.example", token_endpoint_auth_method=...)
    sent = {**APP, "client_id": made.json["client_id"], "client_name": "Growth 2", "scope": "openid"}
    del sent["token_endpoint_auth_method"]
    answer = open_.put(path(made), json=sent, headers=own(made))
    assert answer.status_code == 200, answer.text
    assert "client_uri" not in answer.json
    assert "client_secret" not in answer.json
    found = kept(database, made)
    assert (found.name, found.scope) == ("Growth 2", "openid")
    assert secret.matches(made.json["client_secret"], found.secret_hash)


def test_a_client_cannot_give_itself_more_than_it_was_let_in_with(by_token, invited, database):
    made = register(by_token, invited(), scope="openid user/Patient.rs")
    for scope, left in [
        ("openid user/*.cruds user/admin.cruds system/*.rs", "openid user/Patient.rs"),
        ("user/*.r", "user/Patient.r"),
        ("user/*.cruds", "user/Patient.r"),
    ]:
        sent = {**APP, "client_id": made.json["client_id"], "scope": scope}
        assert by_token.put(path(made), json=sent, headers=own(made)).json["scope"] == left
    assert kept(database, made).agency == "ashbourne-primary"


@pytest.mark.parametrize(
    "differences",
    [
        {"client_id": "school"},
        {"client_id": ...},
        {"client_secret": "wrong"},
        {"registration_access_token": "x"},
        {"client_id_issued_at": 1},
        {"redirect_uris": ["http://evil.example/"]},
    ],
)
def test_a_change_that_is_not_its_own_to_make_is_refused_and_changes_nothing(open_, database, differences):
    made = register(open_)
    before = kept(database, made)
    sent = {**APP, "client_id": made.json["client_id"], **differences}
    sent = {name: value for name, value in sent.items() if value is not ...}
    assert open_.put(path(made), json=sent, headers=own(made)).status_code == 400
    assert kept(database, made) == before


def test_a_client_that_removes_itself_is_gone(open_, database):
    made = register(open_)
    assert open_.delete(path(made), headers=own(made)).status_code == 204
    assert kept(database, made).removed
    assert open_.get(path(made), headers=own(made)).status_code == 401


def test_a_suspended_client_cannot_look_after_itself(open_, database):
    made = register(open_)
    Administration(database, OPERATOR).suspend(made.json["client_id"])
    assert open_.get(path(made), headers=own(made)).status_code == 401
