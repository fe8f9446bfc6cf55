import os

import pytest

from server.store import liveness
from server.store.liveness import Liveness


@pytest.fixture
def process(database):
    return Liveness(database)


def test_as_long_as_nobodys_access_ends_nothing_moves(process):
    assert process.mark() == process.mark()


def test_whoever_ends_somebodys_access_moves_it_at_once(database, process):
    before = process.mark()
    liveness.ended(database)
    assert process.mark() != before


def test_a_process_that_was_forked_moves_it_for_all(process):
    before = process.mark()
    child = os.fork()
    if child == 0:
        # As `ended` does it, without the connections of the process it comes from.
        liveness.move()
        os._exit(0)
    os.waitpid(child, 0)
    assert process.mark() != before


def test_another_machine_is_heard_of_within_a_second(database, process, monkeypatch):
    monkeypatch.setattr(liveness, "move", lambda: None)
    before = process.mark()
    liveness.ended(database)
    assert process.mark() == before
    now = liveness.clock.monotonic()
    monkeypatch.setattr(liveness.clock, "monotonic", lambda: now + liveness.LOOK)
    assert process.mark() != before
