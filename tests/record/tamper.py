"""What somebody with every right in the database could do to the audit, who does not hold the key."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from sqlalchemy import Connection, text

from server.record.sealing.chain import NOTHING, Digest, hashed
from server.record.sealing.key import Key
from server.store import seals
from server.store.snapshot import BEGINNING, Snapshot

Act = Callable[[Connection, Random], None]

_ANOTHER: Mapping[str, str] = {
    "at": "at + interval '1 ms'",
    "agency": "agency + 1",
    "client": "client || 'x'",
    "interaction": "CASE interaction WHEN 'read' THEN 'vread' ELSE 'read' END",
    "type": "coalesce(type, 0) + 1",
    "query": "coalesce(query, '') || 'x'",
    "outcome": "CASE outcome WHEN 200 THEN 404 ELSE 200 END",
    "hits": "array_append(hits, 7)",
    "children": "array_append(children, 7)",
    "account": "coalesce(account, '') || 'x'",
    "person": "coalesce(person, '') || 'x'",
    "purpose": "CASE WHEN purpose IS NULL THEN 'TREAT' END",
    "rights": "coalesce(rights, '') || 'x'",
    "reason": "CASE WHEN reason IS NULL THEN '' END",
    "child": "child + 1000000",
    "id": "gen_random_uuid()",
    "lane": "(lane + 1) % 4",
    "xid": "xid - 1",
}
"""Every column, with a value that it does not have."""


def _one(connection: Connection, dice: Random, what: str, table: str = "audit") -> Any:
    """A column of some row."""
    rows = connection.execute(text(f"SELECT {what} FROM {table} ORDER BY {what}")).scalars().all()
    return dice.choice(rows)


def _altered(connection: Connection, dice: Random) -> None:
    column = dice.choice(sorted(_ANOTHER))
    said = text(f"UPDATE audit SET {column} = {_ANOTHER[column]} WHERE id = :id")
    connection.execute(said, {"id": _one(connection, dice, "id")})


def _removed(connection: Connection, dice: Random) -> None:
    of = {"id": _one(connection, dice, "id")}
    connection.execute(text("DELETE FROM audit WHERE id = :id"), of)
    if dice.random() < 0.5:
        connection.execute(text("DELETE FROM audit_child WHERE id = :id"), of)


def _added(connection: Connection, dice: Random) -> None:
    said = text(
        "INSERT INTO audit (child, id, at, agency, client, interaction, type, query, outcome, hits, lane,"
        " xid) SELECT child, gen_random_uuid(), at, agency, client, interaction, type, query, outcome, hits,"
        " lane, xid FROM audit WHERE id = :id"
    )
    connection.execute(said, {"id": _one(connection, dice, "id")})


def _swapped(connection: Connection, dice: Random) -> None:
    """Two rows change places: in time, or in what they say."""
    column = dice.choice(("at", "client", "query", "hits"))
    rows = connection.execute(text(f"SELECT ctid::text, {column} FROM audit ORDER BY id")).all()
    one = dice.choice(rows)
    other = dice.choice([row for row in rows if row[1] != one[1]])
    said = text(f"UPDATE audit SET {column} = :value WHERE ctid = CAST(:place AS tid)")
    for place, value in ((one[0], other[1]), (other[0], one[1])):
        connection.execute(said, {"place": place, "value": value})


def _cut_off(connection: Connection, dice: Random) -> None:
    """Everything from some moment on, seals too: what is left is in order by itself."""
    at = _one(connection, dice, "at", "audit_seal")
    for table in ("audit", "audit_seal"):
        connection.execute(text(f"DELETE FROM {table} WHERE at >= :at"), {"at": at})
    connection.execute(text("DELETE FROM audit_child WHERE id NOT IN (SELECT id FROM audit)"))


def _unsealed(connection: Connection, dice: Random) -> None:
    lane, number = dice.choice(connection.execute(text("SELECT lane, number FROM audit_seal")).all())
    which = dice.choice(("=", ">="))
    said = text(f"DELETE FROM audit_seal WHERE lane = :lane AND number {which} :number")
    connection.execute(said, {"lane": lane, "number": number})


def _seal_altered(connection: Connection, dice: Random) -> None:
    change = dice.choice(
        (
            "at = at + interval '1 s'", "rows = rows + 1", "snapshot = snapshot || '9'", "form = form + 1",
            "digest = sha256(digest)", "previous = sha256(previous)", "signature = sha512(signature)",
            "key = 'ff'", "number = number + 1000", "lane = lane + 4",
        )
    )  # fmt: skip
    lane, number = dice.choice(connection.execute(text("SELECT lane, number FROM audit_seal")).all())
    said = text(f"UPDATE audit_seal SET {change} WHERE lane = :lane AND number = :number")
    connection.execute(said, {"lane": lane, "number": number})


def _line_altered(connection: Connection, dice: Random) -> None:
    change = dice.choice(("DELETE FROM audit_child", "UPDATE audit_child SET child = child + 1000000"))
    ids = connection.execute(text("SELECT id FROM audit_child ORDER BY id")).scalars().all()
    connection.execute(text(f"{change} WHERE id = :id"), {"id": dice.choice(ids)})


def _sealed_anew(connection: Connection, dice: Random) -> None:
    """A row is altered and its whole lane sealed again, with a key that is not the server's."""
    _altered(connection, dice)
    key = Key(dice.randbytes(32))
    for lane in seals.lanes(connection):
        previous, before = NOTHING, BEGINNING
        for seal in list(seals.seals(connection, lane)):
            snapshot = Snapshot.parse(seal.snapshot)
            digest = Digest().add(seals.lines(connection, lane, before, snapshot))
            made = {"digest": digest.bytes, "rows": digest.rows, "previous": previous, "key": key.public.name}
            whole = type(seal)(**{name: getattr(seal, name) for name in seal.__slots__} | made)
            previous, before = hashed(whole), snapshot
            said = text(
                "UPDATE audit_seal SET digest = :digest, rows = :rows, previous = :previous, key = :key, "
                "signature = :signature WHERE lane = :lane AND number = :number"
            )
            signed = {"signature": key.sign(previous), "lane": lane, "number": seal.number}
            connection.execute(said, made | signed)


ACTS: Mapping[str, Act] = {
    "altered": _altered,
    "removed": _removed,
    "added": _added,
    "swapped": _swapped,
    "cut off": _cut_off,
    "unsealed": _unsealed,
    "seal altered": _seal_altered,
    "line altered": _line_altered,
    "sealed anew": _sealed_anew,
}
