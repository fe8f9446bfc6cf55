"""Full text: what people read in a resource is found, and what machines read is not."""

from decimal import Decimal

import pytest
from sqlalchemy import Connection

from server.fhir import Json
from server.fhir.issue import Invalid
from server.search.words import words
from tests.search.indexed import found, store

RESOURCE: Json = {
    "identifier": [{"system": "http://system", "value": "X123"}],
    "text": {
        "status": "generated",
        "div": "<div xmlns='x'><p class='shown'>Broken arm &amp; leg</p>Zoë</div>",
    },
    "code": {"coding": [{"system": "http://s", "code": "fx", "display": "Fracture of forearm"}]},
    "note": [{"text": "Seen at home.\n\nMother *worried*"}, {"authorString": "Dr. O'Brien", "text": "x"}],
    "subject": {"reference": "Patient/hidden", "display": "Ann Example"},
    "contained": [{"resourceType": "Medication", "id": "m", "code": {"text": "Paracetamol"}}],
    "extension": [{"url": "http://url", "valueString": "aside"}, {"url": "http://u", "valueCode": "coded"}],
    "meta": {"tag": [{"display": "tagged"}]},
}


@pytest.mark.parametrize(
    ("query", "finds"),
    [
        ("_text=broken", True),
        ("_text=BROKEN leg", True),
        ("_text=zoe", True),
        ("_text=broken -head", True),
        ("_text=head,arm", True),
        ('_text="broken arm"', True),
        ("_text=bro*", True),
        ("_text=head or leg", True),
        ("_text=(head or arm) and not foot", True),
        ("_text=leg&_text=arm", True),
        ("_text:missing=false", True),
        ("_text=fracture", False),
        ("_text=shown", False),
        ("_text=bro", False),
        ('_text="arm broken"', False),
        ("_text=broken -arm", False),
        ("_text=broken -(leg or foot)", False),
        ("_text:missing=true", False),
        ("_content=broken", True),
        ("_content=fracture", True),
        ("_content=fracture broken", True),
        ("_content=worried", True),
        ("_content=ann", True),
        ("_content=paracetamol", True),
        ("_content=aside", True),
        ("_content=o'brien", True),
        ("_content:missing=false", True),
        ('_content="home mother"', True),
        ('_content="leg fracture"', False),
        ('_content="worried dr"', False),
        ("_content=fx", False),
        ("_content=hidden", False),
        ("_content=X123", False),
        ("_content=coded", False),
        ("_content=tagged", False),
        ("_content=generated", False),
    ],
)
def test_a_resource_is_found_by_what_people_read_in_it(
    connection: Connection, query: str, finds: bool
) -> None:
    id_ = store(connection, "Condition", RESOURCE)
    assert found(connection, "Condition", query) == ({id_} if finds else set())


def test_a_resource_without_a_word_has_no_row() -> None:
    mark = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "s", "code": "am"}]},
        "valueQuantity": {"value": Decimal(1)},
        "effectiveDateTime": "2024-05-06",
    }
    assert words(mark) == ""


@pytest.mark.parametrize(
    "text", ["-", "...", "-arm", "not arm", "arm or -leg", "(arm", "arm)", "()", '""', "not"]
)
def test_a_question_without_a_word_that_must_be_there_is_refused(connection: Connection, text: str) -> None:
    with pytest.raises(Invalid):
        found(connection, "Condition", f"_content={text}")


def test_a_long_text_is_kept_as_far_as_positions_go(connection: Connection) -> None:
    text = " ".join(f"word{number}" for number in range(20_000))
    id_ = store(connection, "Condition", {"note": [{"text": text}]})
    assert found(connection, "Condition", "_content=word12000") == {id_}


PLACE = {"position": {"latitude": Decimal("51.5007"), "longitude": Decimal("-0.1246")}}


@pytest.mark.parametrize(
    ("query", "finds"),
    [
        ("near=51.5007|-0.1246|0.001|km", True),
        ("near=51.5055|-0.0754|4|km", True),
        ("near=51.5055|-0.0754|3|km", False),
        ("near=51.5055|-0.0754|2.5|[mi_us]", True),
        ("near=51.5055|-0.0754|2|[mi_us]", False),
        ("near=51.5055|-0.0754|3500|m", True),
        ("near=51.5|-0.1", True),
        ("near=48.8|2.3", False),
        ("near=48.8|2.3,51.5|-0.1", True),
        ("near=48.8566|2.3522|400", True),
        ("near=-51.5|-0.1|100", False),
        ("near:missing=false", True),
        ("near:missing=true", False),
    ],
)
def test_a_place_is_found_within_a_distance(connection: Connection, query: str, finds: bool) -> None:
    id_ = store(connection, "Location", PLACE)
    assert found(connection, "Location", query) == ({id_} if finds else set())


@pytest.mark.parametrize(("stored", "asked"), [(Decimal("179.9"), "-179.9"), (Decimal("-179.9"), "179.9")])
def test_the_date_line_is_no_distance(connection: Connection, stored: Decimal, asked: str) -> None:
    id_ = store(connection, "Location", {"position": {"latitude": Decimal(0), "longitude": stored}})
    assert found(connection, "Location", f"near=0|{asked}|30") == {id_}


@pytest.mark.parametrize(
    "value", ["51.5", "a|b", "91|0", "0|181", "1|2|-3", "1|2|3|kg", "1|2|3|x", "1|2|3|km|5"]
)
def test_what_is_no_place_is_refused(connection: Connection, value: str) -> None:
    with pytest.raises(Invalid):
        found(connection, "Location", f"near={value}")
