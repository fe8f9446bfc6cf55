"""Who looked, as a page to read and as a table to keep: for a family, without anything to install."""

import csv
from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape
from io import StringIO

from server.fhir.period import HOME
from server.record.auditevent.looked import Look

HEADINGS = ("Day", "From", "To", "Times", "Agency", "Who", "What they did", "With", "What for", "Refused")

_PURPOSES = {
    "TREAT": "care", "ETREAT": "emergency care", "CAREMGT": "coordination of care",
    "HOPERAT": "administration",
    "HRESCH": "research", "PUBHLTH": "public health", "HLEGAL": "legal", "FAMRQT": "the family asked",
    "PATRQT": "the child asked", "BTG": "the glass was broken", "COVERAGE": "entitlement",
    "HPAYMT": "payment", "SUPNWK": "support network",
}  # fmt: skip
"""Codes of v3-PurposeOfUse in words."""

# What a spreadsheet would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;margin:2rem;color:#1a1a1a;background:#fff}"
    "table{border-collapse:collapse;width:100%}caption{text-align:left;padding:.5rem 0}"
    "th,td{border-bottom:1px solid #767676;padding:.4rem .6rem;text-align:left;vertical-align:top}"
)


def as_csv(looks: Sequence[Look]) -> bytes:
    """RFC 4180, in UTF-8 with a mark that spreadsheets know it by."""
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow(HEADINGS)
    writer.writerows([_harmless(cell) for cell in _cells(look)] for look in looks)
    return out.getvalue().encode("utf-8-sig")


def as_html(looks: Sequence[Look], at: datetime, *, more: bool) -> bytes:
    """A page that stands for itself."""
    heads = "".join(f'<th scope="col">{escape(each)}</th>' for each in HEADINGS)
    rows = "".join(f"<tr>{''.join(_html(_cells(look)))}</tr>" for look in looks)
    told = f"What was done until {_day(at)}, {_time(at)}, the latest first."
    if more:
        told += " There is more than this page shows: ask for a shorter time."
    if not looks:
        told = f"Until {_day(at)}, {_time(at)} nothing was done that you may see."
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Who looked at this record</title>'
        f"<style>{_STYLE}</style></head><body><main><h1>Who looked at this record</h1>"
        f"<table><caption>{escape(told)}</caption><thead><tr>{heads}</tr></thead>"
        f"<tbody>{rows}</tbody></table></main></body></html>"
    ).encode()


def _cells(look: Look) -> list[str]:
    return [
        look.day.isoformat(),
        _time(look.first),
        _time(look.last),
        str(look.times),
        look.agency,
        look.who,
        look.did,
        ", ".join(sorted(look.what)),
        "; ".join(_PURPOSES.get(each, each) for each in look.purposes),
        "yes" if look.refused else "no",
    ]


def _html(cells: Sequence[str]) -> Iterator[str]:
    day, *rest = cells
    yield f'<th scope="row">{escape(day)}</th>'
    yield from (f"<td>{escape(cell)}</td>" for cell in rest)


def _day(at: datetime) -> str:
    return at.astimezone(HOME).date().isoformat()


def _time(at: datetime) -> str:
    return f"{at.astimezone(HOME):%H:%M}"


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
