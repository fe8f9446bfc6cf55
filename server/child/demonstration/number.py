"""Numbers for children who do not exist: right check digits, in ranges that nobody real has.

NHS numbers begin with 999, the range kept for tests; UPNs name the establishment numbers of invented schools.
"""

from server.fhir import identifier

_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"


def nhs_number(serial: int) -> str:
    """The NHS number of a serial number below 90,000; the same serial gives the same number."""
    # One body in eleven has no check digit; every second body leaves a neighbour to go to.
    for body in (999_000_000 + 10 * serial, 999_000_001 + 10 * serial):
        for check in range(10):
            if identifier.nhs_number(value := f"{body}{check}"):
                return value
    raise AssertionError("Two neighbours never both lack a check digit.")


def upn(authority: str, establishment: str, year: int, serial: int) -> str:
    """A permanent UPN allocated by a school in a calendar year."""
    body = f"{authority}{establishment}{year % 100:02d}{serial:03d}"
    return next(value for letter in _LETTERS if identifier.upn(value := letter + body))


def uln(serial: int) -> str:
    """A unique learner number of a serial number below ten million."""
    for body in (900_000_000 + 10 * serial, 900_000_001 + 10 * serial):
        for check in range(10):
            if identifier.uln(value := f"{body}{check}"):
                return value
    raise AssertionError("Two neighbours never both lack a check digit.")
