"""Numbers and quantities: what was indexed is found, and nothing else is."""

from decimal import Decimal as D  # noqa: N817 - a table of them

import pytest
from sqlalchemy import Connection

from server.fhir import Json
from server.fhir.number import precise
from tests.search.indexed import found, store

UCUM = "http://unitsofmeasure.org"


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("100", "99.5", "100.5"),
        ("100.00", "99.995", "100.005"),
        ("1e2", "95", "105"),
        ("1E+2", "95", "105"),
        ("5.40e-3", "0.005395", "0.005405"),
        ("5.4", "5.35", "5.45"),
        ("-5.4", "-5.45", "-5.35"),
        ("0", "-0.5", "0.5"),
        ("+7", "6.5", "7.5"),
    ],
)
def test_a_number_stands_for_what_rounds_to_it(text: str, low: str, high: str) -> None:
    number = precise(text)
    assert (number.low, number.high) == (precise(low).value, precise(high).value)


@pytest.mark.parametrize(
    "text", ["", ".5", "5.", "1e", "e2", "1,0", "NaN", "Infinity", "0x1", "1_0", "1e999", "٣"]
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a number|is beyond"):
        precise(text)


@pytest.mark.parametrize(
    ("stored", "queries", "others"),
    [
        (
            D("0.5"),
            ["0.5", "eq0.5", "0.50", "5e-1", "ne0.6", "gt0.4", "ge0.5", "lt0.6", "le0.5", "sa0.49",
             "eb0.51", "ap0.52", "ap0.5", "0.1,0.5", "gt0.4&probability=lt0.6"],
            ["0", "0.6", "0.51", "ne0.5", "ne0.50", "gt0.5", "lt0.5", "ge0.51", "le0.49", "sa0.5", "eb0.5",
             "ap0.6", "2", "0.1,0.2", "gt0.4&probability=gt0.5"],
        ),
        (100, ["100", "99.9999999999,100", "1e2", "ap109", "ap92"], ["101", "99", "ap120", "100.1"]),
        (-3, ["-3", "lt-2", "gt-4", "ap-3.1"], ["3", "gt-3", "lt-3"]),
    ],
)  # fmt: skip
def test_numbers_are_compared_by_what_they_round_to(
    connection: Connection, stored: D | int, queries: list[str], others: list[str]
) -> None:
    prediction = [{"probabilityDecimal": stored}]
    id_ = store(connection, "RiskAssessment", {"prediction": prediction})
    assert [q for q in queries if found(connection, "RiskAssessment", f"probability={q}") != {id_}] == []
    assert [q for q in others if found(connection, "RiskAssessment", f"probability={q}")] == []


def test_each_of_several_numbers_is_found_by_itself(connection: Connection) -> None:
    id_ = store(
        connection,
        "RiskAssessment",
        {"prediction": [{"probabilityDecimal": D("0.1")}, {"probabilityDecimal": D("0.9")}]},
    )
    assert found(connection, "RiskAssessment", "probability=0.1&probability=0.9") == {id_}
    # One is below and one above: none is both.
    assert found(connection, "RiskAssessment", "probability=ne0.1") == {id_}
    assert found(connection, "RiskAssessment", "probability=0.5") == set()


@pytest.mark.parametrize("finds", [True, False])
def test_a_missing_number_is_found_as_missing(connection: Connection, finds: bool) -> None:
    id_ = store(
        connection, "RiskAssessment", {"prediction": [{"probabilityDecimal": D("0.1")}]} if finds else {}
    )
    assert found(connection, "RiskAssessment", "probability:missing=false") == ({id_} if finds else set())
    assert found(connection, "RiskAssessment", "probability:missing=true") == (set() if finds else {id_})


def kilograms(value: D) -> Json:
    return {"valueQuantity": {"value": value, "unit": "kilo", "system": UCUM, "code": "kg"}}


@pytest.mark.parametrize(
    ("elements", "queries", "others"),
    [
        (
            kilograms(D("12.5")),
            ["12.5", f"12.5|{UCUM}|kg", f"12500|{UCUM}|g", f"12500.0|{UCUM}|g", "12.5||kg", "12.5||kilo",
             f"gt12|{UCUM}|kg", f"gt12499|{UCUM}|g", f"lt27.56|{UCUM}|[lb_av]", f"gt27.55|{UCUM}|[lb_av]",
             f"ap13|{UCUM}|kg", f"ne12500|{UCUM}|mg", "ge12.5", "le12.5||kg", f"0.0125|{UCUM}|t"],
            ["12500", f"12.5|{UCUM}|g", "12.5||g", "12.5||KG", f"12.5|{UCUM}|m", "12.5|http://other|kg",
             "12.5||mg", f"gt12.5|{UCUM}|kg", f"gt12500|{UCUM}|g", f"lt12500|{UCUM}|g", "12.6",
             f"12.50|{UCUM}|[lb_av]", f"ne12.5|{UCUM}|kg", f"ne12500|{UCUM}|g", f"ne1|{UCUM}|m"],
        ),
        (
            {"valueQuantity": {"value": 37, "system": UCUM, "code": "Cel"}},
            [f"98.6|{UCUM}|[degF]", f"37|{UCUM}|Cel", f"310.15|{UCUM}|K", f"gt98|{UCUM}|[degF]"],
            [f"99.0|{UCUM}|[degF]", f"37|{UCUM}|K", f"gt98.6|{UCUM}|[degF]"],
        ),
        (
            {"valueQuantity": {"value": 7, "system": UCUM, "code": "[pH]"}},
            [f"7|{UCUM}|[pH]", "7", "7||[pH]"],
            [f"7|{UCUM}|mol/L", f"8|{UCUM}|[pH]"],
        ),
        (
            {"valueQuantity": {"value": 3, "unit": "slices"}},
            ["3", "3||slices", "gt2||slices"],
            [f"3|{UCUM}|slices", "3||slice", "4"],
        ),
        (
            {"valueQuantity": {"value": 3, "system": "http://s", "code": "pack", "unit": "packs"}},
            ["3|http://s|pack", "3||pack", "3||packs"],
            ["3|http://s|packs", "3|http://t|pack"],
        ),
        (
            {"valueQuantity": {"value": 5, "comparator": "<", "system": UCUM, "code": "mg"}},
            [f"lt5|{UCUM}|mg", f"le5|{UCUM}|mg", f"lt1|{UCUM}|mg", f"ne4|{UCUM}|mg"],
            [f"4|{UCUM}|mg", f"gt5|{UCUM}|mg", f"sa1|{UCUM}|mg"],
        ),
        (
            {"valueQuantity": {"value": 5, "comparator": ">="}},
            ["gt4", "gt1000", "ge5", "ne7"],
            ["lt5", "eb1000", "7"],
        ),
        (
            {"valueSampledData": {"origin": {"value": 10, "system": UCUM, "code": "mV"}, "period": 10,
                                  "factor": 2, "dimensions": 1, "data": "1 -2 E 3"}},
            [f"ge16|{UCUM}|mV", f"lt7|{UCUM}|mV", f"ap11|{UCUM}|mV", f"lt0.0061|{UCUM}|V"],
            [f"gt16|{UCUM}|mV", f"lt6|{UCUM}|mV", f"11|{UCUM}|mV"],
        ),
        (
            {"valueSampledData": {"origin": {"value": 0}, "period": 10, "dimensions": 1, "data": "E E"}},
            [],
            ["0", "ge0", "lt0"],
        ),
        ({"valueQuantity": {"unit": "kg"}}, [], ["0", "ge0"]),
    ],
)  # fmt: skip
def test_quantities_are_compared_with_their_units(
    connection: Connection, elements: Json, queries: list[str], others: list[str]
) -> None:
    id_ = store(connection, "Observation", elements)
    assert [q for q in queries if found(connection, "Observation", f"value-quantity={q}") != {id_}] == []
    assert [q for q in others if found(connection, "Observation", f"value-quantity={q}")] == []
    assert [
        q for q in queries if found(connection, "Observation", f"combo-value-quantity={q}") != {id_}
    ] == []


@pytest.mark.parametrize(
    ("element", "queries", "others"),
    [
        (
            {"onsetRange": {"low": {"value": 5, "system": UCUM, "code": "a"},
                            "high": {"value": 10, "system": UCUM, "code": "a"}}},
            [f"gt9|{UCUM}|a", f"lt6|{UCUM}|a", f"ap7|{UCUM}|a", f"sa4|{UCUM}|a", f"eb11|{UCUM}|a", "gt9",
             f"ge120|{UCUM}|mo", f"ne7|{UCUM}|a"],
            [f"7|{UCUM}|a", f"gt10|{UCUM}|a", f"lt5|{UCUM}|a", f"sa5|{UCUM}|a", f"eb10|{UCUM}|a", "gt10"],
        ),
        (
            {"onsetRange": {"low": {"value": 5, "system": UCUM, "code": "a"}}},
            [f"gt100|{UCUM}|a", f"sa4|{UCUM}|a", "gt100"],
            [f"lt5|{UCUM}|a", f"eb100|{UCUM}|a"],
        ),
        ({"onsetRange": {}}, [], ["gt0", "lt0"]),
        ({"onsetAge": {"value": 24, "system": UCUM, "code": "mo"}}, [f"2|{UCUM}|a", f"24|{UCUM}|mo"], ["2"]),
    ],
)  # fmt: skip
def test_a_range_is_compared_by_its_ends(
    connection: Connection, element: Json, queries: list[str], others: list[str]
) -> None:
    id_ = store(connection, "Condition", element)
    assert [q for q in queries if found(connection, "Condition", f"onset-age={q}") != {id_}] == []
    assert [q for q in others if found(connection, "Condition", f"onset-age={q}")] == []


def test_money_has_its_currency_for_a_unit(connection: Connection) -> None:
    id_ = store(connection, "Invoice", {"totalGross": {"value": D("20.5"), "currency": "GBP"}})
    for query, finds in (("20.5|urn:iso:std:iso:4217|GBP", True), ("20.5||GBP", True), ("20.5||EUR", False)):
        assert found(connection, "Invoice", f"totalgross={query}") == ({id_} if finds else set())


def test_a_probability_may_be_a_range(connection: Connection) -> None:
    chance = {"low": {"value": D("0.1")}, "high": {"value": D("0.3")}}
    id_ = store(connection, "RiskAssessment", {"prediction": [{"probabilityRange": chance}]})
    for query, finds in (
        ("gt0.2", True),
        ("lt0.2", True),
        ("sa0.05", True),
        ("0.2", False),
        ("gt0.3", False),
    ):
        assert found(connection, "RiskAssessment", f"probability={query}") == ({id_} if finds else set())


def test_an_absurd_number_is_kept_in_its_direction(connection: Connection) -> None:
    id_ = store(connection, "RiskAssessment", {"prediction": [{"probabilityDecimal": D("1E+99999")}]})
    assert found(connection, "RiskAssessment", "probability=gt1e300") == {id_}
    assert found(connection, "RiskAssessment", "probability=lt1e300") == set()
