"""The state of the record as rows, in what two databases have in common: names in the place of numbers."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, Table, select

from server.definition.library import library
from server.store import packing
from server.store import tables as t

Rows = Counter[tuple[Any, ...]]

_PLACED = (t.string_index, t.date_index, t.number_index, t.text_index, t.identifier, t.claim, t.decision)
_SAID = {"child", "rid"}
_STAMP = re.compile('"versionId":"[0-9]+","lastUpdated":"[^"]+",?')


def state(connection: Connection, but: Callable[[str], bool]) -> dict[str, Rows]:
    """By table, what it holds. `but`: resources, by name, that are no part of it."""
    names = {
        rid: f"{library().type_name(type_)}/{id_}"
        for type_, id_, rid in connection.execute(select(t.locator.c.type, t.locator.c.id, t.locator.c.rid))
    }

    def name(rid: int) -> str:
        return names.get(rid, "nothing")

    def principal(number: int) -> str:
        return name(-number) if number < 0 else f"agency {number}"

    def rows(table: Table) -> Iterator[Any]:
        for row in connection.execute(select(table)):
            if "rid" not in table.c or not but(name(row.rid)):
                yield row

    found: dict[str, Rows] = {
        table.name: Counter(
            (
                name(row.child),
                name(row.rid),
                *(_plain(getattr(row, c)) for c in (each.name for each in table.c) if c not in _SAID),
            )
            for row in rows(table)
        )
        for table in _PLACED
    }
    homes = {row.rid: row.child for row in connection.execute(select(t.locator))}
    found["locator"] = Counter((name(row.rid), name(row.child)) for row in rows(t.locator))
    found["identity"] = Counter(
        (row.system, row.value, name(row.child), name(row.rid))
        for row in connection.execute(select(t.identity))
    )
    found["resource"] = Counter(
        (
            name(row.child), name(row.rid), row.restriction, row.kind, row.shared, tuple(sorted(row.tok)),
            row.sorts, _said(row.body), row.author, row.version if row.type != _patient() else 0,
        )
        for row in rows(t.resource)
    )  # fmt: skip
    found["history"] = Counter(
        (
            name(row.child), name(row.rid), row.restriction, row.kind, tuple(sorted(map(name, row.others))),
            tuple(sorted(row.tok)), row.deleted, row.version,
        )
        for row in rows(t.history)
        if row.type != _patient()
    )  # fmt: skip
    found["facet"] = Counter((row.h, name(row.rid), name(row.child)) for row in rows(t.facet))
    found["about"] = Counter((name(row.child), name(row.rid), name(row.other)) for row in rows(t.about))
    found["context"] = Counter(
        (name(row.child), name(row.rid), row.version, row.type, row.id) for row in rows(t.context)
    )
    found["former_home"] = Counter(
        {
            (name(row.child), name(row.rid), name(row.former)): 1
            for row in rows(t.former_home)
            if row.former != row.child == homes.get(row.rid)
        }
    )
    found["sight"] = Counter(
        (name(row.child), principal(row.principal), name(row.basis), row.degree, str(row.valid_until.date()))
        for row in connection.execute(select(t.sight))
        if not but(name(row.basis))
    )
    found["presence"] = Counter(
        (name(row.child), row.type, row.kind)
        for row in connection.execute(select(t.presence))
        if not but(f"{library().type_name(row.type)}/")
    )
    return found


def _said(body: bytes) -> str:
    """What a body says, whichever version it is, and in whatever order.

    What a writer was not shown while the record was under a stricter label comes back behind what it sent.
    """
    rest = _STAMP.sub("", packing.unpacked(body).decode()).lstrip(",")
    # Nearly always without its opening (`store.opening`), which ends within `meta`.
    said = json.loads(rest if rest.startswith("{") else f'{{"meta":{{{rest}')
    own = {name: value for name, value in said.items() if name not in ("resourceType", "id")}
    return json.dumps(own, sort_keys=True)


def _patient() -> int:
    return library().type_number("Patient")


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
