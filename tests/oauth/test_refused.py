"""Tokens, codes, assertions, proofs, redirects and scopes that are malformed, replayed, expired, mis-aimed,
downgraded or somebody else's: each is refused for its own reason, and the same without its fault is not.

https://www.rfc-editor.org/rfc/rfc9700
"""

import base64
import json
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from sqlalchemy import update

from server import clock
from server.oauth.assertion import Assertion
from server.oauth.session import key as secret_key
from server.oauth.token import SIGNING
from server.store import keys, liveness, tables
from tests import make
from tests.oauth.flow import CHALLENGE, REDIRECT, VERIFIER, Browser, account_of, app_of, post, told
from tests.oauth.parties import EC, KEYS, RSA

SCOPE = "openid launch/patient patient/*.rs offline_access"
STRANGER = ECKey.generate_key("P-256", parameters={"kid": "stranger"})
DPOP = ECKey.generate_key("P-256")


@pytest.fixture(scope="module")
def known(app, suite):
    """The id of a child whom the school works with."""
    id = make.word("child-")
    made = make.bundle("transaction", make.put(make.child(id=id)), make.posted(make.episode(id, "school")))
    assert suite.post(made).status == 200
    return id


@pytest.fixture(scope="module")
def browser(app):
    return Browser(app, account_of(app))


@pytest.fixture(scope="module")
def asking(app):
    return app_of(app)


def now():
    return int(clock.now().timestamp())


def reason(response):
    """Status, code and words of a refusal by a token endpoint."""
    return response.status_code, response.json["error"], response.json.get("error_description", "")


def is_refused(found, status, error, words):
    assert found[:2] == (status, error), found
    assert words in found[2], found


# ---- authorization requests --------------------------------------------------------------------------------

REQUESTS = {
    "the implicit flow": ({"response_type": "token"}, "unsupported_response_type", "must be code"),
    "the hybrid flow": ({"response_type": "code id_token"}, "unsupported_response_type", "must be code"),
    "an answer in the fragment": ({"response_mode": "fragment"}, "invalid_request", "response_mode"),
    "no PKCE": ({"code_challenge": None}, "invalid_request", "code_challenge must"),
    "PKCE downgraded to plain": ({"code_challenge_method": "plain"}, "invalid_request", "must be S256"),
    "PKCE downgraded by silence": ({"code_challenge_method": None}, "invalid_request", "must be S256"),
    "a challenge that is padded": ({"code_challenge": f"{CHALLENGE}="}, "invalid_request", "SHA-256"),
    "another server's audience": ({"aud": "https://ehr.example/fhir"}, "invalid_request", "aud must be"),
    "no audience": ({"aud": None}, "invalid_request", "aud must be"),
    "another server's resource": (
        {"resource": "https://ehr.example/fhir"},
        "invalid_target",
        "resource must be",
    ),
    "an agency's scope for a user": ({"scope": "system/Patient.rs"}, "invalid_scope", ""),
    "a scope of no grammar": ({"scope": "patient/Patient.sr"}, "invalid_scope", ""),
    "a scope of no type": ({"scope": "patient/Child.rs"}, "invalid_scope", ""),
    "a launch that was guessed": (
        {"launch": "guessed", "scope": "launch openid"},
        "invalid_request",
        "launch is not one",
    ),
    "a launch without its scope": ({"launch": "x", "scope": "openid"}, "invalid_scope", "needs the scope"),
    "the scope of a launch without one": ({"scope": "launch openid"}, "invalid_request", "needs the param"),
    "a request object": ({"request": "e30.e30."}, "request_not_supported", "request is not"),
    "a request elsewhere": (
        {"request_uri": "https://x.example"},
        "request_uri_not_supported",
        "request_uri is not",
    ),
    "a null character": ({"nonce": "a\0b"}, "invalid_request", "null character"),
    "a key for proofs that is none": ({"dpop_jkt": "x"}, "invalid_request", "dpop_jkt"),
}


def test_a_request_without_a_fault_leads_to_a_code(browser, asking, known):
    assert browser.code(asking, child=known, scope=SCOPE)


@pytest.mark.parametrize("fault", REQUESTS)
def test_a_faulty_authorization_request_is_refused_for_its_own_reason(browser, asking, fault):
    given, error, words = REQUESTS[fault]
    found = told(browser.ask(asking, **given))
    is_refused((302, found["error"], found.get("error_description", "")), 302, error, words)
    assert found["state"] == "a state"
    assert "code" not in found


