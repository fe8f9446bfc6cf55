"""https://ucum.org/ucum"""

from decimal import Decimal

import pytest

from server.terminology.ucum import measure


@pytest.mark.parametrize(
    ("one", "code", "other", "same"),
    [
        ("1", "kg", "1000", "g"),
        ("1", "[lb_av]", "453.59237", "g"),
        ("16", "[oz_av]", "1", "[lb_av]"),
        ("1", "[in_i]", "2.54", "cm"),
        ("100", "mg/dL", "1", "g/L"),
        ("1", "mmol/L", "1000", "umol/L"),
        ("1", "mm[Hg]", "133.322", "Pa"),
        ("60", "/min", "1", "/s"),
        ("60", "{beats}/min", "1", "Hz"),
        ("3", "/h", "0.05", "/min"),
        ("1", "d", "24", "h"),
        ("1", "a", "12", "mo"),
        ("37", "Cel", "310.15", "K"),
        ("98.6", "[degF]", "37", "Cel"),
        ("50", "%", "0.5", "1"),
        ("10", "10*3/uL", "10", "10*9/L"),
        ("1", "kg/m2", "0.1", "g/cm2"),
        ("1", "[IU]/L", "1", "[iU]/L"),
        ("1", "m[IU]/L", "1", "u[IU]/mL"),
        ("1", "mg/(kg.d)", "1", "mg/kg/d"),
        ("1", "U/(10.g){feces}", "0.1", "U/g"),
        ("1", "J/s", "1", "W"),
        ("1", "m.m-1", "1", "1"),
        ("1", "{score}", "1", "1"),
    ],
)
def test_equal_amounts_are_equal_numbers(one, code, other, same):
    first, second = measure(code), measure(same)
    assert first.base == second.base
    assert first.amount(Decimal(one)) == second.amount(Decimal(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [("g", "m"), ("[iU]/mL", "U/mL"), ("[iU]", "[arb'U]"), ("Pa", "N"), ("1", "g"), ("s", "/s")],
)
def test_what_cannot_be_compared_has_another_base(one, other):
    assert measure(one).base != measure(other).base


@pytest.mark.parametrize(
    "code",
    ["", "nonsense", "kkg", "mg//dL", "mg/", "(mg", "mg)", "[pH]", "dB", "Cel/min", "g/0", "m^2", "k", "KG",
     "g" * 300, "g{", "m100000", " kg"],
)  # fmt: skip
def test_what_is_no_unit_or_no_line_has_no_measure(code):
    assert measure(code) is None
