"""Nothing is added to history below an instant that somebody has read to, whoever writes what when."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from server.fhir.issue import Contended
from server.store import horizon, tables, writing
from server.store.database import Database, Transaction
from server.store.row import Row

MS = timedelta(milliseconds=1)
_rids = iter(range(1, 1_000_000))


def now():
    at = datetime.now(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def row(at, rid=None):
    rid = next(_rids) if rid is None else rid
    return Row(96, f"r{rid}", rid, rid, 1, 1, at, "{}")


def write(transaction, at):
    """A version stamped at an instant; its rid."""
    new = row(at)
    writing.write(transaction.connection, [new], [], [], transaction.to_hold(at))
    return new.rid


def write_alone(database, at, *, begun=False):
    """A version in a transaction of its own."""
    with database.transaction() as transaction:
        if begun:
            transaction.begin()
        write(transaction, at)


def read(database):
    """What is read to the horizon: the horizon, and the rids below it."""
    with database.transaction() as transaction:
        end = horizon.reached(transaction, patience=0.02)
        found = select(tables.resource.c.rid).where(tables.resource.c.last_updated <= end)
        return end, set(transaction.connection.execute(found).scalars())


@pytest.fixture
def moment(database):
    """A stamp that nobody has read past."""
    with database.transaction() as transaction:
        return horizon.hold(transaction)


def test_what_is_committed_is_below_the_horizon(database, moment):
    with database.transaction() as transaction:
        rid = write(transaction, moment)
    end, found = read(database)
    assert end >= moment
    assert rid in found


def test_the_horizon_stops_ahead_of_a_writer_and_passes_it_when_it_is_done(database, moment):
    with database.transaction() as writer:
        writer.begin()
        rid = write(writer, moment)
        end, found = read(database)
        assert end == moment - MS
        assert rid not in found
    end, found = read(database)
    assert end >= moment
    assert rid in found


def test_the_horizon_passes_a_writer_that_gave_up(database, moment):
    with database.transaction() as writer:
        writer.begin()
        write(writer, moment)
        writer.undo()
        writer._begun = False
    assert read(database)[0] >= moment


def test_a_reader_waits_for_a_writer_that_is_nearly_done(database, moment):
    writing_now, done = threading.Event(), []

    def slow():
        with database.transaction() as writer:
            writer.begin()
            rid = write(writer, moment)
            writing_now.set()
            time.sleep(0.05)
            done.append(rid)

    thread = threading.Thread(target=slow)
    thread.start()
    assert writing_now.wait(10)
    with database.transaction() as transaction:
        end = horizon.reached(transaction, patience=10)
        found = select(tables.resource.c.rid).where(tables.resource.c.last_updated <= end)
        assert done[0] in set(transaction.connection.execute(found).scalars())
    thread.join()


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("before", [0 * MS, MS, timedelta(days=1)], ids=str)
def test_what_is_stamped_at_or_before_the_horizon_is_not_written(database, begun, before):
    end, _ = read(database)
    with pytest.raises(Contended):
        write_alone(database, end - before, begun=begun)
    with database.autocommit() as connection:
        late = select(tables.resource.c.rid).where(tables.resource.c.last_updated == end - before)
        assert not connection.execute(late).all()


def test_a_stamp_that_is_held_is_after_the_horizon_even_if_the_clock_is_behind(database, monkeypatch):
    end, _ = read(database)
    monkeypatch.setattr(horizon.clock, "now", lambda: end - timedelta(hours=1))
    with database.transaction() as writer:
        stamp = horizon.hold(writer)
        assert stamp == end + MS
        write(writer, stamp)


def test_what_is_held_is_written_however_often_history_is_read_meanwhile(database):
    with database.transaction() as writer:
        stamp, rids = horizon.hold(writer), set()
        for _ in range(3):
            assert read(database)[0] < stamp
            rids.add(write(writer, stamp))
    assert rids <= read(database)[1]


def test_the_horizon_never_goes_back(database, monkeypatch):
    end, _ = read(database)
    with monkeypatch.context() as patch:
        patch.setattr(horizon.clock, "now", lambda: end - timedelta(hours=1))
        read(database)
    with pytest.raises(Contended):
        write_alone(database, end)


def test_a_transaction_sees_what_it_wrote_itself(database):
    with database.transaction() as writer:
        stamp = horizon.hold(writer)
        write(writer, stamp)
        assert horizon.reached(writer, patience=0) >= stamp


def test_locks_that_are_not_of_writers_hold_nobody_up(database):
    with database.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(1), pg_advisory_xact_lock_shared(838)"))
        before = now()
        assert read(database)[0] >= before


def test_a_writer_holds_up_only_who_reads_its_own_database(database, new_database, moment):
    with new_database() as url:
        other = Database(url)
        with other.transaction() as writer:
            writer.begin()
            write(writer, moment)
            assert read(database)[0] > moment
        other.close()


class _GivenUp(Exception):
    pass


class Traffic:
    """Writers of all kinds, and readers who each remember only how far they came."""

    def __init__(self, database):
        self.database = database
        self.stop, self.done = threading.Event(), threading.Event()
        self.written, self.overtaken = set(), 0

    def write(self, at):
        count = 0
        while not self.stop.is_set():
            count += 1
            try:
                self.written.update(self._one(at + count))
            except Contended:
                self.overtaken += 1
            except _GivenUp:
                pass

    def _one(self, at):
        """Stamped, and committed some time after; or not at all."""
        stamp = now()
        time.sleep((0, 0.0005, 0.004)[at % 3])
        with self.database.transaction() as transaction:
            if at % 5 == 0:
                stamp = horizon.hold(transaction)
            elif at % 2:
                transaction.begin()
            rids = {write(transaction, stamp) for _ in range(1 + at % 2 * 2)}
            if transaction.begun:
                self._dawdle(at)
        return rids

    def _dawdle(self, at):
        time.sleep((0, 0.002, 0.02, 0.4 if at % 50 == 7 else 0)[at % 4])
        if at % 7 == 0:
            raise _GivenUp

    def read(self):
        """Each instant is read once, and never looked at again."""
        seen, since = set(), datetime(2000, 1, 1, tzinfo=UTC)
        last, r = False, tables.resource.c
        while not last:
            last = self.done.is_set()
            with self.database.transaction() as transaction:
                end = horizon.reached(transaction, patience=0.01)
                found = select(r.rid).where(r.last_updated > since, r.last_updated <= end)
                seen.update(transaction.connection.execute(found).scalars())
            since = max(since, end)
            time.sleep(0.003)
        return seen


@pytest.mark.soak
def test_who_reads_on_from_the_horizon_misses_nothing(new_database, is_soak):
    with new_database() as url:
        database = Database(url, pool_size=16)
        traffic = Traffic(database)
        with ThreadPoolExecutor(6) as writers, ThreadPoolExecutor(4) as readers:
            reading = [readers.submit(traffic.read) for _ in range(4)]
            acts = [writers.submit(traffic.write, at) for at in range(6)]
            time.sleep(60 if is_soak else 3)
            traffic.stop.set()
            for act in acts:
                act.result()
            traffic.done.set()
            found = [each.result() for each in reading]
        database.close()
    assert all(each == traffic.written for each in found)
    assert len(traffic.written) > 100
    assert traffic.overtaken, "No writer was ever overtaken: nothing was tried."


def test_one_statement_holds_no_longer_than_it_runs(database, moment):
    with database.transaction() as transaction:
        write(transaction, moment)
        assert isinstance(transaction, Transaction)
        assert transaction.held is None
        assert read(database)[0] >= moment
