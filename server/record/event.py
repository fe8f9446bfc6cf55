"""The account of an act: its audit line and its outbox row, written in the transaction of the act."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from server import clock
from server.access.access import Access
from server.fhir.primitive import legible
from server.store.row import Entry, Row


def entry(
    access: Access,
    at: datetime,
    interaction: str,
    type_: int | None,
    *,
    query: str | None = None,
    outcome: int = 200,
    child: int = 0,
    hits: tuple[int, ...] = (),
) -> Entry:
    """A line of the audit."""
    user = access.user
    return Entry(
        id=clock.new_id(),
        at=at,
        agency=access.agency.number,
        client=access.client,
        interaction=interaction,
        type=type_,
        # A refused request is accounted for too, whatever it was made of.
        query=None if query is None else legible(query),
        outcome=outcome,
        child=child,
        hits=hits,
        account=user.id if user else None,
        person=user.reference if user else None,
        purpose=access.purpose,
        rights=access.agency.version,
    )


def act(
    access: Access,
    at: datetime,
    interaction: str,
    *,
    reason: str | None = None,
    query: str | None = None,
    outcome: int = 200,
    child: int = 0,
    hits: tuple[int, ...] = (),
) -> Entry:
    """A line about what is no interaction with a resource: `interaction` is of
    `record.auditevent.vocabulary`."""
    line = entry(access, at, interaction, None, query=query, outcome=outcome, child=child, hits=hits)
    return replace(line, reason=reason)


def told(row: Row, interaction: str, author: int) -> dict[str, Any]:
    """What subscribers are told from: a row of the outbox. `author` is who acted, not who wrote it first.

    How it was updated is of no interest to them.
    """
    return {
        "child": row.child, "rid": row.rid, "version": row.version, "type": row.type,
        "interaction": "update" if interaction == "patch" else interaction, "author": author,
        "at": row.last_updated,
    }  # fmt: skip
