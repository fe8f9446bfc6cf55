"""A request that a client leaves: a server that runs answers it, with nobody to help."""

import requests

from server import clock
from tests.client.conftest import PATIENCE
from tests.soak.installation import pause


def test_what_was_left_is_answered(running):
    headers = {"Authorization": running.authorization, "Prefer": "respond-async"}
    accepted = requests.get(f"{running.base}/Patient?_count=1", headers=headers, timeout=30)
    assert accepted.status_code == 202
    where, deadline = accepted.headers["Content-Location"], clock.monotonic() + PATIENCE
    del headers["Prefer"]
    while (answer := requests.get(where, headers=headers, timeout=30)).status_code == 202:
        assert clock.monotonic() < deadline, "Nobody answers it."
        pause(0.05)
    assert answer.json()["entry"][0]["response"]["status"] == "200 OK"
