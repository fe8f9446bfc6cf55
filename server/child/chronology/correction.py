"""Corrections: what an entry said before, where that was something else."""

from collections.abc import Sequence
from datetime import datetime

from server.child.chronology import entry as entries
from server.child.chronology import rule as ruling
from server.child.chronology import wording
from server.child.chronology.entry import END, Earlier, Entry
from server.fhir import json
from server.store.row import Stored


def corrections(
    made: Entry, history: Sequence[Stored], names: wording.Names
) -> tuple[tuple[Earlier, ...], datetime | None]:
    """What it said before, where it was something else; and when it was first recorded, if that is known."""
    if not history:
        return (), made.recorded if made.row and made.row.version == 1 else None
    said = [Earlier(row.last_updated, _sentence_of(row, names, made)) for row in history]
    following = [*(each.words for each in said[1:]), sentence(made.resource, names, end=made.point == END)]
    changed = tuple(
        each
        for each, words in zip(said, following[len(following) - len(said) :], strict=True)
        if each.words != words
    )
    return changed, history[0].last_updated if history[0].version == 1 else None


def _sentence_of(row: Stored, names: wording.Names, made: Entry) -> str:
    return sentence(json.decode(row.body.encode()), names, end=made.point == END)


def sentence(resource: dict[str, object], names: wording.Names, *, end: bool) -> str:
    """All that an entry says, as one text."""
    rule = ruling.of(resource)
    began, ended = entries.dates(resource)
    at = wording.span(began, ended) if rule.end or ended else wording.when(began) if began else ""
    parts = [at, wording.headline(resource, rule, end=end)]
    if resource.get("status") == "entered-in-error":
        parts.append("entered in error")
    return ". ".join(filter(None, (*parts, *wording.details(resource, rule, names, end=end))))