def test_an_answer_goes_where_it_was_registered_to_go_and_nowhere_else(app, browser, asking):
    for uri in (
        "https://evil.example/callback",
        f"{REDIRECT}/../evil",
        f"{REDIRECT}?next=https://evil.example",
        f"{REDIRECT}#x",
        REDIRECT.replace("https", "http"),
        REDIRECT.replace("app.example", "app.example.evil.example"),
        REDIRECT.replace("app.example", "app.example@evil.example"),
        REDIRECT.replace("app.example", "APP.example:443"),
    ):
        answer = browser.ask(asking, redirect_uri=uri)
        assert (answer.status_code, "Location" in answer.headers) == (400, False), uri
    other = app_of(app, redirect_uris=("https://other.example/callback",))
    assert browser.ask(asking, redirect_uri=other.redirect_uris[0]).status_code == 400


# ---- codes -------------------------------------------------------------------------------------------------

CODES = {
    "a code that was guessed": ({"code": "x" * 43}, 400, "invalid_grant", "not one of this server's"),
    "a code that is long": ({"code": "x" * 5000}, 400, "invalid_grant", "not one of this server's"),
    "no code": ({"code": None}, 400, "invalid_request", "code is missing"),
    "another redirect": ({"redirect_uri": f"{REDIRECT}/"}, 400, "invalid_grant", "redirect_uri is not"),
    "no redirect": ({"redirect_uri": None}, 400, "invalid_request", "redirect_uri is missing"),
    "another verifier": ({"code_verifier": "w" * 50}, 400, "invalid_grant", "does not fit"),
    "the challenge as verifier": ({"code_verifier": CHALLENGE}, 400, "invalid_grant", "does not fit"),
    "no verifier": ({"code_verifier": None}, 400, "invalid_request", "code_verifier is missing"),
    "another resource": ({"resource": "https://ehr.example"}, 400, "invalid_target", "resource must be"),
    "another grant": ({"grant_type": "password"}, 400, "unsupported_grant_type", ""),
    "a grant it is not registered for": (
        {"grant_type": "client_credentials"},
        401,
        "invalid_client",
        "",
    ),
}


@pytest.mark.parametrize("fault", CODES)
def test_a_faulty_trade_of_a_code_is_refused_for_its_own_reason(browser, asking, fault):
    given, *expected = CODES[fault]
    code = browser.code(asking, scope="openid")
    is_refused(reason(browser.tokens(asking, given.get("code", code), **without(given, "code"))), *expected)
    assert browser.tokens(asking, code).status_code == 200


def without(given, name):
    return {each: value for each, value in given.items() if each != name}


def test_a_code_of_another_app_is_refused_and_stays_good(app, browser, asking):
    code = browser.code(asking, scope="openid")
    is_refused(reason(browser.tokens(app_of(app), code)), 400, "invalid_grant", "this client can use")
    confidential = app_of(app, auth_method="client_secret_basic")
    is_refused(reason(browser.tokens(confidential, code)), 400, "invalid_grant", "this client can use")
    assert browser.tokens(asking, code).status_code == 200


def test_a_code_that_is_replayed_is_refused_and_takes_everything_with_it(browser, asking, known):
    code = browser.code(asking, child=known, scope=SCOPE)
    given = browser.tokens(asking, code).json
    is_refused(reason(browser.tokens(asking, code)), 400, "invalid_grant", "was used before")
    assert read(browser, known, given["access_token"]).status_code == 401
    refused = browser.refresh(asking, given["refresh_token"])
    is_refused(reason(refused), 400, "invalid_grant", "has ended")


def test_a_code_that_has_expired_is_refused(browser, asking):
    code = browser.code(asking, scope="openid")
    with browser.database.begin() as connection:
        connection.execute(update(tables.authorization_code).values(expires=clock.now()))
    is_refused(reason(browser.tokens(asking, code)), 400, "invalid_grant", "has expired")


def test_a_secret_that_is_wrong_left_out_or_sent_twice_is_refused(app, browser):
    confidential = app_of(app, auth_method="client_secret_post")
    code = browser.code(confidential, scope="openid")
    for sent in ({"client_secret": "wrong"}, {"client_secret": None}):
        assert reason(browser.tokens(confidential, code, **sent))[:2] == (401, "invalid_client")
    twice = {"headers": {"Authorization": "Basic " + base64.b64encode(b"x:y").decode()}}
    is_refused(reason(browser.tokens(confidential, code, **twice)), 400, "invalid_request", "one way only")
    assert browser.tokens(confidential, code).status_code == 200


