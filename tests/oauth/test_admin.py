"""Administration over HTTP: who may do what to what, and that it is done at once."""

from types import SimpleNamespace

import pytest
from sqlalchemy import select

from server import clock
from server.oauth import secret
from server.store import accounts, approvals, clients, grants, tables
from server.store.accounts import Account
from server.store.grants import Grant
from tests import make
from tests.oauth.parties import KEYS

PRIMARY, COUNCIL = "ashbourne-primary", "northmere-social-care"
CALLBACK = "https://app.example/cb"
APP = {"redirect_uris": [CALLBACK], "scope": "openid user/*.rs", "token_endpoint_auth_method": "none"}
SYSTEM = {"grant_types": ["client_credentials"], "scope": "system/*.rs"}


@pytest.fixture(scope="module")
def as_(auth, database):
    """Makes an administrator of an agency with a scope, and asks as one."""
    tokens = {}

    def token(agency, scope):
        if (agency, scope) not in tokens:
            id = make.word("admin-")
            row = clients.Client(id, agency, id, scope, secret.hashed("s"), None, clock.now())
            with database.begin() as connection:
                clients.add(connection, row)
            had = auth.post("/auth/token", data={"grant_type": "client_credentials"}, auth=(id, "s"))
            tokens[agency, scope] = had.json["access_token"]
        return tokens[agency, scope]

    def administrator(scope="system/admin.cruds", agency="northmere-education"):
        headers = {"Authorization": f"Bearer {token(agency, scope)}"}

        def ask(method, path, **sent):
            given = {"json": sent} if sent else {}
            return auth.open(f"/admin/{path}", method=method, headers=headers, **given)

        return ask

    return administrator


@pytest.fixture
def operator(as_):
    return as_()


@pytest.fixture
def school(as_):
    """An administrator of one agency."""
    return as_(f"system/admin.cruds?agency={PRIMARY}", PRIMARY)


@pytest.fixture
def granted(database):
    """A user of an agency, an app and what the user granted it."""

    def grant(agency=PRIMARY, client="school"):
        now, later = clock.now(), clock.now().replace(year=clock.now().year + 1)
        account = Account(make.word("account-"), agency, None, "Somebody", "Practitioner/x", (), "own", now)
        kept = Grant(make.word("grant-"), client, agency, account.id, "openid", now, now, later)
        with database.begin() as connection:
            accounts.add(connection, account)
            grants.add(connection, kept)
        return SimpleNamespace(id=kept.id, account=account.id)

    return grant


def is_live(database, grant):
    with database.begin() as connection:
        return grants.live(connection, grant.id) is not None


def works(auth, id, told):
    had = auth.post("/auth/token", data={"grant_type": "client_credentials"}, auth=(id, told))
    return had.status_code == 200


def test_a_client_is_registered_read_changed_and_removed(operator):
    made = operator("POST", "clients", agency=PRIMARY, client_name="Growth", client_id="growth", **APP)
    assert made.status_code == 201, made.text
    assert "client_secret" not in made.json
    found = operator("GET", "clients/growth").json
    assert (found["agency"], found["client_name"]) == (PRIMARY, "Growth")
    assert "growth" in [each["client_id"] for each in operator("GET", "clients").json["clients"]]
    changed = operator("PUT", "clients/growth", **APP | {"scope": "openid"})
    assert (changed.status_code, changed.json["scope"]) == (200, "openid")
    assert operator("DELETE", "clients/growth").status_code == 204
    assert operator("GET", "clients/growth").json["removed"]
    assert operator("POST", "clients", agency=PRIMARY, client_id="growth", **APP).status_code == 409


def test_a_secret_is_shown_when_it_is_made_and_rotated_and_at_no_other_time(operator, auth):
    made = operator("POST", "clients", agency=PRIMARY, **SYSTEM).json
    id = made["client_id"]
    assert works(auth, id, made["client_secret"])
    assert "client_secret" not in operator("GET", f"clients/{id}").json
    rotated = operator("POST", f"clients/{id}/rotate").json
    assert not works(auth, id, made["client_secret"])
    assert works(auth, id, rotated["client_secret"])
    odd = {"keys": [each | {"x-note": "\0", "key_ops": ["verify"]} for each in KEYS["keys"]]}
    keyed = operator("POST", f"clients/{id}/rotate", jwks=odd).json
    assert "x-note" not in keyed["jwks"]["keys"][0]
    assert keyed["token_endpoint_auth_method"] == "private_key_jwt"
    assert "client_secret" not in keyed
    assert not works(auth, id, rotated["client_secret"])


