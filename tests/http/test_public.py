"""What anybody may ask, what needs a token, and what a token must allow."""

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from server import clock
from server.oauth.session import key as secret_key
from server.oauth.token import SIGNING
from server.store import clients, keys
from tests import make
from tests.caller import Caller, token


@pytest.fixture(scope="module")
def nobody(app):
    """A client without a token."""
    return Caller(app, None)


def test_a_smart_client_discovers_what_it_needs_without_a_token(nobody):
    answer = nobody.get(".well-known/smart-configuration")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json["token_endpoint"] == nobody.base.removesuffix("/fhir") + "/auth/token"


# ---- tokens ------------------------------------------------------------------------------------------------

PATHS = [
    "Patient",
    "Patient/x",
    "Patient/x/_history",
    "Patient/_search",
    "",
    "Nonsense",
    "StructureDefinition/Child",
]


@pytest.mark.parametrize("path", PATHS)
def test_without_a_token_nothing_else_is_answered(nobody, path):
    refused = nobody.get(path)
    assert (refused.status, refused.code) == (401, "login")
    assert refused.headers["WWW-Authenticate"] == 'Bearer realm="fhir"'


@pytest.mark.parametrize(
    "sent",
    [
        "Bearer x",
        "Bearer a.b.c",
        "bearer " + "A" * 3000,
        "Bearer ..",
        "Bearer \u00e9",
        "Bearer eyJhbGciOiJub25lIn0.e30.",
    ],
)
def test_a_token_that_is_none_is_refused_and_the_client_told_why(nobody, sent):
    refused = nobody.get("Patient", Authorization=sent)
    assert refused.status == 401
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]


@pytest.mark.parametrize("sent", ["", "Basic eDp5", "x", "Bearer", "Bearer "])
def test_what_is_no_bearer_token_is_like_none(nobody, sent):
    refused = nobody.get("Patient", Authorization=sent)
    assert refused.headers["WWW-Authenticate"] == 'Bearer realm="fhir"'


@pytest.fixture
def minted(app):
    """Mints a token of the suite's with claims that differ from a good one's."""
    found = app.extensions["settings"]
    with app.extensions["database"].begin() as connection:
        row = clients.Client(
            make.word("minted-"), "suite", "minted", "system/*.cruds", None, None, clock.now()
        )
        assert clients.add(connection, row)
        key = ECKey.import_key(keys.signing_key(connection, secret_key(found, SIGNING)))

    def mint(key=key, typ="at+jwt", **claims):
        at = int(clock.now().timestamp())
        good = {
            "iss": found.issuer,
            "aud": found.public_url,
            "exp": at + 300,
            "iat": at,
            "client_id": row.id,
            "agency": "suite",
            "scope": "system/*.cruds",
            "sub": row.id,
        }
        kept = {name: value for name, value in {**good, **claims}.items() if value is not None}
        return jwt.encode({"alg": "ES256", "kid": key.kid, "typ": typ}, kept, key, algorithms=["ES256"])

    return mint


def test_a_token_with_every_claim_is_good(app, minted):
    assert Caller(app, minted()).get("Patient?_id=x").status == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 1},
        {"exp": None},
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"aud": "https://elsewhere.example/fhir"},
        {"aud": None},
        {"client_id": "nobody"},
        {"client_id": None},
        {"client_id": 7},
        {"agency": "school"},
        {"agency": "nobody"},
        {"agency": None},
        {"typ": "JWT"},
    ],
    ids=str,
)
def test_a_token_with_a_claim_that_is_not_right_is_refused(app, minted, claims):
    refused = Caller(app, minted(**claims)).get("Patient?_id=x")
    assert refused.status == 401
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]


def test_a_token_that_another_key_signed_is_refused(app, minted):
    stranger = ECKey.generate_key("P-256", {"kid": "stranger"}, private=True)
    assert Caller(app, minted(key=stranger)).get("Patient?_id=x").status == 401


@pytest.mark.parametrize("scope", [None, "", "nonsense", "openid"])
def test_a_token_without_a_scope_for_anything_lets_nothing_be_done(app, minted, scope):
    assert Caller(app, minted(scope=scope)).get("Patient?_id=x").status == 403


def test_a_client_that_was_removed_is_admitted_no_more(app, minted):
    caller = Caller(app, minted())
    with app.extensions["database"].begin() as connection:
        clients.remove(connection, caller.client)
    assert caller.get("Patient?_id=x").status == 401


def test_a_demonstration_client_is_admitted_in_the_demonstration_alone(app, new_database, minted):
    with app.extensions["database"].begin() as connection:
        row = clients.Client(
            make.word("shown-"), "suite", "x", "system/*.cruds", None, None, clock.now(), demonstration=True
        )
        clients.add(connection, row)
    assert Caller(app, minted(client_id=row.id, sub=row.id)).get("Patient?_id=x").status == 401


