"""The numbers by which rows name agencies."""

from collections.abc import Iterable

from sqlalchemy import Connection, func, select

from server.store import tables as t


def numbers(connection: Connection, codes: Iterable[str]) -> dict[str, int]:
    """code → number; a code that has none gets the next one, for good."""
    wanted = list(codes)
    connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    known = {row.code: row.number for row in connection.execute(select(t.agency))}
    following = max(known.values(), default=0) + 1
    for code in wanted:
        if code not in known:
            connection.execute(t.agency.insert().values(number=following, code=code))
            known[code] = following
            following += 1
    return {code: known[code] for code in wanted}


_LOCK = 0x5C_00_01
