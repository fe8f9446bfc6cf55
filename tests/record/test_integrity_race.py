"""A reference and a deletion that do not see each other: one waits for the other, whoever comes first."""

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting

import pytest

from server.interaction.opening import as_agency
from server.record.record import Record
from tests import make

MOMENT = 0.2
"""Seconds after which who has not ended is taken to wait."""

WAYS = {
    "by a search parameter": lambda to: {"partOf": make.reference(to)},
    "by an extension": lambda to: {
        "extension": [{"url": "https://example.org/e", "valueReference": make.reference(to)}]
    },
}


@pytest.fixture
def keeper(client_with):
    return client_with("keeper")


@pytest.fixture
def at_work(app):
    """A transaction of another caller that is not over yet: `with at_work() as record:`."""
    door = app.extensions["door"]

    class AtWork:
        def __enter__(self):
            self._context = door.database.transaction()
            return Record(door, self._context.__enter__(), as_agency(door, "keeper", "at-work"))

        def __exit__(self, *error):
            return self._context.__exit__(*error)

    return AtWork


def waiting(call):
    """A call in the background, once it is seen to wait."""
    threads = ThreadPoolExecutor(1)
    future = threads.submit(call)
    with pytest.raises(StillWaiting):
        future.result(MOMENT)
    threads.shutdown(wait=False)
    return future


@pytest.mark.parametrize("way", WAYS)
def test_a_deletion_waits_for_who_is_writing_a_reference_and_is_refused(keeper, at_work, way):
    id = keeper.post({"resourceType": "Organization", "name": "x"}).id
    with at_work() as record:
        record.create({"resourceType": "Organization", "name": "y", **WAYS[way](f"Organization/{id}")})
        record.settle()
        deletion = waiting(lambda: keeper.delete(f"Organization/{id}"))
    assert deletion.result(10).status == 409
    assert keeper.get(f"Organization/{id}").status == 200


@pytest.mark.parametrize("way", WAYS)
def test_a_reference_waits_for_who_is_deleting_and_is_refused(keeper, at_work, way):
    id = keeper.post({"resourceType": "Organization", "name": "x"}).id
    sent = {"resourceType": "Organization", "name": "y", **WAYS[way](f"Organization/{id}")}
    with at_work() as record:
        record.delete("Organization", id)
        record.settle()
        reference = waiting(lambda: keeper.post(sent))
    assert reference.result(10).status == 422
    assert keeper.get(f"Organization/{id}").status == 410
