"""Measures a record at growing sizes: `make scale SIZES="500000 8000000"`, in resources.

The database stays in `--folder`, and is filled further from where it stands. The tables and curves go to
docs/performance.md.
"""

import argparse
import json
import sys
from pathlib import Path

import psycopg2

sys.path.insert(0, str(Path(__file__).parent))

import grow  # noqa: E402
import report  # noqa: E402
from measure import measured  # noqa: E402
from population import PER_CHILD  # noqa: E402

from server.store import embedded, migrate  # noqa: E402
from server.store.database import Database  # noqa: E402

_QUICK = {
    "shared_buffers": "4GB",
    "max_wal_size": "16GB",
    "synchronous_commit": "off",
    "maintenance_work_mem": "512MB",
}
"""Of a machine with 16 GB to spare: the measurements are of what is in memory."""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=[500_000, 1_000_000, 2_000_000])
    parser.add_argument("--folder", type=Path, default=Path("data/scale"))
    parser.add_argument("--out", type=Path, default=Path("bench/results/scale.json"))
    parser.add_argument("--times", type=int, default=21)
    chosen = parser.parse_args()
    found = json.loads(chosen.out.read_text()) if chosen.out.exists() else {}
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.folder.mkdir(parents=True, exist_ok=True)
    with embedded.running(chosen.folder.absolute(), _QUICK) as url:
        database = Database(url, pool_size=1)
        migrate.migrate(database.engine)
        database.close()
        for size in sorted(chosen.sizes):
            children = size // PER_CHILD
            if kept(url) < children:
                grow.grow(url, chosen.folder, children)
                grow.change(url, chosen.folder, children)
            settle(url)
            found[str(size)] = {
                "families": measured(url, chosen.folder, chosen.times),
                "bytes": bytes_per_resource(url),
            }
            chosen.out.write_text(json.dumps(found, indent=1))
            report.write(found)


def kept(url):
    """How many children there are already."""
    return asked(url, "SELECT count(*) FROM resource_patient")[0][0]


def settle(url):
    """As autovacuum leaves a record that is in use."""
    asked(url, "VACUUM (ANALYZE)")
    asked(url, "CHECKPOINT")


def bytes_per_resource(url):
    """Of each table with its indexes, divided by the resources."""
    rows = asked(
        url,
        "SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r' "
        "AND relnamespace = 'public'::regnamespace",
    )
    (count,) = asked(url, "SELECT count(*) FROM resource")[0]
    return {name: round(size / count, 1) for name, size in rows if size / count > 1}


def asked(url, sql):
    connection = psycopg2.connect(url)
    connection.autocommit = True
    try:
        cursor = connection.cursor()
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


if __name__ == "__main__":
    main()
