"""Merge, random writes, unmerge: the state is the one that would have been without the merge.

Two records in two databases are told the same; in one of them two Patients are one child for a while. What
may differ is said in `state`: the two Patients' own versions, and what the server itself notes.
"""

import random

import pytest

from tests import make
from tests.access.test_decision import not_shared
from tests.caller import Caller, token
from tests.operation.state import state
from tests.operation.test_merge import merge, unmerge

SOURCE, TARGET, SIBLING = CHILDREN = ("source", "target", "sibling")
AGENCIES = ("school", "health", "social-care")


@pytest.fixture(scope="module")
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

    def next(self, *, merged: bool):
        """(method, resource): of a new one, or of one that is there."""
        change = self._random.random()
        if self.known and change < 0.2:
            return "DELETE", self._random.choice(list(self.known.values()))
        if self.known and change < 0.45:
            return "PUT", self._changed(self._random.choice(list(self.known.values())))
        if change < 0.5:
            return "PUT", self._patient(merged)
        self._number += 1
        return "PUT", {**self._new(), "id": f"{self._prefix}{self._number}"}

    def did(self, method: str, resource: dict) -> None:
        if resource["resourceType"] == "Patient":
            return
        if method == "DELETE":
            del self.known[resource["id"]]
        else:
            self.known[resource["id"]] = resource

    def _child(self) -> str:
        return self._random.choices([self.children[each] for each in CHILDREN], (4, 4, 1))[0]

    def _patient(self, merged: bool) -> dict:
        name = TARGET if merged else self._random.choice((SOURCE, TARGET))
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


def play(worlds, seed, writes):
    """The two states after the same history, with a merge in it and without."""
    writer = Writer(seed)
    (app, suite, records), (plain_app, plain, _) = worlds

    def both(method, resource):
        done = told(suite, method, resource)
        if done.status < 400:
            other = told(plain, method, resource)
            assert other.status == done.status, (seed, done, other)
            writer.did(method, resource)

    for each in writer.patients():
        both(*each)
    for _ in range(writes):
        both(*writer.next(merged=False))
    done = merge(records, writer.children[SOURCE], writer.children[TARGET])
    assert done.status == 200, done
    for _ in range(writes):
        both(*writer.next(merged=True))
    done = unmerge(records, writer.children[SOURCE])
    assert done.status == 200, done

    def but(name):
        return name.startswith("Task/")

    with app.extensions["database"].autocommit() as one, plain_app.extensions["database"].autocommit() as two:
        return state(one, but), state(two, but)


@pytest.mark.soak
def test_what_was_merged_and_taken_apart_is_what_would_have_been(worlds, is_soak):
    histories, writes = (1000, 500) if is_soak else (4, 30)
    for seed in range(histories):
        merged, plain = play(worlds, seed, writes)
        found = different(merged, plain)
        assert not found, "\n".join((f"history {seed}", *map(str, found)))


def different(merged, plain):
    """What is there, or missing, because two were one for a while."""
    more = ((table, "+", row) for table, rows in merged.items() for row in rows - plain[table])
    missing = ((table, "-", row) for table, rows in plain.items() for row in rows - merged[table])
    return [*more, *missing]
