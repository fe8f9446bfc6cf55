from urllib.parse import quote_plus

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import select

from server.oauth import secret
from server.store import tables
from tests.oauth.parties import SECRET


def ask(auth, client="school", secret=SECRET, **form):
    form = {"grant_type": "client_credentials", **form}
    return auth.post("/auth/token", data=form, auth=(quote_plus(client), quote_plus(secret)))


def claims(auth, answer):
    keys = KeySet.import_key_set(auth.get("/auth/jwks").json)
    return jwt.decode(answer.json["access_token"], keys)


def test_a_client_that_knows_its_secret_gets_a_short_lived_token(auth):
    answer = ask(auth)
    assert answer.status_code == 200
    assert answer.json["token_type"] == "Bearer"
    assert answer.json["expires_in"] == 300
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_proxy_may_have_ended_tls(auth):
    asked = {"grant_type": "client_credentials"}
    answer = auth.post(
        "/auth/token", data=asked, auth=("school", quote_plus(SECRET)), base_url="http://record.example"
    )
    assert answer.status_code == 200


def test_a_token_says_who_acts_for_which_agency_and_where(auth):
    token = claims(auth, ask(auth))
    assert token.header["typ"] == "at+jwt"
    assert token.header["kid"]
    assert token.claims["iss"] == "http://127.0.0.1:8000"
    assert token.claims["aud"] == "http://127.0.0.1:8000/fhir"
    assert token.claims["sub"] == token.claims["client_id"] == "school"
    assert token.claims["agency"] == "ashbourne-primary"
    assert token.claims["exp"] - token.claims["iat"] == 300


def test_no_two_tokens_have_the_same_id(auth):
    assert claims(auth, ask(auth)).claims["jti"] != claims(auth, ask(auth)).claims["jti"]


def test_the_public_url_is_the_audience_and_its_origin_the_issuer(serving):
    auth = serving(CHILDRECORD_PUBLIC_URL="https://record.example/r4/fhir", CHILDRECORD_TOKEN_LIFETIME="60")
    answer = ask(auth)
    token = claims(auth, answer)
    assert (token.claims["iss"], token.claims["aud"]) == (
        "https://record.example",
        "https://record.example/r4/fhir",
    )
    assert answer.json["expires_in"] == token.claims["exp"] - token.claims["iat"] == 60


def test_the_parts_of_basic_are_form_encoded_before_they_are_joined(auth):
    assert ask(auth, client="odd:name %").status_code == 200


@pytest.mark.parametrize(
    ("requested", "granted"),
    [
        (None, "system/Patient.rs system/Observation.cruds"),
        ("", "system/Patient.rs system/Observation.cruds"),
        ("system/Patient.rs", "system/Patient.rs"),
        ("system/Patient.read", "system/Patient.rs"),
        ("system/Patient.cruds", "system/Patient.rs"),
        ("system/Observation.write", "system/Observation.cud"),
        ("system/*.read", "system/Patient.rs system/Observation.rs"),
        ("system/*.*", "system/Patient.rs system/Observation.cruds"),
        ("system/Observation.rs?category=attendance", "system/Observation.rs?category=attendance"),
        ("system/Patient.rs system/Encounter.rs", "system/Patient.rs"),
    ],
)
def test_a_token_has_what_was_asked_for_as_far_as_it_is_registered(auth, requested, granted):
    form = {} if requested is None else {"scope": requested}
    answer = ask(auth, **form)
    assert answer.json["scope"] == granted
    assert claims(auth, answer).claims["scope"] == granted


