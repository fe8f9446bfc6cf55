"""All of a code system or, as far as anybody sees, nothing."""

import pytest
from sqlalchemy import func, select, text

from server import clock
from server.settings import CannotStart
from server.store import concept_load, concepts
from server.store import tables as t
from server.store.database import Database
from server.terminology import table
from server.terminology.intake.bring import bring, detail
from server.terminology.intake.release import Declared, Release, Unreadable
from server.terminology.provider import CannotTell, Concept, Filter, Property, Query
from server.terminology.table import Tables
from tests.terminology.intake.conftest import quiet

URL = "https://example.org/CodeSystem/letters"
PARENTS = {"a": (), "b": ("a",), "c": ("b",), "d": ("a",)}


def release(version="1", parents=PARENTS, concept=None, **more):
    made = concept or (lambda code: Concept(code, f"Letter {code}"))
    return Release(URL, version, "Letters", parents, made, **more)


def rows(database, system):
    """Of concepts and of groups."""
    with database.autocommit() as connection:
        return tuple(
            connection.scalar(select(func.count()).select_from(each).where(each.c.system == system))
            for each in (t.concept, t.concept_group)
        )


def numbers(database):
    with database.autocommit() as connection:
        return list(
            connection.execute(select(t.code_system.c.number).order_by(t.code_system.c.number)).scalars()
        )


@pytest.fixture(autouse=True)
def nothing_left(database):
    yield
    concept_load.remove(database, URL, None)


def test_what_breaks_off_leaves_nothing_to_be_seen_and_the_next_takes_it_away(database, monkeypatch, tables):
    def breaks(code):
        if code == "c":
            raise RuntimeError
        return Concept(code, "x")

    monkeypatch.setattr("server.terminology.intake.bring._PIECE", 1)
    with pytest.raises(RuntimeError):
        bring(database, release(concept=breaks), quiet)
    (left,) = numbers(database)
    assert rows(database, left)[0] == 2
    assert table.system(URL) is None
    bring(database, release(), quiet)
    tables.forget()
    assert table.system(URL).count(Query()) == 4
    assert rows(database, left) == (0, 0)
    assert left not in numbers(database)


def test_the_same_version_again_takes_the_place_of_the_one_before(database, tables):
    bring(database, release(), quiet)
    before = table.system(URL)
    bring(database, release(parents={"a": (), "z": ()}), quiet)
    tables.forget()
    assert table.system(URL).find("z") is not None
    assert table.system(URL).find("b") is None
    # A request that had the one before goes on with what it remembers.
    assert before.size == 4
    assert len(numbers(database)) == 1
    assert rows(database, numbers(database)[0])[0] == 2


def test_another_version_stands_beside_and_the_last_loaded_is_in_force(database, tables):
    bring(database, release("2"), quiet)
    bring(database, release("1", parents={"z": ()}), quiet)
    assert table.system(URL).version == "1"
    assert table.system(URL, "2").find("a") is not None
    assert table.system(URL, "3") is None
    assert concept_load.remove(database, URL, "1") == 1
    tables.forget()
    assert table.system(URL).version == "2"


def test_what_another_process_loads_is_seen_within_a_second(database, tables, monkeypatch):
    assert table.system(URL) is None
    bring(database, release(), quiet)
    assert table.system(URL) is None
    later = clock.monotonic() + 1
    monkeypatch.setattr(clock, "monotonic", lambda: later)
    assert table.system(URL) is not None


def test_only_one_loads_at_a_time(database):
    with (
        concept_load.alone(database),
        pytest.raises(CannotStart, match="Another terminology"),
        concept_load.alone(database),
    ):
        pass
    with concept_load.alone(database):
        pass


@pytest.mark.parametrize(
    ("parents", "told"),
    [
        ({"a": ("c",), "b": ("a",), "c": ("b",)}, "round in a circle: 'a'"),
        ({"a": ("a",)}, "round in a circle"),
        ({"a": (), "b": ("x",)}, "'b' stands under 'x'.*the files of both"),
    ],
)
def test_a_hierarchy_that_cannot_be_is_refused_before_anything_is_written(database, parents, told):
    with pytest.raises(Unreadable, match=told):
        bring(database, release(parents=parents), quiet)
    assert numbers(database) == []


def test_texts_come_back_as_they_were(database, tables):
    odd = "tab\there \\ back\\N slash\nnew 'line' \"quoted\" {1,2} żółć 漢字\r"
    said = Concept("a", odd, definition=odd, properties=(Property("p", odd, "string"),))
    bring(database, release(parents={"a": ()}, concept=lambda _: said), quiet)
    found = table.system(URL).find("a")
    assert (found.display, found.definition, found.properties[0].value) == (odd, odd, odd)
    assert table.system(URL).count(Query(text="zolc")) == 1


def test_a_value_that_is_false_or_none_at_all_is_kept_apart(database, tables):
    properties = (Property("flag", False, "boolean"), Property("number", 0, "integer"))
    declared = (Declared("flag", "boolean", "A flag."), Declared("number", "integer", "A number."))
    concept = Concept("a", None, properties=properties, abstract=True, valid_from="2024-08-19")
    assert '"description"' not in detail(concept)
    bring(database, release(parents={"a": ()}, concept=lambda _: concept, properties=declared), quiet)
    found = table.system(URL).find("a")
    assert [(each.code, each.value) for each in found.properties] == [("flag", False), ("number", 0)]
    assert (found.display, found.abstract, found.valid_from) == (None, True, "2024-08-19")
    for name, value in (("flag", "false"), ("number", "0")):
        assert table.system(URL).holds("a", (Filter(name, "=", value),))


def test_progress_is_told_to_the_end_of_each_part(database):
    told = {}
    bring(database, release(), lambda what, done, of: told.update({what: (done, of)}))
    assert list(told) == ["Hierarchy", "Concepts", "Groups", "Indexes"]
    assert all(done == of for done, of in told.values())


def test_nothing_is_found_where_no_tables_are_held(database):
    bring(database, release(), quiet)
    table.hold(None)
    assert table.system(URL) is None
    assert list(table.systems()) == []


def test_a_question_that_takes_too_long_is_not_known(database_url, database, monkeypatch):
    bring(database, release(), quiet)
    hasty = Database(database_url, pool_size=1, statement_timeout=0.1)
    table.hold(Tables(hasty))
    system = table.system(URL)
    sleep = text("SELECT pg_sleep(5)")
    monkeypatch.setattr(concepts, "by_code", lambda connection, *_: connection.execute(sleep))
    with pytest.raises(CannotTell, match="takes too long") as told:
        system.find("a")
    assert told.value.code == "too-costly"
    hasty.close()
