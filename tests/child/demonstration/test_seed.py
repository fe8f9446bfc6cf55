from collections import Counter
from datetime import date

import pytest

from server.child.demonstration.batches import batches
from server.cli.seed import Transact, unless_there, write
from server.fhir import Json

TODAY = date(2026, 11, 22)


class Broken(Exception):
    """The machine was switched off."""


class Record:
    """Takes transactions and remembers how far the loading has come; may break off."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, Json]] = []
        self.state: str | None = None
        self.breaks_at: int | None = None
        self.told: list[str] = []

    def record_as(self, agency: str) -> Transact:
        def transact(bundle: Json) -> Json:
            self.taken.append((agency, bundle))
            if len(self.taken) == self.breaks_at:
                raise Broken
            return {"resourceType": "Bundle", "type": "transaction-response"}

        return transact

    def load(self, today: date = TODAY) -> Counter[str]:
        return write(self.record_as, self.told.append, lambda: self.state, self._remember, today)

    def _remember(self, text: str) -> None:
        self.state = text


def test_everything_is_written_in_order_each_as_its_agency() -> None:
    record = Record()
    written = record.load()
    assert written["Patient"] == 300
    assert [agency for agency, _ in record.taken] == [agency for agency, _ in batches(TODAY)]
    assert record.told


def test_it_is_loaded_once() -> None:
    record = Record()
    record.load()
    count = len(record.taken)
    assert record.load(date(2027, 1, 15)).total() == 0
    assert len(record.taken) == count


@pytest.mark.parametrize("at", [1, 30, 200])
def test_after_a_break_it_goes_on_with_the_day_it_began_on(at: int) -> None:
    record = Record()
    record.breaks_at = at
    with pytest.raises(Broken):
        record.load()
    broken, record.taken, record.breaks_at = record.taken, [], None
    record.load(date(2027, 1, 15))
    expected = list(batches(TODAY if at > 1 else date(2027, 1, 15)))
    assert len(broken) - 1 + len(record.taken) == len(expected)
    # What was being written may have been stored before the break: it is asked for on condition.
    assert record.taken[0] == (expected[at - 1][0], unless_there(expected[at - 1][1]))
    assert record.taken[1:] == expected[at:]


def test_a_repeated_transaction_creates_nothing_twice() -> None:
    for _, bundle in batches(TODAY):
        for entry in unless_there(bundle)["entry"]:
            request = entry["request"]
            assert request["method"] == "PUT" or request["ifNoneExist"].startswith("identifier=http")
