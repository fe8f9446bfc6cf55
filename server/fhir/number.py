"""Numbers as they are searched for: 5.4 stands for everything that rounds to it.

https://hl7.org/fhir/R4/search.html#number
"""

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import NamedTuple

_NUMBER = re.compile(r"[+-]?\d+(?:\.(?P<fraction>\d+))?(?:[eE](?P<exponent>[+-]?\d{1,4}))?", re.ASCII)
_LONGEST = 60
_DIGITS = Context(prec=40, rounding=ROUND_HALF_EVEN, Emax=999_999, Emin=-999_999)
_LARGEST, _SMALLEST = 300, -300
"""Orders of magnitude: what is beyond them is as good as endless, or as nothing."""

INFINITE = Decimal("Infinity")


class Precise(NamedTuple):
    """A number as it was written: `half` is half of its last place."""

    value: Decimal
    half: Decimal

    @property
    def low(self) -> Decimal:
        """The least that rounds to it."""
        return _DIGITS.subtract(self.value, self.half)

    @property
    def high(self) -> Decimal:
        """The least that no longer does."""
        return _DIGITS.add(self.value, self.half)


def precise(text: str) -> Precise:
    """`100` is 99.5 to 100.5, `100.00` 99.995 to 100.005; ValueError if it is no number.

    Of `1e2` the specification says 95 to 105: a whole number before an exponent counts as `1.0e2`.
    """
    found = _NUMBER.fullmatch(text)
    if found is None or len(text) > _LONGEST:
        raise ValueError(f"'{text[:_LONGEST]}' is not a number.")
    exponent = int(found["exponent"] or 0)
    if abs(exponent) > _LARGEST:
        raise ValueError(f"'{text}' is beyond what is counted.")
    places = len(found["fraction"] or "") or (1 if found["exponent"] else 0)
    return Precise(kept(Decimal(text)), Decimal(5).scaleb(exponent - places - 1))


def kept(value: Decimal | int) -> Decimal:
    """A number of a resource as an index keeps it: of absurd ones the sign and the direction."""
    exact = value if isinstance(value, Decimal) else Decimal(value)
    if not exact or exact.adjusted() < _SMALLEST:
        return Decimal(0)
    if exact.adjusted() > _LARGEST:
        return INFINITE.copy_sign(exact)
    return _DIGITS.plus(exact)
