"""Bodies are compressed, and read back byte for byte, whatever wrote them."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import delete, select, update

from server.store import dictionary, packing, tables
from tests import make

MARK = (
    b',"profile":["https://w3id.org/single-child-record/StructureDefinition/SchoolAttendance"]},"status":"final",'
    b'"category":[{"coding":[{"system":"https://w3id.org/single-child-record/CodeSystem/observation-category",'
    b'"code":"attendance"}]}]}'
)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"}",
        MARK,
        MARK * 1000,
        '{"text":"Zoë \N{PILE OF POO}"}'.encode(),
        bytes(range(32, 127)) * 3,
    ],
)
def test_a_body_is_unpacked_as_it_was_packed(text):
    assert packing.unpacked(packing.packed(text)) == text
    assert packing.unpacked(memoryview(packing.packed(text))) == text


def test_a_small_body_is_compressed_by_what_it_has_in_common_with_others():
    assert len(packing.packed(MARK)) < len(MARK) / 2


@pytest.mark.parametrize("text", [b'{"resourceType":"Basic"}', b',"active":true}', b"}", b'"}'])
def test_a_body_that_an_older_release_wrote_as_text_is_read_as_it_stands(text):
    assert packing.unpacked(text) == text


def test_what_gains_nothing_is_kept_as_text():
    assert packing.packed(b"}") == b"}"


def test_each_thread_packs_and_unpacks_without_the_others():
    bodies = [MARK * (number % 7 + 1) + str(number).encode() for number in range(2000)]
    with ThreadPoolExecutor(4) as threads:
        packed = list(threads.map(packing.packed, bodies))
        assert list(threads.map(packing.unpacked, packed)) == bodies


def test_the_dictionary_that_is_written_by_is_named_in_each_body():
    assert packing.packed(MARK)[0] == dictionary.newest()


def test_what_an_older_dictionary_compressed_is_read_by_that_one(monkeypatch):
    first = packing.packed(MARK)
    both = {1: dictionary.shipped()[1], 2: dictionary.trained((str(n).encode() * 50 for n in range(999)), 2)}
    with monkeypatch.context() as patched:
        patched.setattr(dictionary, "shipped", lambda: both)
        patched.setattr(dictionary, "newest", lambda: 2)
        forget()
        assert packing.unpacked(first) == MARK
        assert not packing.is_newest(first)
        second = packing.packed(b"123" * 90)
        assert second[0] == 2
        assert packing.unpacked(second) == b"123" * 90
    forget()


def forget():
    packing._contexts.cache_clear()
    packing._dictionary.cache_clear()


def test_the_database_has_every_dictionary_so_that_a_dump_can_be_read_by_itself(database):
    with database.begin() as connection:
        dictionary.keep(connection)
        dictionary.keep(connection)
        assert dict(map(tuple, connection.execute(select(tables.dictionary)))) == dictionary.shipped()


@pytest.mark.parametrize("number", [1, 7])
def test_a_database_whose_dictionary_is_not_here_is_refused(database, number):
    row = tables.dictionary
    with database.begin() as connection:
        dictionary.keep(connection)
        connection.execute(update(row).where(row.c.number == 1).values(number=number, content=b"another"))
        with pytest.raises(dictionary.WrongDictionary, match=f"dictionary {number}, which this release"):
            dictionary.keep(connection)
        connection.execute(delete(row))


def test_a_resource_is_stored_compressed_and_read_as_it_was_sent(suite, app):
    patient = suite.post(make.patient()).json
    row = tables.resource_patient
    with app.extensions["database"].begin() as connection:
        body = connection.execute(select(row.c.body).where(row.c.id == patient["id"])).scalar_one()
    assert body[0] == dictionary.newest()
    assert suite.get(f"Patient/{patient['id']}").json == patient
