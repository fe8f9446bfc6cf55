"""What was done is sealed: whatever is altered, removed, added, put in another order or cut off is found."""

from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from random import Random
from threading import Thread

import pytest
from sqlalchemy import text

from server import clock
from server.record.sealing.key import Key
from server.record.sealing.seal import REST, seal
from server.record.sealing.verify import verify
from server.store import audit, seals
from server.store.database import Database
from server.store.row import Entry
from server.store.snapshot import BEGINNING, Snapshot
from tests.record.tamper import _ANOTHER, ACTS

KEY = Key(bytes(range(32)))
AT_ONCE = timedelta()


def line(number, **more):
    said = Entry(
        clock.new_id(), clock.now(), 1 + number % 3, f"client-{number % 5}", "read", 7, f"query {number}",
        200, child=number % 4, hits=(number,),
    )  # fmt: skip
    return replace(said, **more)


@pytest.fixture
def fresh(new_database):
    """A database in which nothing was done."""
    with new_database() as url:
        database = Database(url)
        yield database
        database.close()


@pytest.fixture
def anchors(tmp_path):
    return tmp_path / "audit.anchors"


def written(database, *lines):
    with database.autocommit() as connection:
        for each in lines:
            audit.record(connection, each)


def report(database, *files, keys=(KEY.public,)):
    with database.autocommit() as connection:
        return verify(connection, keys, files)


def test_what_is_written_is_sealed_once_and_in_order(fresh, anchors):
    for number in range(5):
        written(fresh, line(number), line(number, child=0, children=(1, 2)))
        assert sum(each.rows for each in seal(fresh, KEY, anchors, AT_ONCE)) == 2
    assert seal(fresh, KEY, anchors, AT_ONCE) == []
    found = report(fresh, anchors)
    assert (found.faults, found.rows, found.seals, found.anchors) == ([], 10, 5, 5)
    assert (found.unsealed, found.unanchored) == ([], 0)


def test_a_row_that_is_committed_late_is_in_the_next_seal(fresh, anchors):
    with fresh.begin() as late:
        audit.record(late, line(1))
        written(fresh, line(2))
        assert sum(each.rows for each in seal(fresh, KEY, anchors, AT_ONCE)) == 1
        written(fresh, line(3))
        assert sum(each.rows for each in seal(fresh, KEY, anchors, AT_ONCE)) == 1
    assert sum(each.rows for each in seal(fresh, KEY, anchors, AT_ONCE)) == 1
    assert report(fresh, anchors).faults == []


def test_a_lane_rests_between_two_seals(fresh, anchors):
    written(fresh, line(1))
    assert seal(fresh, KEY, anchors)
    written(fresh, line(2))
    assert seal(fresh, KEY, anchors, REST) == []


def test_a_seal_ends_where_it_grows_too_long(fresh, anchors, monkeypatch):
    monkeypatch.setattr(seals, "_cut", seals.Prepared(_short(3)))
    written(fresh, *map(line, range(10)))
    made = []
    while some := seal(fresh, KEY, anchors, AT_ONCE):
        made += some
    assert [each.rows for each in made] == [4, 4, 2]
    assert report(fresh, anchors).faults == []


def _short(most):
    from sqlalchemy import bindparam, select

    row = seals.t.audit.c
    asked = (row.lane == bindparam("lane"), row.xid >= seals._since)
    return select(row.xid).where(*asked).order_by(row.xid).offset(most).limit(1)


def test_sealers_at_the_same_time_make_one_chain(fresh, anchors, database_url):
    with ExitStack() as stack:
        others = [Database(str(fresh.engine.url.render_as_string(hide_password=False))) for _ in range(3)]
        stack.callback(lambda: [each.close() for each in others])

        def sealing(database):
            for _ in range(15):
                seal(database, KEY, anchors, AT_ONCE)

        threads = [Thread(target=sealing, args=(each,)) for each in others]
        for each in threads:
            each.start()
        for number in range(60):
            written(fresh, line(number))
        for each in threads:
            each.join()
    seal(fresh, KEY, anchors, AT_ONCE)
    found = report(fresh, anchors)
    assert (found.faults, found.rows, found.unanchored) == ([], 60, 0)


