"""The pages in a real browser: they work without script, and axe-core finds nothing against WCAG 2.2 AA."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pyotp
import pytest

from server.oauth import totp
from server.oauth.session import key
from server.store import tables as t
from tests import make
from tests.caller import Caller, token
from tests.oauth.flow import CHALLENGE, app_of
from tests.oauth.page.conftest import PASSWORD, account_of, serving
from tests.soak.installation import free_port

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install '.[dev]'")

CHROMIUM = shutil.which("chromium")
AXE = Path(__file__).parents[2] / "client" / "npm" / "node_modules" / "axe-core" / "axe.min.js"
STANDARD = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SHOTS = os.environ.get("SCREENSHOTS")

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium"),
    pytest.mark.skipif(not AXE.is_file(), reason="needs axe-core: npm ci --prefix tests/client/npm"),
    # Playwright leaves its event loop and a socket to the collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SECRET = totp.new()


@pytest.fixture(scope="module")
def chromium() -> Iterator["playwright.Browser"]:
    with playwright.sync_playwright() as runner:
        browser = runner.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
        )
        yield browser
        browser.close()


@pytest.fixture
def page(chromium, live) -> Iterator["playwright.Page"]:
    """A page of a browser that runs no script of anybody's."""
    context = chromium.new_context(
        base_url=live.extensions["settings"].issuer,
        java_script_enabled=False,
        viewport={"width": 900, "height": 900},
    )
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def worker(live):
    sealed = totp.sealed(SECRET, key(live.extensions["settings"], "totp"))
    return account_of(live, totp=sealed, username="ada@school.example")


@pytest.fixture(scope="module")
def children(live):
    """Three children of the school; two share a name."""
    suite = Caller(live, token(live, "suite", "system/*.cruds"))
    found = {}
    for given, born in (("Robin", "2014-03-14"), ("Robin", "2016-07-01"), ("Charlie", "2015-09-30")):
        child = make.child(id=make.word("chosen-"), name=[{"family": "Sample", "given": [given]}])
        child["birthDate"] = born
        episode = make.episode(child["id"], "school")
        organization = make.put(make.organization("school"))
        sent = make.bundle("transaction", organization, make.put(child), make.posted(episode))
        assert suite.post(sent).status == 200
        found[born] = child["id"]
    return found


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    """Where an app takes people back to, on an origin of its own."""

    def served(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"the app"]

    port = free_port()
    with serving(served, port):
        yield f"http://localhost:{port}/callback"


@pytest.fixture
def start(page, live, elsewhere):
    """Comes from an app of this name, which asks for these scopes."""

    def started(name, scope):
        app = app_of(live, name=name, client_uri="https://growth.example", redirect_uris=(elsewhere,))
        asked = {
            "response_type": "code",
            "client_id": app.id,
            "redirect_uri": elsewhere,
            "scope": scope,
            "state": "s",
            "aud": live.extensions["settings"].public_url,
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        page.goto(f"/auth/authorize?{urlencode(asked)}")

    return started


def sign_in(page, username, password=PASSWORD):
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def give_code(page, live):
    """A code that was not used before, whichever test was here before."""
    with live.extensions["database"].begin() as connection:
        connection.execute(t.account.update().values(totp_step=0))
    page.get_by_label("Code").fill(pyotp.TOTP(SECRET).now())
    page.get_by_role("button", name="Continue").click()


def check(chromium, page, name):
    """What axe-core says of the page as it stands. It needs script, and the page has none: it is asked about
    a copy in a context of its own, with the same style."""
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)
    css = page.request.get("/auth/static/page.css").text()
    context = chromium.new_context(viewport={"width": 900, "height": 900})
    copy = context.new_page()
    body = re.sub(r'<link rel="stylesheet"[^>]*>', f"<style>{css}</style>", page.content())
    copy.set_content(body)
    copy.add_script_tag(path=str(AXE))
    result = copy.evaluate(
        "tags => axe.run(document, {runOnly: tags}).then(found => found.violations)", STANDARD
    )
    copy.set_viewport_size({"width": 320, "height": 640})
    assert copy.evaluate("document.documentElement.scrollWidth") <= 320, f"{name} scrolls sideways (1.4.10)"
    context.close()
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in result] == []


def test_an_app_gets_its_code_by_sign_in_choice_and_consent(chromium, page, live, worker, children, start):
    start("Growth charts", "openid fhirUser launch/patient patient/Patient.rs patient/Observation.rs")
    check(chromium, page, "sign-in")
    sign_in(page, worker.username)
    check(chromium, page, "code")
    give_code(page, live)
    check(chromium, page, "choose")
    page.get_by_label("Name").fill("robin")
    page.get_by_role("button", name="Search").click()
    check(chromium, page, "chosen")
    page.get_by_label("Born 14 March 2014").check()
    page.get_by_role("button", name="Continue").click()
    check(chromium, page, "consent")
    assert "Robin Sample, born 14 March 2014" in page.text_content("main")
    page.get_by_role("button", name="Allow", exact=True).click()
    page.wait_for_url("http://localhost:*/**")
    assert "code=" in page.url
    page.goto("/auth/sessions")
    check(chromium, page, "sessions")
    assert "Growth charts" in page.text_content("main")


def test_who_refuses_goes_back_without_a_code(page, live, worker, start):
    start("Another app", "openid user/Patient.rs")
    sign_in(page, worker.username)
    give_code(page, live)
    page.get_by_role("button", name="Do not allow").click()
    page.wait_for_url("http://localhost:*/**")
    assert "error=access_denied" in page.url


def test_errors_are_summed_up_linked_and_announced(chromium, page):
    page.goto("/auth/sign-in")
    page.get_by_role("button", name="Sign in").click()
    check(chromium, page, "errors")
    assert page.title().startswith("Error: ")
    page.get_by_role("link", name="Enter your password").click()
    assert page.locator("#password:focus").count() == 1


def test_the_first_thing_that_a_keyboard_reaches_leads_past_the_header(page):
    page.goto("/auth/sign-in")
    page.keyboard.press("Tab")
    link = page.get_by_role("link", name="Skip to main content")
    assert link.is_visible()
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")


def test_setting_up_a_phone_and_a_password_is_accessible(chromium, page, live):
    beginner = account_of(live, provisional=True)
    page.goto("/auth/sign-in")
    sign_in(page, beginner.username)
    check(chromium, page, "password")
    page.get_by_label("Present password").fill(PASSWORD)
    page.get_by_label("New password", exact=True).fill("four other random words")
    page.get_by_label("New password again").fill("four other random words")
    page.get_by_role("button", name="Change password").click()
    check(chromium, page, "enrol")
    secret = page.text_content("code").replace(" ", "")
    page.get_by_label("Code").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Continue").click()
    check(chromium, page, "recovery")
    page.get_by_role("link", name="I have written them down").click()
    page.get_by_role("button", name="Sign out").click()
    check(chromium, page, "message")


def test_targets_are_large_enough_to_be_hit(page):
    page.goto("/auth/sign-in")
    for each in page.locator("button, input:not([type=hidden]), summary").all():
        box = each.bounding_box()
        assert box["height"] >= 24, each
