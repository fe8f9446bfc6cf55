"""What the server may do in its database: everything that it needs, and nothing to what the audit says.

The owner of the tables gives it; a role that owns them could take it back.
"""

from sqlalchemy import Connection, text
from sqlalchemy.dialects import postgresql

from server.store import tables as t

NAME = "childrecord_server"
"""The role as which the server uses an embedded database."""

APPENDED = (t.audit.name, t.audit_child.name, t.audit_seal.name)
"""Tables to which rows are added, and in which none is changed or removed."""

_LOCK = 8_450_120
_quoted = postgresql.dialect().identifier_preparer.quote  # type: ignore[no-untyped-call]


def create(connection: Connection, role: str) -> None:
    """A role that may sign in, unless there is one."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    known = text("SELECT 1 FROM pg_roles WHERE rolname = :role")
    if connection.scalar(known, {"role": role}) is None:
        connection.execute(text(f"CREATE ROLE {_quoted(role)} LOGIN"))


def admit(connection: Connection, role: str) -> None:
    """Give a role what the server needs."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    to = _quoted(role)
    appended = ", ".join(APPENDED)
    for statement in (
        f"GRANT USAGE ON SCHEMA public TO {to}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {to}",
        f"GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO {to}",
        f"REVOKE UPDATE, DELETE, TRUNCATE ON {appended} FROM {to}",
        f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {to}",
    ):
        connection.execute(text(statement))


_alters = text(
    "SELECT bool_or(has_table_privilege(name, kind)) "
    "FROM unnest(CAST(:tables AS TEXT[])) AS name, unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) AS kind"
)


def may_alter(connection: Connection) -> bool:
    """Whether who is connected could change or remove what the audit says."""
    return bool(connection.scalar(_alters, {"tables": list(APPENDED)}))
