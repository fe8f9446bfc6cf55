"""A hierarchy as large as SNOMED CT's: at full size under --soak."""

import time

import pytest

from server.terminology import table, valueset
from server.terminology.intake.bring import bring
from server.terminology.intake.release import Release
from server.terminology.provider import Concept, Filter, Query
from server.terminology.table import Tables
from tests.terminology.intake.conftest import quiet

URL = "https://example.org/CodeSystem/many"

pytestmark = pytest.mark.soak


def parents(size):
    """Each stands under one or two of those an eighth as far from the root: as wide as SNOMED CT."""
    found = {code(0): ()}
    for number in range(1, size):
        above = {number // 8, number // 9} if number % 3 == 0 else {number // 8}
        found[code(number)] = tuple(map(code, above))
    return found


def code(number):
    return f"{number:08}"


@pytest.fixture(scope="module")
def size(is_soak):
    return 500_000 if is_soak else 12_000


@pytest.fixture(scope="module")
def many(database, size):
    bring(database, Release(URL, "1", "Many", parents(size), lambda each: Concept(each, f"Of {each}")), quiet)
    return Tables(database)


@pytest.fixture
def system(many):
    table.hold(many)
    return table.system(URL)


def median(act, times=41):
    """In milliseconds."""
    taken = []
    for number in range(times):
        begun = time.perf_counter()
        act(number)
        taken.append(time.perf_counter() - begun)
    return sorted(taken)[times // 2] * 1000


def test_subsumption_in_a_large_hierarchy_takes_at_most_two_milliseconds(system, size):
    below = [size - 1 - number * (size // 100) for number in range(41)]
    assert system.subsumes(code(0), code(size - 1))
    assert not system.subsumes(code(size - 1), code(0))
    assert system.subsumes(code((size - 1) // 8), code(size - 1))
    assert median(lambda number: system.subsumes(code(number + 1), code(below[number]))) < 2


def test_the_last_page_of_a_large_expansion_costs_no_more_than_the_first(system, size):
    wanted = (Filter("concept", "is-a", code(1)),)
    total = system.count(Query(wanted))
    assert total > size // 10
    first, last = (
        median(lambda _, start=start: list(system.matching(Query(wanted, offset=start, limit=100))), 15)
        for start in (0, total - 100)
    )
    assert last < 3 * first + 1


def test_pages_of_all_codes_are_cut_where_they_are_asked_for(system, size):
    found = [each.code for each in system.matching(Query(offset=size - 3, limit=10))]
    assert found == [code(size - 3), code(size - 2), code(size - 1)]


def test_what_is_left_out_of_a_large_expansion_costs_no_more(system):
    among = valueset.of(
        {
            "resourceType": "ValueSet",
            "compose": {
                "include": [is_a(1), is_a(2)],
                "exclude": [is_a(10), {"system": URL, "concept": [{"code": code(2)}]}],
            },
        }
    )
    whole = among.page(None, False, 0, 2000)
    total = whole.total
    codes = [each.concept.code for each in whole.entries]
    last_one = int(codes[-1])
    assert codes == [code(number) for number in range(last_one + 1) if among.contains(URL, code(number))]
    assert not {code(2), code(10), code(80)} & set(codes)
    assert {code(1), code(8), code(16)} <= set(codes)
    first, last = (
        median(lambda _, start=start: among.page(None, False, start, 100), 15) for start in (0, total - 100)
    )
    assert last < 3 * first + 1


def is_a(number):
    return {"system": URL, "filter": [{"property": "concept", "op": "is-a", "value": code(number)}]}
