"""A slow statement is logged in the terms of its query: with a plan, without a word of what it asked for."""

import logging

import pytest
from sqlalchemy import func, select

from server.search import slow
from server.store import tables as t
from tests import make
from tests.caller import Caller, token


@pytest.fixture(scope="module")
def app(database_url, serve):
    """To which every statement is slow."""
    app = serve(database_url, CHILDRECORD_SLOW_QUERY="0.000001")
    yield app
    app.extensions["database"].close()


@pytest.fixture(scope="module")
def caller(app):
    """A client of it."""
    return Caller(app, token(app, "suite", "system/*.cruds"))


@pytest.fixture
def lines(app):
    """How many lines the account has."""

    def counted() -> int:
        with app.extensions["database"].autocommit() as connection:
            return int(connection.execute(select(func.count()).select_from(t.audit)).scalar_one())

    return counted


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    """No plan was told before."""
    monkeypatch.setattr(slow, "_told", {})


QUERIES = [
    ("Patient?family={w}&gender=male&_sort=-birthdate", "Patient?family=…&gender=…&_sort=-birthdate"),
    ("Patient?family:exact={w}", "Patient?family:exact=…"),
    ("Observation?patient.family={w}", "Observation?patient=…"),
]


@pytest.mark.parametrize(("query", "told"), QUERIES)
def test_a_slow_query_is_logged_without_its_values(caller, caplog, query, told):
    word = make.word()
    caller.put(make.patient(id=word, name=[{"family": word}], gender="male"))
    with caplog.at_level(logging.WARNING, logger=slow.__name__):
        caller.get(query.format(w=word))
    said = "\n".join(caplog.messages)
    assert told in said
    assert word not in said
    for part in ("Estimated rows", "true rows", "Indexes: ", "SQL: "):
        assert part in said


def test_what_is_done_for_the_plan_leaves_nothing(caller, lines):
    before = lines()
    caller.get(f"Patient?family={make.word()}")
    assert lines() == before + 1


def test_a_plan_is_not_told_twice(caller, caplog):
    with caplog.at_level(logging.WARNING, logger=slow.__name__):
        caller.get("Patient?family=a")
        caplog.clear()
        caller.get("Patient?family=b")
    assert all("was told before" in each for each in caplog.messages)
    assert caplog.messages


def test_what_is_quick_is_not_logged(new_database, serve, caplog):
    with new_database() as url, caplog.at_level(logging.WARNING, logger=slow.__name__):
        app = serve(url)
        Caller(app, token(app, "suite", "system/*.cruds")).get("Patient?family=a")
        app.extensions["database"].close()
    assert not caplog.messages
