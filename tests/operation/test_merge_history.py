"""Merge, random writes, unmerge: the state is the one that would have been without the merge.

Two records in two databases are told the same; in one of them some Patients are one child for a while: two,
or three one after another, taken apart in any order. While they are one, each of their ids finds what all of
them find in the other. What may differ at the end is said in `state`: the Patients' own versions, and what
the server itself notes.
"""

import random

import pytest

from tests import make
from tests.access.test_decision import not_shared
from tests.caller import Caller, token
from tests.operation.merging import merge, unmerge
from tests.operation.state import state

SOURCE, TARGET, SIBLING = CHILDREN = ("source", "target", "sibling")
AGENCIES = ("school", "health", "social-care")

BLOCK, LONG, SHORT = 50, 500, 20
"""Histories of one database; the writes of the first of them while some are one, and of the others."""

PLANS = (
    ((SOURCE, TARGET),),
    ((SOURCE, TARGET), (TARGET, SIBLING)),
    ((SOURCE, TARGET), (SIBLING, TARGET)),
)
"""Who is merged into whom, in this order; the first by far the most often."""


def pytest_generate_tests(metafunc):
    """A thousand histories in full, otherwise a few."""
    if "histories" in metafunc.fixturenames:
        in_full = metafunc.config.getoption("--soak")
        every = range(0, 1000, BLOCK) if in_full else (0,)
        several = [range(first, first + (BLOCK if in_full else 5)) for first in every]
        metafunc.parametrize("histories", several, ids=map(str, every))


@pytest.fixture
def worlds(new_database, serve):
    """Two records that nothing is in but the agencies, each with a caller that writes and one that merges."""
    with new_database() as one, new_database() as other:
        found = []
        for url in (one, other):
            app = serve(url)
            suite = Caller(app, token(app, "suite", "system/*.cruds"))
            agencies = [make.put(make.organization(each)) for each in ("suite", "records", *AGENCIES)]
            assert suite.post(make.bundle("transaction", *agencies)).status == 200
            found.append((app, suite, Caller(app, token(app, "records", "system/*.cruds"))))
        yield found
        for app, *_ in found:
            app.extensions["database"].close()