# ---- refresh tokens ----------------------------------------------------------------------------------------


@pytest.fixture
def given(browser, asking, known):
    return browser.tokens(asking, browser.code(asking, child=known, scope=SCOPE)).json


REFRESHES = {
    "one that was guessed": ({"refresh_token": "x" * 43}, 400, "invalid_grant", "this client can use"),
    "one that is long": ({"refresh_token": "x" * 5000}, 400, "invalid_grant", "not one of this"),
    "none": ({"refresh_token": None}, 400, "invalid_request", "refresh_token is missing"),
    "a wider scope": ({"scope": "patient/*.cruds"}, 400, "invalid_scope", "was not granted"),
    "a user's scope for a child's": ({"scope": "user/*.rs"}, 400, "invalid_scope", "was not granted"),
    "an agency's scope": ({"scope": "system/*.rs"}, 400, "invalid_scope", "was not granted"),
    "another resource": ({"resource": "https://ehr.example"}, 400, "invalid_target", "resource must be"),
}


@pytest.mark.parametrize("fault", REFRESHES)
def test_a_faulty_refresh_is_refused_for_its_own_reason(browser, asking, given, fault):
    sent, *expected = REFRESHES[fault]
    form = {"grant_type": "refresh_token", "refresh_token": given["refresh_token"], **sent}
    is_refused(reason(post(browser.client, asking, **form)), *expected)
    assert browser.refresh(asking, given["refresh_token"]).status_code == 200


def test_a_refresh_token_that_is_replayed_is_refused_and_takes_everything_with_it(
    browser, asking, given, known
):
    after = browser.refresh(asking, given["refresh_token"]).json
    again = browser.refresh(asking, given["refresh_token"])
    is_refused(reason(again), 400, "invalid_grant", "was used before")
    is_refused(reason(browser.refresh(asking, after["refresh_token"])), 400, "invalid_grant", "has ended")
    assert read(browser, known, after["access_token"]).status_code == 401


def test_an_access_token_an_id_token_and_a_code_are_no_refresh_tokens(browser, asking, given):
    code = browser.code(asking, scope="openid")
    for token in (given["access_token"], given["id_token"], code):
        assert reason(browser.refresh(asking, token))[:2] == (400, "invalid_grant")
    assert browser.refresh(asking, given["refresh_token"]).status_code == 200


# ---- access tokens -----------------------------------------------------------------------------------------


def read(browser, child, token, scheme="Bearer", **headers):
    sent = {"Authorization": f"{scheme} {token}", **headers}
    return browser.app.test_client().get(f"/fhir/Patient/{child}", headers=sent)


