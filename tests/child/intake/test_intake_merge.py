from decimal import Decimal
from typing import Any

import pytest

from server.child.intake.draft import Draft, complex_extension, extension, period, pruned
from server.child.intake.merge import alike, created, merged
from server.fhir import Json


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ([1, 2], [2, 1], False),
        (1, Decimal("1.0"), True),
        (True, 1, False),
        ("1", 1, False),
        (None, None, True),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ([{"a": [True]}], [{"a": [True]}], True),
    ],
)
def test_what_says_the_same_is_alike(one: Any, other: Any, same: bool) -> None:
    assert alike(one, other) is same
    assert alike(other, one) is same


def _draft(**content: Any) -> Draft:
    return Draft("a", "Placement", {"resourceType": "EpisodeOfCare", **content})


@pytest.mark.parametrize(
    ("existing", "ours", "result"),
    [
        # what the file says replaces
        ({"status": "active"}, {"status": "finished"}, {"status": "finished"}),
        # what it does not mention stays
        (
            {"status": "active", "careManager": {}},
            {"status": "active"},
            {"status": "active", "careManager": {}},
        ),
        # what it leaves empty goes
        ({"period": {"start": "1", "end": "2"}}, {"period": period("1", None)}, {"period": {"start": "1"}}),
        (
            {"valueInteger": 1},
            {"valueInteger": None, "dataAbsentReason": {"text": "x"}},
            {"dataAbsentReason": {"text": "x"}},
        ),
        # identifiers are added and keep what others said of them
        (
            {"identifier": [{"system": "s", "value": "1", "use": "usual"}]},
            {"identifier": [{"system": "t", "value": "2"}, {"system": "s", "value": "1"}]},
            {"identifier": [{"system": "s", "value": "1", "use": "usual"}, {"system": "t", "value": "2"}]},
        ),
        # names by their use
        (
            {"name": [{"use": "nickname", "text": "Bo"}, {"use": "official", "family": "A"}]},
            {"name": [{"use": "official", "family": "B"}]},
            {"name": [{"use": "nickname", "text": "Bo"}, {"use": "official", "family": "B"}]},
        ),
        # profiles are added, the rest of meta is the server's
        (
            {"meta": {"versionId": "1", "profile": ["x"]}},
            {"meta": {"profile": ["x"]}},
            {"meta": {"versionId": "1", "profile": ["x"]}},
        ),
    ],
)
def test_a_draft_is_laid_over_what_is_there(existing: Json, ours: Json, result: Json) -> None:
    assert merged(existing, Draft("a", "x", ours)) == result


def test_an_extension_that_the_file_names_is_replaced_or_dropped_and_others_stay() -> None:
    theirs = {"url": "https://example.org/theirs", "valueString": "x"}
    existing = {
        "extension": [extension("boarder", valueString="N"), theirs, extension("nc-year", valueString="6")]
    }
    ours = _draft(extension=[extension("boarder", valueString="B"), extension("nc-year", valueString=None)])
    assert merged(existing, ours)["extension"] == [theirs, extension("boarder", valueString="B")]


def test_extensions_in_another_order_change_nothing() -> None:
    existing = {"extension": [extension("a", valueCode="1"), extension("b", valueCode="2")]}
    ours = Draft("a", "x", {"extension": [extension("b", valueCode="2"), extension("a", valueCode="1")]})
    assert merged(existing, ours) == existing


def test_the_parts_of_a_complex_extension_come_from_several_files() -> None:
    existing = {"extension": [pruned(complex_extension("adoption", matchDate=("Date", "2025-06-01")))]}
    ours = Draft("a", "x", {"extension": [complex_extension("adoption", adopters=("PositiveInt", 2))]})
    parts = merged(existing, ours)["extension"][0]["extension"]
    assert parts == [
        {"url": "matchDate", "valueDate": "2025-06-01"},
        {"url": "adopters", "valuePositiveInt": 2},
    ]


def test_a_later_file_does_not_move_the_start_of_what_it_did_not_see_beginning() -> None:
    draft = _draft(period=period("2018-04-01", "2018-09-01"))
    draft.earliest_start = True
    assert merged({"period": {"start": "2016-01-01"}}, draft)["period"] == {
        "start": "2016-01-01",
        "end": "2018-09-01",
    }


def test_a_created_resource_says_nothing_empty() -> None:
    draft = _draft(
        period=period("2018-04-01", None), extension=[extension("boarder", valueString=None)], type=[None]
    )
    assert created(draft) == {"resourceType": "EpisodeOfCare", "period": {"start": "2018-04-01"}}