@pytest.mark.parametrize(
    "requested",
    [
        "system/Encounter.rs",
        "system/Patient.cud",
        "user/Patient.rs",
        "Patient",
        "system/Patient.sr",
        "openid",
        "\0",
    ],
)
def test_a_scope_that_is_none_or_not_registered_is_refused(auth, requested):
    answer = ask(auth, scope=requested)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_scope")
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("client", "secret"),
    [
        ("school", "wrong"),
        ("school", ""),
        ("nobody", SECRET),
        ("", SECRET),
        ("gone", SECRET),
        ("shown", SECRET),
        ("keyed", SECRET),
        ("null\0", SECRET),
    ],
)
def test_every_failed_proof_is_refused_in_the_same_words(auth, client, secret):
    answer = ask(auth, client, secret)
    assert answer.status_code == 401
    assert answer.json == ask(auth, "school", "wrong").json
    assert answer.json["error"] == "invalid_client"
    assert "registered" in answer.json["error_description"]
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Basic /w==", "Basic c2Nob29s", "Bearer x", ""])
def test_a_header_that_is_not_basic_is_no_proof(auth, header):
    answer = auth.post(
        "/auth/token", data={"grant_type": "client_credentials"}, headers={"Authorization": header}
    )
    assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")


def test_a_secret_in_the_url_or_the_body_is_no_proof(auth):
    form = {"grant_type": "client_credentials", "client_id": "school", "client_secret": SECRET}
    assert auth.post("/auth/token", data=form).status_code == 401
    assert auth.post("/auth/token", query_string=form).status_code == 400


@pytest.mark.parametrize("grant", ["authorization_code", "refresh_token"])
def test_a_client_has_no_grant_that_it_is_not_registered_for(auth, grant):
    answer = ask(auth, grant_type=grant, code="x", refresh_token="x")
    assert (answer.status_code, answer.json["error"]) == (400, "unauthorized_client")


@pytest.mark.parametrize("grant", ["password", "implicit", '"é\0'])
def test_no_other_grant_is_supported(auth, grant):
    answer = ask(auth, grant_type=grant)
    assert (answer.status_code, answer.json["error"]) == (400, "unsupported_grant_type")
    assert "authorization_code" in answer.json["error_description"]


def test_a_grant_has_to_be_named(auth):
    answer = ask(auth, grant_type="")
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")
    assert "grant_type" in answer.json["error_description"]


def test_a_demonstration_client_is_admitted_in_the_demonstration_alone(serving):
    assert ask(serving(), "shown").status_code == 401
    assert ask(serving(CHILDRECORD_DEMONSTRATION="true"), "shown").status_code == 200


def test_two_endpoints_over_one_database_sign_with_one_key(serving, database):
    first, second = serving(), serving()
    assert claims(second, ask(first)).header["kid"] == claims(first, ask(second)).header["kid"]
    with database.begin() as connection:
        made = select(tables.signing_key.c.algorithm).order_by(tables.signing_key.c.algorithm)
        assert connection.execute(made).scalars().all() == ["ES256", "RS256"]


def test_the_published_keys_are_public(auth):
    found = {
        key["alg"]: set(key) - {"kty", "kid", "use", "alg"} for key in auth.get("/auth/jwks").json["keys"]
    }
    assert found == {"ES256": {"crv", "x", "y"}, "RS256": {"n", "e"}}


def test_a_secret_is_kept_as_a_salted_hash():
    assert secret.hashed(SECRET) != secret.hashed(SECRET)
    assert SECRET not in secret.hashed(SECRET)
    assert secret.matches(SECRET, secret.hashed(SECRET))


def test_who_asks_too_often_is_asked_to_wait(serving):
    auth = serving(CHILDRECORD_TOKEN_RATE="1")
    answers = [auth.post("/auth/token", data={}) for _ in range(20)]
    assert answers[0].status_code == 400
    assert answers[-1].status_code == 429
    assert answers[-1].json["error"] == "temporarily_unavailable"
    assert int(answers[-1].headers["Retry-After"]) >= 1


@pytest.mark.parametrize("name", ["scope", "grant_type", "client_id"])
def test_what_is_said_twice_is_refused(auth, name):
    form = {"grant_type": "client_credentials", name: ["client_credentials", "client_credentials"]}
    answer = auth.post("/auth/token", data=form, auth=("school", quote_plus(SECRET)))
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")


def test_a_page_in_a_browser_may_ask_for_tokens(auth):
    asked = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    allowed = auth.options("/auth/token", headers={**asked, "Access-Control-Request-Headers": "dpop"})
    assert allowed.status_code == 204
    assert allowed.headers["Access-Control-Allow-Origin"] == "*"
    assert "DPoP" in allowed.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in allowed.headers
