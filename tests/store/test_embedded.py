import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from server import clock
from server.store import embedded

SMALL = {"shared_buffers": "16MB", "max_connections": "20"}


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not tmp_path: pytest closes that to other users, and PostgreSQL does not run as root.
    with tempfile.TemporaryDirectory(prefix="childrecord-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def ask(url: str, query: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def postmaster(folder: Path) -> int:
    return int((folder / "postgresql" / "postmaster.pid").read_text().split("\n", 1)[0])


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_data_of_one_start_is_there_at_the_next(folder):
    with embedded.running(folder, SMALL) as url:
        ask(url, "CREATE TABLE kept AS SELECT 1 AS value")
    with embedded.running(folder, SMALL) as url:
        assert ask(url, "SELECT value FROM kept") == [(1,)]


def test_the_last_user_stops_it_and_no_other(folder):
    with embedded.running(folder, SMALL) as url:
        pid = postmaster(folder)
        with embedded.running(folder, SMALL):
            assert postmaster(folder) == pid
        assert ask(url, "SELECT 1") == [(1,)]
    assert not is_alive(pid)


def test_after_a_kill_it_starts_again_by_itself_with_what_was_committed(folder):
    with embedded.running(folder, SMALL) as url:
        ask(url, "CREATE TABLE kept AS SELECT 1 AS value")
        killed = postmaster(folder)
        os.kill(killed, signal.SIGKILL)
        deadline = clock.monotonic() + 20
        while True:
            try:
                assert ask(url, "SELECT value FROM kept") == [(1,)]
                break
            except psycopg2.OperationalError:
                assert clock.monotonic() < deadline
        assert postmaster(folder) != killed


def test_a_number_left_by_a_dead_server_and_given_to_another_process_does_not_stop_the_start(folder):
    with embedded.running(folder, SMALL):
        left = (folder / "postgresql" / "postmaster.pid").read_text().split("\n")
    left[0] = str(os.getpid())
    (folder / "postgresql" / "postmaster.pid").write_text("\n".join(left))
    with embedded.running(folder, SMALL) as url:
        assert ask(url, "SELECT 1") == [(1,)]


def test_a_first_start_cut_short_leaves_nothing_in_the_way(folder):
    (folder / "postgresql.new").mkdir(parents=True)
    (folder / "postgresql.new" / "PG_VERSION").write_text("18\n")
    with embedded.running(folder, SMALL) as url:
        assert ask(url, "SELECT 1") == [(1,)]


def test_a_folder_with_a_path_too_long_for_a_socket_is_served_all_the_same(folder):
    deep = folder / ("x" * 60) / ("y" * 60)
    with embedded.running(deep, SMALL) as url:
        assert ask(url, "SELECT 1") == [(1,)]


def test_the_folder_of_another_version_is_refused(folder):
    (folder / "postgresql").mkdir(parents=True)
    (folder / "postgresql" / "PG_VERSION").write_text("15\n")
    with (
        pytest.raises(embedded.NotStarted, match=r"made by PostgreSQL 15; this is 18"),
        embedded.running(folder),
    ):
        pass


def test_what_is_acknowledged_is_on_disk(folder):
    with embedded.running(folder, SMALL) as url:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            assert ask(url, f"SHOW {name}") == [("on",)]


def test_it_listens_on_no_network_and_its_socket_is_closed_to_others(folder):
    with embedded.running(folder, SMALL) as url:
        assert ask(url, "SHOW listen_addresses") == [("",)]
        assert (folder / "postgresql").stat().st_mode & 0o077 == 0


def test_a_failed_statement_leaves_no_data_in_the_log(folder):
    with embedded.running(folder, SMALL) as url:
        ask(url, "CREATE TABLE secret (name text PRIMARY KEY)")
        ask(url, "INSERT INTO secret VALUES ('Persephone')")
        with pytest.raises(psycopg2.errors.UniqueViolation):
            ask(url, "INSERT INTO secret VALUES ('Persephone')")
    log = (folder / "postgresql.log").read_text()
    assert "duplicate key" in log
    assert "Persephone" not in log
