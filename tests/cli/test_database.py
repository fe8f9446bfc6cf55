import pytest
from sqlalchemy import text

from server.settings import CannotStart
from server.store.database import Database


def test_a_bare_database_is_migrated_by_the_operators_act(childrecord, new_database):
    with new_database(bare=True) as url:
        refused = childrecord("database", "status", DATABASE_URL=url)
        assert isinstance(refused.exception, CannotStart)
        assert "childrecord database migrate" in str(refused.exception)
        assert "from schema none to" in childrecord("database", "migrate", DATABASE_URL=url).output
        assert "already has" in childrecord("database", "migrate", DATABASE_URL=url).output
        assert childrecord("database", "status", DATABASE_URL=url).exit_code == 0


@pytest.mark.parametrize("command", [["database", "status"], ["client", "list"], ["serve"]])
def test_a_schema_that_is_newer_is_refused_by_every_command(childrecord, new_database, command):
    with new_database() as url:
        database = Database(url)
        with database.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        database.close()
        refused = childrecord(*command, DATABASE_URL=url, CHILDRECORD_PORT="8998")
        assert isinstance(refused.exception, CannotStart)
        assert "schema 9999, newer than" in str(refused.exception)
