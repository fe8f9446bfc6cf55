"""Fills a database with children, in step with the code: every resource goes through the record, as it does
for a client, but for HTTP.

Several processes write, each its share of the children, a transaction for every few.
"""

import multiprocessing
import sys
import time
from pathlib import Path

import psycopg2
from population import PER_CHILD, child, school

from server.interaction.opening import as_agency, door
from server.record.record import Record
from server.settings import read
from server.store.database import Database

ACCESS = Path(__file__).parent / "access"
INDEX_KEY = "0f" * 32
LOADER = "everyone"
CHILDREN_AT_ONCE = 4
"""Children in one transaction: all of them are there, or none."""
EVERY = 50
"""Corrections in one transaction."""


def opened(url, folder):
    """The door to a database, with the agencies of these measurements."""
    found = read({
        "DATABASE_URL": url,
        "CHILDRECORD_DATA": str(folder),
        "CHILDRECORD_ACCESS": str(ACCESS),
        "CHILDRECORD_INDEX_KEY": INDEX_KEY,
        "CHILDRECORD_STATEMENT_TIMEOUT": "30",
    })  # fmt: skip
    return door(found, Database(found.database_url, pool_size=2))


def grow(url, folder, children, workers=2):
    """The children that are not there yet; before the first of them, the organisations."""
    there = _there(url)
    starts = [n for n in range(0, children, CHILDREN_AT_ONCE) if f"c{n}" not in there]
    if not there:
        organizations(opened(url, folder), 100_000)
    parts = [(url, folder, starts[at::workers]) for at in range(workers)]
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        pool.starmap(children_of, parts)


def _there(url):
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT id FROM resource_patient")
        return {id_ for (id_,) in cursor.fetchall()}


def change(url, folder, children):
    """The day's work: a measurement of every tenth child is corrected, wherever in the record the child is.

    Without it what was changed last would be of the children that came last, and of nobody else.
    """
    record = opened(url, folder)
    for at in range(0, children, 10 * EVERY):
        chosen = (child(n) for n in range(at, min(at + 10 * EVERY, children), 10))
        _write(record, [one for each in chosen for one in each if one[0].endswith("-m2")], again=True)


def organizations(record, most):
    """The schools, as many as there may come to be, and the services."""
    names = {school(n) for n in (*range(364), *range(364, most + 333, 333))}
    names |= {"service-5000", "service-all", "school-0"}
    resources = [
        (name, {"resourceType": "Organization", "name": name, "active": True}) for name in sorted(names)
    ]
    for at in range(0, len(resources), 500):
        _write(record, resources[at : at + 500])


def children_of(url, folder, starts):
    """The children from each of these numbers on, in one process."""
    record, begun = opened(url, folder), time.monotonic()
    for done, n in enumerate(starts, 1):
        _write(record, [one for k in range(n, n + CHILDREN_AT_ONCE) for one in child(k)])
        if done % 500 == 0:
            rate = done * CHILDREN_AT_ONCE * PER_CHILD / (time.monotonic() - begun)
            print(f"child {n}: {rate:.0f} resources/s", file=sys.stderr, flush=True)


def _write(opened_door, resources, *, again=False):
    access = as_agency(opened_door, LOADER, "loader")
    with opened_door.database.transaction() as transaction:
        transaction.begin()
        record = Record(opened_door, transaction, access)
        for id_, resource in resources:
            if again:
                noted = {**resource, "note": [{"text": f"Corrected {time.time_ns()}."}]}
                record.update(resource["resourceType"], id_, {**noted, "id": id_})
            else:
                record.create(resource, id_)
        record.flush()
