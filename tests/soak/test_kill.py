"""What was acknowledged survives `kill -9` of everything at any moment, and nothing is left half done."""

import logging
import os
import random
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from server.store import embedded
from server.store.database import Database
from tests.soak.consistency import faults
from tests.soak.installation import Installation, pause
from tests.soak.writer import NONCE, Journal, Version, Writer

WRITERS = 8
PATIENCE = 120

_log = logging.getLogger(__name__)


@pytest.fixture
def dice() -> random.Random:
    """Its seed is told when a test fails; SOAK_SEED takes it back."""
    seed = int(os.environ.get("SOAK_SEED") or random.SystemRandom().randrange(10**6))
    _log.warning("SOAK_SEED=%s", seed)
    return random.Random(seed)


@pytest.fixture
def installation() -> Iterator[Installation]:
    with tempfile.TemporaryDirectory(prefix="childrecord-", ignore_cleanup_errors=True) as folder:
        found = Installation(Path(folder))
        found.prepare()
        try:
            yield found
        finally:
            found.kill(random.Random(0))


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_what_was_acknowledged_survives_the_death_of_every_process(installation, dice, is_soak):
    journal = Journal()
    installation.start()
    installation.wait()
    token = installation.token()
    for _ in range(20 if is_soak else 2):
        _write_until_killed(installation, token, journal, dice)
        installation.start()
        if dice.random() < 0.3:
            # Killed while it starts, too.
            pause(dice.random() * 2)
            installation.kill(dice)
            installation.start()
        installation.wait()
        _everything_is_there(installation, token, journal, dice)
        _log.warning("%s versions acknowledged so far", len(journal.acknowledged))


def _write_until_killed(
    installation: Installation, token: str, journal: Journal, dice: random.Random
) -> None:
    """The moment is when some number of writes has been acknowledged: others are always under way."""
    ended = threading.Event()
    writers = [
        Writer(installation.origins, token, journal, dice.randrange(10**9), ended) for _ in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    _wait_for(journal, dice.randrange(50, 400))
    if dice.random() < 0.5:
        # PostgreSQL alone: the servers outlive it.
        installation.kill_database(dice)
        _wait_for(journal, dice.randrange(50, 400))
    installation.kill(dice)
    ended.set()
    for writer in writers:
        writer.join(PATIENCE)
        assert not writer.is_alive()
    assert journal.surprises == [], installation.log()


def _wait_for(journal: Journal, more: int) -> None:
    journal.expect(more)
    assert journal.reached.wait(PATIENCE), f"Only {len(journal.acknowledged)} writes were acknowledged."


def _everything_is_there(
    installation: Installation, token: str, journal: Journal, dice: random.Random
) -> None:
    with embedded.running(installation.folder) as url:
        database = Database(url, pool_size=1, statement_timeout=PATIENCE)
        try:
            with database.begin() as connection:
                assert faults(connection, journal) == []
        finally:
            database.close()
    newest = {(version.type, version.id): version for version in journal.acknowledged}
    for version in dice.sample(sorted(newest.values(), key=repr), min(40, len(newest))):
        _is_read_and_found(f"{dice.choice(installation.origins)}/fhir", token, version)


def _is_read_and_found(base: str, token: str, version: Version) -> None:
    def get(path: str) -> requests.Response:
        return requests.get(f"{base}/{path}", headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE)

    then = get(f"{version.type}/{version.id}/_history/{version.number}")
    now = get(f"{version.type}/{version.id}")
    found = get(f"{version.type}?_id={version.id}").json().get("entry", ())
    if version.nonce is None:
        assert then.status_code == now.status_code == 410
    else:
        assert {"system": NONCE, "value": version.nonce} in then.json()["identifier"]
    if now.status_code == 410:
        assert found == ()
        return
    assert [entry["resource"] for entry in found] == [now.json()]
    if now.headers["ETag"] == then.headers["ETag"]:
        assert now.json() == then.json()
        marked = get(f"{version.type}?identifier={NONCE}|{version.nonce}").json()["entry"]
        assert now.json() in [entry["resource"] for entry in marked]
