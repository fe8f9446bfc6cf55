"""What is stored beside a resource."""

from datetime import UTC, datetime
from typing import Any

import pytest

from server.definition.library import library
from server.definition.searchparameter import number
from server.fhir import Json
from server.fhir.period import HIGHEST, LOWEST
from server.search.extract import Index, extract
from server.search.hash import Hasher

HASHER = Hasher(b"key")
BASE = "http://example.org/fhir"


def indexed(type_: str, **elements: Any) -> Index:
    return extract({"resourceType": type_, "id": "1", **elements}, HASHER, BASE)


def concept(*codings: tuple[str | None, str]) -> Json:
    return {"coding": [{"system": s, "code": c} if s else {"code": c} for s, c in codings]}


def hashes(type_: str, code: str, *forms: str) -> set[int]:
    return {HASHER.token(type_, code, each) for each in forms}


@pytest.mark.parametrize(
    ("type_", "element", "value", "code", "forms"),
    [
        ("Observation", "code", concept(("s", "c")), "code", ["c", "s|c", "s|"]),
        ("Observation", "code", concept((None, "c")), "code", ["c", "|c"]),
        ("Observation", "code", concept(("s", "c"), ("t", "d")), "code", ["c", "s|c", "s|", "d", "t|d",
         "t|"]),
        ("Observation", "code", concept(("s", "c")), "combo-code", []),
        ("Observation", "code", {"text": "only words"}, "code", []),
        ("Observation", "code", {"coding": [{"system": "s", "display": "no code"}]}, "code", []),
        ("Observation", "valueCodeableConcept", concept(("s", "c")), "value-concept", ["c", "s|c", "s|"]),
        ("Observation", "status", "final", "status", ["final"]),
        ("Observation", "subject", {"reference": "Patient/1"}, "subject", ["Patient/1"]),
        ("Observation", "subject", {"reference": "Patient/1"}, "patient", ["Patient/1"]),
        ("Observation", "subject", {"reference": "Group/1"}, "patient", []),
        ("Observation", "subject", {"reference": "Patient/1/_history/2"}, "subject", ["Patient/1"]),
        ("Observation", "subject", {"reference": f"{BASE}/Patient/1"}, "subject", ["Patient/1"]),
        ("Observation", "subject", {"reference": "http://other/Patient/1"}, "subject",
         ["http://other/Patient/1"]),
        ("Observation", "subject", {"reference": "#inside"}, "subject", []),
        ("Observation", "subject", {"display": "somebody"}, "subject", []),
        ("Observation", "subject", {"identifier": {"system": "s", "value": "v"}}, "subject",
         [":identifier v", ":identifier s|v", ":identifier s|"]),
        ("Patient", "active", True, "active", ["true"]),
        ("Patient", "active", False, "active", ["false"]),
        ("Patient", "gender", "female", "gender", ["female"]),
        ("Patient", "deceasedDateTime", "2020-01-01", "deceased", ["true"]),
        ("Patient", "deceasedBoolean", False, "deceased", ["false"]),
        ("Patient", "gender", "female", "deceased", ["false"]),
        ("Patient", "telecom", [{"system": "email", "value": "a@b", "use": "home"}], "telecom",
         ["a@b", "home|a@b", "home|", "email|a@b"]),
        ("Patient", "telecom", [{"system": "email", "value": "a@b"}], "email", ["a@b", "|a@b", "email|a@b"]),
        ("Patient", "telecom", [{"system": "email", "value": "a@b"}], "phone", []),
        ("Patient", "name", [{"family": "O'Brien", "given": ["Ann", "Bé"]}], "name", ["=O'Brien", "=Ann",
         "=Bé"]),
        ("Patient", "meta", {"tag": [{"system": "s", "code": "c"}]}, "_tag", ["c", "s|c", "s|"]),
        ("Patient", "meta", {"profile": ["http://p|1"]}, "_profile", ["http://p|1", "http://p"]),
        ("ActivityDefinition", "library", ["http://l|2"], "depends-on", ["http://l|2", "http://l"]),
        ("Encounter", "class", {"system": "s", "code": "AMB"}, "class", ["AMB", "s|AMB", "s|"]),
        ("Composition", "relatesTo", [{"code": "appends", "targetIdentifier": {"value": "v"}}], "related-id",
         ["v", "|v"]),
    ],
)  # fmt: skip
def test_a_value_is_hashed_in_every_form_it_can_be_found_by(
    type_: str, element: str, value: Any, code: str, forms: list[str]
) -> None:
    tokens = set(indexed(type_, **{element: value}).tokens)
    assert hashes(type_, code, *forms) <= tokens
    others = {"c", "s|c", "Patient/1", "true", "false"} - set(forms)
    assert hashes(type_, code, *others).isdisjoint(tokens)