def claims_of(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def signed(browser, token, header=None, **differences):
    """The same token with other claims, as this server would have signed it."""
    sealing = secret_key(browser.app.extensions["settings"], SIGNING)
    with browser.database.begin() as connection:
        key = ECKey.import_key(keys.signing_key(connection, sealing))
    claims = {name: value for name, value in {**claims_of(token), **differences}.items() if value is not ...}
    return jwt.encode({"alg": "ES256", "typ": "at+jwt", "kid": key.kid, **(header or {})}, claims, key)


def forged(key, algorithm, header=None):
    def make_one(browser, token):
        given = {"alg": algorithm, "typ": "at+jwt", "kid": kid(token), **(header or {})}
        return jwt.encode(given, claims_of(token), key, algorithms=[algorithm])

    return make_one


def kid(token):
    part = token.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["kid"]


def encoded(part):
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def unsigned(browser, token):
    return f"{encoded({'alg': 'none', 'typ': 'at+jwt'})}.{encoded(claims_of(token))}."


def by_the_public_key(browser, token):
    """RS/HS confusion: what is public, taken for a shared secret."""
    public = browser.client.get("/auth/jwks").json["keys"][0]
    secret = OctKey.import_key(json.dumps(public).encode())
    return jwt.encode({"alg": "HS256", "typ": "at+jwt"}, claims_of(token), secret, algorithms=["HS256"])


def altered(browser, token):
    header, _, signature = token.split(".")
    return ".".join((header, encoded({**claims_of(token), "scope": "user/*.cruds"}), signature))


TOKENS = {
    "no signature": (unsigned, "not one of this server's"),
    "a signature by the public key": (by_the_public_key, "not one of this server's"),
    "a signature by another key": (forged(STRANGER, "ES256"), "not one of this server's"),
    "a key that it brings itself": (
        forged(STRANGER, "ES256", {"jwk": STRANGER.as_dict(private=False)}),
        "not one of this server's",
    ),
    "another algorithm": (forged(RSAKey.generate_key(2048), "RS256"), "not one of this server's"),
    "claims that were changed": (altered, "not one of this server's"),
    "half a token": (lambda browser, token: token[: len(token) // 2], "not one of this server's"),
    "no token at all": (lambda browser, token: "guessed", "not one of this server's"),
    "another kind of token": (
        lambda browser, token: signed(browser, token, {"typ": "JWT"}),
        "not an access token",
    ),
    "an end that has passed": (
        lambda browser, token: signed(browser, token, exp=now() - 1, iat=now() - 600),
        "has expired",
    ),
    "no end": (lambda browser, token: signed(browser, token, exp=...), "has expired"),
    "another audience": (
        lambda browser, token: signed(browser, token, aud="https://ehr.example/fhir"),
        "made for another server",
    ),
    "no audience": (lambda browser, token: signed(browser, token, aud=...), "made for another server"),
    "another issuer": (
        lambda browser, token: signed(browser, token, iss="https://ehr.example"),
        "made for another server",
    ),
    "a client that is not there": (
        lambda browser, token: signed(browser, token, client_id="nobody"),
        "client of this token is not admitted",
    ),
    "another client of the agency": (
        lambda browser, token: signed(browser, token, client_id=app_of(browser.app).id),
        "has ended",
    ),
    "another user": (
        lambda browser, token: signed(browser, token, sub=account_of(browser.app).id),
        "has ended",
    ),
    "another agency": (lambda browser, token: signed(browser, token, agency="suite"), ""),
    "a grant that is not there": (lambda browser, token: signed(browser, token, grant="x"), "has ended"),
}


def test_a_token_that_this_server_signed_is_good(browser, given, known):
    assert read(browser, known, signed(browser, given["access_token"])).status_code == 200


@pytest.mark.parametrize("fault", TOKENS)
def test_a_faulty_access_token_is_refused_for_its_own_reason(browser, given, known, fault):
    made, words = TOKENS[fault]
    refused = read(browser, known, made(browser, given["access_token"]))
    assert refused.status_code == 401
    challenge = refused.headers["WWW-Authenticate"]
    assert 'error="invalid_token"' in challenge
    assert words in challenge, challenge
    assert read(browser, known, given["access_token"]).status_code == 200


def test_a_token_stands_in_the_header_and_nowhere_else(browser, given, known):
    client, token = browser.app.test_client(), given["access_token"]
    assert client.get(f"/fhir/Patient/{known}?access_token={token}").status_code == 401
    client.set_cookie("access_token", token)
    assert client.get(f"/fhir/Patient/{known}").status_code == 401
    assert read(browser, known, token, scheme="Basic").status_code == 401
    assert read(browser, known, token, scheme="Token").status_code == 401


def test_a_refresh_token_an_id_token_and_a_code_are_no_access_tokens(browser, asking, given, known):
    code = browser.code(asking, scope="openid")
    for token in (given["refresh_token"], given["id_token"], code):
        refused = read(browser, known, token)
        assert refused.status_code == 401
        assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]


def test_a_token_is_good_for_its_scopes_and_its_child_alone(browser, asking, known, suite):
    code = browser.code(asking, child=known, scope="launch/patient patient/Observation.rs")
    token = browser.tokens(asking, code).json["access_token"]
    refused = read(browser, known, token)
    assert refused.status_code == 403
    other = suite.post(make.child()).id
    suite.post(make.episode(other, "school"))
    given = browser.tokens(asking, browser.code(asking, child=known, scope=SCOPE)).json["access_token"]
    assert read(browser, known, given).status_code == 200
    assert read(browser, other, given).status_code == 404


def test_a_token_ends_with_its_grant_its_client_and_its_account(app, known):
    for ends in (tables.app_grant, tables.account, tables.client):
        browser, asking = Browser(app, account_of(app)), app_of(app)
        given = browser.tokens(asking, browser.code(asking, child=known, scope=SCOPE)).json
        assert read(browser, known, given["access_token"]).status_code == 200
        column = {"app_grant": "ended", "account": "suspended", "client": "suspended"}[ends.name]
        id = {
            "app_grant": claims_of(given["access_token"])["grant"],
            "account": browser.account.id,
            "client": asking.id,
        }[ends.name]
        with browser.database.begin() as connection:
            connection.execute(update(ends).where(ends.c.id == id).values({column: clock.now()}))
        liveness.ended(browser.database)
        assert read(browser, known, given["access_token"]).status_code == 401, ends.name


# ---- assertions --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def backend(app):
    return app_of(
        app,
        auth_method="private_key_jwt",
        secret_hash=None,
        jwks=KEYS,
        grant_types=("client_credentials",),
        redirect_uris=(),
        scope="system/Patient.rs",
    )


def assertion(backend, key=EC, algorithm="ES384", header=None, **differences):
    plain = {"iss": backend.id, "sub": backend.id, "aud": "http://127.0.0.1:8000/auth/token"}
    plain |= {"exp": now() + 60, "jti": clock.new_id()}
    claims = {name: value for name, value in {**plain, **differences}.items() if value is not ...}
    given = {"alg": algorithm, "kid": key.kid, **(header or {})}
    return jwt.encode(given, claims, key, algorithms=[algorithm])


def present(browser, sent, **form):
    plain = {
        "grant_type": "client_credentials",
        "client_assertion_type": Assertion.CLIENT_ASSERTION_TYPE,
        "client_assertion": sent,
        "scope": "system/Patient.rs",
    }
    return browser.app.test_client().post("/auth/token", data={**plain, **form})


ASSERTIONS = {
    "for the FHIR endpoint": ({"aud": "http://127.0.0.1:8000/fhir"}, "aud"),
    "for another server": ({"aud": "https://ehr.example/token"}, "aud"),
    "by another issuer": ({"iss": "somebody"}, "Issuer and Subject"),
    "that has expired": ({"exp": now() - 3600}, "exp"),
    "that lasts an hour": ({"exp": now() + 3600}, "five minutes"),
    "without an end": ({"exp": ...}, "exp must be a number"),
    "that is not yet good": ({"nbf": now() + 3600}, "not yet valid"),
    "without an id": ({"jti": ...}, "JWT ID"),
    "by another key of the same name": ({"key": ECKey.generate_key("P-384", {"kid": "ec"})}, ""),
    "with keys elsewhere": ({"header": {"jku": "https://evil.example/jwks"}}, ""),
    "without a key's name": ({"header": {"kid": ""}}, ""),
}


@pytest.mark.parametrize("fault", ASSERTIONS)
def test_a_faulty_assertion_is_refused_for_its_own_reason(browser, backend, fault):
    differences, words = ASSERTIONS[fault]
    status, error, said = reason(present(browser, assertion(backend, **differences)))
    assert (status, error) == (401, "invalid_client")
    assert words in said, said
    assert present(browser, assertion(backend)).status_code == 200


@pytest.mark.parametrize(("key", "algorithm"), [(EC, "ES384"), (RSA, "RS384")])
def test_an_assertion_that_is_replayed_is_refused(browser, backend, key, algorithm):
    sent = assertion(backend, key, algorithm)
    assert present(browser, sent).status_code == 200
    is_refused(reason(present(browser, sent)), 401, "invalid_client", "used before")


def test_an_algorithm_that_is_weaker_is_refused(browser, backend):
    weak = jwt.encode({"alg": "RS256", "kid": "rsa"}, claims_of(assertion(backend)), RSA)
    assert reason(present(browser, weak))[:2] == (401, "invalid_client")
    none = f"{encoded({'alg': 'none', 'kid': 'ec'})}.{encoded(claims_of(assertion(backend)))}."
    assert reason(present(browser, none))[:2] == (401, "invalid_client")


@pytest.mark.parametrize(
    "scope", ["system/Patient.c", "patient/*.rs", "openid", "launch", "system/Nothing.rs"]
)
def test_a_system_has_no_scope_that_it_is_not_registered_for(browser, backend, scope):
    assert reason(present(browser, assertion(backend), scope=scope))[:2] == (400, "invalid_scope")


# ---- proofs of possession ----------------------------------------------------------------------------------


def proof(method, url, key=DPOP, header=None, token=None, **differences):
    claims = {"htm": method, "htu": url, "iat": now(), "jti": clock.new_id()}
    if token:
        claims["ath"] = _hash(token)
    claims = {name: value for name, value in {**claims, **differences}.items() if value is not ...}
    whole = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=False), **(header or {})}
    return jwt.encode(whole, claims, key)


