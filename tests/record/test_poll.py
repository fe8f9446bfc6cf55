"""A system that keeps up with the record by `_since` misses nothing, whoever else writes."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import quote

import pytest

from server import clock
from server.store import horizon, writing
from tests import make
from tests.http.test_history import moment, pages, versions


@contextmanager
def held_open(app):
    """A writer in another connection: stamped before the block and committed after it, it adds a Linkage."""
    with app.extensions["database"].transaction() as transaction:
        stamp = horizon.hold(transaction)
        rid = app.extensions["door"].rids.take(transaction.connection)
        id, type_ = f"late-{rid}", app.extensions["door"].library.type_number("Linkage")
        body = f'{{"resourceType":"Linkage","id":"{id}","item":[]}}'
        row = writing.Row(type_, id, rid, rid, 1, 9, stamp, body)
        writing.write(transaction.connection, [row], [], [], transaction.to_hold(stamp))
        yield f"{id}/1"


@pytest.fixture
def start(suite):
    return moment(suite.put(make.organization(make.word())))


def read_on(client, url, since):
    """What a system that keeps up finds, and from where it asks the next time."""
    first = client.get(f"{url}?_since={since}&_count=20")
    found = versions(first)
    if first.link("next"):
        found += [each for page in pages(client, first.link("next")) for each in page]
    return found, quote(first.json["meta"]["lastUpdated"])


def test_what_was_begun_earlier_and_committed_later_is_not_missed(suite, app, start):
    with held_open(app) as late:
        early = f"{suite.put(make.linkage('Patient/x', id=make.word())).id}/1"
        found, since = read_on(suite, "Linkage/_history", start)
        # Neither: what was written after the open one began is not shown before it.
        assert late not in found
        assert early not in found
        assert suite.get(f"Linkage/{early.split('/')[0]}").status == 200
        assert suite.search(f"Linkage?_id={early.split('/')[0]}").ids
        assert suite.get(f"Linkage/{early.split('/')[0]}/_history").json["total"] == 1
    found, _ = read_on(suite, "Linkage/_history", since)
    assert {late, early} <= set(found)


def test_who_writes_and_asks_at_once_finds_what_it_wrote(suite, start):
    for _ in range(20):
        id = suite.post(make.patient()).id
        assert f"{id}/1" in versions(suite.get(f"Patient/_history?_since={start}&_count=1"))


def test_a_request_that_was_overtaken_is_stamped_anew(suite, app, monkeypatch):
    """History is read between the stamp of a create and its commit, each time that it is tried."""
    database, flush, stamps = app.extensions["database"], writing.write, []

    def overtaken(*arguments, **more):
        stamps.append(arguments[-1])
        with database.transaction() as transaction:
            stamps.append(horizon.reached(transaction, patience=0))
        flush(*arguments, **more)

    monkeypatch.setattr(writing, "write", overtaken)
    made = suite.post(make.patient())
    assert made.status == 201
    # The second time it holds its stamp before it begins, and the reader ends before it.
    first, read, second, read_again = stamps
    assert first <= read
    assert second is None
    assert made.json["meta"]["lastUpdated"] > read_again.isoformat()


def test_history_inside_a_transaction_has_what_the_transaction_wrote(suite, start):
    id = make.word()
    entries = (make.put(make.patient(id=id)), make.entry("GET", f"Patient/_history?_since={start}"))
    answer = suite.post(make.bundle("transaction", *entries))
    assert answer.json["entry"][1]["resource"]["entry"][0]["resource"]["id"] == id


class Traffic:
    """Creates, updates, deletes, transactions, a writer that stays open; and systems that keep up."""

    def __init__(self, suite, app, seconds):
        self.suite, self.app = suite, app
        self.until, self.done = clock.monotonic() + seconds, threading.Event()
        self.written = {"Patient": set(), "Linkage": set()}

    def write(self, at):
        id = make.word()
        while clock.monotonic() < self.until:
            at += 1
            (self.create, self.update, self.transact, self.delete)[at % 4](id, at)

    def create(self, id, at):
        self.written["Patient"].add(f"{self.suite.post(make.patient()).id}/1")

    def update(self, id, at):
        made = self.suite.put(make.patient(id=id, multipleBirthInteger=at))
        self.written["Patient"].add(f"{id}/{made.version}")

    def transact(self, id, at):
        ids = [make.word() for _ in range(5)]
        sent = [make.put(make.linkage("Patient/x", id=each)) for each in ids]
        assert self.suite.post(make.bundle("transaction", *sent)).status == 200
        self.written["Linkage"].update(f"{each}/1" for each in ids)

    def delete(self, id, at):
        gone = self.suite.delete(f"Patient/{id}")
        if "ETag" in gone.headers:
            self.written["Patient"].add(f"{id}/{gone.version}")

    def stay_open(self):
        while clock.monotonic() < self.until:
            with held_open(self.app) as late:
                time.sleep(0.4)
            self.written["Linkage"].add(late)

    def read(self, url, since):
        found, last = set(), False
        while not last:
            last = self.done.is_set()
            page, since = read_on(self.suite, url, since)
            found.update(page)
        return found


@pytest.mark.soak
def test_of_many_writers_readers_who_keep_up_miss_nothing(suite, app, start, is_soak):
    traffic = Traffic(suite, app, 60 if is_soak else 3)
    urls = {
        "_history": ("Patient", "Linkage"),
        "Patient/_history": ("Patient",),
        "Linkage/_history": ("Linkage",),
    }
    with ThreadPoolExecutor(4) as writers, ThreadPoolExecutor(3) as readers:
        reading = {url: readers.submit(traffic.read, url, start) for url in urls}
        acts = [*(writers.submit(traffic.write, at) for at in range(3)), writers.submit(traffic.stay_open)]
        for act in acts:
            act.result()
        traffic.done.set()
        found = {url: each.result() for url, each in reading.items()}
    for url, types in urls.items():
        expected = set().union(*(traffic.written[type_] for type_ in types))
        assert expected <= found[url]
        assert len(expected) > 10