def test_what_others_find_has_no_rows_of_its_own() -> None:
    part = {"code": concept(("s", "c")), "valueQuantity": {"value": 1}}
    index = indexed("Observation", code=concept(("s", "c")), component=[part], valueQuantity={"value": 2})
    combined = {code: number(code) for code in ("combo-code", "combo-value-quantity")}
    assert combined.keys().isdisjoint(index.sorts)
    assert not {param for param, _, _ in index.numbers} & set(combined.values())
    child = indexed("Patient", name=[{"family": "Ann"}])
    assert {param for param, *_ in child.strings} == {number("family"), number("name")}


def test_tokens_are_sorted_and_distinct() -> None:
    tokens = indexed("Observation", code=concept(("s", "c"), ("s", "c"))).tokens
    assert tokens == sorted(set(tokens))


@pytest.mark.parametrize(
    ("elements", "low", "high"),
    [
        (
            {"effectiveDateTime": "2024-01-02"},
            datetime(2024, 1, 2, tzinfo=UTC),
            datetime(2024, 1, 3, tzinfo=UTC),
        ),
        ({"effectivePeriod": {"start": "2024-01-02"}}, datetime(2024, 1, 2, tzinfo=UTC), HIGHEST),
        ({"effectivePeriod": {"end": "2024-01-02"}}, LOWEST, datetime(2024, 1, 3, tzinfo=UTC)),
        (
            {"effectiveTiming": {"event": ["2024-01-05", "2024-01-02"]}},
            datetime(2024, 1, 2, tzinfo=UTC),
            datetime(2024, 1, 6, tzinfo=UTC),
        ),
        (
            {"effectiveTiming": {"repeat": {"boundsPeriod": {"start": "2024-01-02", "end": "2024-01-03"}}}},
            datetime(2024, 1, 2, tzinfo=UTC),
            datetime(2024, 1, 4, tzinfo=UTC),
        ),
        ({"effectiveTiming": {"repeat": {"frequency": 1}}}, LOWEST, HIGHEST),
    ],
)
def test_the_date_of_a_type_is_one_interval(elements: Json, low: datetime, high: datetime) -> None:
    assert indexed("Observation", **elements).date == (low, high)


def test_a_type_without_a_date_or_a_resource_without_one_has_none() -> None:
    assert indexed("Patient", birthDate="2010-01-01").date is None
    assert indexed("Observation", status="final").date is None
    assert indexed("Immunization", occurrenceString="last winter").date is None


def test_other_dates_are_rows_with_the_first_and_the_last_marked() -> None:
    number = library().search_parameters("Patient")["birthdate"].number
    day = datetime(2010, 1, 1, tzinfo=UTC), datetime(2010, 1, 2, tzinfo=UTC)
    assert indexed("Patient", birthDate="2010-01-01").dates == [(number, *day, True, True)]


def test_strings_are_folded_rows_with_the_first_and_the_last_marked() -> None:
    number = library().search_parameters("Patient")["given"].number
    index = indexed("Patient", name=[{"given": ["Zoë", "Ann", "ann", "Mia"]}])
    assert [row for row in index.strings if row[0] == number] == [
        (number, "ann", True, False),
        (number, "mia", False, False),
        (number, "zoe", False, True),
    ]


@pytest.mark.parametrize(
    ("elements", "code", "texts"),
    [
        ({"name": [{"text": "T", "family": "F", "given": ["G"], "prefix": ["P"], "suffix": ["S"],
         "use": "old"}]},
         "name", ["f", "g", "p", "s", "t"]),
        ({"name": [{"given": [None, "G"], "_given": [{"extension": [{"url": "x"}]}, None]}]}, "name", ["g"]),
        ({"address": [{"text": "T", "line": ["L", "M"], "city": "C", "district": "D", "state": "S",
                       "postalCode": "P", "country": "X", "use": "home"}]},
         "address", ["c", "d", "l", "m", "p", "s", "t", "x"]),
        ({"address": [{"postalCode": "B1 1AA"}]}, "address-postalcode", ["b1 1aa"]),
    ],
)  # fmt: skip
def test_every_part_of_a_name_or_an_address_is_a_string(elements: Json, code: str, texts: list[str]) -> None:
    number = library().search_parameters("Patient")[code].number
    assert [row[1] for row in indexed("Patient", **elements).strings if row[0] == number] == texts


