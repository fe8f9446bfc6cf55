"""oauth4webapi, a second implementation of OAuth 2 and OpenID Connect, as relying party with DPoP."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.client.smart.conftest import IS_CI, NPM, answered
from tests.oauth.flow import REDIRECT, app_of

SCRIPT = Path(__file__).with_name("node") / "oauth4webapi.mjs"
INSTALLED = shutil.which("node") is not None and (NPM / "oauth4webapi").is_dir()

pytestmark = pytest.mark.skipif(
    not INSTALLED and not IS_CI, reason="needs Node.js and the libraries: npm ci --prefix tests/client/npm"
)


def test_a_relying_party_that_checks_everything_finds_it_right(live, browser, base, pupil):
    asking = app_of(live, agency="school")
    command = ["node", str(SCRIPT), browser.issuer, base, asking.id, REDIRECT, pupil]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as app:
        url = app.stdout.readline().strip()
        sent = answered(browser, url, pupil) if url else ""
        said, fault = app.communicate(f"{sent}\n", timeout=60)
    assert (app.returncode, said.strip()) == (0, "done"), fault[-3000:]
