import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.fhir import identifier
from server.fhir.identifier import FORMER_UPN, LA_CHILD_ID, NHS_NUMBER, ULN, UPN, fault, unverified

_UPNS = [
    ("Z330400124001", True),
    ("Z873208719042", True),
    ("X201361422117", True),
    ("A931405015003", True),
    ("M87320872401A", True),  # temporary: a letter in the last place
    # https://github.com/data-to-insight/csc-validator-be-cin, rule 1510
    ("A950000178301", True),
    ("H243278544154", True),
    ("R247962919251", False),
    ("X428558133462", False),
    ("Z330400124002", False),
    ("I330400124001", False),
    ("M87320872401S", False),  # I, O and S are no letters of a UPN
    ("M87320872401a", False),
    ("z330400124001", False),
    ("Z33040012400", False),
    ("Z3304001240011", False),
    ("Z33040012400\uff11", False),
    ("", False),
]
_NHS_NUMBERS = [
    ("9990001014", True),
    ("9990080208", True),
    ("9990159394", True),
    ("9990238588", True),
    ("9990317771", True),
    # https://github.com/NHSDigital/personal-demographics-service-api, the sandbox
    ("9000000009", True),
    ("9000000025", True),
    ("9000000033", True),
    ("9000000008", False),
    ("900 000 0009", False),
    ("900000000", False),
    ("90000000090", False),
    ("\uff19000000009", False),
    ("", False),
]
_ULNS = [
    ("9276308686", True),  # https://www.hesa.ac.uk/collection/student/datafutures/a/student_uln
    ("1234567899", True),
    ("1246913665", True),
    ("1259259438", True),
    ("9999999999", False),  # the placeholder
    ("9276308687", False),
    ("0276308686", False),
    ("927630868", False),
    ("", False),
]


@pytest.mark.parametrize(("value", "valid"), _UPNS)
def test_a_upn_has_a_check_letter(value: str, valid: bool) -> None:
    assert identifier.upn(value) is valid


@pytest.mark.parametrize(("value", "valid"), _NHS_NUMBERS)
def test_an_nhs_number_has_a_check_digit(value: str, valid: bool) -> None:
    assert identifier.nhs_number(value) is valid


@pytest.mark.parametrize(("value", "valid"), _ULNS)
def test_a_uln_has_a_check_digit(value: str, valid: bool) -> None:
    assert identifier.uln(value) is valid


@given(st.integers(0, 9_999_999_999))
def test_no_number_is_both_an_nhs_number_and_a_uln(number: int) -> None:
    value = f"{number:010}"
    assert not (identifier.nhs_number(value) and identifier.uln(value))


@given(
    st.sampled_from([value for value, valid in _NHS_NUMBERS if valid]), st.integers(0, 9), st.integers(1, 9)
)
def test_one_wrong_digit_is_noticed(value: str, place: int, shift: int) -> None:
    wrong = f"{value[:place]}{(int(value[place]) + shift) % 10}{value[place + 1 :]}"
    assert not identifier.nhs_number(wrong)


@pytest.mark.parametrize(
    ("system", "value", "says"),
    [
        (NHS_NUMBER, "9000000009", None),
        (NHS_NUMBER, "9000000008", "NHS number"),
        (UPN, "Z330400124001", None),
        (UPN, "Z330400124002", "UPN"),
        (FORMER_UPN, "M87320872401A", None),
        (FORMER_UPN, "M87320872401B", "UPN"),
        (ULN, "9276308686", None),
        (ULN, "9999999999", "ULN"),
        (f"{LA_CHILD_ID}330", "AB12", None),
        (f"{LA_CHILD_ID}330", "AB-12", "LA child id"),
        (f"{LA_CHILD_ID}330", "A" * 21, "LA child id"),
        ("https://example.org/any", "whatever", None),
        ("", "9000000008", None),
    ],
)
def test_a_fault_is_a_sentence_without_the_value(system: str, value: str, says: str | None) -> None:
    sentence = fault(system, value)
    assert (sentence is None) is (says is None)
    if sentence:
        assert says in sentence
        assert value not in sentence
        assert sentence.endswith(".")


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        (NHS_NUMBER, "unverified-nhs-number"),
        (UPN, "unverified-upn"),
        (FORMER_UPN, "unverified-former-upn"),
        (ULN, "unverified-uln"),
        (f"{LA_CHILD_ID}330", "unverified-la-child-id/330"),
    ],
)
def test_what_fails_its_check_is_kept_under_a_system_of_its_own(system: str, expected: str) -> None:
    assert unverified(system) == f"https://w3id.org/single-child-record/sid/{expected}"
    assert fault(unverified(system), "anything at all") is None
