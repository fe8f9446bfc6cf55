"""What was indexed is found, and nothing else is."""

from datetime import timedelta
from urllib.parse import parse_qsl

import pytest
from sqlalchemy import Connection

from server import clock
from server.definition.library import library
from server.fhir import Json
from server.search.query import parse
from server.search.registry import Registry, where
from server.search.types import Context
from server.search.types.date import starts
from server.store.tables import partition
from tests.search.indexed import BASE, HASHER, found, store

CODE = {"code": {"coding": [{"system": "s", "code": "c"}, {"code": "bare"}]}}
SUBJECT = {"subject": {"reference": "Patient/1"}}
NAME = {"name": [{"family": "O'Brien-Łukasz", "given": ["Zoë", "50%_a"]}]}
NUMBER = {"identifier": [{"system": "s", "value": "v"}, {"value": "alone"}]}
URL = {"url": "http://acme.org/fhir/ValueSet/1", "status": "draft"}


@pytest.mark.parametrize(
    ("type_", "elements", "queries", "others"),
    [
        (
            "Observation",
            CODE,
            ["code=c", "code=s|c", "code=s|", "code=|bare", "code=bare", "code=x,c", "code=c,s|c,x",
             "code:not=x", "code:not=t|c", "code:missing=false", "category:missing=true", "category:not=c",
             "combo-code=s|c", "code=c&code=bare"],
            ["code=C", "code=t|c", "code=|c", "code=t|", "code=x,y", "code:not=c", "code:not=s|",
             "code:not=x,c",
             "code:missing=true", "category:missing=false", "category=c", "code=c&code=x"],
        ),
        (
            "Observation",
            {"code": {"coding": [{"code": r"a|b,c\d"}]}},
            [r"code=a\|b\,c\\d", r"code=|a\|b\,c\\d"],
            [r"code=a|b\,c\\d", r"code=a\|b,c", "code=a"],
        ),
        (
            "Patient",
            {"gender": "female", "active": True},
            ["gender=female", "gender=http://hl7.org/fhir/administrative-gender|female", "gender=|female",
             "gender=http://hl7.org/fhir/administrative-gender|", "gender:not=male", "active=true",
             "active:not=false", "deceased=false"],
            ["gender=Female", "gender=http://other|female", "gender=http://other|", "gender:not=female",
             "gender=http://hl7.org/fhir/administrative-gender|male", "active=false", "deceased=true",
             "gender:not=http://hl7.org/fhir/administrative-gender|"],
        ),
        (
            "Patient",
            {"telecom": [{"system": "phone", "value": "01632 960100", "use": "home"}]},
            ["telecom=01632 960100", "phone=home|01632 960100", "phone=phone|01632 960100"],
            ["email=01632 960100", "phone=work|01632 960100", "phone=01632"],
        ),
        (
            "Patient",
            NUMBER,
            ["identifier=v", "identifier=s|v", "identifier=s|", "identifier=|alone", "identifier=alone",
             "identifier=x,s|v", "identifier=s|v&identifier=alone", "identifier:not=t|v",
             "identifier:missing=false"],
            ["identifier=V", "identifier=t|v", "identifier=|v", "identifier=s|alone", "identifier=x",
             "identifier:not=s|v", "identifier:missing=true"],
        ),
        (
            "Patient",
            {"identifier": [{"system": "s", "value": "9" * 4000 + "a"}]},
            ["identifier=" + "9" * 4000 + "a"],
            ["identifier=" + "9" * 4000 + "b"],
        ),
        ("Patient", {}, ["identifier:missing=true", "identifier:not=v"], ["identifier:missing=false"]),
        (
            "Observation",
            SUBJECT,
            ["subject=Patient/1", "subject=1", "subject:Patient=1", "subject:Patient=Patient/1",
             f"subject={BASE}/Patient/1", "subject=Patient/1/_history/3", "patient=1", "patient=Patient/1",
             "subject=Patient/2,Patient/1", "subject:missing=false", "encounter:missing=true"],
            ["subject=Patient/2", "subject=2", "subject:Group=1", "subject=Group/1", "patient=Group/1",
             "subject=http://other/Patient/1", "subject:missing=true", "subject:Patient=Group/1",
             "performer=1",
             "subject:identifier=1"],
        ),
        (
            "Observation",
            {"subject": {"identifier": {"system": "s", "value": "v"}}},
            ["subject:identifier=s|v", "subject:identifier=v", "subject:identifier=s|",
             "subject:missing=false"],
            ["subject:identifier=t|v", "subject:identifier=|v", "subject=v", "subject=s|v"],
        ),
        (
            "Observation",
            {"subject": {"reference": "http://other/fhir/Patient/1/_history/2"}},
            ["subject=http://other/fhir/Patient/1", "subject=http://other/fhir/Patient/1/_history/7"],
            ["subject=Patient/1", "subject=1"],
        ),
        (
            "Observation",
            {"derivedFrom": [{"reference": "Observation/1"}, {"reference": "Media/2"}]},
            ["derived-from=1", "derived-from=Media/2", "derived-from=1&derived-from=2",
             "derived-from:Media=2"],
            ["derived-from:Media=1", "derived-from=Media/1", "derived-from=3"],
        ),
        (
            "QuestionnaireResponse",
            {"questionnaire": "http://q|2", "status": "completed"},
            ["questionnaire=http://q", "questionnaire=http://q|2"],
            ["questionnaire=http://q|3"],
        ),
        (
            "Patient",
            NAME,
            ["name=o'brien", "family=OBRIEN LUKASZ,o brien", "given=zoe", "name=ZOË",
             "family:exact=O'Brien-Łukasz",
             "given:exact=Zoë", "family:contains=lukasz", "given:contains=0 a", "family=O'Brien Ł",
             "given:contains=x,oe", "name:missing=false", "address:missing=true", "given=zoe&given=50"],
            ["name=lukasz", "given:exact=zoe", "given:exact=Zo", "family=zoe", "given:contains=x",
             "name=zoex",
             "name:missing=true", "address:missing=false", "address=zoe"],
        ),
        (
            "Patient",
            {"name": [{"family": "José Álvarez"}]},
            ["family=jose alvarez", "family=JOSÉ", "family:contains=e a", "family:contains=e_A"],
            ["family=alvarez", "family:contains=j%25z", "family:contains=ea"],
        ),
        ("Patient", {"name": [{"text": "—"}]}, ["name:missing=false", "name:exact=—"], ["name=a"]),
        ("Patient", {"name": [{"text": "安倍 晋三"}]}, ["name=安倍", "name:contains=晋三"], ["name=晋三"]),
        (
            "ValueSet",
            URL,
            ["url=http://acme.org/fhir/ValueSet/1", "url:below=http://acme.org/fhir/", "url:missing=false",
             "url:below=http://acme.org/fhir/ValueSet/1",
             "url:above=http://acme.org/fhir/ValueSet/1/_history/5",
             "url:above=http://acme.org/fhir/ValueSet/1", "url=x,http://acme.org/fhir/ValueSet/1"],
            ["url=http://acme.org/fhir/ValueSet", "url=http://ACME.org/fhir/ValueSet/1",
             "url:below=http://other/",
             "url:above=http://acme.org/fhir/ValueSet", "url:above=http://acme.org/fhir/ValueSet/12",
             "url:missing=true"],
        ),
        (
            "Observation",
            {"meta": {"profile": ["http://p|1"], "tag": [{"system": "s", "code": "t"}], "source": "urn:x:1"}},
            ["_profile=http://p", "_profile=http://p|1", "_tag=s|t", "_tag=t", "_source=urn:x:1",
             "_profile:missing=false", "_security:missing=true", "_source:below=urn:x"],
            ["_profile=http://p|2", "_tag=s|u", "_security=t", "_source=urn:x", "_tag:not=t"],
        ),
    ],
)  # fmt: skip
def test_what_was_indexed_is_found_and_nothing_else(
    connection: Connection, type_: str, elements: Json, queries: list[str], others: list[str]
) -> None:
    id_ = store(connection, type_, elements)
    assert [query for query in queries if found(connection, type_, query) != {id_}] == []
    assert [query for query in others if found(connection, type_, query)] == []


