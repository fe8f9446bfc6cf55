"""`_filter`: its grammar, and that what holds is found."""

import pytest
from sqlalchemy import Connection

from server.fhir import Json
from server.fhir.issue import Invalid, NotSupported
from server.search.filter import parse, written
from tests.search.indexed import found, store


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a eq 1", "a eq 1"),
        ("a eq 1 and b eq 2", "(a eq 1) and (b eq 2)"),
        ("a eq 1 and b eq 2 and c eq 3", "(a eq 1) and (b eq 2) and (c eq 3)"),
        # From left to right: neither binds closer.
        ("a eq 1 or b eq 2 and c eq 3", "((a eq 1) or (b eq 2)) and (c eq 3)"),
        ("a eq 1 or (b eq 2 and c eq 3)", "(a eq 1) or ((b eq 2) and (c eq 3))"),
        ("not (a eq 1)", "not (a eq 1)"),
        ("not(a eq 1) and b eq 2", "(not (a eq 1)) and (b eq 2)"),
        ('  a   co "x y) and (z"  ', 'a   co "x y) and (z"'),
        ("((a eq 1))", "a eq 1"),
    ],
)
def test_a_filter_is_read_from_left_to_right(text: str, read: str) -> None:
    assert written(parse(text)) == read
    assert parse(written(parse(text))) == parse(text) or "  " in text


@pytest.mark.parametrize(
    "text",
    ["", "a", "a eq", "a xx 1", "(a eq 1", "a eq 1)", "a eq 1 b eq 2", "a eq 1 and", "not a eq 1", "and",
     '"a" eq 1', 'a eq "x', 'a eq "\\x"', "(" * 30 + "a eq 1" + ")" * 30, " and ".join(["a eq 1"] * 200)],
)  # fmt: skip
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="'_filter'"):
        parse(text)


PATIENT: Json = {
    "name": [{"family": "Peterson", "given": ["Zoë Ann"]}],
    "gender": "female",
    "birthDate": "2014-10-12",
    "identifier": [{"system": "s", "value": "v"}],
    "generalPractitioner": [{"reference": "Practitioner/7"}],
}


@pytest.mark.parametrize(
    ("text", "finds"),
    [
        ('given eq "zoe ann"', True),
        ("given eq zoe", False),
        ("given sw zoe", True),
        ("given co ann", True),
        ("given ew ann", True),
        ("given ew zoe", False),
        ("given ne zoe", True),
        ('given ne "Zoë Ann"', False),
        ("name co pet", True),
        ("gender eq female", True),
        ("gender ne female", False),
        ("gender ne male", True),
        ("gender in http://hl7.org/fhir/ValueSet/administrative-gender", True),
        ("gender ni http://hl7.org/fhir/ValueSet/administrative-gender", False),
        ("birthdate ge 2014-10-12", True),
        ("birthdate gt 2014-10-12", False),
        ("birthdate po 2014-10", True),
        ("birthdate po 2014-11", False),
        ("birthdate eq 2014", True),
        ("birthdate ne 2014", False),
        ("death-date ne 2014", False),
        ("not (death-date gt 2014)", True),
        ("birthdate pr true", True),
        ("birthdate pr false", False),
        ("death-date pr false", True),
        ("identifier eq s|v", True),
        ("identifier eq s|w", False),
        ("general-practitioner eq Practitioner/7", True),
        ("general-practitioner re Practitioner/8", False),
        ("gender eq male or given sw zoe", True),
        ("gender eq male or given sw ann", False),
        ("gender eq female and given sw zoe", True),
        ("gender eq female and given sw ann", False),
        ("gender eq female or gender eq male and given sw ann", False),
        ("gender eq female or (gender eq male and given sw ann)", True),
        ("not (gender eq male)", True),
        ("not (gender eq male) and not (given sw x or given sw zoe)", False),
        ("_id eq nobody or gender eq female", True),
        ("_lastUpdated gt 2020-01-01 or gender eq male", True),
        ("_lastUpdated po 2024-05 or gender eq male", True),
    ],
)
def test_a_filter_finds_what_holds(connection: Connection, text: str, finds: bool) -> None:
    id_ = store(connection, "Patient", PATIENT)
    assert found(connection, "Patient", f"_filter={text}") == ({id_} if finds else set())


@pytest.mark.parametrize(
    "text",
    ["nonsense eq 1", "birthdate co 2014", "name gt a", "birthdate ge yesterday", "birthdate pr maybe",
     "gender in http://nothing", "general-practitioner.name eq x", "general-practitioner.name zz x",
     "_filter eq 1"],
)  # fmt: skip
def test_a_test_that_makes_no_sense_is_refused(connection: Connection, text: str) -> None:
    with pytest.raises(Invalid):
        found(connection, "Patient", f"_filter={text} or gender eq female")


def test_a_chain_stands_at_the_top_only(connection: Connection) -> None:
    with pytest.raises(NotSupported, match="is a chain"):
        found(connection, "Observation", "_filter=subject.name co pet or status eq final")
