"""Fills a database with children, in step with the code: every resource goes through the record, as it does
for a client, but for HTTP.

Several processes write, each its share of the children, a transaction for every few.
"""

import multiprocessing
import sys
import time
from pathlib import Path

from population import PER_CHILD, child, school

from server.interaction.opening import as_agency, door
from server.record.record import Record
from server.settings import read
from server.store.database import Database

ACCESS = Path(__file__).parent / "access"
INDEX_KEY = "0f" * 32
LOADER = "everyone"
CHILDREN_AT_ONCE = 4


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


def grow(url, folder, first, last, workers=2):
    """Children `first` to `last` - 1, and before them, once, the organisations."""
    if first == 0:
        _organizations(opened(url, folder), 100_000)
    share = -(-(last - first) // workers)
    parts = [(url, folder, low, min(low + share, last)) for low in range(first, last, share)]
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        pool.starmap(_children, parts)


def _organizations(record, most):
    names = {school(n) for n in (*range(364), *range(364, most + 333, 333))}
    names |= {"service-5000", "service-all", "school-0"}
    resources = [
        (name, {"resourceType": "Organization", "name": name, "active": True}) for name in sorted(names)
    ]
    for at in range(0, len(resources), 500):
        _write(record, resources[at : at + 500])


def _children(url, folder, low, high):
    record = opened(url, folder)
    begun = time.monotonic()
    for n in range(low, high, CHILDREN_AT_ONCE):
        _write(record, [one for k in range(n, min(n + CHILDREN_AT_ONCE, high)) for one in child(k)])
        if n % 2000 < CHILDREN_AT_ONCE:
            rate = (n - low) * PER_CHILD / (time.monotonic() - begun)
            print(f"child {n} of {low}-{high}: {rate:.0f} resources/s", file=sys.stderr, flush=True)


def _write(opened_door, resources):
    access = as_agency(opened_door, LOADER, "loader")
    with opened_door.database.transaction() as transaction:
        transaction.begin()
        record = Record(opened_door, transaction, access)
        for id_, resource in resources:
            record.create(resource, id_)
        record.flush()