def test_a_text_longer_than_an_index_takes_is_cut() -> None:
    number = library().search_parameters("Patient")["family"].number
    rows = indexed("Patient", name=[{"family": "\N{KISS MARK}a" * 3000}]).strings
    assert all(len(text.encode()) < 2600 for of, text, _, _ in rows if of == number)


def test_identifiers_are_pairs_of_hashes_and_no_tokens() -> None:
    index = indexed("Patient", identifier=[{"system": "s", "value": "v"}, {"value": "w"}, {"system": "t"}])
    s, t, none = (next(iter(hashes("Patient", "identifier", f"{system}|"))) for system in ("s", "t", ""))
    v, w, nothing = (next(iter(hashes("Patient", "identifier", value))) for value in ("v", "w", ""))
    assert index.identifiers == [(s, v), (none, w), (t, nothing)]
    assert hashes("Patient", "identifier", "v", "s|v").isdisjoint(index.tokens)
    assert index.sorts["identifier"] == ["", "w"]


def test_a_very_long_identifier_keeps_its_distinction() -> None:
    one, other = (indexed("Patient", identifier=[{"value": "9" * 5000 + end}]).identifiers for end in "ab")
    assert one != other


@pytest.mark.parametrize(
    ("elements", "code", "ends"),
    [
        ({"code": concept(("s", "B"), ("s", "a"))}, "code", ["a", "b"]),
        ({"code": concept(("s", "B"))}, "code", ["b"]),
        ({"code": {"text": "Only Words"}}, "code", ["only words"]),
        ({"subject": {"reference": "Patient/1"}}, "subject", ["Patient/1"]),
        ({"subject": {"display": "somebody"}}, "subject", [""]),
        ({"performer": [{"reference": "Organization/b"}, {"reference": "Organization/a"}]}, "performer",
         ["Organization/a", "Organization/b"]),
        ({"meta": {"profile": ["http://b", "http://a", "http://c"]}}, "_profile",
         ["http://a", "http://b", "http://c"]),
        ({}, "code", None),
        ({"meta": {"versionId": "1"}}, "_tag", None),
    ],
)  # fmt: skip
def test_every_present_token_reference_and_uri_has_its_ends_to_sort_by(
    elements: Json, code: str, ends: list[str] | None
) -> None:
    assert indexed("Observation", **elements).sorts.get(code) == ends


@pytest.mark.parametrize(
    ("type_", "elements", "child"),
    [
        ("Observation", {"subject": {"reference": "Patient/1"}}, "Patient/1"),
        ("Observation", {"subject": {"reference": f"{BASE}/Patient/1/_history/3"}}, "Patient/1"),
        ("Observation", {"subject": {"reference": "Group/1"}}, None),
        ("Observation", {"subject": {"reference": "http://other/Patient/1"}}, None),
        ("Observation", {}, None),
        ("RelatedPerson", {"patient": {"reference": "Patient/1"}}, "Patient/1"),
        ("EpisodeOfCare", {"patient": {"reference": "Patient/1"}}, "Patient/1"),
        ("Consent", {"patient": {"reference": "Patient/1"}}, "Patient/1"),
        ("Task", {"for": {"reference": "Patient/1"}}, "Patient/1"),
        ("Organization", {"partOf": {"reference": "Organization/1"}}, None),
    ],
)
def test_the_child_is_named_by_the_patient_or_subject(type_: str, elements: Json, child: str | None) -> None:
    assert indexed(type_, **elements).child_reference == child


B = "https://w3id.org/single-child-record/CodeSystem/"


def test_what_may_be_listed_across_children_is_a_facet_and_the_rest_is_not() -> None:
    index = indexed(
        "Observation",
        status="final",
        category=[concept((B + "observation-category", "attendance"))],
        code=concept((B + "session", "am")),
        valueCodeableConcept=concept((B + "attendance-code", "O")),
        subject={"reference": "Patient/1"},
        performer=[{"reference": "Organization/1"}],
        encounter={"reference": "http://other/Encounter/1"},
        identifier=[{"system": "s", "value": "v"}],
    )
    wanted = hashes("Observation", "value-concept", "O") | hashes(
        "Observation", "performer", "Organization/1"
    )
    assert index.facets == sorted(wanted)
    assert set(index.facets) <= set(index.tokens)


def test_a_bundle_inside_is_found_by_the_resource_it_begins_with() -> None:
    entry = [{"resource": {"resourceType": "Composition", "id": "c"}}]
    index = indexed("Bundle", type="document", entry=entry)
    assert hashes("Bundle", "composition", "Composition/c") <= set(index.tokens)