def _hash(token):
    import hashlib

    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).decode().rstrip("=")


@pytest.fixture(scope="module")
def bound(browser, asking, known):
    """A token that is bound to a key."""
    code = browser.code(asking, child=known, scope=SCOPE)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
    sent = proof("POST", f"{browser.issuer}/auth/token")
    answer = post(browser.client, asking, headers={"DPoP": sent}, code_verifier=VERIFIER, **form)
    assert answer.json["token_type"] == "DPoP"
    return answer.json["access_token"]


PROOFS = {
    "for another method": ({"method": "POST"}, "htm and htu"),
    "for another URL": ({"url": "https://ehr.example/fhir"}, "htm and htu"),
    "for another token": ({"ath": _hash("another")}, "ath must be"),
    "for no token": ({"ath": ...}, "ath must be"),
    "that is old": ({"iat": now() - 3600}, "iat must be now"),
    "without an id": ({"jti": ...}, "jti must be"),
    "with the private key": ({"header": {"jwk": DPOP.as_dict(private=True)}}, "private key"),
    "by another key": ({"key": STRANGER}, "bound to another key"),
}


@pytest.mark.parametrize("fault", PROOFS)
def test_a_faulty_proof_is_refused_for_its_own_reason(browser, bound, known, fault):
    differences, words = PROOFS[fault]
    right = {"method": "GET", "url": f"{browser.aud}/Patient/{known}", "token": bound}
    refused = read(browser, known, bound, "DPoP", DPoP=proof(**{**right, **differences}))
    assert refused.status_code == 401
    assert words in refused.headers["WWW-Authenticate"], refused.headers["WWW-Authenticate"]
    assert read(browser, known, bound, "DPoP", DPoP=proof(**right)).status_code == 200


