"""Where twins would explain two records as well as one child does, a person decides."""

import pytest

from server.child.likeness.comparison import levels
from server.child.likeness.doubt import doubt
from server.child.likeness.feature import Features
from server.child.likeness.model import model
from server.child.likeness.name import distance, known_near
from server.child.linkage.cluster import Pair
from server.child.linkage.link import gathered
from tests.child.likeness.pair import NHS, child

MATCH = model().parameters.threshold.match


def is_in_doubt(a: Features, b: Features, **more: bool) -> bool:
    return doubt(a, b, levels(a, b), **more)


@pytest.mark.parametrize(
    ("one", "other", "doubted"),
    [
        ("Amina", "Amia", True),
        ("Harry", "Harvy", True),
        ("Ellie", "Ella", True),
        ("Amina", "Amina", False),
        ("Amina", "Amira", False),
        ("Muhammad Yusuf", "Mohammed Yusuf", False),
        ("Christopher", "Christohper", False),
        ("Amina Rose", "Amia Rose", False),
    ],
)
def test_a_name_that_may_be_a_third_is_in_doubt(one: str, other: str, doubted: bool) -> None:
    assert is_in_doubt(child(one), child(other)) == doubted
    assert is_in_doubt(child(other), child(one)) == doubted


def test_what_is_in_doubt_is_no_match_and_says_why() -> None:
    a, b = child("Amina"), child("Amia")
    found = model().compare(a, b)
    assert found.weight == model().weigh(a, b) < MATCH
    assert found.evidence[-1].comparison == "doubt"
    assert sum(each.weight for each in found.evidence) + model().prior == pytest.approx(found.weight)


def test_a_number_or_an_order_of_birth_leaves_no_doubt() -> None:
    number = {"identifier": [{"system": NHS, "value": "9990000018"}]}
    assert not is_in_doubt(child("Amina", **number), child("Amia", **number))
    first = {"multipleBirthInteger": 1}
    assert not is_in_doubt(child("Amina", **first), child("Amia", **first))


def test_who_was_born_on_another_day_is_no_twin() -> None:
    assert not is_in_doubt(child("Amina"), child("Amia", birthDate="2011-11-30"))


def test_given_and_family_name_exchanged_are_in_doubt_where_a_part_is_not_the_same() -> None:
    assert is_in_doubt(child("Ellie", "Shelby"), child("Shelby", "Ella"))
    assert not is_in_doubt(child("Ellie", "Shelby"), child("Shelby", "Ellie"))


def test_a_twin_whom_another_record_tells_of_puts_in_doubt_what_is_near_to_the_twin() -> None:
    records = [child("Jonah"), child("Noah"), child("Jnoah")]
    pairs = [Pair(1, 2, 14.0), Pair(0, 2, 13.0)]
    found = gathered(records, model(), pairs)
    assert found.child == [0, 1, 2]
    assert [(pair.a, pair.b) for pair in found.open] == [(1, 2), (0, 2)]
    alone = gathered(records[1:], model(), [Pair(0, 1, 14.0)])
    assert alone.child == [0, 0]


def test_a_third_record_of_a_child_has_to_be_without_any_doubt() -> None:
    records = [child("Noah"), child("Noah"), child("Jnoah")]
    found = gathered(records, model(), [Pair(0, 1, 20.0), Pair(0, 2, 14.0)])
    assert found.child == [0, 0, 2]


def test_known_names_that_are_a_letter_away_are_found_without_looking_at_all() -> None:
    assert {"amina", "amira"} <= known_near("amia")
    assert all(distance(each, "amia", 1) == 1 for each in known_near("amia"))
    assert "amina" not in known_near("amina")
