"""Measures a server of its own: loads children, checks answers, replays requests (`make bench`).

The server, its PostgreSQL and its data live in a temporary folder. `docs/benchmark.md` says what is measured.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg2

from server.store import embedded
from table import table

HERE = Path(__file__).parent
CHILDRECORD = str(Path(sys.executable).with_name("childrecord"))


def main() -> None:
    chosen = arguments()
    if shutil.which("wrk") is None:
        sys.exit("This needs wrk, which makes the load. On Debian and Ubuntu: apt-get install wrk")
    with (
        tempfile.TemporaryDirectory(prefix="childrecord-bench-", ignore_cleanup_errors=True) as folder,
        # Held from here, PostgreSQL is no child of the server's, and its processor time is told apart.
        embedded.running(Path(folder) / "data") as url,
    ):
        environment = os.environ | {
            "CHILDRECORD_DATA": f"{folder}/data",
            "CHILDRECORD_PORT": str(chosen.port),
            "CHILDRECORD_DEMONSTRATION": "true",
            "CHILDRECORD_TOKEN_LIFETIME": "3600",
        }
        called("database", "migrate", environment=environment)
        secret = added(environment)
        # The first start publishes the definitions; how long one takes is asked of the second.
        with serving(environment, chosen.port, folder):
            pass
        with serving(environment, chosen.port, folder, chosen.without) as (server, seconds):
            facts = measured(chosen, secret, server, url, folder)
    told = table(Path(chosen.out), {**facts, "start_s": seconds})
    Path(chosen.out, "table.md").write_text(told + "\n")
    print(f"\n{told}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--children", default="1000", help="how many, with 60 resources each")
    parser.add_argument("--conc", default="1,8", help="connections")
    parser.add_argument("--seconds", default="8", help="of each measurement")
    parser.add_argument("--only", default="", help="of the workloads of bench.py, these")
    parser.add_argument(
        "--without", default="", help="a part of the server to switch off, as without.py has it"
    )
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--out", default=str(HERE / "results"))
    return parser.parse_args()


def called(*words: str, environment: dict[str, str]) -> str:
    return subprocess.run(
        [CHILDRECORD, *words], env=environment, check=True, capture_output=True, text=True
    ).stdout


def added(environment: dict[str, str]) -> str:
    """A client of the agency that may do everything, and its secret."""
    told = called(
        *("client", "add", "bench", "--agency", "conformance", "--scope", "system/*.cruds"),
        environment=environment,
    )
    found = re.search(r"shown only now: (\S+)", told)
    assert found
    return found[1]


@contextmanager
def serving(
    environment: dict[str, str], port: int, folder: str, without: str = ""
) -> Iterator[tuple[psutil.Popen, float]]:
    """A server, with the seconds that it took until it answered."""
    command = [sys.executable, str(HERE / "without.py"), without] if without else [CHILDRECORD]
    begun = time.monotonic()
    with Path(folder, "log").open("ab") as log:
        server = psutil.Popen([*command, "serve"], env=environment, stdout=log, stderr=log)
    try:
        while not ready(port):
            if server.poll() is not None:
                raise SystemExit(Path(folder, "log").read_text())
            time.sleep(0.02)
        yield server, time.monotonic() - begun
    finally:
        server.terminate()
        server.wait(60)


def ready(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz")
    except (urllib.error.URLError, ConnectionError):
        return False
    return True


def measured(
    chosen: argparse.Namespace, secret: str, server: psutil.Popen, url: str, folder: str
) -> dict[str, Any]:
    """Loads, checks and replays; and what else there is to know."""
    origin = f"http://127.0.0.1:{chosen.port}"
    client = ["--token-url", f"{origin}/auth/token", "--client-id", "bench", "--client-secret", secret]
    database = Path(folder, "data", "postgresql", "postmaster.pid").read_text().split("\n", 1)[0]
    processes = ["--proc", f"server={server.pid}", "--proc", f"db={database}"]
    common = ["--name", "childrecord", "--base", f"{origin}/fhir", "--out", chosen.out, *client, *processes]
    speeds = ["--conc", chosen.conc, "--seconds", chosen.seconds]
    only = ["--only", chosen.only] if chosen.only else []

    def bench(*words: str) -> None:
        subprocess.run(
            [sys.executable, str(HERE / "bench.py"), *words, *common], check=True, stdout=subprocess.DEVNULL
        )

    before, empty = sizes(url), count(url)
    bench("load", "--children", chosen.children)
    resources = count(url) - empty
    kilobytes = {name: (size - before[name]) / resources / 1000 for name, size in sizes(url).items()}
    bench("run", *speeds, *only)
    return {
        "kilobytes": kilobytes,
        "worker_mb": max(worker.memory_full_info().pss for worker in server.children()) / 2**20,
    }


def sizes(url: str) -> dict[str, int]:
    """Bytes of each table, indexes included."""
    rows = asked(
        url,
        "SELECT relname, pg_total_relation_size(oid) FROM pg_class "
        "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
    )
    return dict(rows)


def count(url: str) -> int:
    return asked(url, "SELECT count(*) FROM resource")[0][0]


def asked(url: str, query: str) -> list[tuple]:
    connection = psycopg2.connect(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall()
    finally:
        connection.close()


if __name__ == "__main__":
    main()
