"""Whoever writes a child or looks for one cannot tell by the clock that it resembles one whom it does not
see."""

import math
import random
import time
from datetime import date, timedelta

import pytest

from tests import make
from tests.identity.test_door import compared, robin
from tests.identity.test_hidden import confirmed, in_a_transaction, matched, written
from tests.soak.test_timing import BOUNDS, NOT_FAR, interval

PAIRS, REDUCED = 2000, 40


@pytest.mark.soak
@pytest.mark.parametrize("way", [written, confirmed, in_a_transaction, matched])
@pytest.mark.parametrize("agency", ["asking", "refusing"])
def test_the_clock_does_not_tell_whom_a_child_resembles(client_with, suite, is_soak, agency, way):
    found = measured(client_with(agency), suite, way, PAIRS if is_soak else REDUCED)
    low, high = interval(found)
    print(f"{agency}, {way.__name__}: {low:.3f} to {high:.3f}")  # noqa: T201
    if is_soak:
        assert BOUNDS[0] <= low <= high <= BOUNDS[1]
    else:
        assert low <= NOT_FAR
        assert high >= 1 / NOT_FAR


def measured(client, suite, way, pairs):
    """The logarithm for each pair: of the time for one who resembles a hidden child, and for a stranger."""
    choose, found = random.Random(7), []
    for at in range(pairs + 5):
        alike, stranger = robin(), robin()
        assert suite.post(alike).status == 201
        # A name that was heard of is quicker to fold, whoever bears it.
        assert suite.post(namesake(stranger)).status == 201
        taken = {}
        for child in choose.sample((alike, stranger), 2):
            begun = time.perf_counter()
            answer = way(client, child)
            taken[id(child)] = time.perf_counter() - begun
            assert answer.status in (200, 201), answer
        if at >= 5:
            found.append(math.log(taken[id(alike)] / taken[id(stranger)]))
    return found


def namesake(child):
    """Another child, of the same name and nothing else."""
    born = (date.fromisoformat(child["birthDate"]) + timedelta(days=1000)).isoformat()
    return {**robin(gender="male"), "name": child["name"], "birthDate": born}


def test_what_was_not_waited_for_is_done_by_who_has_time(client_with, suite):
    child = robin()
    hidden = suite.post(child).id
    stored = client_with("refusing").post(child).id
    question = f"Task?focus=Patient/{hidden}&patient=Patient/{stored}"
    assert client_with("reviewing").get(question).matches == []
    compared(suite)
    assert len(client_with("reviewing").get(question).matches) == 1


def test_a_parent_or_a_school_told_of_later_lets_the_child_be_compared_again(client_with):
    asking, reviewing = client_with("asking"), client_with("reviewing")
    child = robin()
    vague = {"resourceType": "Patient", "name": [{"family": "Smith"}], "birthDate": child["birthDate"]}
    first, second = asking.post(vague).id, asking.post(vague).id
    compared(asking)
    assert reviewing.get(f"Task?patient=Patient/{first},Patient/{second}").matches == []
    mother = [{"family": "Tollbooth", "given": ["Philippa"]}]
    for id in (first, second):
        told = {"resourceType": "RelatedPerson", "patient": make.reference(f"Patient/{id}"), "name": mother}
        assert asking.post(told).status == 201
    compared(asking)
    assert len(reviewing.get(f"Task?patient=Patient/{first},Patient/{second}").matches) == 1
