"""Clients of the JavaScript world: each script walks through what its library's users do."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import make

SCRIPTS = Path(__file__).parent / "npm"
INSTALLED = shutil.which("node") is not None and (SCRIPTS / "node_modules").is_dir()

pytestmark = pytest.mark.skipif(
    not INSTALLED and not os.environ.get("CI"),
    reason="needs Node.js and the libraries: npm ci --prefix tests/client/npm",
)


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.mjs")), ids=lambda script: script.stem)
def test_a_public_client_finds_what_it_expects(running, script):
    assert INSTALLED, "continuous integration must install the libraries: npm ci --prefix tests/client/npm"
    command = ["node", str(script), running.base, running.token, make.word("Npm")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    said = "\n".join(line[:500] for line in (done.stdout + done.stderr).splitlines())
    assert done.returncode == 0, said
