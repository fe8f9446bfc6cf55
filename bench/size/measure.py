"""How long each family of queries takes for each caller, and how many rows its statements read.

A request is answered as for a client, from the parsed request to the Bundle's bytes, audit included; only the
network, HTTP and the token are left out.
"""

import random
import statistics
import time
from urllib.parse import parse_qsl

import grow
from families import FAMILIES

from server.access.scope import parse
from server.fhir import json
from server.fhir.exchange import FhirRequest
from server.fhir.issue import FhirError
from server.interaction import opening
from server.interaction.router import respond

NAMES = ("Bradford", "Kingsham", "Yorkton", "Ashburn", "Oakwell", "Millby", "Thornley", "Woodfield")


def measured(url, folder, children, times=21):
    """A line for each family and caller: median and worst in ms, entries, what the answer said."""
    opened = grow.opened(url, folder)
    scopes = (parse("system/*.cruds"),)
    lines = []
    for family in FAMILIES:
        for caller in family.callers:
            access = opening.access(opened, f"bench-{caller}", caller, scopes)
            lines.append({
                "family": family.name, "caller": caller, "grows": family.grows,
                **_timed(opened, access, family.url, children, times),
            })  # fmt: skip
    opened.database.close()
    return lines


def _timed(opened, access, url, children, times):
    order = random.Random(url)
    seconds, entries, told = [], 0, set()
    for _ in range(times):
        # Of the children that the smallest record has, so that every size is asked the same.
        asked = url.format(n=order.choice((5, 340, 363, 1200, 4000)), name=order.choice(NAMES))
        path, _, query = asked.partition("?")
        request = FhirRequest("GET", path, tuple(parse_qsl(query)))
        begun = time.perf_counter()
        try:
            answer = respond(request, opened, access)
            told.add(str(answer.status))
            entries = max(entries, len(json.decode(answer.body).get("entry", ())))
        except FhirError as error:
            told.add(f"{error.status} {error.issues[0].code}")
        seconds.append(time.perf_counter() - begun)
    # The first asks for a plan, which every session does once.
    kept = seconds[3:]
    return {
        "median": round(statistics.median(kept) * 1000, 2), "worst": round(max(kept) * 1000, 2),
        "entries": entries, "told": sorted(told),
    }  # fmt: skip
