"""A child of which much is known is merged and taken apart within seconds, and nobody waits for it."""

from datetime import date, timedelta
from itertools import islice
from threading import Event, Thread
from time import monotonic

import pytest

from tests import make
from tests.operation.merging import merge, unmerge

_AT_ONCE = 200
_LIMIT = 5.0


@pytest.mark.soak
@pytest.mark.parametrize("large", ["source", "target"])
def test_while_a_large_child_is_merged_others_read_and_write(client_with, suite, large, is_soak):
    records, number = client_with("records"), 10_000 if is_soak else 1_000
    source, target, other = make.word("source-"), make.word("target-"), make.word("other-")
    patients = [make.put(make.child(id=id)) for id in (source, target, other)]
    assert suite.post(make.bundle("transaction", *patients)).status == 200
    about = source if large == "source" else target
    every = (make.posted(each) for each in known(about, number))
    for some in batched(every, _AT_ONCE):
        assert suite.post(make.bundle("transaction", *some)).status == 200
    with Meanwhile(suite, source, other) as meanwhile:
        assert timed(lambda: merge(records, source, target)) < _LIMIT
        found = suite.get(f"Observation?patient={source}&_summary=count").json["total"]
        assert found == number == suite.get(f"Observation?patient={target}&_summary=count").json["total"]
        assert timed(lambda: unmerge(records, source)) < _LIMIT
    assert suite.get(f"Observation?patient={about}&_summary=count").json["total"] == number
    assert meanwhile.slowest < 1.0, meanwhile.slowest
    assert meanwhile.answers == {200, 201}


def known(about, number):
    """What a school and others say of a child: marks, each of which claims its session, and Observations."""
    first = date(2015, 9, 1)
    for at in range(number // 2):
        day = (first + timedelta(at // 2)).isoformat()
        yield make.mark(about, "school", date=day, session=("am", "pm")[at % 2])
        yield make.observation(about, effectiveDateTime=day)


def batched(every, size):
    while some := tuple(islice(every, size)):
        yield some


def timed(act):
    start = monotonic()
    assert act().status == 200
    return monotonic() - start


class Meanwhile:
    """Reads what is merged, and writes about another child, as long as the block."""

    def __init__(self, caller, read, written):
        self.answers, self.slowest = set(), 0.0
        self._caller, self._end = caller, Event()
        self._thread = Thread(target=self._ask, args=(read, written))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._end.set()
        self._thread.join()

    def _ask(self, read, written):
        while not self._end.is_set():
            for act in (
                lambda: self._caller.get(f"Patient/{read}"),
                lambda: self._caller.get(f"Observation?patient={read}&_count=5"),
                lambda: self._caller.post(make.observation(written)),
            ):
                start = monotonic()
                self.answers.add(act().status)
                self.slowest = max(self.slowest, monotonic() - start)
