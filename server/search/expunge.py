"""What was deleted of a type, for who may take it out for good."""

from sqlalchemy import bindparam, literal, select

from server.search.view import CallerView
from server.store import recordset
from server.store import tables as t
from server.store.database import Prepared
from server.store.resources import of_view


@of_view(maxsize=256)
def deleted(view: CallerView) -> Prepared:
    """The ids of resources whose last version is a deletion, the first deleted first. Parameters: type,
    before, most."""
    row, live, later = t.history.alias("h"), t.partition(view.type).alias("r"), t.history.alias("later")
    same = ("child", "type", "rid")
    is_live = select(literal(1)).select_from(live).where(*recordset.same(live, row, *same)).exists()
    followed = select(literal(1)).select_from(later)
    followed = followed.where(*recordset.same(later, row, *same), later.c.version > row.c.version)
    asked = (row.c.type == bindparam("type"), row.c.deleted, row.c.last_updated < bindparam("before"))
    found = select(row.c.id).where(*asked, ~is_live, ~followed.exists(), view.visible(row))
    return Prepared(found.order_by(row.c.last_updated, row.c.rid).limit(bindparam("most")))
