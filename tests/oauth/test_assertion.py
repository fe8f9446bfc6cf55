import base64

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from server import clock
from server.oauth.assertion import Assertion
from tests.oauth.parties import EC, RSA

ENDPOINT = "http://127.0.0.1:8000/auth/token"
STRANGER = ECKey.generate_key("P-384", parameters={"kid": "ec"})


def now():
    return int(clock.now().timestamp())


def signed(key=EC, algorithm="ES384", header=None, **differences):
    plain = {"iss": "keyed", "sub": "keyed", "aud": ENDPOINT, "exp": now() + 60, "jti": clock.new_id()}
    claims = {name: value for name, value in {**plain, **differences}.items() if value is not ...}
    return jwt.encode(
        {"alg": algorithm, "kid": key.kid, **(header or {})}, claims, key, algorithms=[algorithm]
    )


def ask(auth, assertion, **form):
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": Assertion.CLIENT_ASSERTION_TYPE,
        "client_assertion": assertion,
        **form,
    }
    return auth.post("/auth/token", data=form)


@pytest.mark.parametrize(("key", "algorithm"), [(EC, "ES384"), (RSA, "RS384")])
def test_a_client_that_signs_with_its_key_gets_a_token(auth, key, algorithm):
    answer = ask(auth, signed(key, algorithm), scope="system/Patient.rs")
    assert answer.status_code == 200, answer.json
    assert answer.json["scope"] == "system/Patient.rs"


def test_an_assertion_is_good_for_one_use(auth):
    assertion = signed()
    assert ask(auth, assertion).status_code == 200
    again = ask(auth, assertion)
    assert (again.status_code, again.json["error"]) == (401, "invalid_client")
    assert "used before" in again.json["error_description"]


@pytest.mark.parametrize(
    "differences",
    [
        {"aud": "http://127.0.0.1:8000/fhir"},
        {"aud": "https://elsewhere.example/token"},
        {"aud": ...},
        {"aud": 7},
        {"iss": "school"},
        {"iss": ...},
        {"exp": now() - 120},
        {"exp": now() + 3600},
        {"exp": ...},
        {"exp": "soon"},
        {"exp": 1e300},
        {"exp": True},
        {"nbf": now() + 3600},
        {"jti": ...},
        {"jti": ""},
        {"jti": 7},
        {"jti": "x" * 300},
        {"jti": "a\0b"},
        {"sub": "nobody"},
        {"sub": "school"},
        {"sub": "gone"},
        {"sub": 7},
        {"sub": ...},
    ],
)
def test_a_claim_that_does_not_fit_is_refused(auth, differences):
    answer = ask(auth, signed(**differences))
    assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")


def test_a_refused_assertion_is_not_used_up(auth):
    id = clock.new_id()
    assert ask(auth, signed(jti=id, aud="elsewhere")).status_code == 401
    assert ask(auth, signed(jti=id)).status_code == 200


@pytest.mark.parametrize(
    "assertion",
    [
        lambda: signed(STRANGER),
        lambda: signed(EC, header={"kid": "rsa"}),
        lambda: signed(EC, header={"kid": "unknown"}),
        lambda: signed(RSAKey.generate_key(2048, parameters={"kid": "rsa"}), "RS384"),
        lambda: signed(RSA, "RS256"),
        lambda: signed(OctKey.import_key("x" * 32, parameters={"kid": "ec"}), "HS256"),
        lambda: unsigned(),
        lambda: signed()[:-4] + "AAAA",
        lambda: "",
        lambda: "a.b.c",
        lambda: "é" * 50,
    ],
)
def test_what_the_clients_keys_did_not_sign_is_refused_in_the_same_words(auth, assertion):
    answer = ask(auth, assertion())
    assert answer.status_code == 401
    assert answer.json == ask(auth, signed(sub="nobody")).json


def unsigned():
    def part(value):
        return base64.urlsafe_b64encode(msgspec.json.encode(value)).rstrip(b"=").decode()

    claims = {"iss": "keyed", "sub": "keyed", "aud": ENDPOINT, "exp": now() + 60, "jti": clock.new_id()}
    return f"{part({'alg': 'none', 'kid': 'ec'})}.{part(claims)}."


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@profile(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    claims=st.dictionaries(st.sampled_from(["iss", "sub", "aud", "exp", "nbf", "iat", "jti"]), _json),
    form=st.dictionaries(st.sampled_from(["grant_type", "scope", "client_assertion_type"]), st.text()),
)
def test_nothing_that_a_client_signs_or_sends_makes_the_endpoint_fail(auth, claims, form):
    for answer in (ask(auth, signed(**claims)), ask(auth, signed(), **form)):
        assert answer.status_code in (200, 400, 401)
