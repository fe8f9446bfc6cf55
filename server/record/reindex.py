"""Resources that are there already, indexed anew a few at a time, while the server is up and others write.

What is written meanwhile by who does not know of a new search parameter yet must not be missed. Every process
looks at most a second back (`record.added`). So whoever sees a job for the first time writes down when, and
nobody begins it until history is read up to some time after that: by then what was stamped before it is
committed, or is refused (`store.horizon`), and what is stamped later knows of the parameter.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from server import clock
from server.definition.library import library
from server.fhir import Json, json
from server.fhir.reference import parse
from server.record import integrity, likeness, resight
from server.record.added import EVERY
from server.record.door import Door
from server.record.places import local_targets
from server.search import context
from server.search.complete import FINDING, INDEX, SEEING
from server.search.extract import extract
from server.search.types.reference import localised
from server.store import horizon, indexing, parameters, reindex
from server.store.database import Transaction
from server.store.indexing import Held
from server.store.reindex import Job, Work
from server.store.row import Row

AT_ONCE = 50

GRACE = timedelta(seconds=EVERY + 2)
"""From when a job is seen until every write knows of it; clocks of two machines may differ by the rest."""


def prepare(door: Door) -> None:
    """Leave the whole index to be renewed, if it is that of an older release."""
    with door.database.begin() as connection:
        state = parameters.state(connection)
        if state.index is None and parameters.is_empty(connection):
            parameters.put_index(connection, INDEX)
            return
        if state.index is None:
            parameters.put_index(connection, 1)
        if (state.index or 1) < INDEX and not _is_left(reindex.every(connection, lock=True)):
            _leave(door, connection, _outdated(door, state.index or 1))


def _outdated(door: Door, index: int) -> frozenset[str]:
    """The types of which an older release did not write down all that is kept of them now."""
    if index < FINDING:
        return frozenset(door.library.resource_types)
    compared = frozenset(door.hooks.likeness.types)
    return compared if index >= SEEING else compared | resight.TYPES


def leave_everything(door: Door, connection: Any) -> None:
    """Leave the whole index to be renewed."""
    _leave(door, connection, door.library.resource_types)


def _leave(door: Door, connection: Any, types: Iterable[str]) -> None:
    reindex.leave(connection, reindex.EVERYTHING, map(door.library.type_number, types), INDEX)


def _is_left(jobs: list[Job]) -> bool:
    return any(
        job.work.of == reindex.EVERYTHING and job.work.version == INDEX and job.status != reindex.DONE
        for job in jobs
    )


def step(door: Door) -> Job | None:
    """Do the next piece of work, and tell whose it was; None: there is none, or others are at it."""
    with door.database.transaction() as transaction:
        transaction.begin()
        job = reindex.take(transaction.connection)
        if job is None:
            return None
        work = _step(door, transaction, job.work)
        if work is None:
            return None
        done = not work.types
        if done:
            _finish(door, transaction, work)
        reindex.keep(transaction.connection, job, work, done=done)
        return replace(job, work=work, status=reindex.DONE if done else reindex.RUNNING)


def is_open(door: Door) -> bool:
    """Whether there is work, whoever is at it."""
    with door.database.autocommit() as connection:
        return any(job.status != reindex.DONE for job in reindex.every(connection))


def _step(door: Door, transaction: Transaction, work: Work) -> Work | None:
    """What is left then; None: it has to wait."""
    if work.since is None:
        return replace(work, since=clock.now())
    if not work.known:
        known = clock.now() > work.since + GRACE and horizon.reached(transaction) > work.since + GRACE
        return replace(work, known=True) if known else None
    if work.total is None:
        types = [(library().type_name(number), number) for number in work.types]
        return replace(work, total=indexing.count(transaction.connection, types))
    if parameters.hold(transaction.connection) is None:
        return None
    # What it indexes by holds until the transaction ends: nobody changes it now.
    door.parameters.look(transaction.connection)
    return _piece(door, transaction, work)


def _piece(door: Door, transaction: Transaction, work: Work) -> Work:
    if not work.types:
        return work
    connection, number = transaction.connection, work.types[0]
    type_ = library().type_name(number)
    found = indexing.page(connection, type_, number, work.after, AT_ONCE)
    places = [*work.left, *((child, rid) for child, (_, rid) in found)]
    if not places:
        return reindex.next_type(work)
    held = indexing.held(connection, type_, number, places)
    resources: list[Json] = [json.decode(each.body.encode()) for each in held]
    rows = [_row(door, type_, number, each, of) for each, of in zip(held, resources, strict=True)]
    if type_ in resight.TYPES:
        resight.complete(door, transaction, list(zip(resources, rows, strict=True)))
    if type_ in door.hooks.likeness.types:
        likeness.fill(door, connection, list(zip(resources, rows, strict=True)))
    indexing.align(connection, list(zip(held, rows, strict=True)))
    resight.settle(door, transaction, rows)
    missing = set(places) - {(each.child, each.rid) for each in held}
    # Somebody is writing these, and may yet undo it: they are looked at again.
    left = sorted(indexing.present(connection, type_, number, sorted(missing))) if missing else []
    after = found[-1][1] if found else work.after
    assert after is not None
    return reindex.moved(work, after, left, len(places) - len(left))


def _row(door: Door, type_: str, number: int, held: Held, resource: Json) -> Row:
    """The resource with all that it should be found by."""
    index = extract(resource, door.hasher, door.base_url)
    integrity.listed(index, type_, local_targets(resource, door), door.hasher)
    if type_ == "Patient":
        likeness.led(index, resource, door)
    return Row(
        type=number, id=held.id, rid=held.rid, child=held.child, version=held.version, author=held.author,
        last_updated=held.last_updated, body=held.body, restriction=held.restriction,
        kind=door.hooks.kind(type_, index), date=index.date, tokens=index.tokens, sorts=index.sorts,
        facets=index.facets, strings=index.strings, dates=index.dates, numbers=index.numbers,
        words=index.words, identifiers=index.identifiers,
        contexts=list(dict.fromkeys(_contexts(door, resource))),
    )  # fmt: skip


def _contexts(door: Door, resource: Json) -> Iterator[tuple[int, str]]:
    """What it is seen with: an older release did not write that down."""
    for text in context.named(resource):
        target = parse(localised(text, door.base_url) or "")
        if target.local and target.id and target.type in door.types.difference(context.NAMED_BY):
            yield door.library.type_number(target.type or ""), target.id


def _finish(door: Door, transaction: Transaction, work: Work) -> None:
    if work.of:
        parameters.complete(transaction.connection, work.of)
    if work.version is not None:
        parameters.put_index(transaction.connection, work.version)
    parameters.changed(transaction.connection)
    transaction.afterwards.append(door.parameters.forget)
