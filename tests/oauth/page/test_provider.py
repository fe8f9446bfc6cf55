import json
import shutil
from datetime import timedelta

import pytest

from server import clock
from server.access.agency import NotReadable, read
from server.store import accounts
from server.store import tables as t
from tests import make
from tests.caller import Caller, token
from tests.conftest import ACCESS
from tests.oauth.page.conftest import Person, serving
from tests.oauth.page.other_provider import CLIENT, OTHER, SECRET, SYMMETRIC, OtherProvider
from tests.soak.installation import free_port

STAFF = "https://school.example/staff"
IDP = {
    "clientId": CLIENT,
    "name": "School account",
    "person": {"claim": "staff.number", "identifier": STAFF},
    "roles": {"claim": "groups", "values": {"G-Safeguarding": "lead", "G-All": "worker"}},
    "caseload": {"claim": "groups", "values": {"G-Year5": "team", "G-Safeguarding": "all"}},
    "teams": {"claim": "groups", "values": {"G-Year5": "CareTeam/year-5"}},
}


@pytest.fixture(scope="module")
def other():
    port = free_port()
    found = OtherProvider(f"http://127.0.0.1:{port}")
    with serving(found.app(), port):
        yield found


@pytest.fixture
def provider(other):
    """The provider, honest again, with a person whom nobody has seen."""
    fresh = OtherProvider(other.issuer)
    vars(other).update(vars(fresh))
    number = make.word("S")
    other.claims = {
        "sub": number,
        "name": "Ada Lovage",
        "staff": {"number": number},
        "groups": ["G-All", "G-Year5", "G-Choir"],
    }
    return other


@pytest.fixture(scope="module")
def access(tmp_path_factory, other):
    folder = tmp_path_factory.mktemp("access")
    shutil.copy(ACCESS / "suite.json", folder)
    school = json.loads((ACCESS / "school.json").read_text())
    school["idp"] = {"issuer": other.issuer, **IDP}
    (folder / "school.json").write_text(json.dumps(school))
    return folder


SETTINGS = {"CHILDRECORD_PROVIDER_SECRETS": f"school={SECRET}, x=y"}
"""Those of the pages."""


@pytest.fixture(scope="module")
def suite(pages):
    return Caller(pages, token(pages, "suite", "system/*.cruds"))


@pytest.fixture
def worker(suite, provider):
    """The Practitioner whom the provider knows."""
    number = provider.claims["staff"]["number"]
    made = {"resourceType": "Practitioner", "identifier": [make.identifier(number, STAFF)]}
    return f"Practitioner/{suite.post(made).id}"


def there_and_back(person, provider):
    """Sign in at the school; the page on which it ends."""
    away = person.client.get("/auth/provider/school")
    assert away.status_code == 302, away.text
    assert away.headers["Location"].startswith(f"{provider.issuer}/authorization_endpoint?")
    return person.open(f"/auth/callback?{provider.authorize(away.headers['Location'])}")


def kept(pages, provider):
    with pages.extensions["database"].begin() as connection:
        return accounts.by_subject(connection, "school", provider.issuer, provider.claims["sub"])


def test_a_worker_is_signed_in_as_who_the_claims_say(pages, person, provider, worker):
    assert there_and_back(person, provider).request.path == "/auth/sessions"
    found = kept(pages, provider)
    assert (found.fhir_user, found.name, found.agency) == (worker, "Ada Lovage", "school")
    assert (found.roles, found.caseload, found.teams) == (("worker",), "team", ("CareTeam/year-5",))
    assert (found.username, found.password_hash) == (None, None)


def test_the_sign_in_page_leads_there(person):
    page = person.open("/auth/sign-in").text
    assert 'href="/auth/provider/school"' in page
    assert "School account" in page


def test_what_is_asked_of_the_provider_is_bound_to_the_browser_and_kept_as_a_hash(pages, person, provider):
    away = person.client.get("/auth/provider/school")
    provider.authorize(away.headers["Location"])
    asked = provider.asked
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == "http://127.0.0.1:8000/auth/callback"
    assert asked["client_id"] == CLIENT
    with pages.extensions["database"].begin() as connection:
        rows = str(connection.execute(t.sign_in.select()).all())
    assert asked["state"] not in rows
    assert asked["nonce"] not in rows


def test_other_claims_the_next_time_take_the_place_of_those_before(pages, provider, worker):
    there_and_back(Person(pages), provider)
    before = kept(pages, provider)
    provider.claims |= {"groups": ["G-Safeguarding", "G-Year5"], "name": "Ada King"}
    there_and_back(Person(pages), provider)
    after = kept(pages, provider)
    assert (after.id, after.name) == (before.id, "Ada King")
    assert (after.roles, after.caseload) == (("lead",), "all")
    provider.claims["groups"] = []
    there_and_back(Person(pages), provider)
    assert (kept(pages, provider).roles, kept(pages, provider).caseload) == ((), "own")


