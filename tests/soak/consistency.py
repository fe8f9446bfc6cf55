"""Whether a database holds what was promised, and whether its tables agree with one another.

Each function gives back the faults it finds, in words.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, select

from server.child.identity import claims
from server.definition.library import library
from server.fhir import Json, json
from server.search.extract import extract
from server.search.hash import Hasher
from server.store import opening, sortkey
from server.store import tables as t
from tests.soak.installation import INDEX_KEY, PUBLIC_URL
from tests.soak.writer import NONCE, WORD, Journal, Transaction, Version

_HASHER = Hasher(bytes.fromhex(INDEX_KEY))
_WRITES = ("create", "update", "delete")


@dataclass(frozen=True)
class Kept:
    """A version in the database; of a deletion `content` is None."""

    type: str
    id: str
    number: int
    child: int
    rid: int
    live: bool
    content: Json | None
    row: Any

    def values(self, system: str) -> list[str]:
        """Values of its identifiers of a system."""
        given = self.content.get("identifier", ()) if self.content else ()
        return [
            each["value"]
            for each in ([given] if isinstance(given, dict) else given)
            if each.get("system") == system
        ]


@dataclass
class Found:
    """Everything, read in one go."""

    connection: Connection
    versions: dict[tuple[str, str], dict[int, Kept]] = field(default_factory=lambda: defaultdict(dict))
    by_nonce: dict[str, list[Kept]] = field(default_factory=lambda: defaultdict(list))
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for table, live in ((t.history, False), (t.resource, True)):
            for row in self.connection.execute(select(table)):
                self._keep(_kept(row, live))

    def _keep(self, kept: Kept) -> None:
        numbers = self.versions[kept.type, kept.id]
        if kept.number in numbers:
            self.faults.append(f"{kept.type}/{kept.id} has two versions {kept.number}.")
        numbers[kept.number] = kept
        for nonce in kept.values(NONCE):
            self.by_nonce[nonce].append(kept)

    def every(self) -> Iterator[Kept]:
        for numbers in self.versions.values():
            yield from numbers.values()

    def live(self) -> list[Kept]:
        return [kept for kept in self.every() if kept.live]


def _kept(row: Any, live: bool) -> Kept:
    type_ = library().type_name(row.type)
    body = opening.whole(type_, row.id, row.version, row.last_updated, row.body)
    content = json.decode(body.encode()) if body else None
    return Kept(type_, row.id, row.version, row.child, row.rid, live, content, row)


def faults(connection: Connection, journal: Journal) -> list[str]:
    """All that is wrong."""
    found = Found(connection)
    return [
        *found.faults,
        *_lost(found, journal.acknowledged),
        *_gone(found, journal.deletions),
        *_halves(found, journal.transactions),
        *_twice(found, journal.transactions),
        *_doubles(found, journal.words),
        *_gaps(found),
        *_unaccounted(found),
        *_not_as_read(found),
        *_claims(found),
        *_lines(found),
    ]


# ---- what was promised -------------------------------------------------------------------------------------


def _lost(found: Found, acknowledged: list[Version]) -> Iterator[str]:
    """Every acknowledged write is there with its version; and as nothing is written again after its deletion,
    nothing follows one."""
    for version in acknowledged:
        numbers = found.versions.get((version.type, version.id), {})
        kept = numbers.get(version.number)
        if kept is None:
            yield f"Lost: {version}."
        elif version.nonce is None:
            if kept.content is not None or kept.live or max(numbers) > version.number:
                yield f"Undone: {version}."
        elif version.nonce not in kept.values(NONCE):
            yield f"Replaced: {version}."


def _gone(found: Found, deletions: set[str]) -> Iterator[str]:
    """Nothing disappears that nobody asked to be deleted."""
    for (type_, id_), numbers in found.versions.items():
        if not any(kept.live for kept in numbers.values()) and id_ not in deletions:
            yield f"Gone: {type_}/{id_}."


def _halves(found: Found, transactions: list[Transaction]) -> Iterator[str]:
    for sent in transactions:
        there = len(found.by_nonce.get(sent.nonce, ()))
        buried = (
            sent.deleted is not None
            and sent.deleted.number in found.versions[sent.deleted.type, sent.deleted.id]
        )
        if there not in (0, sent.versions) or (sent.deleted is not None and buried != bool(there)):
            yield f"Half: {sent}, {there} versions are there, and the deletion is {buried}."


def _twice(found: Found, transactions: list[Transaction]) -> Iterator[str]:
    """What was sent once is stored once, whatever happened in between."""
    several = {sent.nonce for sent in transactions}
    for nonce, versions in found.by_nonce.items():
        if len(versions) > 1 and nonce not in several:
            yield f"Stored {len(versions)} times: {versions[0].type} {nonce}."


def _doubles(found: Found, words: dict[str, set[str]]) -> Iterator[str]:
    holders: dict[str, set[str]] = defaultdict(set)
    for kept in found.live():
        for word in kept.values(WORD):
            holders[word].add(kept.id)
    for word in words.keys() | holders.keys():
        told = words.get(word, set())
        if len(holders[word]) > 1 or not told <= holders[word]:
            yield f"On condition of {word} there are {holders[word]}, and {told} were acknowledged."


# ---- whether it agrees with itself -------------------------------------------------------------------------


def _gaps(found: Found) -> Iterator[str]:
    for (type_, id_), numbers in found.versions.items():
        last = max(numbers)
        if sorted(numbers) != list(range(1, last + 1)):
            yield f"{type_}/{id_} has the versions {sorted(numbers)}."
        if any(
            kept.live != (number == last and kept.content is not None) for number, kept in numbers.items()
        ):
            yield f"{type_}/{id_} is not alive in its last version alone."


def _unaccounted(found: Found) -> Iterator[str]:
    """Every version has its row in the outbox and its line in the audit, and there are no others."""
    versions = {(kept.child, kept.rid, kept.number) for kept in found.every()}
    columns = (t.outbox.c.child, t.outbox.c.rid, t.outbox.c.version)
    told = set(map(tuple, found.connection.execute(select(*columns))))
    yield from (f"No outbox row: {key}." for key in versions - told)
    yield from (f"An outbox row of nothing: {key}." for key in told - versions)
    written = Counter(kept.rid for kept in found.every())
    done = t.audit.c.interaction.in_(_WRITES) & t.audit.c.outcome.in_((200, 201, 204))
    lines = Counter(
        rid for (hits,) in found.connection.execute(select(t.audit.c.hits).where(done)) for rid in hits
    )
    yield from (
        f"{written[rid]} versions and {lines[rid]} lines of audit of row {rid}."
        for rid in written.keys() | lines.keys()
        if written[rid] != lines[rid]
    )


def _not_as_read(found: Found) -> Iterator[str]:
    """What finds a resource is what its content says, and finds nothing else."""
    facets, strings = (
        _side(found, t.facet, "h"),
        _side(found, t.string_index, "param", "folded", "lowest", "highest"),
    )
    dates = _side(found, t.date_index, "param", "low", "high", "lowest", "highest")
    identifiers = _side(found, t.identifier, "system", "value")
    for kept in found.live():
        assert kept.content is not None
        index, row, rid = extract(kept.content, _HASHER, PUBLIC_URL), kept.row, kept.rid
        pairs = {
            "tokens": (row.tok, index.tokens),
            "sort keys": (row.sorts, sortkey.packed(index.sorts)),
            "date": ((row.date_low, row.date_high), index.date or (None, None)),
            "facets": (facets.pop(rid, set()), {(h,) for h in index.facets}),
            "strings": (strings.pop(rid, set()), set(index.strings)),
            "dates": (dates.pop(rid, set()), set(index.dates)),
            "identifiers": (identifiers.pop(rid, set()), set(index.identifiers)),
        }
        for what, (stored, extracted) in pairs.items():
            if stored != extracted:
                yield f"The {what} of {kept.type}/{kept.id} are {stored} and should be {extracted}."
    for rest in (facets, strings, dates, identifiers):
        yield from (f"Found by what is not there: row {rid}." for rid in rest)


def _side(found: Found, table: Table, *columns: str) -> dict[int, set[tuple[Any, ...]]]:
    """rid → rows."""
    rows: dict[int, set[tuple[Any, ...]]] = defaultdict(set)
    for rid, *values in found.connection.execute(select(table.c.rid, *(table.c[name] for name in columns))):
        rows[rid].add(tuple(values))
    return rows


def _claims(found: Found) -> Iterator[str]:
    """Each live Patient holds its claims, and nobody else holds any."""
    held = set(
        map(
            tuple, found.connection.execute(select(t.identity.c.system, t.identity.c.value, t.identity.c.rid))
        )
    )
    due = {
        (system, value, kept.rid)
        for kept in found.live()
        if kept.type == "Patient" and kept.content
        for system, value in claims(kept.content)
    }
    yield from (f"A claim of nobody: {claim}." for claim in held - due)
    yield from (f"A claim that is not held: {claim}." for claim in due - held)


def _lines(found: Found) -> Iterator[str]:
    """Every id has its line in the locator, every child its rows in `presence`, and sight its reason."""
    columns = (t.locator.c.type, t.locator.c.id, t.locator.c.child, t.locator.c.rid)
    located = set(map(tuple, found.connection.execute(select(*columns))))
    newest = [numbers[max(numbers)] for numbers in found.versions.values()]
    homes = {(library().type_number(kept.type), kept.id, kept.child, kept.rid) for kept in newest}
    yield from (f"Not in the locator: {key}." for key in homes - located)
    yield from (f"A line of the locator to nothing: {key}." for key in located - homes)
    columns = (t.former_home.c.child, t.former_home.c.rid, t.former_home.c.former)
    known = set(map(tuple, found.connection.execute(select(*columns))))
    present = {kept.rid: kept.child for kept in newest}
    past = {
        (present[kept.rid], kept.rid, kept.child) for kept in found.every() if kept.child != present[kept.rid]
    }
    yield from (f"Not found from its present home: {key}." for key in past - known)
    columns = (t.presence.c.child, t.presence.c.type, t.presence.c.kind)
    present = set(map(tuple, found.connection.execute(select(*columns))))
    needed = {(kept.child, kept.row.type, kept.row.kind) for kept in found.live()}
    yield from (f"Not in presence: {key}." for key in needed - present)
    alive = {kept.rid for kept in found.live()}
    bases = {rid for (rid,) in found.connection.execute(select(t.sight.c.basis).where(t.sight.c.basis != 0))}
    yield from (f"Sight because of nothing: {rid}." for rid in bases - alive)