class Writer:
    """Makes up the next request, by what there is."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._prefix = f"h{seed}-"
        self.children = {name: f"{self._prefix}{name}" for name in CHILDREN}
        self._number = 0
        self._late = self._random.random() < 0.5
        self.known: dict[str, dict] = {}

    def patients(self):
        numbers = [make.nhs() for _ in CHILDREN]
        for name, number in zip(CHILDREN, numbers, strict=True):
            yield "PUT", make.child(number, id=self.children[name])

    def next(self, living):
        """(method, resource): of a new one, or of one that is there. `living`: those merged into no other."""
        change = self._random.random()
        if self.known and change < 0.2:
            return "DELETE", self._random.choice(list(self.known.values()))
        if self.known and change < 0.45:
            return "PUT", self._changed(self._random.choice(list(self.known.values())))
        if change < 0.5:
            return "PUT", self._patient(living)
        self._number += 1
        return "PUT", {**self._new(), "id": f"{self._prefix}{self._number}"}

    def plan(self):
        """Who is merged into whom, and in which order they are taken apart."""
        made = self._random.choices(PLANS, (6, 2, 2))[0]
        return made, self._random.sample(made, len(made))

    def did(self, method: str, resource: dict) -> None:
        if resource["resourceType"] == "Patient":
            return
        if method == "DELETE":
            del self.known[resource["id"]]
        else:
            self.known[resource["id"]] = resource

    def _child(self) -> str:
        return self._random.choices([self.children[each] for each in CHILDREN], (4, 4, 1))[0]

    def _patient(self, living) -> dict:
        merged = len(living) < len(CHILDREN)
        name = self._random.choice([each for each in (SOURCE, TARGET) if each in living] or [SIBLING])
        # Who labels a child is named for it, and stays so when the label is lifted again: where the label
        # came from the other record, that is told only from what is left at the end.
        restricted = self._late if merged else self._random.random() < 0.5
        label = make.labelled("R") if restricted else {}
        return make.patient(id=self.children[name], meta=label, birthDate=f"20{self._random.randint(10, 20)}")

    def _new(self) -> dict:
        pick, child, agency = self._random, self._child(), self._random.choice(AGENCIES)
        day = f"2025-09-{pick.randint(8, 10):02d}"
        return pick.choice(
            [
                lambda: make.observation(child, code=pick.choice("abc")),
                lambda: make.observation(
                    child, performer=[make.reference(f"Patient/{self._child()}")], effectiveDateTime=day
                ),
                lambda: make.mark(child, agency, date=day, session=pick.choice(("am", "pm"))),
                lambda: make.episode(child, agency, start=day),
                lambda: make.encounter(child, agency),
                lambda: make.team(child, agency),
                lambda: make.list_of(f"Patient/{child}", f"Patient/{self._child()}"),
                lambda: make.linkage(f"Patient/{child}"),
                lambda: not_shared(child, agency),
                lambda: {
                    "resourceType": "Communication", "status": "completed",
                    "subject": make.reference(f"Patient/{child}"),
                    "recipient": [make.reference(f"Patient/{self._child()}")],
                },
                lambda: {
                    "resourceType": "RelatedPerson", "patient": make.reference(f"Patient/{child}"),
                    "name": [{"family": "Sample"}],
                },
            ]
        )()  # fmt: skip

    def _changed(self, resource: dict) -> dict:
        new = dict(resource, language=self._random.choice(("en", "cy", "fr")))
        if "subject" in new and self._random.random() < 0.5:
            new["subject"] = make.reference(f"Patient/{self._child()}")
        return new


def told(caller, method, resource):
    path = f"{resource['resourceType']}/{resource['id']}"
    return caller.ask(method, path, None if method == "DELETE" else resource)


FINDING = (
    "Observation?patient=",
    "Encounter?subject=Patient/",
    "RelatedPerson?patient=",
    "List?item=Patient/",
)


def found(caller, ids):
    """By search, what each of the ids finds."""
    return {
        asked: [frozenset(caller.get(f"{asked}{id}&_count=1000&_elements=id").ids) for id in ids]
        for asked in FINDING
    }


class History:
    """One that is told to both worlds."""

    def __init__(self, worlds, seed):
        self.worlds, self.writer = worlds, Writer(seed)
        self.into = {}
        for each in self.writer.patients():
            self._both(*each)

    def write(self, times):
        for _ in range(times):
            self._both(*self.writer.next([each for each in CHILDREN if each not in self.into]))

    def merge(self, source, target):
        assert merge(self.worlds[0][2], *self._ids(source, target)).status == 200
        self.into[source] = target

    def unmerge(self, source):
        assert unmerge(self.worlds[0][2], *self._ids(source)).status == 200
        del self.into[source]

    def check(self):
        """Those that are one child find, by the id of each, what all of them find where they are several."""
        several = [each for each in CHILDREN if self._root(each) == self._root(SOURCE)]
        ids = self._ids(*several)
        alone = {asked: frozenset().union(*by) for asked, by in found(self.worlds[1][1], ids).items()}
        assert found(self.worlds[0][1], ids) == {asked: [every] * len(ids) for asked, every in alone.items()}

    def differences(self):
        """What is there, or missing, because some were one for a while."""

        def but(name):
            return name.startswith("Task/")

        (app, *_), (plain, *_) = self.worlds
        with app.extensions["database"].autocommit() as one, plain.extensions["database"].autocommit() as two:
            return different(state(one, but), state(two, but))

    def _root(self, name):
        while name in self.into:
            name = self.into[name]
        return name

    def _ids(self, *names):
        return [self.writer.children[each] for each in names]

    def _both(self, method, resource):
        (_, suite, _), (_, plain, _) = self.worlds
        done = told(suite, method, resource)
        if done.status < 400:
            other = told(plain, method, resource)
            assert other.status == done.status, (done, other)
            self.writer.did(method, resource)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_what_was_merged_and_taken_apart_is_what_would_have_been(worlds, histories, is_soak):
    for seed in histories:
        writes = SHORT if seed % BLOCK or not is_soak else LONG
        history = History(worlds, seed)
        made, undone = history.writer.plan()
        history.write(writes // 2)
        for each in made:
            history.merge(*each)
            history.write(writes // len(made))
            history.check()
        for number, (source, _) in enumerate(undone):
            history.unmerge(source)
            if number + 1 < len(undone):
                history.write(SHORT // 2)
        differences = history.differences()
        assert not differences, "\n".join((f"history {seed}", *map(str, differences)))


def different(merged, plain):
    more = ((table, "+", row) for table, rows in merged.items() for row in rows - plain[table])
    missing = ((table, "-", row) for table, rows in plain.items() for row in rows - merged[table])
    return [*more, *missing]
