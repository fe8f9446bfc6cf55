"""The search parameters that were added while the server runs, and how far the index is."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from server import clock
from server.fhir import Json
from server.store import marks
from server.store import tables as t
from server.store.database import Prepared

_CHANGED = "search-parameters"
"""The name of the mark that is another after each change: whoever holds an older one looks again."""

DEFINITIONS = "definitions-added"
"""The name of the mark that is another after each change of the definitions beside those that ship."""

_INDEX = "index-version"
"""The name of the mark that says which version of the index the oldest rows are of."""

_state = Prepared(
    select(t.setting.c.name, t.setting.c.value).where(
        or_(t.setting.c.name == _CHANGED, t.setting.c.name == _INDEX, t.setting.c.name == DEFINITIONS)
    )
)


@dataclass(frozen=True, slots=True)
class State:
    """`mark` changes with the parameters, `definitions` with what else is defined; `index`: the version of
    the oldest rows, None: of a new one."""

    mark: str | None
    index: int | None
    definitions: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """One that is in force. `complete`: every resource is indexed by it."""

    id: str
    definition: Json
    complete: bool


def state(connection: Connection) -> State:
    """How it stands: cheap to ask."""
    found = dict(_state(connection))
    index = found.get(_INDEX)
    return State(found.get(_CHANGED), int(index) if index else None, found.get(DEFINITIONS))


def hold(connection: Connection) -> State | None:
    """The same, which stays so until the transaction ends; None: somebody is changing it."""
    line = select(t.setting.c.value).where(t.setting.c.name == _CHANGED)
    marks.keep(connection, _CHANGED, "")
    if connection.execute(line.with_for_update(read=True, skip_locked=True)).first() is None:
        return None
    return state(connection)


def changed(connection: Connection) -> None:
    """Let everybody look again."""
    marks.put(connection, _CHANGED, clock.new_id())


def every(connection: Connection) -> list[Kept]:
    """All of them."""
    rows = connection.execute(select(t.search_parameter).order_by(t.search_parameter.c.id)).all()
    return [Kept(row.id, row.definition, row.complete) for row in rows]


def put(connection: Connection, id_: str, definition: Json, *, complete: bool) -> None:
    """Put one into force, or its next definition."""
    line = insert(t.search_parameter).values(id=id_, definition=definition, complete=complete)
    given = {"definition": definition, "complete": complete}
    connection.execute(line.on_conflict_do_update(constraint=t.search_parameter.primary_key, set_=given))


def complete(connection: Connection, id_: str) -> None:
    """Every resource is indexed by it."""
    own = t.search_parameter.c.id == id_
    connection.execute(update(t.search_parameter).where(own).values(complete=True))


def remove(connection: Connection, id_: str) -> None:
    """Take one out of force."""
    connection.execute(delete(t.search_parameter).where(t.search_parameter.c.id == id_))


def put_index(connection: Connection, version: int) -> None:
    """All rows are of this version."""
    marks.put(connection, _INDEX, str(version))


def is_empty(connection: Connection) -> bool:
    """Whether there is no resource at all."""
    any_: Select[Any] = select(t.resource.c.rid).limit(1)
    return connection.execute(any_).first() is None
