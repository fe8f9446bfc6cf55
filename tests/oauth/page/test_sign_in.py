import re
from datetime import timedelta

import pyotp
import pytest

from server import clock
from server.oauth import password as passwords
from server.oauth import totp
from server.oauth.account import MOST_REFUSALS, PATIENCE
from server.oauth.session import key
from server.store import accounts, sessions, sign_ins
from server.store import tables as t
from server.store.fingerprint import fingerprint
from tests.oauth.page.conftest import PASSWORD, Person

SECRET = totp.new()
NEW = "four other random words"


@pytest.fixture(scope="module")
def database(pages):
    return pages.extensions["database"]


@pytest.fixture(scope="module")
def phoned(pages, account):
    """Makes an account whose owner has a phone."""
    sealed = totp.sealed(SECRET, key(pages.extensions["settings"], "totp"))
    return lambda **more: account(totp=sealed, **more)


def code(step=0):
    return pyotp.TOTP(SECRET).at(clock.now() + timedelta(seconds=30 * step))


def kept(database, found):
    with database.begin() as connection:
        return accounts.find(connection, found.id)


def calm(database):
    """Forget what this network was refused in other tests."""
    with database.begin() as connection:
        connection.execute(t.refused_sign_in.delete())


def test_a_password_and_a_code_sign_somebody_in(person, phoned, acts):
    worker = phoned()
    person.sign_in(worker.username)
    assert person.path == "/auth/code"
    person.send("/auth/code", code=code())
    assert person.path == "/auth/sessions"
    assert "Ada Lovage" in person.page.text
    assert acts(worker) == [("sign-in", 200)]


def test_between_password_and_code_nobody_is_signed_in(person, phoned):
    person.sign_in(phoned().username)
    for path in ("/auth/sessions", "/auth/password", "/auth/code/new", "/auth/sign-in"):
        person.open(path)
        assert person.path in ("/auth/code", "/auth/sign-in")
        assert "Ada Lovage" not in person.page.text


@pytest.mark.parametrize("given", ["000000", "", "abc", "é", "1" * 300])
def test_a_wrong_code_lets_nobody_in(person, phoned, given):
    person.sign_in(phoned().username)
    person.send("/auth/code", code=given)
    assert (person.page.status_code, person.path) == (400, "/auth/code")
    assert "code" in person.faults


def test_a_code_is_good_once(pages, phoned, database):
    calm(database)
    worker, used = phoned(), code()
    for status in (200, 400):
        person = Person(pages)
        person.sign_in(worker.username)
        assert person.send("/auth/code", code=used).status_code == status


@pytest.mark.parametrize("step", [-1, 1])
def test_a_phones_clock_may_be_half_a_minute_wrong(person, phoned, step):
    person.sign_in(phoned().username)
    person.send("/auth/code", code=code(step))
    assert person.path == "/auth/sessions"


def test_who_has_no_phone_yet_is_shown_how_to_begin_and_gets_codes_for_the_day_it_is_lost(
    pages, person, account, database, acts
):
    worker = account()
    person.sign_in(worker.username)
    assert person.path == "/auth/code/new"
    secret = re.search(r"Key: <code>([A-Z2-7 ]+)</code>", person.page.text)[1].replace(" ", "")
    assert person.send("/auth/code/new", code="000000").status_code == 400
    assert secret[:4] in person.page.text
    person.send("/auth/code/new", code=pyotp.TOTP(secret).now())
    recovery = re.findall(r"<li><code>([0-9a-f-]+)</code></li>", person.page.text)
    assert len(recovery) == 10
    person.open("/auth/sessions")
    assert person.path == "/auth/sessions"
    for status in (200, 400):
        later = Person(pages)
        later.sign_in(worker.username)
        assert later.send("/auth/code", code=f" {recovery[0].upper()} ").status_code == status
    assert acts(worker) == [
        ("sign-in", 200),
        ("account-code", 200),
        ("sign-in", 200),
        ("sign-in-refused", 401),
    ]
    assert secret not in kept(database, worker).totp


def test_a_password_that_an_operator_gave_is_changed_first(person, phoned, database):
    worker = phoned(provisional=True)
    person.sign_in(worker.username)
    person.send("/auth/code", code=code())
    assert person.path == "/auth/password"
    assert person.open("/auth/sessions").request.path == "/auth/password"
    person.send("/auth/password", old=PASSWORD, new=NEW, again=NEW)
    assert person.path == "/auth/sessions"
    assert not kept(database, worker).provisional