def test_what_the_id_token_leaves_out_is_asked_for(pages, person, provider, worker):
    provider.user_info = {"staff": provider.claims.pop("staff"), "groups": ["G-Safeguarding"]}
    provider.claims.pop("groups")
    there_and_back(person, provider)
    assert kept(pages, provider).caseload == "all"


@pytest.mark.parametrize(
    "lie",
    [
        {"lies": {"nonce": "another"}},
        {"lies": {"nonce": None}},
        {"lies": {"iss": "https://other.example"}},
        {"lies": {"aud": "somebody else"}},
        {"lies": {"aud": [CLIENT, "other"], "azp": "other"}},
        {"lies": {"exp": 1}},
        {"lies": {"iat": None}},
        {"lies": {"sub": None}},
        {"lies": {"sub": ""}},
        {"lies": {"at_hash": "wrong"}},
        pytest.param({"key": OTHER}, id="another key"),
        pytest.param({"key": SYMMETRIC, "header": {"alg": "HS256"}}, id="a key of another kind"),
        {"header": {"alg": "none"}},
        {"told": {"iss": "https://other.example"}},
        {"told": {"iss": None}},
        {"told": {"code": "wrong"}},
        {"told": {"code": None}},
        {"told": {"error": "access_denied", "code": None}},
        {"user_info": {"sub": "another"}},
    ],
    ids=str,
)
def test_an_answer_that_does_not_prove_who_it_is_signs_nobody_in(pages, person, provider, worker, lie):
    vars(provider).update(lie)
    page = there_and_back(person, provider)
    assert page.status_code == 403
    assert person.title == "You could not be signed in"
    assert kept(pages, provider) is None
    assert person.open("/auth/sessions").request.path == "/auth/sign-in"


@pytest.mark.parametrize("number", [None, "S-unknown", "a|b", "a,b", ["1", "2"], {"x": 1}, " "], ids=str)
def test_who_is_no_worker_of_the_directory_is_not_let_in(pages, person, provider, number):
    provider.claims["staff"] = {"number": number}
    page = there_and_back(person, provider)
    assert page.status_code == 403
    assert person.title == "Your account is not set up for this service"
    assert kept(pages, provider) is None


def test_two_workers_of_one_number_are_nobody(pages, person, provider, worker, suite):
    number = provider.claims["staff"]["number"]
    suite.post({"resourceType": "Practitioner", "identifier": [make.identifier(number, STAFF)]})
    assert there_and_back(person, provider).status_code == 403


def test_a_suspended_account_is_not_let_in(pages, person, provider, worker):
    there_and_back(Person(pages), provider)
    with pages.extensions["database"].begin() as connection:
        accounts.suspend(connection, kept(pages, provider).id)
    assert there_and_back(person, provider).status_code == 403


def test_an_answer_is_good_once_and_in_the_browser_that_asked(pages, provider, worker):
    person, thief = Person(pages), Person(pages)
    away = person.client.get("/auth/provider/school")
    back = f"/auth/callback?{provider.authorize(away.headers['Location'])}"
    assert thief.open(back).status_code == 400
    assert person.open(back).status_code == 200
    assert person.open(back).status_code == 400
    assert person.open("/auth/callback?state=x&code=y").status_code == 400


def test_who_takes_too_long_starts_again(pages, person, provider, worker, monkeypatch):
    away = person.client.get("/auth/provider/school")
    back = provider.authorize(away.headers["Location"])
    later = clock.now() + timedelta(minutes=11)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert person.open(f"/auth/callback?{back}").status_code == 400


def test_a_refusal_is_accounted_for_without_a_name(pages, person, provider, worker):
    provider.lies = {"nonce": "another"}
    there_and_back(person, provider)
    query = t.audit.select().where(t.audit.c.interaction == "sign-in-refused").order_by(t.audit.c.at.desc())
    with pages.extensions["database"].begin() as connection:
        row = connection.execute(query).first()
    assert (row.account, row.reason) == (None, "identity provider of school")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"issuer": "http://id.example"}, "https"),
        ({"issuer": "id"}, "https"),
        ({"person": {}}, "Missing data"),
        ({"clientId": ""}, "clientId"),
        ({"caseload": {"claim": "x", "values": {"y": "everything"}}}, "Must be one of"),
        ({"caseload": {"claim": "x", "otherwise": "all"}}, "Must be one of"),
        ({"teams": {"claim": "x", "values": {"y": "Practitioner/z"}}}, "teams"),
        ({"scope": "profile"}, "scope"),
        ({"secret": "x"}, "Unknown field"),
    ],
)
def test_a_provider_that_cannot_be_understood_stops_the_start(access, tmp_path, change, told):
    school = json.loads((access / "school.json").read_text())
    school["idp"] |= change
    (tmp_path / "school.json").write_text(json.dumps(school))
    with pytest.raises(NotReadable, match=told):
        read(tmp_path)
