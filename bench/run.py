"""Measures a server of its own: loads children, checks answers, replays requests (`make bench`).

The server, its PostgreSQL and its data live in a temporary folder. What is measured is in README.md here.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from server.store import embedded

HERE = Path(__file__).parent
CHILDRECORD = str(Path(sys.executable).with_name("childrecord"))


def main() -> None:
    chosen = arguments()
    with (
        tempfile.TemporaryDirectory(prefix="childrecord-bench-", ignore_cleanup_errors=True) as folder,
        # Held from here, PostgreSQL is no child of the server's, and its processor time is told apart.
        embedded.running(Path(folder) / "data"),
    ):
        environment = os.environ | {
            "CHILDRECORD_DATA": f"{folder}/data",
            "CHILDRECORD_PORT": str(chosen.port),
            "CHILDRECORD_DEMONSTRATION": "true",
            "CHILDRECORD_TOKEN_LIFETIME": "3600",
            "CHILDRECORD_LOG_LEVEL": "warning",
        }
        called("database", "migrate", environment=environment)
        secret = added(environment)
        server = subprocess.Popen([CHILDRECORD, "serve"], env=environment)
        try:
            ready(chosen.port)
            measured(chosen, secret, server.pid, int(first_line(f"{folder}/data/postgresql/postmaster.pid")))
        finally:
            server.terminate()
            server.wait(60)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--children", default="1000", help="how many, with 60 resources each")
    parser.add_argument("--conc", default="1,8", help="connections")
    parser.add_argument("--seconds", default="8", help="of each measurement")
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--out", default=str(HERE / "results"))
    return parser.parse_args()


def called(*words: str, environment: dict[str, str]) -> str:
    return subprocess.run(
        [CHILDRECORD, *words], env=environment, check=True, capture_output=True, text=True
    ).stdout


def added(environment: dict[str, str]) -> str:
    told = called(
        *("client", "add", "bench", "--agency", "conformance", "--scope", "system/*.cruds"),
        environment=environment,
    )
    found = re.search(r"shown only now: (\S+)", told)
    assert found
    return found[1]


def ready(port: int) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz")
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    raise SystemExit("The server does not start.")


def measured(chosen: argparse.Namespace, secret: str, server: int, database: int) -> None:
    origin = f"http://127.0.0.1:{chosen.port}"
    client = ["--token-url", f"{origin}/auth/token", "--client-id", "bench", "--client-secret", secret]
    processes = ["--proc", f"server={server}", "--proc", f"db={database}"]
    common = ["--name", "childrecord", "--base", f"{origin}/fhir", "--out", chosen.out, *client, *processes]
    sizes = ["--children", chosen.children]
    speeds = ["--conc", chosen.conc, "--seconds", chosen.seconds]
    for command in (["load", *sizes], ["check"], ["run", *speeds]):
        subprocess.run([sys.executable, str(HERE / "bench.py"), *command, *common], check=True)


def first_line(path: str) -> str:
    return Path(path).read_text().split("\n", 1)[0]


if __name__ == "__main__":
    main()