@pytest.mark.parametrize(
    ("old", "new", "again", "field"),
    [
        ("wrong", NEW, NEW, "old"),
        (PASSWORD, "short", "short", "new"),
        (PASSWORD, PASSWORD, PASSWORD, "new"),
        (PASSWORD, "password12345", "password12345", "new"),
        (PASSWORD, "lovagelovage", "lovagelovage", "new"),
        (PASSWORD, "aaaaaaaaaaaaaa", "aaaaaaaaaaaaaa", "new"),
        (PASSWORD, "x" * 300, "x" * 300, "new"),
        (PASSWORD, NEW, NEW + " ", "again"),
    ],
)
def test_a_password_that_cannot_be_chosen_is_refused_where_it_stands(
    person, account, database, old, new, again, field
):
    calm(database)
    worker = account(provisional=True)
    person.sign_in(worker.username)
    person.send("/auth/password", old=old, new=new, again=again)
    assert field in person.faults
    assert kept(database, worker).provisional


def test_a_changed_password_ends_every_other_session(pages, account, database):
    worker, here, there = account(demonstration=False), Person(pages), Person(pages)
    for each in (here, there):
        each.sign_in(worker.username)
        assert each.path == "/auth/code/new"
    with database.begin() as connection:
        accounts.change(connection, worker.id, provisional=True)
    here.open("/auth/password")
    here.send("/auth/password", old=PASSWORD, new=NEW, again=NEW)
    assert here.path == "/auth/code/new"
    assert there.open("/auth/sessions").request.path == "/auth/sign-in"


def test_whatever_is_wrong_the_answer_is_the_same_and_the_work(pages, account, database, monkeypatch):
    calm(database)
    hashes = []
    monkeypatch.setattr(
        passwords,
        "matches",
        lambda given, kept, matches=passwords.matches: hashes.append(1) or matches(given, kept),
    )
    known, suspended, locked = account(), account(suspended=clock.now()), account()
    elsewhere = account(username=f"idp-{known.username}", provider="https://id.example", subject=known.id)
    shown = account(demonstration=True)
    with database.begin() as connection:
        accounts.change(connection, locked.id, locked_until=clock.now() + timedelta(hours=1))
    answers = set()
    for username, password in (
        (known.username, "wrong"),
        ("nobody", PASSWORD),
        ("nul\0", PASSWORD),
        (suspended.username, PASSWORD),
        (locked.username, PASSWORD),
        (elsewhere.username, PASSWORD),
        (shown.username, PASSWORD),
    ):
        person = Person(pages)
        before = len(hashes)
        person.sign_in(username, password)
        assert len(hashes) == before + 1
        text = person.page.text.replace(username, "").replace("\ufffd", "").replace("nul", "")
        answers.add((person.page.status_code, re.sub(r'value="[^"]*"', "", text)))
    assert len(answers) == 1
    assert next(iter(answers))[0] == 400


def test_an_account_is_locked_after_some_wrong_passwords_and_free_again_after_a_while(
    pages, account, database, acts, monkeypatch
):
    calm(database)
    worker = account()
    for _ in range(PATIENCE):
        Person(pages).sign_in(worker.username, "wrong")
    person = Person(pages)
    person.sign_in(worker.username)
    assert person.faults
    assert kept(database, worker).locked_until
    later = clock.now() + timedelta(minutes=5)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert not Person(pages).sign_in(worker.username).text.count("There is a problem")
    assert acts(worker).count(("sign-in-refused", 401)) == PATIENCE + 1
    assert kept(database, worker).failures == 0


def test_wrong_codes_lock_an_account_as_wrong_passwords_do(pages, phoned, database):
    calm(database)
    worker = phoned()
    person = Person(pages)
    person.sign_in(worker.username)
    for _ in range(PATIENCE):
        person.send("/auth/code", code="000000")
    person.send("/auth/code", code=code())
    assert person.faults


def test_a_network_that_guesses_at_many_accounts_has_to_wait(pages, account, database):
    worker = account()
    with database.begin() as connection:
        for _ in range(MOST_REFUSALS):
            sign_ins.refused(connection, fingerprint("127.0.0.1"))
    person = Person(pages)
    assert person.sign_in(worker.username).status_code == 429
    calm(database)
    assert Person(pages).sign_in(worker.username).status_code == 200


@pytest.mark.parametrize("given", [{"username": "", "password": ""}, {"username": " ", "password": "x"}])
def test_what_is_missing_is_said_beside_its_field(person, given):
    person.open("/auth/sign-in")
    page = person.send("/auth/sign-in", **given).text
    assert "username" in person.faults
    assert 'aria-describedby="username-error" aria-invalid="true"' in page
    assert "<title>Error: Sign in" in page


def test_a_username_is_known_however_it_is_written(person, account):
    worker = account()
    person.sign_in(f" {worker.username.upper()} ")
    assert person.path == "/auth/code/new"


@pytest.mark.parametrize(
    "change",
    [{"form": "0" * 64}, {"form": ""}, {"form": "é"}],
    ids=["another's", "none", "not a token"],
)
def test_a_form_that_is_not_ours_is_refused(person, account, change):
    person.open("/auth/sign-in")
    page = person.send("/auth/sign-in", username=account().username, password=PASSWORD, **change)
    assert page.status_code == 403


