"""fhirclient.js, of the SMART project, in Chromium: launched by itself and from the record.

https://docs.smarthealthit.org/client-js/
"""

import json
from collections.abc import Iterator

import pytest

from tests.caller import token
from tests.client.smart.conftest import CHROMIUM, IS_CI, NPM
from tests.oauth.flow import app_of
from tests.oauth.page.conftest import PASSWORD

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install '.[dev]'")

INSTALLED = CHROMIUM is not None and (NPM / "fhirclient").is_dir()

pytestmark = [
    pytest.mark.skipif(
        not INSTALLED and not IS_CI,
        reason="needs Chromium and the libraries: apt-get install chromium; npm ci --prefix tests/client/npm",
    ),
    # Playwright leaves its event loop and a socket to the collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SCOPE = "launch launch/patient openid fhirUser patient/*.rs offline_access"


@pytest.fixture
def page() -> Iterator["playwright.Page"]:
    with playwright.sync_playwright() as runner:
        chromium = runner.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
        )
        yield chromium.new_page()
        chromium.close()


@pytest.fixture
def asking(live, origin):
    return app_of(
        live,
        scope=SCOPE,
        name="Growth Charts",
        redirect_uris=(f"{origin}/index.html",),
        launch_url=f"{origin}/launch.html",
    )


def sign_in(page, worker):
    page.fill("#username", worker.username)
    page.fill("#password", PASSWORD)
    page.click("main button")


def learned(page):
    """What the app wrote down."""
    page.wait_for_function("document.getElementById('told')?.textContent", timeout=30_000)
    told = json.loads(page.text_content("#told"))
    assert "error" not in told, told
    return told


def test_an_app_that_is_opened_by_itself_has_a_child_chosen(page, asking, base, origin, pupil, worker):
    page.goto(f"{origin}/launch.html?iss={base}&client={asking.id}")
    sign_in(page, worker)
    page.fill("#name", "Pupil")
    page.click("button[name=search]")
    page.check("#child")
    page.click("text=Continue")
    page.click("button[value=allow]")
    told = learned(page)
    assert (told["patient"], told["family"], told["marks"]) == (pupil, "Pupil", 1)
    assert told["user"] == worker.fhir_user
    assert (told["refreshed"], told["again"], told["seen"]) == (True, pupil, 1)


def test_an_app_that_is_opened_from_the_record_knows_the_child(
    live, page, asking, base, origin, pupil, worker
):
    system = token(live, "school", "system/*.rs launch-context")
    launch = live.test_client().post(
        "/auth/launch",
        json={"client_id": asking.id, "patient": pupil, "intent": "review", "need_patient_banner": False},
        headers={"Authorization": f"Bearer {system}"},
    )
    # The app knows its client by its address, as apps do that are registered with several servers.
    page.goto(f"{origin}/index.html")
    page.evaluate("client => sessionStorage.setItem('client', client)", asking.id)
    page.goto(launch.json["url"])
    sign_in(page, worker)
    page.click("button[value=allow]")
    told = learned(page)
    assert (told["patient"], told["intent"], told["banner"]) == (pupil, "review", False)
    assert (told["refreshed"], told["again"], told["seen"]) == (True, pupil, 1)
