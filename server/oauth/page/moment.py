"""Days and moments as people in England write them."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

_HERE = ZoneInfo("Europe/London")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip


def day(partial: str) -> str:
    """A FHIR date, whole or not: `31 March 2014`."""
    year, *rest = partial.split("-")
    month = [_MONTHS[int(rest[0]) - 1]] if rest else []
    return " ".join([*(str(int(each)) for each in rest[1:]), *month, year])


def moment(at: datetime) -> str:
    """An instant: `22 November 2026 at 10:48pm`."""
    local = at.astimezone(_HERE)
    hour = f"{local.hour % 12 or 12}:{local.minute:02}{'am' if local.hour < 12 else 'pm'}"
    return f"{_written(local)} at {hour}"


def _written(local: date) -> str:
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year}"