def test_a_suspended_client_and_the_tokens_it_has_are_refused_until_it_is_resumed(operator, auth):
    made = operator("POST", "clients", agency=PRIMARY, **SYSTEM).json
    id, told = made["client_id"], made["client_secret"]
    had = auth.post("/auth/token", data={"grant_type": "client_credentials"}, auth=(id, told)).json
    headers = {"Authorization": f"Bearer {had['access_token']}"}
    assert auth.get("/fhir/Organization", headers=headers).status_code == 200
    assert operator("POST", f"clients/{id}/suspend").json["suspended"]
    assert auth.get("/fhir/Organization", headers=headers).status_code == 401
    assert not works(auth, id, told)
    assert "suspended" not in operator("POST", f"clients/{id}/resume").json
    assert auth.get("/fhir/Organization", headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["clients/{id}/revoke", "clients/{id}/rotate", "agencies/{agency}/revoke"])
def test_revoking_refuses_every_token_that_was_given(operator, auth, path):
    made = operator("POST", "clients", agency="northmere-academy", **SYSTEM).json
    id = made["client_id"]
    had = auth.post(
        "/auth/token", data={"grant_type": "client_credentials"}, auth=(id, made["client_secret"])
    ).json
    headers = {"Authorization": f"Bearer {had['access_token']}"}
    assert auth.get("/fhir/Organization", headers=headers).status_code == 200
    done = operator("POST", path.format(id=id, agency="northmere-academy"))
    assert done.status_code == 200, done.text
    assert auth.get("/fhir/Organization", headers=headers).status_code == 401


def test_a_suspended_agency_has_nobody_acting_for_it(operator, auth):
    made = operator("POST", "clients", agency="northmere-academy", **SYSTEM).json
    assert operator("POST", "agencies/northmere-academy/suspend").status_code == 200
    listed = {each["agency"]: each for each in operator("GET", "agencies").json["agencies"]}
    assert listed["northmere-academy"]["suspended"]
    assert not works(auth, made["client_id"], made["client_secret"])
    assert operator("POST", "agencies/northmere-academy/resume").status_code == 200
    assert works(auth, made["client_id"], made["client_secret"])


def test_what_was_granted_is_listed_and_taken_back(operator, granted, database):
    mine, other = granted(), granted(client="keyed")
    listed = operator("GET", "tokens?client=school").json["tokens"]
    assert mine.id in [each["id"] for each in listed]
    assert {each["client"] for each in listed} == {"school"}
    assert [each["id"] for each in operator("GET", f"tokens?account={other.account}").json["tokens"]] == [
        other.id
    ]
    assert is_live(database, mine)
    assert operator("DELETE", f"tokens/{mine.id}").status_code == 204
    assert not is_live(database, mine)
    assert is_live(database, other)
    assert operator("DELETE", f"tokens/{mine.id}").status_code == 404


@pytest.mark.parametrize(
    ("differences", "holds"),
    [
        ({"client_name": "Another"}, True),
        ({"scope": "openid"}, False),
        ({"redirect_uris": [CALLBACK, "https://other.example/cb"]}, False),
        ({"token_endpoint_auth_method": "client_secret_basic"}, False),
    ],
)
def test_an_app_that_is_not_what_was_approved_of_asks_again(operator, granted, database, differences, holds):
    made = operator("POST", "clients", agency=PRIMARY, **APP).json["client_id"]
    mine = granted(client=made)
    with database.begin() as connection:
        approvals.keep(connection, mine.account, made, "openid", "openid")
    assert operator("PUT", f"clients/{made}", **APP | differences).status_code == 200
    assert is_live(database, mine) == holds
    with database.begin() as connection:
        assert bool(approvals.find(connection, mine.account, made, "openid")) == holds


def test_everything_of_an_agency_ends_and_nothing_of_another(operator, granted, database):
    mine, other = granted(COUNCIL), granted()
    assert operator("POST", f"agencies/{COUNCIL}/revoke").json["ended"] >= 1
    assert not is_live(database, mine)
    assert is_live(database, other)


def test_a_suspended_account_has_granted_nothing(operator, granted, database):
    mine = granted()
    assert operator("POST", f"accounts/{mine.account}/suspend").json["suspended"]
    assert not is_live(database, mine)
    assert "suspended" not in operator("POST", f"accounts/{mine.account}/resume").json
    assert not is_live(database, mine)


