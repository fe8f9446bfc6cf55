"""Addresses on which agencies disagree: both are kept, and a rule says which of them stands first.

A PUT takes back the addresses of its own agency alone. The rule is data, `profiles/identity/source.json`.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import msgspec

from server.child.likeness.home import home
from server.definition.folder import profiles
from server.fhir import Json
from server.fhir.meta import instant
from server.fhir.period import interval
from server.record.hook import Sayer, Sayers
from server.record.said import KEPT, is_kept, said, unmarked

OTHERS = "*"
_OLD = "old"


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of addresses of one use. `before`: kinds of agencies whose word goes before that of others for so many
    `days`; else the last word is first. `ends`: one that comes after is an old one from then on."""

    before: frozenset[str]
    days: int
    ends: bool


class Sources(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file. `quiet`: kinds of agencies that are named only to who may see the AuditEvent."""

    source: str
    quiet: frozenset[str]
    address: Mapping[str, Rule]


@cache
def sources() -> Sources:
    """The shipped rule."""
    return msgspec.json.decode((profiles() / "identity" / "source.json").read_bytes(), type=Sources)


def kept(before: Json, sent: Json, writer: Sayer, sayers: Sayers) -> Json:
    """The Patient with the addresses of other agencies that its writer does not mention."""
    held, given = list(_addresses(before)), list(_addresses(sent))
    missing = [each for each in held if not any(_is_one(each, other) for other in given)]
    if not missing and not any(map(is_kept, given)):
        return sent
    known = sayers()
    given = [_judged(each, held, writer, known) for each in given]
    others = [each for each in missing if _sayer(each, known, writer).agency != writer.agency]
    every = [*given, *(_marked(each, writer.at) for each in others)]
    if others:
        every = _in_order(every, known, writer)
    rest = {name: value for name, value in sent.items() if name != "address"}
    return {**rest, "address": every} if every else rest


def _addresses(patient: Json) -> Iterable[Json]:
    listed: Any = patient.get("address", ())
    return (each for each in listed if each)


def _is_one(one: Json, other: Json) -> bool:
    """Whether two are one address, however they are written, and whatever use or period they have."""
    place = home(one)
    return place == home(other) if any(place) else unmarked(one) == unmarked(other)


def _sayer(address: Json, known: Mapping[bytes, Sayer], writer: Sayer) -> Sayer:
    return known.get(said("address", (address, None)), writer)


def _judged(address: Json, held: Iterable[Json], writer: Sayer, known: Mapping[bytes, Sayer]) -> Json:
    """Without a mark that the server did not put on, or that its own agency's word takes off."""
    if is_kept(address) and (address not in held or _sayer(address, known, writer).agency == writer.agency):
        return unmarked(address)
    return address


def _marked(address: Json, at: datetime) -> Json:
    if is_kept(address):
        return address
    mark = {"url": KEPT, "valueInstant": instant(at)}
    return {**address, "extension": [*address.get("extension", ()), mark]}


def _in_order(every: list[Json], known: Mapping[bytes, Sayer], writer: Sayer) -> list[Json]:
    """By use as they were sent, and of one use as the rule has it."""
    uses = list(dict.fromkeys(each.get("use", "") for each in every))
    said_by = {id(each): _sayer(each, known, writer) for each in every}
    made: list[Json] = []
    for use in uses:
        rule = sources().address.get(use) or sources().address[OTHERS]
        ranked = sorted(
            (each for each in every if each.get("use", "") == use),
            key=lambda each: _rank(each, said_by[id(each)], rule, writer.at),
        )
        made += ranked[:1]
        made += (_ended(each, writer.at) if rule.ends and is_kept(each) else each for each in ranked[1:])
    return made


def _rank(address: Json, sayer: Sayer, rule: Rule, now: datetime) -> tuple[bool, bool, float]:
    over = address.get("use") == _OLD or _is_over(address, now)
    heard = sayer.kind in rule.before and now - sayer.at <= timedelta(rule.days)
    return over, not heard, -sayer.at.timestamp()


def _is_over(address: Json, now: datetime) -> bool:
    end = address.get("period", {}).get("end")
    return bool(end) and interval(end)[1] <= now


def _ended(address: Json, at: datetime) -> Json:
    if _is_over(address, at):
        return address
    period = {"end": at.astimezone(UTC).date().isoformat(), **address.get("period", {})}
    return {**address, "use": _OLD, "period": period}
