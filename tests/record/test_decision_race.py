"""A decision not to share holds from its commit, whoever is writing about the child at that moment."""

import threading

from tests import make
from tests.access.test_decision import not_shared

WRITERS, VISITS = 3, 12


def test_no_write_that_runs_beside_the_decision_shows_what_it_hides(suite, school, health, child):
    begun, done = threading.Semaphore(0), []

    def write():
        for _ in range(VISITS):
            done.append(health.post(make.encounter(child, "health")).status)
            begun.release()

    writers = [threading.Thread(target=write) for _ in range(WRITERS)]
    for each in writers:
        each.start()
    for _ in range(WRITERS):
        assert begun.acquire(timeout=20)
    assert suite.post(not_shared(child, "school")).status == 201
    seen = []
    while any(each.is_alive() for each in writers):
        seen += school.search(f"Encounter?patient={child}").ids
    seen += school.search(f"Encounter?patient={child}").ids
    assert set(done) == {201}
    assert seen == []
    assert health.search(f"Encounter?patient={child}&_count=0").json["total"] == WRITERS * VISITS
