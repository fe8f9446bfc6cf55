"""What happened in a child's life, in one order: as a Bundle, page by page, or as a document for people."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast
from urllib.parse import urlencode

from server.child.chronology import asked as asking
from server.child.chronology import bundle, document, html
from server.child.chronology.asked import Asked
from server.child.chronology.page import Page, Place, page
from server.child.chronology.rule import rules
from server.fhir import json
from server.fhir.exchange import FhirResponse
from server.fhir.issue import Invalid
from server.fhir.json import shown
from server.fhir.period import HIGHEST, LOWEST, interval
from server.operation import readable
from server.operation.call import Call
from server.operation.registry import implements
from server.record.record import Record
from server.search import cursor
from server.search.query import MAX_COUNT
from server.terminology.codes import codes

COUNT, DOCUMENT = 50, 3000
"""Entries on a page, and in a document."""

_BASE = "https://w3id.org/single-child-record/ValueSet/"

Pairs = tuple[tuple[str, str], ...]


@implements("Patient-chronology")
def chronology(call: Call, record: Record) -> FhirResponse:
    """As far as the caller may see what it tells of."""
    assert call.id is not None
    kind = readable.of(call)
    caller = f"{record.access.owner} Patient/{call.id}/$chronology"
    token = call.one("_page")
    pairs, after = _pairs(call), None
    if token is not None:
        pairs, position = cursor.opened(token, record.door.page_key, caller)
        after = _place(position)
    asked, count = _asked(pairs, record), _count(pairs, document=kind is not None)
    said = f"{call.id}/$chronology{'?' if pairs else ''}{urlencode(pairs)}"
    found = page(record, call.id, asked, after=after, count=count, said=said)
    if kind is not None:
        return _document(record, kind, asked, found)
    path = f"{record.door.base_url}/Patient/{call.id}/$chronology"
    here = (("_page", token),) if token is not None else pairs
    links = [("self", f"{path}{'?' if here else ''}{urlencode(here, safe='|,:/')}")]
    if found.next is not None:
        following = cursor.sealed(pairs, _position(found.next), record.door.page_key, caller)
        links.append(("next", f"{path}?_page={following}"))
    return FhirResponse(200, json.encode(bundle.bundle(record, found, links)))


def _document(record: Record, kind: str, asked: Asked, found: Page) -> FhirResponse:
    made = document.document(record, asked, found)
    if kind == readable.PDF:
        # What makes PDFs takes as long to load as half of the server: it waits for who asks.
        from server.child.chronology import pdf

        return readable.answer(pdf.as_pdf(made), kind, "chronology", html.NOTHING)
    return readable.answer(html.as_html(made), kind, "chronology", html.POLICY)


# ---- what is asked -----------------------------------------------------------------------------------------

_NAMES = (
    "start", "end", "clock", "asOf", "kind", "significance", "agency", "attendance", "gap", "order", "_count",
)  # fmt: skip


def _pairs(call: Call) -> Pairs:
    """What was asked, as the links say it again."""
    return tuple((name, str(value)) for name in _NAMES for value in call.every(name))


def _asked(pairs: Pairs, record: Record) -> Asked:
    given = dict(pairs)
    gap = int(given.get("gap", rules().gap))
    if gap < 0:
        raise Invalid(f"'gap' is a number of days, 0 or more, and was given '{gap}'.")
    clock = _one_of(given, "clock", (asking.HAPPENED, asking.RECORDED))
    lines = (asking.WEEK, asking.TERM, asking.MARK, asking.NONE)
    return Asked(
        clock=cast("Any", clock),
        newest_first=_one_of(given, "order", ("oldest", "newest")) == "newest",
        low=interval(given["start"])[0] if "start" in given else LOWEST,
        high=interval(given["end"])[1] if "end" in given else HIGHEST,
        kinds=_codes(pairs, "kind"),
        significances=_codes(pairs, "significance"),
        agencies=frozenset(_several(pairs, "agency")),
        as_of=_as_of(given.get("asOf"), record.at),
        attendance=_one_of(given, "attendance", lines),
        gap=gap,
    )


def _as_of(text: str | None, now: datetime) -> datetime | None:
    """The last instant that is meant: of a day, its end. What is still to come cannot have been known."""
    if text is None:
        return None
    low, high = interval(text)
    if low > now:
        raise Invalid("'asOf' is a time that has been.")
    return min(high - _TICK, now)


_TICK = interval("2000-01-01T00:00:00.000001Z")[0] - interval("2000-01-01T00:00:00Z")[0]


def _one_of(given: dict[str, str], name: str, allowed: Sequence[str]) -> str:
    """The first of the allowed where nothing was said."""
    found = given.get(name, allowed[0])
    if found not in allowed:
        raise Invalid(f"'{name}' is one of {', '.join(allowed)}; '{shown(found)}' is not.")
    return found


def _several(pairs: Pairs, name: str) -> list[str]:
    return [text.strip() for key, value in pairs if key == name for text in value.split(",") if text.strip()]


def _codes(pairs: Pairs, name: str) -> frozenset[str]:
    listed = codes(f"{_BASE}chronology-{name}")
    assert listed is not None
    found = _several(pairs, name)
    for each in found:
        if not listed.contains(None, each):
            raise Invalid(f"'{name}' has no code '{shown(each)}'.")
    return frozenset(found)


def _count(pairs: Pairs, *, document: bool) -> int:
    text = dict(pairs).get("_count")
    if text is None:
        return DOCUMENT if document else COUNT
    if int(text) < 1:
        raise Invalid(f"'_count' is a number from 1 up, and was given '{text}'.")
    return min(int(text), DOCUMENT if document else MAX_COUNT)


def _position(place: Place) -> list[Any]:
    at, rid, point = place.key
    return [at.isoformat(), rid, point, place.until.isoformat() if place.until else None]


def _place(position: Sequence[Any]) -> Place:
    at, rid, point, until = position
    key = (datetime.fromisoformat(at), int(rid), int(point))
    return Place(key, datetime.fromisoformat(until) if until else None)
