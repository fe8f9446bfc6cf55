"""Listeners fail at random, everything is killed at random: numbers complete, in order, none unauthorised."""

import logging
import os
import random
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from server import clock
from server.definition.library import library
from server.store import embedded, outbox
from server.store import tables as t
from server.store.database import Database
from tests import make
from tests.soak.installation import Installation, pause
from tests.subscription.conftest import TOPIC, subscription
from tests.subscription.telling.listener import Listener, listening

CHILDREN = 12
UNSEEN = 4
"""Of them, those that the school does not work with."""

PATIENCE = 180
BUNDLE = 20

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
        settings = {"CHILDRECORD_LISTENER_NETWORKS": "127.0.0.0/8", "CHILDRECORD_LISTENER_TIMEOUT": "1",
                    "CHILDRECORD_DEMONSTRATION": "true", "CHILDRECORD_WORKERS": "1"}  # fmt: skip
        found = Installation(Path(folder), agencies=("suite", "school"), settings=settings)
        found.prepare()
        try:
            yield found
        finally:
            found.kill(random.Random(0))


@dataclass
class Told:
    """A subscription: of whom it is told, and the listener that is."""

    owner: str
    children: frozenset[str]
    """Those that it asks about and may see."""
    listener: Listener
    id: str = ""
    dice: random.Random = field(default_factory=random.Random)

    def answer(self, place: int) -> int:
        """A handshake is accepted, unlike much of the rest."""
        return 503 if place > 3 and self.dice.random() < 0.2 else 200


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_numbers_are_complete_in_order_and_unauthorised_to_none(installation, dice, is_soak):
    rounds, events = (30, 200_000) if is_soak else (2, 600)
    with ExitStack() as open_:
        installation.start()
        installation.wait()
        children = _begin(installation)
        told = _subscribed(installation, children, open_, dice)
        for round_ in range(rounds):
            _write(installation, children, dice, events // rounds, round_)
            for each in told:
                # The network is stalled now and then, and some are cut off in the middle of it.
                (each.listener.stalled.set if dice.random() < 0.2 else each.listener.stalled.clear)()
            if dice.random() < 0.4:
                installation.kill_database(dice)
                pause(dice.random())
            else:
                installation.kill(dice)
                installation.start()
            installation.wait()
        for each in told:
            each.listener.stalled.clear()
            each.dice = random.Random(0)
            each.listener.answer = lambda _: 200
        numbered = _everything_is_told(installation, told)
        written = _written(installation)
    for each in told:
        _is_right(each, numbered[each.id], written)


def _begin(installation: Installation) -> list[str]:
    """Children; the school works with most of them."""
    children = [make.word("child") for _ in range(CHILDREN)]
    entries = [make.put(make.organization(each)) for each in ("school", "suite")]
    entries += [make.put(make.child(id=each)) for each in children]
    entries += [make.posted(make.episode(each, "school")) for each in children[UNSEEN:]]
    answer = _asked(installation, "suite", "POST", "", make.bundle("transaction", *entries))
    assert answer.status_code == 200, answer.text
    return children


def _subscribed(
    installation: Installation, children: list[str], open_: ExitStack, dice: random.Random
) -> list[Told]:
    found = []
    for owner, some in (
        ("suite", children),
        ("school", children),
        ("school", children[: UNSEEN + 2]),
        ("suite", children[:1]),
        ("school", children[:UNSEEN]),
    ):
        seen = frozenset(some).difference(children[:UNSEEN] if owner == "school" else ())
        each = Told(owner, seen, open_.enter_context(listening()), dice=random.Random(dice.random()))
        each.listener.answer = each.answer
        about = ",".join(f"Patient/{child}" for child in some)
        asked = subscription(f"{TOPIC}/contact", f"Encounter?patient={about}")
        asked["channel"]["endpoint"] = each.listener.url
        answer = _asked(installation, owner, "POST", "Subscription", asked)
        assert answer.status_code == 201, answer.text
        each.id = answer.json()["id"]
        each.listener.wait(lambda one: one.heard, 60)
        found.append(each)
    return found


def _write(
    installation: Installation, children: list[str], dice: random.Random, count: int, round_: int
) -> None:
    """Several at once, until as many are acknowledged; what is under way when the servers die may be there or
    not."""
    tokens = {"suite": installation.token()}
    left = [count]
    lock = threading.Lock()

    def work(seed: int) -> None:
        own = random.Random(seed)
        while True:
            with lock:
                if left[0] <= 0:
                    return
                left[0] -= BUNDLE
            entries = [make.posted(make.encounter(own.choice(children), "suite")) for _ in range(BUNDLE)]
            with suppress(requests.RequestException):
                _asked(installation, "suite", "POST", "", make.bundle("transaction", *entries), tokens)

    threads = [threading.Thread(target=work, args=(dice.randrange(10**9),)) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()


def _asked(
    installation: Installation,
    agency: str,
    method: str,
    path: str,
    body: Any = None,
    tokens: dict[str, str] | None = None,
) -> requests.Response:
    token = (tokens or {}).get(agency) or installation.token(agency)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}
    return requests.request(
        method, f"{installation.origins[0]}/fhir/{path}".rstrip("/"), json=body, headers=headers, timeout=60
    )


def _everything_is_told(installation: Installation, told: list[Told]) -> dict[str, int]:
    """Wait for it; how many events each subscription has."""
    deadline = clock.monotonic() + PATIENCE
    while True:
        with embedded.running(installation.folder) as url:
            database = Database(url, pool_size=1)
            try:
                with database.begin() as connection:
                    row = t.subscription.c
                    found = connection.execute(
                        t.subscription.select().with_only_columns(row.id, row.numbered, row.sent, row.state)
                    ).all()
            finally:
                database.close()
        if all(each.numbered == each.sent for each in found) and not _behind(installation):
            return {each.id: each.numbered for each in found}
        assert clock.monotonic() < deadline, (found, installation.log())
        pause(0.5)


def _behind(installation: Installation) -> bool:
    with embedded.running(installation.folder) as url:
        database = Database(url, pool_size=1)
        try:
            with database.begin() as connection:
                return any(outbox.behind(connection).get(each) for each in ("subscription",))
        finally:
            database.close()


def _written(installation: Installation) -> dict[str, str]:
    """The child of each Encounter that is there."""
    with embedded.running(installation.folder) as url:
        database = Database(url, pool_size=1)
        try:
            with database.begin() as connection:
                row = t.resource.c
                found = connection.execute(
                    t.resource.select()
                    .with_only_columns(row.id, row.child)
                    .where(row.type == library().type_number("Encounter"))
                ).all()
                named = connection.execute(
                    t.resource.select()
                    .with_only_columns(row.rid, row.id)
                    .where(row.type == library().type_number("Patient"))
                ).all()
        finally:
            database.close()
    patients = {each.rid: each.id for each in named}
    return {id_: patients[child] for id_, child in found}


def _is_right(told: Told, numbered: int, written: dict[str, str]) -> None:
    seen: dict[int, str] = {}
    newest = 0
    for heard in told.listener.events:
        for each in heard.status["events"]:
            number, focus = int(each["event-number"]), each["focus"]["reference"].rpartition("/")[2]
            # Told again it is the same, and what was not told before comes next.
            assert seen.setdefault(number, focus) == focus
            assert number <= newest + 1
            newest = max(newest, number)
    assert sorted(seen) == list(range(1, numbered + 1))
    assert len(set(seen.values())) == len(seen), "a version was numbered twice"
    assert set(seen.values()) == {id_ for id_, child in written.items() if child in told.children}
