"""smart-fetch gathers what a system may see, by backend services: it signs with its key, and asks no user.

https://docs.smarthealthit.org/cumulus/fetch/
"""

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client.smart.conftest import IS_CI
from tests.oauth.flow import app_of
from tests.oauth.parties import EC, KEYS

PROGRAM = Path(sys.executable).with_name("smart-fetch")

pytestmark = pytest.mark.skipif(
    not PROGRAM.exists() and not IS_CI, reason="needs smart-fetch: pip install '.[dev]'"
)


def test_a_system_gathers_a_child_and_what_is_known_of_it(live, base, pupil, tmp_path):
    backend = app_of(
        live,
        auth_method="private_key_jwt",
        secret_hash=None,
        jwks=KEYS,
        grant_types=("client_credentials",),
        redirect_uris=(),
        scope="system/*.rs",
    )
    key = tmp_path / "key.jwks"
    private = {**EC.as_dict(private=True), "alg": "ES384", "key_ops": ["sign"]}
    key.write_text(json.dumps({"keys": [private]}))
    command = [str(PROGRAM), "crawl", "--fhir-url", base, "--smart-client-id", backend.id]
    command += ["--smart-key", str(key), "--id-list", pupil, "--type", "Patient,Observation"]
    command += ["--no-default-filters", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    found = [
        json.loads(line)
        for file in (tmp_path / "out").rglob("*.ndjson*")
        if not file.name.startswith("log")
        for line in gzip.decompress(file.read_bytes()).splitlines()
    ]
    kinds = sorted(each["resourceType"] for each in found)
    assert kinds == ["Observation", "Patient"]
    assert pupil in [each["id"] for each in found]


def test_it_is_installed_where_it_has_to_be():
    assert shutil.which(str(PROGRAM)), "continuous integration must install smart-fetch"