def test_a_bound_token_downgraded_to_a_bearer_token_is_refused(browser, bound, known):
    refused = read(browser, known, bound)
    assert refused.status_code == 401
    assert "bound to a key" in refused.headers["WWW-Authenticate"]


def test_a_proof_that_is_replayed_is_refused(browser, bound, known):
    sent = proof("GET", f"{browser.aud}/Patient/{known}", token=bound)
    assert read(browser, known, bound, "DPoP", DPoP=sent).status_code == 200
    refused = read(browser, known, bound, "DPoP", DPoP=sent)
    assert "used before" in refused.headers["WWW-Authenticate"]


# ---- requests of pages -------------------------------------------------------------------------------------


def test_a_request_of_another_browser_or_of_long_ago_leads_nowhere(app, browser, asking):
    def begun():
        [id] = parse_qs(urlsplit(browser.ask(asking, prompt="consent").headers["Location"]).query)["request"]
        return id

    stranger = Browser(app, browser.account)
    answer = stranger.client.get("/auth/authorize", query_string={"request": begun()})
    assert (answer.status_code, "Location" in answer.headers) == (400, False)
    id = begun()
    with browser.database.begin() as connection:
        past = clock.now() - timedelta(minutes=1)
        connection.execute(update(tables.authorization_request).values(expires=past))
    answer = browser.client.get("/auth/authorize", query_string={"request": id})
    assert (answer.status_code, "Location" in answer.headers) == (400, False)


def test_a_public_app_that_refreshes_need_not_name_itself_and_no_other_may_leave_it_out(app, browser, given):
    def refreshed(token):
        form = {"grant_type": "refresh_token", "refresh_token": token}
        return app.test_client().post("/auth/token", data=form)

    assert refreshed(given["refresh_token"]).status_code == 200
    assert reason(refreshed("x" * 43))[:2] == (401, "invalid_client")
    confidential = app_of(app, auth_method="client_secret_basic")
    code = browser.code(confidential, scope="openid offline_access")
    kept = browser.tokens(confidential, code).json["refresh_token"]
    assert reason(refreshed(kept))[:2] == (401, "invalid_client")
    assert browser.refresh(confidential, kept).status_code == 200