@pytest.mark.parametrize(
    ("stored", "queries", "others"),
    [
        (
            "2024-05-06",
            ["2024-05-06", "eq2024-05", "2024", "ne2024-05-07", "ge2024-05-06", "le2024-05-06",
             "gt2024-05-05",
             "lt2024-05-07", "ge2024", "le2024", "sa2024-05-05", "eb2024-05-07", "sa2023", "eb2025", "gt2023",
             "ne2024-05-06T10:00", "gt2024-05-06T10:00", "lt2024-05-06T10:00", "2023,2024", "ap2024-05-06"],
            ["2024-05-07", "2024-06", "ne2024-05-06", "ne2024", "gt2024-05-06", "lt2024-05-06", "gt2024",
             "lt2024",
             "sa2024-05-06", "eb2024-05-06", "ge2024-05-07", "le2024-05-05", "2024-05-06T10:00", "2023,2025"],
        ),
        (
            "2024-05-06T10:00:00Z",
            ["2024-05-06", "2024-05-06T11:00:00+01:00", "2024-05-06T10:00Z", "ge2024-05-06T10:00:00Z",
             "2024-05-06T11:00:00 01:00", "2024-05-06T11:00", "lt2024-05-06T10:00:01Z",
             "sa2024-05-06T09:59:59Z"],
            ["2024-05-06T10:00:00.5Z", "gt2024-05-06T10:00:00Z", "2024-05-06T10:00",
             "eb2024-05-06T10:00:00Z"],
        ),
        (
            {"start": "2024-05-06", "end": "2024-05-10"},
            ["2024-05", "gt2024-05-07", "lt2024-05-07", "ge2024-05-10", "le2024-05-06", "ne2024-05-07",
             "sa2024-05-05", "eb2024-05-11", "ap2024-05-07"],
            ["2024-05-07", "sa2024-05-06", "eb2024-05-10", "gt2024-05-10", "lt2024-05-06"],
        ),
        (
            {"start": "2024-05-06"},
            ["gt2999", "ge2024-05-06", "sa2024-05-05", "lt2024-05-07"],
            ["2024", "eb2999", "lt2024-05-06", "le2024-05-05"],
        ),
        ({"end": "2024-05-06"}, ["lt1900", "le2024", "gt2024-05-05"], ["sa1900", "gt2024-05-06", "2024"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("main", [True, False])
def test_dates_are_compared_as_intervals(
    connection: Connection, stored: str | Json, queries: list[str], others: list[str], main: bool
) -> None:
    kind = "Period" if isinstance(stored, dict) else "DateTime"
    element, code = (f"effective{kind}", "date") if main else (f"value{kind}", "value-date")
    id_ = store(connection, "Observation", {element: stored})
    with_plus = [query.replace("+", "%2B") for query in queries]
    assert [q for q in with_plus if found(connection, "Observation", f"{code}={q}") != {id_}] == []
    assert [q for q in others if found(connection, "Observation", f"{code}={q}")] == []


@pytest.mark.parametrize("code", ["date", "value-date"])
def test_a_missing_date_is_none_and_no_other(connection: Connection, code: str) -> None:
    id_ = store(connection, "Observation", {})
    assert found(connection, "Observation", f"{code}:missing=true") == {id_}
    assert found(connection, "Observation", f"{code}:missing=false") == set()
    assert found(connection, "Observation", f"{code}=ne2024") == set()


def test_approximately_is_within_a_tenth_of_the_distance_to_now(connection: Connection) -> None:
    today = clock.now()
    then = (today - timedelta(days=1000)).date()
    id_ = store(connection, "Observation", {"effectiveDateTime": then.isoformat()})
    for days, near in ((0, True), (60, True), (150, False)):
        asked = (then - timedelta(days=days)).isoformat()
        assert found(connection, "Observation", f"date=ap{asked}") == ({id_} if near else set())


@pytest.mark.parametrize(
    ("query", "finds"),
    [
        ("_lastUpdated=2024-05-06", True),
        ("_lastUpdated=2024-05-06T07:08:09.123Z", True),
        ("_lastUpdated=ge2024-05-06T07:08:09.123Z", True),
        ("_lastUpdated=le2024-05-06T07:08:09.123Z", True),
        ("_lastUpdated=gt2024-05-06T07:08:09.122Z", True),
        ("_lastUpdated=gt2024-05-05,lt2000", True),
        ("_lastUpdated=ne2024-05-07", True),
        ("_lastUpdated=sa2024-05-05", True),
        ("_lastUpdated=eb2024-05-07", True),
        ("_lastUpdated=gt2024-05-06T07:08:09.123Z", False),
        ("_lastUpdated=lt2024-05-06T07:08:09.123Z", False),
        ("_lastUpdated=gt2024-05-06", False),
        ("_lastUpdated=ne2024-05-06", False),
        ("_lastUpdated:missing=true", False),
        ("_lastUpdated:missing=false", True),
        ("_id:missing=true", False),
        ("_id:missing=false", True),
        ("_id=nobody", False),
        ("_id:not=nobody", True),
    ],
)
def test_the_columns_of_every_resource_are_searched(connection: Connection, query: str, finds: bool) -> None:
    id_ = store(connection, "Observation", {})
    assert found(connection, "Observation", query) == ({id_} if finds else set())
    assert found(connection, "Observation", f"_id=x,{id_}") == {id_}


@pytest.mark.parametrize(
    ("query", "bounded"),
    [
        ("date=2024", True),
        ("date=lt2024", True),
        ("date=sa2024", True),
        ("date=2024,2022", True),
        ("date=ge2024", False),
        ("date=ne2024", False),
        ("date=2024,gt2022", False),
        ("date:missing=true", False),
    ],
)
def test_a_walk_along_beginnings_is_bounded_where_the_criterion_bounds_them(
    query: str, bounded: bool
) -> None:
    (condition,) = parse("Observation", parse_qsl(query), Registry(library()), strict=True).conditions
    assert (starts(condition) is not None) == bounded


@pytest.mark.parametrize(
    ("query", "listed"),
    [
        ("code=c", True),
        ("code=s|c", True),
        ("code=c,d", True),
        ("code=s|", False),
        ("code=am", False),
        ("code=c,am", False),
        ("code:not=c", False),
        ("code:missing=false", False),
        ("status=final", False),
        ("identifier=s|v", False),
        ("date=2024", False),
        ("encounter=1", True),
        ("encounter=Encounter/1", True),
        ("encounter:identifier=1", False),
        ("subject=http://other/Patient/1", False),
        ("patient=1", False),
        ("subject=Patient/1", False),
        ("subject=Group/1", True),
    ],
)
def test_a_criterion_names_the_facets_of_which_every_match_has_one(query: str, listed: bool) -> None:
    registry, context = Registry(library()), Context("Observation", HASHER, BASE)
    (condition,) = parse("Observation", parse_qsl(query), registry, strict=True).conditions
    hashes = registry.supported("Observation")[condition.parameter.code].facets(condition, context)
    assert (hashes is not None) == listed


def test_alternatives_do_not_change_the_statement() -> None:
    """One bound array: the statement of two codes is that of two hundred."""
    registry, context = Registry(library()), Context("Observation", HASHER, BASE)
    row = partition("Observation")

    def statement(query: str) -> str:
        (condition,) = parse("Observation", parse_qsl(query), registry, strict=True).conditions
        return str(where(row, condition, context))

    many = ",".join(map(str, range(200)))
    for code in ("code", "subject", "_id", "_profile"):
        assert statement(f"{code}=a,b") == statement(f"{code}={many}")