def test_no_answer_has_a_hash_or_a_secret_that_was_kept(operator, granted):
    granted()
    for path in ("clients", "accounts", "tokens", "registration-tokens", "agencies"):
        told = operator("GET", path).text
        assert "hash" not in told
        assert "sha256" not in told
        assert "totp" not in told


def test_an_invitation_is_made_listed_and_ended(operator):
    made = operator("POST", "registration-tokens", agency=PRIMARY, scope="openid user/*.rs").json
    assert made["token"] not in operator("GET", "registration-tokens").text
    assert operator("DELETE", f"registration-tokens/{made['id']}").status_code == 204
    assert operator("DELETE", "registration-tokens/nothing").status_code == 404


OUTSIDE = [
    ("GET", "clients/{client}"),
    ("PUT", "clients/{client}"),
    ("DELETE", "clients/{client}"),
    ("POST", "clients/{client}/rotate"),
    ("POST", "clients/{client}/suspend"),
    ("POST", "clients/{client}/resume"),
    ("POST", "clients/{client}/revoke"),
    ("POST", f"agencies/{COUNCIL}/revoke"),
    ("GET", "accounts/{account}"),
    ("POST", "accounts/{account}/suspend"),
    ("DELETE", "tokens/{grant}"),
]


@pytest.mark.parametrize(("method", "path"), OUTSIDE)
def test_what_is_of_another_agency_is_not_there(operator, school, granted, method, path):
    client = operator("POST", "clients", agency=COUNCIL, **SYSTEM).json["client_id"]
    of = granted(COUNCIL)
    names = {"client": client, "account": of.account, "grant": of.id}
    absent = {"client": "absent", "account": "absent", "grant": "absent"}
    sent = APP if method == "PUT" else {}
    unseen, none = (school(method, path.format(**each), **sent) for each in (names, absent))
    assert unseen.status_code == none.status_code == 404
    assert (
        unseen.text.replace(client, "absent").replace(of.account, "absent").replace(of.id, "absent")
        == none.text
    )
    assert operator("GET", f"clients/{client}").json.get("removed") is None


@pytest.mark.parametrize("path", ["clients", "accounts", "tokens", "registration-tokens", "agencies"])
def test_a_list_has_what_is_of_the_agency_alone(operator, school, granted, path):
    operator("POST", "clients", agency=COUNCIL, **SYSTEM)
    operator("POST", "clients", **APP)
    operator("POST", "registration-tokens", agency=COUNCIL, scope="openid")
    granted(), granted(COUNCIL)
    listed = school("GET", path).json
    assert {each["agency"] for each in listed[path]} <= {PRIMARY}
    assert listed["total"] == len(listed[path])
    assert school("GET", f"{path}?agency={COUNCIL}").json["total"] == 0


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("POST", "clients", {"agency": COUNCIL, **SYSTEM}),
        ("POST", "clients", APP),
        ("POST", "registration-tokens", {"agency": COUNCIL, "scope": "openid"}),
        ("POST", f"agencies/{PRIMARY}/suspend", {}),
        ("POST", f"agencies/{PRIMARY}/resume", {}),
        ("POST", "clients", {"agency": PRIMARY, **SYSTEM, "scope": "system/admin.cruds"}),
        ("POST", "clients", {"agency": PRIMARY, **SYSTEM, "scope": f"system/admin.r?agency={COUNCIL}"}),
        ("POST", "registration-tokens", {"agency": PRIMARY, "scope": "system/admin.cruds"}),
    ],
)
def test_an_administrator_of_one_agency_gives_no_more_than_they_have(school, method, path, sent):
    answer = school(method, path, **sent)
    assert (answer.status_code, answer.json["error"]) == (403, "forbidden"), answer.text


def test_an_administrator_of_one_agency_administers_it(school):
    scope = f"system/admin.rs?agency={PRIMARY}"
    made = school("POST", "clients", agency=PRIMARY, **SYSTEM | {"scope": scope})
    assert (made.status_code, made.json["scope"]) == (201, scope)
    assert school("POST", f"clients/{made.json['client_id']}/rotate").status_code == 200


