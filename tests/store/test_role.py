"""The server's own role adds to the audit, and can change and remove nothing of it."""

from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest
from sqlalchemy.exc import ProgrammingError

from server import clock
from server.store import audit, role
from server.store.database import Database
from tests import make

ROLE = "childrecord_test_server"


@pytest.fixture(scope="module")
def as_server(database, database_url):
    """The URL with which the server would connect."""
    if urlsplit(database_url).password:
        pytest.skip("needs a PostgreSQL that lets a role in without a password")
    with database.engine.begin() as connection:
        role.create(connection, ROLE)
        role.admit(connection, ROLE)
    parts = urlsplit(database_url)
    yield urlunsplit(parts._replace(netloc=f"{ROLE}@{parts.netloc.rpartition('@')[2]}"))
    with database.engine.begin() as connection:
        connection.exec_driver_sql(f"DROP OWNED BY {ROLE}")
        connection.exec_driver_sql(f"DROP ROLE {ROLE}")


@pytest.fixture(scope="module")
def server(as_server):
    found = Database(as_server)
    yield found
    found.close()


@pytest.mark.parametrize("table", role.APPENDED)
@pytest.mark.parametrize("act", ["UPDATE {} SET lane = 0", "DELETE FROM {}", "TRUNCATE {}", "DROP TABLE {}"])
def test_what_the_audit_says_cannot_be_changed(server, table, act):
    if table == "audit_child":
        act = act.replace("lane", "child")
    with server.engine.connect() as connection, pytest.raises(ProgrammingError) as refused:
        connection.exec_driver_sql(act.format(table))
    assert isinstance(refused.value.orig, psycopg2.errors.InsufficientPrivilege)


def test_it_cannot_give_itself_the_right(server):
    with server.engine.connect() as connection:
        # PostgreSQL warns, and gives nothing.
        connection.exec_driver_sql(f"GRANT UPDATE ON audit TO {ROLE}")
        assert not role.may_alter(connection)


def test_the_owner_could_and_is_told_so(database):
    with database.engine.connect() as connection:
        assert role.may_alter(connection)


def test_it_adds_to_the_audit(server):
    with server.autocommit() as connection:
        audit.record_act(connection, clock.now(), "sign-in", account="a")


def test_a_record_is_kept_with_no_more_than_that(as_server, serve):
    from tests.caller import Caller, token

    app = serve(as_server)
    suite = Caller(app, token(app, "suite", "system/*.cruds"))
    made = suite.post(make.patient()).id
    assert suite.put(make.patient(id=made, active=True)).status == 200
    assert suite.get(f"Patient/{made}/_history").status == 200
    assert suite.get("_history").status == 200
    assert suite.search("Patient?_count=1").status == 200
    assert suite.delete(f"Patient/{made}").status in (200, 204)
    app.extensions["database"].close()
