"""How long each family of queries takes for each caller, and how many rows its statements read.

A request is answered as for a client, from the parsed request to the Bundle's bytes, audit included; only the
network, HTTP and the token are left out. Beside the time on the clock stands the time that processors worked,
the server's and the database's: the same on a busy machine.
"""

import random
import re
import statistics
import time
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl

import grow
from families import ALL, FAMILIES

from server.access.scope import parse
from server.fhir import json
from server.fhir.exchange import FhirRequest
from server.fhir.issue import FhirError
from server.interaction import opening
from server.interaction.router import respond

CHILDREN = (5, 340, 363, 1200, 4000)
NAMES = ("Bradford", "Kingsham", "Yorkton", "Ashburn", "Oakwell", "Millby", "Thornley", "Woodfield")


READ = re.compile(r"rows read (\d+)")


def measured(url, folder, times=21):
    """A line for each family and caller: median and worst in ms, entries, what the answer said."""
    opened = grow.opened(url, folder)
    # Plans are told to these clients.
    opened = replace(opened, explain=frozenset(map(client, ALL)))
    lines = []
    for family in FAMILIES:
        for caller in family.callers:
            access = opening.access(opened, client(caller), caller, (parse("system/*.cruds"),))
            lines.append({
                "family": family.name, "caller": caller, "grows": family.grows,
                **_timed(opened, access, family.url, times),
            })  # fmt: skip
    opened.database.close()
    return lines


def client(caller):
    """The name under which a caller asks."""
    return f"bench-{caller}"


def _timed(opened, access, url, times):
    order = random.Random(url)
    clock, work, entries, told = [], [], 0, set()
    database = _processor(opened.database)
    for _ in range(times):
        # Of the children that the smallest record has, so that every size is asked the same.
        asked = url.format(n=order.choice(CHILDREN), name=order.choice(NAMES))
        begun, worked = time.perf_counter(), time.process_time() + database()
        status, found = _answer(opened, access, asked)
        clock.append(time.perf_counter() - begun)
        work.append(time.process_time() + database() - worked)
        told.add(status)
        entries = max(entries, len(found.get("entry", ())))
    # The first ask for a plan, which every session does once.
    return {
        "median": _ms(statistics.median(clock[3:])), "worst": _ms(max(clock[3:])),
        "work": _ms(statistics.median(work[3:])), "read": _read(opened, access, asked),
        "entries": entries, "told": sorted(told),
    }  # fmt: skip


def _answer(opened, access, asked):
    """(status, content) of the answer."""
    path, _, query = asked.partition("?")
    try:
        answer = respond(FhirRequest("GET", path, tuple(parse_qsl(query))), opened, access)
    except FhirError as error:
        return f"{error.status} {error.issues[0].code}", {}
    return str(answer.status), json.decode(answer.body)


def _read(opened, access, asked):
    """Rows that the statements of a search read."""
    if "?" not in asked:
        return 1
    _, found = _answer(opened, access, f"{asked}&_explain=true")
    resources = (entry["resource"] for entry in found.get("entry", ()))
    outcomes = (each for each in resources if each["resourceType"] == "OperationOutcome")
    said = " ".join(issue["diagnostics"] for each in outcomes for issue in each["issue"])
    return sum(map(int, READ.findall(said)))


def _processor(database):
    """A function that tells the seconds that the one session of a database has worked."""
    with database.autocommit() as connection:
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
    told = Path(f"/proc/{pid}/schedstat")
    return lambda: int(told.read_text().split()[0]) / 1e9


def _ms(seconds):
    return round(seconds * 1000, 2)