def test_nobody_takes_over_who_may_administer_more(operator, school):
    sent = SYSTEM | {"scope": "system/admin.cruds"}
    made = operator("POST", "clients", agency=PRIMARY, **sent).json["client_id"]
    for act in ("rotate", "suspend", "revoke"):
        assert school("POST", f"clients/{made}/{act}").status_code == 403


@pytest.mark.parametrize(
    ("scope", "method", "path", "status"),
    [
        ("system/*.cruds", "GET", "clients", 403),
        ("system/admin.s", "GET", "clients", 200),
        ("system/admin.r", "GET", "clients/school", 200),
        ("system/admin.s", "GET", "clients/school", 404),
        ("system/admin.rs", "POST", "clients/school/suspend", 404),
        ("system/admin.rs", "POST", "clients", 403),
        ("system/admin.cru", "DELETE", "clients/school", 404),
    ],
)
def test_each_letter_is_a_power_of_its_own(as_, scope, method, path, status):
    sent = {"agency": PRIMARY, **SYSTEM} if path == "clients" and method == "POST" else {}
    assert as_(scope)(method, path, **sent).status_code == status


def test_without_a_token_nobody_administers(auth):
    answer = auth.get("/admin/clients")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"]
    assert answer.json["error"] == "login"


@pytest.mark.parametrize(
    ("path", "sent", "where"),
    [
        ("clients", {"agency": "nobody", **SYSTEM}, "agency"),
        ("clients", {"agency": PRIMARY, **SYSTEM, "scope": "system/Patient.sr"}, "scope"),
        ("clients", {"agency": PRIMARY, **SYSTEM, "scope": "user/*.rs"}, "scope"),
        ("clients", {"agency": PRIMARY, **SYSTEM, "client_id": "a b"}, "client_id"),
        ("clients", {"agency": PRIMARY, **APP, "redirect_uris": [CALLBACK, "x"]}, "redirect_uris[1]"),
        ("clients", {"agency": PRIMARY, **APP, "grant_types": ["x"]}, "grant_types[0]"),
        ("registration-tokens", {"agency": PRIMARY, "scope": "x"}, "scope"),
        ("registration-tokens", {"agency": PRIMARY, "scope": "openid", "days": 0}, "days"),
        ("registration-tokens", {"scope": "openid"}, "agency"),
        ("clients/keyed/rotate", {"jwks": {"keys": []}}, "jwks"),
        ("clients/keyed/rotate", {"jwks": {"keys": [KEYS["keys"][0] | {"kid": "\0"}]}}, "jwks"),
        ("clients/keyed/rotate", {"jwks_uri": "http://keys.example"}, "jwks_uri"),
        ("clients/keyed/rotate", {"other": 1}, "other"),
    ],
)
def test_a_refusal_says_what_is_wrong_where_and_why(operator, path, sent, where):
    answer = operator("POST", path, **sent)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid")
    [issue] = [each for each in answer.json["issues"] if each["where"] == where]
    assert issue["why"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "clients/%00"),
        ("GET", "accounts/%00"),
        ("POST", "agencies/%00/revoke"),
        ("DELETE", "registration-tokens/%00"),
        ("DELETE", "tokens/%00"),
    ],
)
def test_what_cannot_be_an_id_is_nobodys(operator, method, path):
    assert operator(method, path).status_code == 404


@pytest.mark.parametrize("query", ["_count=0", "_count=x", "_offset=-1", "nothing=1", "agency=%00"])
def test_a_list_is_not_narrowed_by_what_is_not_understood(operator, query):
    assert operator("GET", f"clients?{query}").status_code == 400


def test_a_list_has_pages(operator):
    whole = [each["client_id"] for each in operator("GET", "clients").json["clients"]]
    part = operator("GET", "clients?_count=2&_offset=1").json
    assert [each["client_id"] for each in part["clients"]] == whole[1:3]
    assert part["total"] == len(whole)


def test_what_is_done_is_accounted_for_and_so_is_what_is_refused(operator, school, database):
    id = operator("POST", "clients", agency=PRIMARY, **SYSTEM).json["client_id"]
    operator("POST", f"clients/{id}/suspend")
    school("POST", f"agencies/{PRIMARY}/suspend")
    with database.begin() as connection:
        rows = connection.execute(
            select(tables.audit.c.interaction, tables.audit.c.query, tables.audit.c.outcome)
        ).all()
    assert {("client-register", id, 200), ("client-suspend", id, 200)} <= set(rows)
    assert ("administration-refused", f"POST /admin/agencies/{PRIMARY}/suspend", 403) in rows
