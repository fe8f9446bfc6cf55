"""The history interaction: the versions of a resource, of a type, of everything.

https://hl7.org/fhir/R4/http.html#history
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from server.fhir.exchange import FhirRequest, FhirResponse
from server.fhir.issue import Invalid, NotSupported, TooCostly
from server.fhir.period import Interval, interval
from server.interaction import answer, bundle, subset
from server.record import history as past
from server.record.record import Record
from server.search import cursor
from server.search.history import position
from server.search.query import MAX_COUNT
from server.store.history import EVER, Span
from server.store.horizon import TICK
from server.store.row import Stored

DEFAULT_COUNT = 50

COUNTED = 10_000
"""A history is counted no further."""

PAGE = "_page"

_ORDERS = {"-_lastUpdated": True, "_lastUpdated": False}
"""Whether the newest comes first; R4 knows no other order than that."""

_ELSEWHERE = frozenset({"_format", "_pretty", "fhirVersion"})
"""Parameters that say how the answer is written, and are looked at where it is."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the parameters say; `parameters` are those that are said again in a link."""

    span: Span = Span()  # noqa: RUF009  (it is frozen)
    count: int = DEFAULT_COUNT
    parameters: tuple[tuple[str, str], ...] = ()
    summary: str = ""

    @property
    def counts(self) -> bool:
        """Whether only the number of versions is asked for."""
        return self.count == 0 or self.summary == "count"

    @property
    def most(self) -> int:
        """How many versions are looked for."""
        return COUNTED if self.counts else self.count


def history(
    request: FhirRequest, record: Record, type_: str | None = None, id_: str | None = None
) -> FhirResponse:
    """GET [base]/[type]/[id]/_history, [base]/[type]/_history or [base]/_history"""
    path = "/".join(part for part in (type_, id_, "_history") if part)
    token = dict(request.query).get(PAGE)
    caller, key = f"{record.access.owner} {path}", record.door.page_key
    pairs, at = cursor.opened(token, key, caller) if token is not None else (request.query, None)
    asked = _asked(pairs, strict=answer.preference(request.headers.get("prefer", ""), "handling") == "strict")
    part = subset.of_request(replace(request, query=pairs), type_, counted=True)
    page = _of_one(record, type_, id_, asked, at) if type_ and id_ else _of_many(record, type_, asked, at)
    links = [("self", urlencode([(PAGE, token)] if token else asked.parameters, safe="|,:/$*"))]
    if page.next is not None:
        links.append(("next", f"{PAGE}={cursor.sealed(asked.parameters, page.next, key, caller)}"))
    total = len(page.rows) if token is None and page.next is None else None
    rows = [] if asked.counts else [part.of(row) for row in page.rows]
    return bundle.history(record, path, rows, links, total, page.read_to)


@dataclass(frozen=True, slots=True)
class _Page:
    rows: Sequence[Stored]
    next: list[Any] | None
    read_to: datetime | None = None


def _of_one(record: Record, type_: str, id_: str, asked: Asked, at: list[Any] | None) -> _Page:
    record.flush()
    after = int(at[0]) if at else None
    rows, last = past.of_one(record, type_, id_, asked.span, asked.most, after)
    return _counted(asked, _Page(rows, None if last is None else [last]))


def _of_many(record: Record, type_: str | None, asked: Asked, at: list[Any] | None) -> _Page:
    """Where the first page ended in time the others end too: what is written meanwhile moves nothing."""
    if at is None:
        span, after = past.up_to_the_horizon(record, asked.span), None
    else:
        span, after = asked.span.until(datetime.fromisoformat(at[0])), position(at[1:])
    page = past.of_many(record, type_, span, asked.most, after, urlencode(asked.parameters))
    until = span.written[1]
    following = None if page.next is None else [until.isoformat(), page.next[0].isoformat(), *page.next[1:]]
    return _counted(asked, _Page(page.rows, following, until - TICK))


def _counted(asked: Asked, page: _Page) -> _Page:
    """The page, unless it is only to be counted and there is more than that.

    Raises:
        TooCostly: it cannot be counted at once.
    """
    if asked.counts and page.next is not None:
        raise TooCostly(f"There are more than {COUNTED} versions: name an instant to count from (_since).")
    return page


# ---- parameters --------------------------------------------------------------------------------------------


def _asked(pairs: tuple[tuple[str, str], ...], *, strict: bool) -> Asked:
    found = Asked()
    seen: set[str] = set()
    for name, value in pairs:
        if name in _ELSEWHERE:
            continue
        if name == "_list":
            raise NotSupported("'_list' is not built yet here.")
        if name not in _PARAMETERS:
            if strict:
                raise Invalid(f"'{name[:60]}' is no parameter of a history.")
            continue
        if name in seen:
            raise Invalid(f"'{name}' is given twice.")
        seen.add(name)
        found = replace(_PARAMETERS[name](found, value), parameters=(*found.parameters, (name, value)))
    return found


def _count(asked: Asked, text: str) -> Asked:
    if not (text.isascii() and text.isdigit()):
        raise Invalid(f"'_count' must be a number, and is '{text[:60]}'.")
    digits = text.lstrip("0")
    return replace(asked, count=min(int(digits or "0"), MAX_COUNT) if len(digits) < 10 else MAX_COUNT)


def _since(asked: Asked, text: str) -> Asked:
    low, _ = _instants("_since", text)
    return replace(asked, span=replace(asked.span, written=(low, EVER[1])))


def _at(asked: Asked, text: str) -> Asked:
    return replace(asked, span=replace(asked.span, current=_instants("_at", text)))


def _sort(asked: Asked, text: str) -> Asked:
    if text not in _ORDERS:
        raise Invalid(f"A history is sorted by {' or '.join(_ORDERS)}, and not by '{text[:60]}'.")
    return replace(asked, span=replace(asked.span, newest_first=_ORDERS[text]))


def _summary(asked: Asked, text: str) -> Asked:
    return replace(asked, summary=text)


def _elements(asked: Asked, text: str) -> Asked:
    del text
    return asked


_PARAMETERS = {
    "_summary": _summary,
    "_elements": _elements,
    "_count": _count,
    "_since": _since,
    "_at": _at,
    "_sort": _sort,
}


def _instants(name: str, text: str) -> Interval:
    try:
        # The plus of a zone, sent without being percent-encoded, arrives as a space.
        return interval(text.strip().replace(" ", "+"))
    except ValueError as error:
        raise Invalid(f"'{name}' must be a date or an instant, and is '{text[:60]}'.") from error
