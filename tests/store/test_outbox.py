"""Readers of the outbox: every row once, none missed, however late it was committed."""

import random
from threading import Thread

import pytest
from sqlalchemy import text

from server import clock
from server.store import outbox
from server.store.database import Database
from server.store.snapshot import Snapshot

READER = "test"


@pytest.fixture
def reader(database: Database) -> str:
    """One that begins now, and has nothing to read."""
    name = f"{READER}-{clock.new_id()}"
    with database.begin() as connection:
        outbox.begin(connection, name)
    return name


_INSERT = text(
    "INSERT INTO outbox (child, rid, version, type, interaction, author, at) "
    "VALUES (:rid, :rid, :version, 1, 'update', 1, clock_timestamp())"
)


def write(database: Database, rid: int, version: int = 1) -> None:
    with database.begin() as connection:
        connection.execute(_INSERT, {"rid": rid, "version": version})


def read(database: Database, reader: str, limit: int = 100) -> list[int]:
    with outbox.taken(database, reader, limit) as batch:
        assert batch is not None
        return [row.rid for row in batch.rows]


@pytest.fixture
def rids() -> range:
    start = random.randrange(2**40)
    return range(start, start + 1000)


def test_what_is_committed_late_is_read_late_and_nobody_waits_for_it(database, reader, rids):
    late = database.engine.connect()
    late.execute(_INSERT, {"rid": rids[0], "version": 1})
    write(database, rids[1])
    assert read(database, reader) == [rids[1]]
    write(database, rids[2])
    assert read(database, reader) == [rids[2]]
    late.commit()
    late.close()
    assert read(database, reader) == [rids[0]]
    assert read(database, reader) == []


def test_what_was_rolled_back_is_never_read(database, reader, rids):
    with database.engine.connect() as connection:
        connection.execute(_INSERT, {"rid": rids[0], "version": 1})
        connection.rollback()
    assert read(database, reader) == []


def test_a_block_that_raises_has_read_nothing(database, reader, rids):
    write(database, rids[0])
    with pytest.raises(ZeroDivisionError), outbox.taken(database, reader):
        raise ZeroDivisionError
    assert read(database, reader) == [rids[0]]


def test_pages_are_in_order_and_what_is_written_meanwhile_comes_after(database, reader, rids):
    for rid in rids[:7]:
        write(database, rid)
    found = read(database, reader, 3)
    write(database, rids[7])
    for _ in range(4):
        found += read(database, reader, 3)
    assert found == list(rids[:8])


def test_one_at_a_time_reads_for_a_reader_and_each_reader_reads_all(database, reader, rids):
    other = f"{reader}-other"
    with database.begin() as connection:
        outbox.begin(connection, other)
    write(database, rids[0])
    with outbox.taken(database, reader) as held:
        assert held is not None
        with outbox.taken(database, reader) as second:
            assert second is None
        assert read(database, other) == [rids[0]]


def test_every_row_of_many_writers_is_read_once_and_versions_in_order(database, reader, rids):
    written: list[tuple[int, int]] = []

    def writer(seed: int) -> None:
        order = random.Random(seed)
        for version in range(1, 30):
            with database.begin() as connection:
                connection.execute(_INSERT, {"rid": rids[seed], "version": version})
                if order.random() < 0.1:
                    connection.execute(text("SELECT pg_sleep(0.03)"))
            written.append((rids[seed], version))

    threads = [Thread(target=writer, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    found: list[tuple[int, int]] = []
    order = random.Random(0)
    while any(thread.is_alive() for thread in threads) or len(found) < len(written):
        with outbox.taken(database, reader, order.randint(1, 9)) as batch:
            assert batch is not None
            found += [(row.rid, row.version) for row in batch.rows]
    assert sorted(found) == sorted(written)
    for seed in range(4):
        versions = [version for rid, version in found if rid == rids[seed]]
        assert versions == sorted(versions)


def test_only_what_every_reader_has_read_is_forgotten(database, reader, rids):
    write(database, rids[0])
    with database.begin() as connection:
        outbox.prune(connection, clock.now())
    assert read(database, reader) == [rids[0]]


def test_a_database_that_counts_anew_is_read_from_now_on(database, reader, rids, caplog):
    with database.begin() as connection:
        connection.execute(
            text("UPDATE consumer SET snapshot = :far WHERE name = :name"),
            {"far": str(Snapshot(2**50)), "name": reader},
        )
    assert read(database, reader) == []
    write(database, rids[0])
    assert read(database, reader) == [rids[0]]
    assert "counts its transactions anew" in caplog.text
