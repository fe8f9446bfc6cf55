"""The results of a run beside what each may cost: a table in Markdown.

A budget is processor time of server and database together, in milliseconds a request, on a machine of two
processors. It was set before the first line was written, from measurements of prototypes and of other servers.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

Json = dict[str, Any]

ALLOWED = 1.5
"""A first release may cost so many times its budget."""


class Row(NamedTuple):
    """`workload`, `check`: their names in bench.py. `least`: requests (or resources) a second at 8 connections."""

    title: str
    workload: str
    check: str = ""
    budget: float | None = None
    least: float | None = None


ROWS = (
    Row("read a Patient", "read", "read", 0.9, 1100),
    Row("Patient by identifier", "search_identifier", "identifier", 1.1),
    Row("one child's marks by code and date, sorted", "search_obs", "obs", 1.8, 550),
    Row("Patient by the beginning of a name", "search_name", "name_prefix"),
    Row("Observations with two `_include`", "include", "include"),
    Row("Patient with two `_revinclude`", "revinclude", "revinclude"),
    Row("`$everything` of 60 resources", "everything", "everything", 4.0),
    Row("create an Observation", "create", "", 1.5, 700),
    Row("update a Patient", "update", "if_match_stale"),
    Row("mixed: 40 % read, 45 % search, 15 % write", "mixed"),
)
LOADING = Row("load, a resource of a 60-entry transaction", "", "transaction_rollback", 0.6, 1500)
ACCOUNT = ("audit", "audit_child", "outbox")
"""Tables that tell who did what, not what is known of a child."""

HEAD = (
    "| connections | | a second | p50 ms | p99 ms | processor ms, server + database | budget | |\n"
    + "|---" * 8
    + "|"
)


def table(folder: Path, facts: Json) -> str:
    """Everything that one run measured."""
    load, run = (_read(folder / f"childrecord-{name}.json") for name in ("load", "run"))
    checks = run["checks"]
    lines = [_loaded(load, checks)]
    for connections in sorted({key.rpartition("@c")[2] for key in run["workloads"]}, key=int):
        for row in ROWS:
            if found := run["workloads"].get(f"{row.workload}@c{connections}"):
                lines.append(_line(connections, row, found, checks))
    return "\n".join([_size(load, run), "", HEAD, *lines, "", *_facts(facts), "", *_answers(checks)])


def _size(load: Json, run: Json) -> str:
    return f"{run['children']} children, {run['children'] * load['entries_per_bundle']} resources, {run['at'][:10]}."


def _loaded(load: Json, checks: Json) -> str:
    server, database = load["cpu_ms_per_resource"]["server"], load["cpu_ms_per_resource"]["db"]
    # Latency is that of a whole transaction.
    speed = [
        load["parallel"],
        LOADING.title,
        f"{load['resources_per_s']:,.0f}",
        f"{load['p50_ms']:.1f}",
        f"{load['p99_ms']:.1f}",
    ]
    return _joined(
        *speed,
        *_cost(LOADING, server, database),
        _verdict(LOADING, load["resources_per_s"], server + database, checks),
    )


def _line(connections: str, row: Row, found: Json, checks: Json) -> str:
    if "error" in found or found["err_status"] >= found["requests"]:
        return _joined(connections, row.title, "", "", "", "", row.budget or "", "not built yet")
    server, database = found["cpu_ms_per_req"]["server"], found["cpu_ms_per_req"]["db"]
    speed = [
        connections,
        row.title,
        f"{found['rps']:,.0f}",
        f"{found['p50_ms']:.1f}",
        f"{found['p99_ms']:.1f}",
    ]
    failed = found["err_status"] + found["err_timeout"]
    # Alone, a connection leaves the processors idle half of the time: what is promised is asked of eight.
    told = _verdict(row, found["rps"], server + database, checks) if connections == "8" else ""
    return _joined(
        *speed, *_cost(row, server, database), ", ".join(filter(None, (failed and f"{failed} failed", told)))
    )


def _cost(row: Row, server: float, database: float) -> tuple[str, str]:
    return f"{server + database:.2f} = {server:.2f} + {database:.2f}", f"{row.budget or ''}"


def _verdict(row: Row, rate: float, cost: float, checks: Json) -> str:
    told = []
    if row.check and not checks[row.check]["ok"]:
        told.append("wrong answers")
    if row.budget:
        told.append(
            f"{cost / row.budget:.2f} × the budget" + ("" if cost <= ALLOWED * row.budget else ": over")
        )
    if row.least:
        told.append(f"at least {row.least:,.0f} a second: " + ("kept" if rate >= row.least else "missed"))
    return ", ".join(told)


def _facts(facts: Json) -> list[str]:
    account = sum(facts["kilobytes"].get(name, 0) for name in ACCOUNT)
    records = sum(facts["kilobytes"].values()) - account
    largest = sorted(facts["kilobytes"].items(), key=lambda each: -each[1])[:8]
    return [
        "| | measured | budget |\n|---|---|---|",
        f"| `childrecord serve` to first answer (database up) | {facts['start_s']:.1f} s | 2 s |",
        f"| memory of a web worker (PSS), after all this | {facts['worker_mb']:.0f} MB | 150 MB |",
        f"| disk a resource, indexes included | {records:.1f} kB | 2.1 kB |",
        f"| disk of the account of its writing: audit and outbox | {account:.1f} kB | |",
        "",
        "Of the disk, in kB a resource: " + ", ".join(f"{name} {size:.2f}" for name, size in largest) + ".",
    ]


def _answers(checks: Json) -> list[str]:
    unbuilt = [name for name, found in checks.items() if "not-supported" in str(found["got"])]
    wrong = {name: found for name, found in checks.items() if not found["ok"] and name not in unbuilt}
    right = f"{len(checks) - len(wrong) - len(unbuilt)} kinds of answers were checked and are right"
    return [
        right + (f"; not built yet: {', '.join(unbuilt)}." if unbuilt else "."),
        *(
            f"- **wrong**: {name}: {found['got']}, and {found['want']} is right"
            for name, found in wrong.items()
        ),
    ]


def _joined(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


def _read(file: Path) -> Json:
    found: Json = json.loads(file.read_text())
    return found
