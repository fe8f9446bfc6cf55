"""The identifier systems of the record and their check digits.

https://digital.nhs.uk/services/nhs-number · https://www.gov.uk/government/publications/unique-pupil-numbers
"""

import re
from collections.abc import Callable

BASE = "https://w3id.org/single-child-record/sid"

NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
UPN = f"{BASE}/upn"
FORMER_UPN = f"{BASE}/former-upn"
ULN = f"{BASE}/uln"
LA_CHILD_ID = f"{BASE}/la-child-id/"
"""One system per authority: this, and its three-digit code."""
UNVERIFIED = f"{BASE}/unverified-"
"""A value that failed its check is kept under this, and the last word of its own system."""

_TEN_DIGITS = re.compile(r"[0-9]{10}")
# No I, O or S, which look like 1, 0 and 5; the last place is a letter in a temporary UPN.
_UPN_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"
_UPN = re.compile(rf"[{_UPN_LETTERS}][0-9]{{11}}[0-9{_UPN_LETTERS}]")
_LA_CHILD_ID = re.compile(r"[A-Za-z0-9]{1,20}")
_ULN_PLACEHOLDER = "9999999999"


def nhs_number(value: str) -> bool:
    """Ten digits, the last one making the sum of digits times 10, 9, … 2, 1 a multiple of eleven."""
    return _TEN_DIGITS.fullmatch(value) is not None and _weighted(value) % 11 == 0


def upn(value: str) -> bool:
    """A check letter over LA, school, year and serial; a temporary one ends in a letter."""
    return _UPN.fullmatch(value) is not None and value[0] == _upn_letter(value)


def uln(value: str) -> bool:
    """Ten digits, the first not 0, whose sum of digits times 10, 9, … 2, 1 leaves ten over from elevens."""
    if _TEN_DIGITS.fullmatch(value) is None or value[0] == "0" or value == _ULN_PLACEHOLDER:
        return False
    return _weighted(value) % 11 == 10


def la_child_id(value: str) -> bool:
    """Letters and digits, at most twenty; it has no check digit."""
    return _LA_CHILD_ID.fullmatch(value) is not None


def fault(system: str, value: str) -> str | None:
    """Why the value fails the check of its system, in a sentence; None if it passes or nothing is checked.

    The sentence does not repeat the value: an identifier is personal data.
    """
    if system.startswith(LA_CHILD_ID):
        return None if la_child_id(value) else _LA_CHILD_ID_FAULT
    check = _CHECKS.get(system)
    if check is None or check[0](value):
        return None
    return check[1]


def named(system: str) -> str:
    """What people call the identifiers of a system that is unique."""
    return _NAMES.get(system, "LA child id")


def unverified(system: str) -> str:
    """The system under which a value that fails the check of `system` is kept, claiming nothing."""
    if system.startswith(LA_CHILD_ID):
        return f"{UNVERIFIED}{system.removeprefix(f'{BASE}/')}"
    return f"{UNVERIFIED}{system.rstrip('/').rpartition('/')[2]}"


_NAMES = {NHS_NUMBER: "NHS number", UPN: "UPN", ULN: "ULN"}

_UPN_FAULT = (
    "The value is not a UPN: it takes a check letter, eleven digits and a last digit "
    "(or, in a temporary UPN, a letter), and the check letter has to fit the rest."
)
_LA_CHILD_ID_FAULT = (
    "The value is not an LA child id: it takes one to twenty letters and digits, and nothing else."
)

_CHECKS: dict[str, tuple[Callable[[str], bool], str]] = {
    NHS_NUMBER: (
        nhs_number,
        "The value is not an NHS number: it takes ten digits without spaces, the last of which is a check "
        "digit that has to fit the rest.",
    ),
    UPN: (upn, _UPN_FAULT),
    FORMER_UPN: (upn, _UPN_FAULT),
    ULN: (
        uln,
        "The value is not a ULN: it takes ten digits that do not begin with 0, the last of which is a check "
        "digit that has to fit the rest; the placeholder of ten nines is none.",
    ),
}


def _weighted(digits: str) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, range(10, 0, -1), strict=True))


def _upn_letter(value: str) -> str:
    """The check letter that the other twelve places call for."""
    total = sum(_upn_digit(place) * weight for weight, place in enumerate(value[1:], start=2))
    return _UPN_LETTERS[total % 23]


def _upn_digit(place: str) -> int:
    return int(place) if place.isdigit() else _UPN_LETTERS.index(place)
