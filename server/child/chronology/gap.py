"""Gaps, times of which nothing is shown, made visible: no statement that nothing happened."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from server.child.chronology.asked import HAPPENED, Asked
from server.child.chronology.entry import GAP, ORDER, Entry
from server.fhir.period import HOME


def with_gaps(
    shown: Sequence[Entry], asked: Asked, before: datetime | None, now: datetime | None
) -> Iterator[Entry]:
    """`now`: of the last page, the moment until which something could have happened."""
    if not asked.gap or asked.clock != HAPPENED:
        yield from shown
        return
    last = before
    for each in shown:
        if each.dated:
            yield from _gap(last, each.key[0], asked)
            # An attendance, or what is older than the last, ends no earlier than that.
            last = each.until if last is None or asked.newest_first else max(last, each.until or last)
        yield each
    if now is not None and not asked.newest_first and shown:
        yield from _gap(last, min(asked.as_of or now, asked.high), asked)


def _gap(one: datetime | None, other: datetime, asked: Asked) -> Iterator[Entry]:
    if one is None:
        return
    low, high = min(one, other), max(one, other)
    days = (high - low).days
    if days < asked.gap:
        return
    shown = "that was asked for" if asked.filtered else "that you may see"
    yield Entry(
        key=(low, 0, ORDER[GAP]),
        point=GAP,
        kind="other",
        significance="routine",
        words=f"{days} days of which nothing is recorded {shown}",
        began=low.astimezone(HOME).date().isoformat(),
        ended=high.astimezone(HOME).date().isoformat(),
    )
