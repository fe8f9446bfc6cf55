"""What a new child costs among a million, and `$match`: `make million`.

The database stays in `--folder`, and is made once. Beside the time on the clock stands the time that processors
worked, the server's and the database's: the same on a busy machine. A create is the answer and the comparison
that follows it.
"""

import argparse
import random
import re
import statistics
import sys
import time
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg2
from load import AT_ONCE, load, patient, settings

import population  # noqa: I001  (its folder is known to `load`)

from server.fhir.exchange import FhirRequest
from server.fhir.issue import Resembling
from server.interaction.opening import as_agency, door
from server.interaction.router import respond
from server.job.comparer import Comparer
from server.settings import read
from server.store import embedded, migrate
from server.store.database import Database

_QUICK = {"shared_buffers": "4GB", "max_wal_size": "16GB", "maintenance_work_mem": "512MB"}
_PROCESSOR = re.compile(r"\) . (?:\S+ ){10}(\d+) (\d+) ")
_TICKS = 100


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--children", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/million-children"))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--times", type=int, default=300)
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    with embedded.running(chosen.folder.absolute(), _QUICK) as url:
        database = Database(url, pool_size=1)
        migrate.migrate(database.engine)
        database.close()
        there = _asked(url, "SELECT count(*) FROM likeness")
        if there < chosen.children:
            begun = time.monotonic()
            load(url, chosen.folder, chosen.children - there, chosen.processes)
            print(f"loaded in {time.monotonic() - begun:.0f} s", file=sys.stderr)
        measure(url, chosen.folder, chosen.times)


def measure(url, folder, times):
    found = read(settings(url, folder))
    opened = door(found, Database(found.database_url, pool_size=2))
    comparer = Comparer(opened)
    print(f"{_asked(url, 'SELECT count(*) FROM likeness'):,} children")
    print("| | median, ms | 95 %, ms | processors, ms | of that the database |")
    print("|---|---|---|---|---|")
    dice = random.Random(time.time_ns())
    for name, agency, path, children in (
        ("create, nobody is alike", "school", "Patient", strangers),
        ("create, resembles a hidden child", "school", "Patient", doubles),
        ("create, refusing mode", "refusing", "Patient", strangers),
        ("create, refused", "refusing", "Patient", doubles),
        ("`$match`, nobody is alike", "authority", "Patient/$match", strangers),
        ("`$match`, somebody is", "authority", "Patient/$match", doubles),
        ("`$match`, somebody hidden is", "school", "Patient/$match", doubles),
    ):
        client = Client(opened, agency)
        line(name, url, times, client.post, path, children(url, dice, times + 30), comparer)
    opened.database.close()


class Client:
    """As any other, from the parsed request to the answer's bytes, audit included; the network, HTTP and the
    token are left out."""

    def __init__(self, opened, agency):
        self._opened = opened
        self._access = as_agency(opened, agency, f"bench-{agency}")

    def post(self, path, body):
        with suppress(Resembling):
            assert respond(FhirRequest("POST", path, (), {}, body), self._opened, self._access).body


def line(name, url, times, ask, path, children, comparer):
    for child in children[:30]:
        ask(path, child)
    _rest(comparer)
    clocks, worked = [], [_work(url)]
    for child in children[30:]:
        begun = time.perf_counter()
        ask(path, child)
        clocks.append(1000 * (time.perf_counter() - begun))
    worked.append(_work(url))
    _row(name, clocks, worked, times)
    behind, worked = [], [_work(url)]
    begun = time.perf_counter()
    while comparer.work():
        behind.append(1000 * (time.perf_counter() - begun))
        begun = time.perf_counter()
    worked.append(_work(url))
    if behind:
        _row("— the comparison after it", behind, worked, len(behind))


def _row(name, clocks, worked, times):
    (own, databases), (own_after, databases_after) = worked
    database = 1000 * (databases_after - databases) / times
    total = 1000 * (own_after - own) / times + database
    ordered = sorted(clocks)
    print(
        f"| {name} | {statistics.median(clocks):.1f} | {ordered[int(0.95 * len(ordered))]:.1f} "
        f"| {total:.1f} | {database:.1f} |",
        flush=True,
    )


def _rest(comparer):
    while comparer.work():
        pass


def _work(url):
    """(seconds that this process worked, and all of the database's backends that live)."""
    connection = psycopg2.connect(url)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        pids = [pid for (pid,) in cursor.fetchall()]
    connection.close()
    ticks = 0
    for pid in pids:
        found = _PROCESSOR.search(Path(f"/proc/{pid}/stat").read_text())
        ticks += int(found[1]) + int(found[2])
    return time.process_time(), ticks / _TICKS


def strangers(url, dice, count):
    """Children as they are, none of whom is known."""
    made = population.children(max(count, 200), dice.randrange(10**6, 10**9))
    return [patient(each, dice.randint(1, _parts(url))) for each in dice.sample(made, count)]


def doubles(url, dice, count):
    """Children who are known, each with a slip."""
    found = []
    for seed in dice.choices(range(1, _parts(url) + 1), k=3):
        for each in dice.sample(population.children(AT_ONCE, seed), count // 3 + 1):
            slip = replace(
                each, given=each.given[:1], born=each.born + timedelta(days=dice.choice((0, 0, 1)))
            )
            found.append(patient(slip, seed))
    return found[:count]


def _parts(url):
    return max(1, _asked(url, "SELECT count(*) FROM likeness") // AT_ONCE)


def _asked(url, sql):
    connection = psycopg2.connect(url)
    try:
        cursor = connection.cursor()
        cursor.execute(sql)
        return cursor.fetchone()[0]
    finally:
        connection.close()


if __name__ == "__main__":
    main()