def test_a_form_of_another_browser_or_another_site_is_refused(pages, account):
    one, other = Person(pages), Person(pages)
    one.open("/auth/sign-in")
    other.page = other.client.get("/auth/sign-in")
    other.page = one.page
    assert other.send("/auth/sign-in", username="x", password="y").status_code == 403
    _, hidden = one._form("/auth/sign-in")
    sent = one.client.post("/auth/sign-in", data=hidden, headers={"Sec-Fetch-Site": "cross-site"})
    assert sent.status_code == 403


def test_a_cookie_from_before_signing_in_is_not_the_one_after(pages, account, person):
    person.client.set_cookie("childrecord-session", "planted")
    person.sign_in(account().username)
    assert person.client.get_cookie("childrecord-session").value != "planted"


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(new_database, serve, access, person):
    answer = person.client.get("/auth/sign-in")
    assert "childrecord-browser=" in answer.headers["Set-Cookie"]
    with new_database() as url:
        app = serve(url, CHILDRECORD_PUBLIC_URL="https://record.example/fhir", CHILDRECORD_ACCESS=str(access))
        said = app.test_client().get("/auth/sign-in").headers["Set-Cookie"]
        app.extensions["database"].close()
    assert said.startswith("__Host-childrecord-browser=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(said.split("; "))
    assert "Domain" not in said


def test_a_page_runs_no_script_and_stands_in_no_frame(person):
    policy = person.open("/auth/sign-in").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script" not in policy
    assert person.page.headers["Cache-Control"] == "no-store"
    assert "<script" not in person.page.text


def test_a_session_ends_when_nobody_was_there_for_a_while_and_in_any_case_after_a_day(
    pages, phoned, monkeypatch
):
    settings = pages.extensions["settings"]
    worker, person = phoned(), Person(pages)
    person.sign_in(worker.username)
    person.send("/auth/code", code=code())
    begun = clock.now()
    now = begun
    monkeypatch.setattr(clock, "now", lambda: now)
    for _ in range(settings.session_lifetime // (settings.session_idle - 60)):
        now += timedelta(seconds=settings.session_idle - 60)
        assert person.open("/auth/sessions").request.path == "/auth/sessions"
    now = begun + timedelta(seconds=settings.session_lifetime)
    assert person.open("/auth/sessions").request.path == "/auth/sign-in"


def test_an_idle_session_is_over(pages, phoned, monkeypatch):
    person, idle = Person(pages), pages.extensions["settings"].session_idle
    person.sign_in(phoned().username)
    person.send("/auth/code", code=code())
    later = clock.now() + timedelta(seconds=idle)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert person.open("/auth/sessions").request.path == "/auth/sign-in"


def test_who_signs_out_is_out(person, phoned, acts):
    worker = phoned()
    person.sign_in(worker.username)
    person.send("/auth/code", code=code())
    person.send("/auth/sign-out")
    assert person.title == "You have signed out"
    assert person.open("/auth/sessions").request.path == "/auth/sign-in"
    assert acts(worker)[-1] == ("sign-out", 200)


def test_a_suspended_account_is_out_at_once(person, phoned, database):
    worker = phoned()
    person.sign_in(worker.username)
    person.send("/auth/code", code=code())
    with database.begin() as connection:
        assert accounts.suspend(connection, worker.id)
    assert person.open("/auth/sessions").request.path == "/auth/sign-in"


def test_sessions_elsewhere_are_seen_and_ended_and_strangers_are_not(pages, phoned, database):
    worker, stranger = phoned(), phoned()
    here, there, other = (Person(pages) for _ in range(3))
    for each, whose, step in ((here, worker, -1), (there, worker, 0), (other, stranger, 0)):
        each.sign_in(whose.username)
        each.send("/auth/code", code=code(step))
    with database.begin() as connection:
        [mine, _] = sorted(
            sessions.of_account(connection, worker.id, timedelta(hours=1)), key=lambda each: each.created
        )
        [theirs] = sessions.of_account(connection, stranger.id, timedelta(hours=1))
    there.open("/auth/sessions")
    assert there.page.text.count('class="card"') == 2
    there.send("/auth/sessions/end", session=theirs.id)
    assert other.open("/auth/sessions").request.path == "/auth/sessions"
    there.send("/auth/sessions/end", session=mine.id)
    assert here.open("/auth/sessions").request.path == "/auth/sign-in"
    assert there.open("/auth/sessions").request.path == "/auth/sessions"


def test_what_went_wrong_is_a_page_as_well(person):
    assert person.open("/auth/sign-in?request=unknown").status_code == 400
    assert person.title == "This page has expired"
    assert person.open("/auth/provider/school").status_code == 404
    assert person.title == "Page not found"


def test_a_password_is_kept_as_a_slow_hash():
    assert passwords.hashed(PASSWORD).startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.hashed(PASSWORD) != passwords.hashed(PASSWORD)