# ---- scopes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        ("system/Patient.r", {"read", "vread", "history"}),
        ("system/Patient.s", {"search"}),
        ("system/Patient.rs", {"read", "vread", "history", "search"}),
        ("system/Patient.c", {"create", "create by PUT"}),
        ("system/Patient.u", {"update", "create by PUT"}),
        ("system/Patient.d", {"delete"}),
        ("system/*.read", {"read", "vread", "history", "search"}),
        ("system/Patient.write", {"create", "update", "create by PUT", "delete"}),
        ("system/*.*", {"read", "vread", "history", "search", "create", "update", "create by PUT", "delete"}),
        ("system/Observation.cruds", set()),
    ],
)
def test_a_scope_allows_what_its_letters_say(app, suite, scopes, allowed):
    caller, id = Caller(app, token(app, "suite", scopes)), suite.post(make.patient()).id
    answers = {
        "read": caller.get(f"Patient/{id}"),
        "vread": caller.get(f"Patient/{id}/_history/1"),
        "history": caller.get(f"Patient/{id}/_history"),
        "search": caller.get(f"Patient?_id={id}"),
        "create": caller.post(make.patient()),
        "update": caller.put(make.patient(id=id)),
        "create by PUT": caller.put(make.patient(id=make.word())),
        "delete": caller.delete(f"Patient/{id}"),
    }
    assert {name for name, answer in answers.items() if answer.status < 300} == allowed
    assert {answer.status for name, answer in answers.items() if name not in allowed} <= {403}
    assert {answer.code for name, answer in answers.items() if name not in allowed} <= {"forbidden"}


def test_a_conditional_create_needs_the_scope_to_search(app, suite):
    word = make.word()
    suite.post(make.patient(identifier=[make.identifier(word)]))
    caller = Caller(app, token(app, "suite", "system/Patient.c"))
    assert caller.post(make.patient(), If_None_Exist=f"identifier={word}").status == 403


def test_what_comes_along_needs_a_scope_of_its_own(app, suite):
    patient = suite.post(make.patient()).id
    suite.post(make.observation(patient))
    for scopes, included in (("system/Patient.rs", 0), ("system/Patient.rs system/Observation.rs", 1)):
        caller = Caller(app, token(app, "suite", scopes))
        assert (
            len(caller.search(f"Patient?_id={patient}&_revinclude=Observation:patient").included) == included
        )
        caller = Caller(
            app,
            token(
                app,
                "suite",
                scopes.replace("Patient", "X").replace("Observation", "Patient").replace("X", "Observation"),
            ),
        )
        assert (
            len(caller.search(f"Observation?patient={patient}&_include=Observation:patient").included)
            == included
        )


def test_an_agency_without_a_right_is_refused_whatever_its_scopes(school):
    for refused in (
        school.get("Condition/x"),
        school.get("Condition?code=x"),
        school.post({"resourceType": "Condition"}),
    ):
        assert (refused.status, refused.code) == (403, "forbidden")


# ---- around the record -------------------------------------------------------------------------------------


def test_health_is_told_to_everybody(app):
    plain = app.test_client()
    assert plain.get("/healthz").json == {"status": "up"}
    assert plain.get("/readyz").json["status"] == "ready"
    assert "request" in plain.get("/metrics").text


def test_a_database_that_cannot_be_reached_is_not_ready(new_database, serve):
    with new_database() as url:
        app = serve(url)
    assert app.test_client().get("/readyz").status_code == 503
    assert app.test_client().get("/healthz").status_code == 200
    app.extensions["database"].close()


def test_outside_the_record_there_is_nothing(app):
    assert app.test_client().get("/nonsense").status_code == 404
    assert app.test_client().post("/healthz").status_code == 405


# ---- what ships with the server ----------------------------------------------------------------------------

SHIPPED = ["StructureDefinition/Child", "CodeSystem/attendance-code", "ValueSet/attendance-code"]


@pytest.mark.parametrize("path", SHIPPED)
def test_shipped_definitions_are_read_and_found_by_agencies(school, path):
    read = school.get(path)
    assert read.status == 200
    type_ = path.split("/")[0]
    assert read.id in school.search(f"{type_}?url={read.json['url']}").ids


@pytest.mark.parametrize("path", SHIPPED)
def test_shipped_definitions_cannot_be_changed_or_deleted(suite, path):
    held = suite.get(path)
    assert suite.put({**held.json, "status": "retired"}).status == 403
    assert suite.delete(path).status == 403
    assert suite.get(path).text == held.text


def test_a_naming_system_tells_of_the_identifiers(school):
    assert school.search("NamingSystem?_count=0").json["total"] > 3
