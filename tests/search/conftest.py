"""A connection whose writes are undone."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from server.store.database import Database


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.engine.connect() as connection:
        yield connection
        connection.rollback()
