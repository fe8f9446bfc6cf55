"""What values mean: texts folded, dates as intervals, numbers as precise as they are written, units.

https://hl7.org/fhir/R4/search.html#ptypes
"""

import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from server.clock import now

# ---- the text of a parameter -------------------------------------------------------------------------------


def split(text: str, separator: str) -> list[str]:
    r"""Cut at each separator that no backslash stands before; the escapes stay."""
    parts = re.findall(
        rf"((?:\\.|[^\\{re.escape(separator)}])*)(?:{re.escape(separator)}|\Z)", text, re.DOTALL
    )
    return parts if text.endswith(separator) and not text.endswith("\\" + separator) else parts[:-1] or [""]


def unescape(text: str) -> str:
    return re.sub(r"\\([,|$\\])", r"\1", text)


# ---- strings -----------------------------------------------------------------------------------------------

_STROKED = {
    "ł": "l",
    "ø": "o",
    "đ": "d",
    "ð": "d",
    "þ": "th",
    "æ": "ae",
    "œ": "oe",
    "ħ": "h",
    "\u0131": "i",
    "ŧ": "t",
}


@cache
def fold(text: str) -> str:
    """Case, accents and punctuation make no difference."""
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    letters = "".join(
        # Vowel signs are marks, and part of the word.
        _STROKED.get(each, each) if each.isalnum() or unicodedata.category(each)[0] == "M" else " "
        for each in apart
        if not unicodedata.combining(each)
    )
    return " ".join(letters.split())


# ---- dates -------------------------------------------------------------------------------------------------

Interval = tuple[datetime, datetime]
EARLIEST, LATEST = datetime(1, 1, 2, tzinfo=UTC), datetime(9998, 1, 1, tzinfo=UTC)
HOME = ZoneInfo("Europe/London")
"""The zone of a date, and of a time that names none."""


@cache
def interval(text: str) -> Interval:
    """From the first instant that a date stands for to the first after it."""
    day, _, time = text.partition("T")
    if not time:
        parts = [int(part) for part in day.split("-")]
        year, month, date = (*parts, 1, 1)[:3]
        low = datetime(year, month, date, tzinfo=HOME)
        match len(parts):
            case 1:
                high = datetime(year + 1, 1, 1, tzinfo=HOME)
            case 2:
                high = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=HOME)
            case _:
                high = low + timedelta(days=1)
        return low.astimezone(UTC), high.astimezone(UTC)
    low = datetime.fromisoformat(text)
    low = (low if low.tzinfo else low.replace(tzinfo=HOME)).astimezone(UTC)
    clock = re.split(r"[Z+-]", time)[0]
    fraction = clock.partition(".")[2]
    if fraction:
        return low, low + timedelta(microseconds=10 ** (6 - len(fraction)))
    return low, low + (timedelta(seconds=1) if clock.count(":") == 2 else timedelta(minutes=1))


def period(element: Any) -> Interval:
    """An end that is missing is open."""
    start, end = element.get("start"), element.get("end")
    return (interval(start)[0] if start else EARLIEST, interval(end)[1] if end else LATEST)


def timing(element: Any) -> Interval:
    """The outer limits of a schedule."""
    spans = [interval(each) for each in element.get("event", ())]
    bounds = element.get("repeat", {}).get("boundsPeriod")
    spans += [period(bounds)] if bounds else []
    if not spans:
        return EARLIEST, LATEST
    return min(low for low, _ in spans), max(high for _, high in spans)


def about(low: datetime, high: datetime) -> Interval:
    """Approximately: a tenth of the distance from now on either side."""
    at = now()
    margin = max(low - at, at - high, timedelta()) / 10
    return max(low - margin, EARLIEST), min(high + margin, LATEST)


# ---- numbers -----------------------------------------------------------------------------------------------

Range = tuple[Fraction | float, Fraction | float]
INFINITE = float("inf")


def precision(text: str) -> tuple[Fraction, Fraction]:
    """A number and half of its last place: 100 is from 99.5 to 100.5, 1e2 from 95 to 105."""
    number, _, exponent = text.lower().partition("e")
    places = len(number.partition(".")[2]) or (1 if exponent else 0)
    return Fraction(Decimal(text)), Fraction(10) ** (int(exponent or 0) - places) / 2


UCUM = "http://unitsofmeasure.org"
UNITS: dict[str, tuple[str, Fraction, Fraction]] = {
    # (what is measured, factor, what is added) to base units.
    "g": ("mass", Fraction(1), Fraction(0)),
    "kg": ("mass", Fraction(1000), Fraction(0)),
    "mg": ("mass", Fraction(1, 1000), Fraction(0)),
    "[lb_av]": ("mass", Fraction("453.59237"), Fraction(0)),
    "m": ("length", Fraction(1), Fraction(0)),
    "cm": ("length", Fraction(1, 100), Fraction(0)),
    "mm": ("length", Fraction(1, 1000), Fraction(0)),
    "[in_i]": ("length", Fraction("0.0254"), Fraction(0)),
    "K": ("temperature", Fraction(1), Fraction(0)),
    "Cel": ("temperature", Fraction(1), Fraction("273.15")),
    "g/L": ("density", Fraction(1000), Fraction(0)),
    "mg/dL": ("density", Fraction(10), Fraction(0)),
    "a": ("time", Fraction("31557600"), Fraction(0)),
    "mo": ("time", Fraction("2629800"), Fraction(0)),
    "s": ("time", Fraction(1), Fraction(0)),
}


def convert(amount: Fraction | float, system: str | None, code: str) -> tuple[str, Fraction | float]:
    """(what is measured, the amount in base units); of other units, the unit itself and the amount."""
    if system == UCUM and code in UNITS:
        kind, factor, added = UNITS[code]
        return kind, amount * factor + added if isinstance(amount, Fraction) else amount
    return f"{system or ''}|{code}", amount


# ---- tokens ------------------------------------------------------------------------------------------------

Coded = tuple[str | None, str | None]


def codings(value: Any, type_: str) -> Iterator[Coded]:
    """The (system, code) pairs of an element. A ContactPoint is also known by its system."""
    match type_:
        case "CodeableConcept":
            yield from ((each.get("system"), each.get("code")) for each in value.get("coding", ()))
        case "Coding":
            yield value.get("system"), value.get("code")
        case "Identifier":
            yield value.get("system"), value.get("value")
        case "ContactPoint":
            yield value.get("use"), value.get("value")
            if "system" in value:
                yield value["system"], value.get("value")
        case "boolean":
            yield None, "true" if value else "false"
        case _:
            yield None, str(value)


def texts(value: Any, type_: str) -> Iterator[str]:
    """What is written beside a code."""
    match type_:
        case "CodeableConcept":
            yield from (each["display"] for each in value.get("coding", ()) if "display" in each)
            if "text" in value:
                yield value["text"]
        case "Coding" if "display" in value:
            yield value["display"]
        case "Identifier" if "text" in value.get("type", {}):
            yield value["type"]["text"]
