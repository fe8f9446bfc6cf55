"""`childrecord audit`: an operator seals, verifies, and lets others verify."""

from urllib.parse import urlsplit, urlunsplit

import pytest
from sqlalchemy import text

from server import clock
from server.record.sealing.key import Key
from server.store import audit
from server.store.database import Database

SECRET = "ab" * 32


@pytest.fixture
def asked(childrecord, new_database, tmp_path):
    """`asked("verify")` on an audit of three rows, with the database that has it."""
    with new_database() as url:
        database = Database(url)
        with database.autocommit() as connection:
            for number in range(3):
                audit.record_act(connection, clock.now(), "sign-in", account=f"account {number}")

        def run(*words, **environment):
            own = {"CHILDRECORD_DATA": str(tmp_path), "CHILDRECORD_AUDIT_KEY": SECRET}
            return childrecord("audit", *words, DATABASE_URL=url, **own | environment)

        yield run, database
        database.close()


def test_what_is_left_is_sealed_and_verified(asked):
    run, _ = asked
    assert "3 rows are not sealed yet" in run("verify").output
    assert "3 rows sealed" in run("seal").output
    verified = run("verify")
    assert verified.exit_code == 0
    assert "3 rows in 1 seals, held against 1 anchors in 1 file: 0 faults." in verified.output


def test_a_fault_is_told_and_ends_with_one(asked):
    run, database = asked
    run("seal")
    with database.begin() as connection:
        connection.execute(text("DELETE FROM audit WHERE account = 'account 1'"))
    found = run("verify")
    assert found.exit_code == 1
    assert "it holds 3 rows, and 2 are there." in found.output


def test_others_verify_with_the_public_key(asked, tmp_path):
    run, _ = asked
    run("seal")
    public = run("key").output.strip()
    assert public == Key(bytes.fromhex(SECRET)).public.raw.hex()
    another = {"CHILDRECORD_AUDIT_KEY": "cd" * 32}
    assert "which was not given" in run("verify", **another).output
    file = str(tmp_path / "audit.anchors")
    assert run("verify", "--key", public, "--anchors", file, **another).exit_code == 0
    assert run("verify", "--key", "no key").exit_code == 2


def test_without_anchors_it_says_what_cannot_be_told(asked, tmp_path):
    run, _ = asked
    run("seal")
    (tmp_path / "audit.anchors").unlink()
    verified = run("verify")
    assert verified.exit_code == 0
    assert "whether the end of the audit was cut off cannot be told" in verified.output


def test_the_servers_role_is_given_what_it_needs_by_the_owner(childrecord, new_database):
    role = "childrecord_test_cli"
    with new_database(bare=True) as url:
        if urlsplit(url).password:
            pytest.skip("needs a PostgreSQL that lets a role in without a password")
        parts = urlsplit(url)
        database = Database(url)
        with database.engine.begin() as connection:
            connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN")
        as_server = urlunsplit(parts._replace(netloc=f"{role}@{parts.netloc.rpartition('@')[2]}"))
        try:
            said = childrecord(
                "database", "migrate", DATABASE_URL=as_server, CHILDRECORD_OWNER_URL=url
            ).output
            assert f"The role '{role}' may do there what the server needs" in said
            server = Database(as_server)
            with server.autocommit() as connection:
                audit.record_act(connection, clock.now(), "sign-in")
            server.close()
        finally:
            with database.engine.begin() as connection:
                connection.exec_driver_sql(f"DROP OWNED BY {role}")
                connection.exec_driver_sql(f"DROP ROLE {role}")
            database.close()
