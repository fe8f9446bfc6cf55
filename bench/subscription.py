"""Measures what subscriptions cost and how soon they tell (`python bench/subscription.py`).

A server of its own, in a folder that is gone afterwards. Children each have one mark a time written, at a steady rate;
a listener in a process of its own notes when each is told. How soon: from the moment at which the writer has its
answer, which the commit came before. What it costs: processor time of the web workers and PostgreSQL for each
write, with subscriptions and without, and that of the teller by itself.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import Process, Queue
from pathlib import Path
from typing import Any

import aiohttp
import psutil
from aiohttp import web

from server.store import embedded

CHILDRECORD = str(Path(sys.executable).with_name("childrecord"))
B = "https://w3id.org/single-child-record"
BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport"


def main() -> None:
    chosen = arguments()
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
            "CHILDRECORD_LISTENER_NETWORKS": "127.0.0.0/8",
            "CHILDRECORD_LOG_LEVEL": "warning",
        }
        called("database", "migrate", environment=environment)
        added = called(
            "client",
            "add",
            "bench",
            "--agency",
            "conformance",
            "--scope",
            "system/*.cruds",
            environment=environment,
        )
        secret = next(line.split()[-1] for line in added.splitlines() if "secret" in line.lower())
        heard: Queue[tuple[str, float]] = Queue()
        listener = Process(target=listen, args=(chosen.port + 5, heard), daemon=True)
        listener.start()
        with serving(environment, chosen.port, folder) as server:
            told = asyncio.run(measured(chosen, secret, server, heard))
        listener.terminate()
    print(json.dumps(told, indent=1))
    if chosen.out:
        Path(chosen.out).write_text(json.dumps(told, indent=1) + "\n")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--subscriptions", type=int, nargs="+", default=[0, 500], help="one measurement for each"
    )
    parser.add_argument("--rate", type=int, default=200, help="writes a second")
    parser.add_argument("--seconds", type=int, default=15, help="of each measurement")
    parser.add_argument("--port", type=int, default=8700)
    parser.add_argument("--out", help="a file for the figures")
    return parser.parse_args()


def called(*command: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [CHILDRECORD, *command], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return done.stdout + done.stderr


@contextmanager
def serving(environment: dict[str, str], port: int, folder: str) -> Iterator[psutil.Process]:
    with Path(folder, "serve.log").open("wb") as log:
        process = subprocess.Popen([CHILDRECORD, "serve"], env=environment, stdout=log, stderr=log)
        try:
            for _ in range(600):
                with psutil.Process(process.pid).oneshot():
                    if is_up(port):
                        break
                time.sleep(0.1)
            yield psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(20)
            said = Path(folder, "serve.log").read_text()
            print(said[-2000:], file=sys.stderr)


def is_up(port: int) -> bool:
    import urllib.error
    import urllib.request

    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


# ---- the listener ------------------------------------------------------------------------------------------


def listen(port: int, heard: "Queue[tuple[str, float]]") -> None:
    async def take(request: web.Request) -> web.Response:
        at = time.monotonic()
        bundle = await request.json()
        for entry in bundle.get("entry", [])[1:]:
            heard.put((entry["fullUrl"].rpartition("/")[2], at))
        return web.Response(status=200)

    app = web.Application(client_max_size=2**26)
    app.router.add_post("/{any:.*}", take)
    web.run_app(app, host="127.0.0.1", port=port, print=None, handle_signals=False)


# ---- the writer --------------------------------------------------------------------------------------------


async def measured(
    chosen: argparse.Namespace, secret: str, server: psutil.Process, heard: "Queue[tuple[str, float]]"
) -> list[dict[str, Any]]:
    base = f"http://127.0.0.1:{chosen.port}"
    found = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64)) as session:
        form = {"grant_type": "client_credentials"}
        who = {"Authorization": aiohttp.encode_basic_auth("bench", secret)}
        async with session.post(f"{base}/auth/token", data=form, headers=who) as answer:
            token = (await answer.json())["access_token"]
        session.headers["Authorization"] = f"Bearer {token}"
        session.headers["Content-Type"] = "application/fhir+json"
        children = max(*chosen.subscriptions, 500)
        await begin(session, base, children)
        there = 0
        for count in chosen.subscriptions:
            await subscribe(session, base, chosen.port + 5, range(there, count))
            there = max(there, count)
            await begun(session, base, count)
            while not heard.empty():
                heard.get()
            found.append(await written(chosen, session, base, server, heard, count, children))
    return found


async def begin(session: aiohttp.ClientSession, base: str, children: int) -> None:
    school = {"resourceType": "Organization", "id": "bench-school", "name": "Bench"}
    async with session.put(f"{base}/fhir/Organization/bench-school", json=school) as answer:
        assert answer.status in (200, 201), await answer.text()
    for start in range(0, children, 200):
        entries = [
            {
                "resource": {
                    "resourceType": "Patient",
                    "id": f"bench-{n}",
                    "name": [{"family": f"Bench{n}"}],
                },
                "request": {"method": "PUT", "url": f"Patient/bench-{n}"},
            }
            for n in range(start, min(start + 200, children))
        ]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        async with session.post(f"{base}/fhir", json=bundle) as answer:
            assert answer.status == 200, await answer.text()


async def subscribe(session: aiohttp.ClientSession, base: str, port: int, which: range) -> None:
    for start in range(which.start, which.stop, 100):
        entries = [
            {"resource": subscription(n, port), "request": {"method": "POST", "url": "Subscription"}}
            for n in range(start, min(start + 100, which.stop))
        ]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        async with session.post(f"{base}/fhir", json=bundle) as answer:
            assert answer.status == 200, await answer.text()


async def begun(session: aiohttp.ClientSession, base: str, count: int) -> None:
    """Wait until all have been shaken hands with, and nothing is left of it."""
    for _ in range(120):
        await asyncio.sleep(1)
        url = f"{base}/fhir/Subscription?status=active&_summary=count"
        async with session.get(url) as answer:
            if (await answer.json())["total"] >= count:
                break
    await asyncio.sleep(2)


def subscription(n: int, port: int) -> dict[str, Any]:
    return {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "Measured",
        "criteria": f"{B}/SubscriptionTopic/contact",
        "_criteria": {
            "extension": [
                {"url": f"{BACKPORT}-filter-criteria", "valueString": f"Encounter?patient=Patient/bench-{n}"}
            ]
        },
        "channel": {
            "type": "rest-hook",
            "endpoint": f"http://127.0.0.1:{port}/{n % 20}",
            "payload": "application/fhir+json",
            "_payload": {"extension": [{"url": f"{BACKPORT}-payload-content", "valueCode": "id-only"}]},
        },
    }


async def written(
    chosen: argparse.Namespace,
    session: aiohttp.ClientSession,
    base: str,
    server: psutil.Process,
    heard: "Queue[tuple[str, float]]",
    count: int,
    children: int,
) -> dict[str, Any]:
    total = chosen.rate * chosen.seconds
    answered: dict[str, float] = {}
    took: list[float] = []

    async def write(n: int) -> None:
        # As many subscriptions as writes' children on average: one of them for each write.
        body = {
            "resourceType": "Encounter",
            "status": "finished",
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
            "subject": {"reference": f"Patient/bench-{n % max(count, 500)}"},
            "serviceProvider": {"reference": "Organization/bench-school"},
        }
        sent = time.monotonic()
        async with session.post(f"{base}/fhir/Encounter", json=body) as answer:
            assert answer.status == 201, await answer.text()
            at = time.monotonic()
            answered[answer.headers["Location"].split("/")[-3]] = at
            took.append(at - sent)

    before = used(server)
    began = time.monotonic()
    tasks = []
    for n in range(total):
        await asyncio.sleep(max(0.0, began + n / chosen.rate - time.monotonic()))
        tasks.append(asyncio.create_task(write(n)))
    await asyncio.gather(*tasks)
    lasted = time.monotonic() - began
    deadline = time.monotonic() + 30
    told: dict[str, float] = {}
    while count and len(told) < total and time.monotonic() < deadline:
        while not heard.empty():
            id_, at = heard.get()
            told.setdefault(id_, at)
        await asyncio.sleep(0.05)
    spent = {name: value - before[name] for name, value in used(server).items()}
    delays = sorted((told[id_] - at) * 1000 for id_, at in answered.items() if id_ in told)
    return {
        "subscriptions": count,
        "writes": total,
        "per_second": round(total / lasted, 1),
        "write_p50_ms": round(statistics.median(took) * 1000, 1),
        "told": len(told),
        "p50_ms": at_share(delays, 0.5),
        "p99_ms": at_share(delays, 0.99),
        "most_ms": at_share(delays, 1),
        **{f"{name}_ms_a_write": round(value / total * 1000, 3) for name, value in spent.items()},
    }


def at_share(values: list[float], share: float) -> float | None:
    return round(values[min(int(len(values) * share), len(values) - 1)], 1) if values else None


def used(server: psutil.Process) -> dict[str, float]:
    """Processor seconds of the web workers, of the teller, and of PostgreSQL."""
    family = server.children()
    # The one that keeps the teller is forked first, and has a child.
    keeper = next((each for each in sorted(family, key=lambda one: one.pid) if each.children()), None)
    tellers = keeper.children() if keeper else []
    webs = [each for each in family if each != keeper]
    folder = server.environ()["CHILDRECORD_DATA"]
    postmaster = psutil.Process(int(Path(folder, "postgresql", "postmaster.pid").read_text().split()[0]))
    database = [postmaster, *postmaster.children()]
    return {
        "web": sum(map(seconds, webs)),
        "teller": sum(map(seconds, tellers)),
        "postgresql": sum(map(seconds, database)),
    }


def seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


if __name__ == "__main__":
    main()