def test_what_is_not_sealed_yet_is_no_fault(fresh):
    written(fresh, line(1))
    found = report(fresh)
    assert found.faults == []
    assert len(found.unsealed) == 1


def test_a_seal_without_an_anchor_is_told_of_and_an_anchor_without_a_seal_is_a_fault(
    fresh, anchors, tmp_path
):
    written(fresh, line(1))
    seal(fresh, KEY, anchors, AT_ONCE)
    written(fresh, line(2))
    seal(fresh, KEY, tmp_path / "elsewhere", AT_ONCE)
    found = report(fresh, anchors)
    assert (found.faults, found.unanchored) == ([], 1)
    with fresh.begin() as connection:
        connection.execute(text("DELETE FROM audit_seal WHERE number = 1"))
    assert report(fresh, anchors).faults == []
    [fault] = report(fresh, anchors, tmp_path / "elsewhere").faults
    assert "anchored and are gone" in fault


def test_an_anchor_that_was_not_ended_is_passed_over_and_a_false_one_is_a_fault(fresh, anchors):
    written(fresh, line(1))
    seal(fresh, KEY, anchors, AT_ONCE)
    whole = anchors.read_text()
    anchors.write_text(whole.rstrip()[:-30])
    written(fresh, line(2))
    seal(fresh, KEY, anchors, AT_ONCE)
    assert report(fresh, anchors).faults == []
    anchors.write_text(whole.replace('"number":0', '"number":7'))
    assert report(fresh, anchors).faults
    anchors.write_text(whole.replace('"hash":"', '"hash":"00'))
    [fault] = report(fresh, anchors).faults
    assert "its signature is false" in fault


def test_a_key_that_was_not_given_is_not_trusted(fresh, anchors):
    written(fresh, line(1))
    seal(fresh, Key(bytes(32)), anchors, AT_ONCE)
    assert "was not given" in report(fresh, anchors).faults[0]
    assert report(fresh, anchors, keys=(KEY.public, Key(bytes(32)).public)).faults == []


def test_every_column_is_among_those_that_can_be_altered():
    assert _ANOTHER.keys() == {column.name for column in seals.t.audit.columns}
    assert set(seals.FORMS[seals.FORM]) == set(_ANOTHER)


@pytest.fixture(scope="module")
def kept(database, tmp_path_factory):
    """An audit of some days: several lanes, each with several seals; and its anchors."""
    file = tmp_path_factory.mktemp("anchors") / "audit.anchors"
    url = database.engine.url.render_as_string(hide_password=False)
    for sealed in range(12):
        other = Database(url)
        written(other, *(line(sealed * 10 + each) for each in range(8)))
        written(other, line(sealed, child=0, children=(sealed, sealed + 1)))
        other.close()
        seal(database, KEY, file, AT_ONCE)
    assert report(database, file).faults == []
    return database, file


@pytest.mark.parametrize("name", sorted(ACTS))
def test_whoever_tampers_with_what_is_sealed_is_found(kept, name, is_soak):
    database, file = kept
    for seed in range(1_000 // len(ACTS) + 1 if is_soak else 8):
        with database.engine.connect() as connection:
            ACTS[name](connection, Random(f"{name} {seed}"))
            assert verify(connection, [KEY.public], [file]).faults, f"{name}, seed {seed}"
            connection.rollback()


def test_each_column_of_a_row_is_sealed(kept):
    database, file = kept
    for column, other in _ANOTHER.items():
        with database.engine.connect() as connection:
            first = "(SELECT id FROM audit ORDER BY id LIMIT 1)"
            connection.execute(text(f"UPDATE audit SET {column} = {other} WHERE id = {first}"))
            assert verify(connection, [KEY.public], [file]).faults, column
            connection.rollback()


@pytest.mark.parametrize(
    ("text", "sees", "does_not"),
    [("5:5:", (1, 4), (5, 6)), ("5:9:5,7", (4, 6, 8), (5, 7, 9)), (str(BEGINNING), (), (0, 1))],
)
def test_a_snapshot_sees_what_was_over(text, sees, does_not):
    found = Snapshot.parse(text)
    assert all(map(found.sees, sees))
    assert not any(map(found.sees, does_not))
    assert Snapshot.parse(str(found)) == found
