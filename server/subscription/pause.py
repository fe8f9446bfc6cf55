"""How long a listener that failed is left alone: longer and longer, up to some days in all."""

from datetime import datetime, timedelta

_FIRST = timedelta(seconds=1)
_LONGEST = timedelta(hours=1)

FAILING = 3
"""Failures in a row after which a subscription says that it is in error."""


def after(failures: int) -> timedelta:
    """The pause after so many failures in a row."""
    return min(_FIRST * (1 << min(failures - 1, 20)), _LONGEST)


def is_over(since: datetime, at: datetime, patience: timedelta) -> bool:
    """Whether it is given up, having failed ever since."""
    return at - since >= patience
