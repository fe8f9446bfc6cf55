"""Generated terms: whatever happens to marks, what is told equals a recount of them from the statute.

Registers, marks posted one by one, corrections, deletions, moves to another school, registration at two.
"""

from collections import defaultdict
from datetime import date, timedelta
from random import Random

import pytest

from server.record import totals
from tests import make
from tests.child.attendance import naive
from tests.child.attendance.ask import by_child, by_school, line, parts, send

SCHOOLS = ("school", "academy")
CODES = ("/", "\\", "L", "B", "K", "I", "M", "C", "C2", "E", "N", "O", "U", "G", "D", "X", "Q", "Y1", "#")
CHILDREN = 25
TERMS, SOME_TERMS = 20, 1
SPANS = (("2025-09-01", "2025-12-31"), ("2025-09-15", "2025-10-10"), ("2025-10-31", "2025-11-03"))


class Term:
    """A term of some children at two schools."""

    def __init__(self, seed, suite, callers):
        self.random, self.suite, self.callers = Random(seed), suite, callers
        self.children = [make.word(f"generated-{seed}-") for _ in range(CHILDREN)]
        self.at = {id: self.random.choice((*SCHOOLS, "both", "moves")) for id in self.children}
        known = [make.put(make.child(id=id)) for id in self.children]
        self.left = date(2025, 10, self.random.randint(1, 31))
        roll = [make.posted(each) for id in self.children for each in self.registrations(id)]
        assert suite.post(make.bundle("transaction", *known, *roll)).status == 200
        self.days = sorted(
            date(2025, 9, 8) + timedelta(days)
            for days in self.random.sample([each for each in range(84) if each % 7 < 5], 6)
        )

    def registrations(self, id):
        match self.at[id]:
            case "both":
                yield from (make.episode(id, each) for each in SCHOOLS)
            case "moves":
                ended = {"start": "2024-09-02", "end": self.left.isoformat()}
                yield make.episode(id, "school", status="finished") | {"period": ended}
                yield make.episode(id, "academy", start=(self.left + timedelta(1)).isoformat())
            case school:
                yield make.episode(id, school)

    def on_roll(self, id, school, day):
        match self.at[id]:
            case "both":
                return True
            case "moves":
                return school == ("school" if day <= self.left else "academy")
        return self.at[id] == school

    def code(self, session):
        while True:
            code = self.random.choice(CODES)
            if {"/": "am", "\\": "pm"}.get(code, session) == session:
                return code

    def happens(self):
        """A term, in an order of its own."""
        for day in self.days:
            for session in ("am", "pm"):
                for school in SCHOOLS:
                    self.taken(school, day, session)
                self.later()

    def taken(self, school, day, session):
        pupils = [id for id in self.children if self.on_roll(id, school, day)]
        # Who has left is no child of the school's any more: somebody else writes what was.
        for caller, some in (
            (self.callers[school], [id for id in pupils if self.at[id] != "moves"]),
            (self.suite, [id for id in pupils if self.at[id] == "moves"]),
        ):
            by_hand = [id for id in some if self.random.random() < 0.1]
            lines = [line(id, self.code(session), reason="It was wrong") for id in some if id not in by_hand]
            for _ in range(self.random.choice((1, 1, 2)) if lines else 0):
                answer = send(caller, *lines, school=school, day=day.isoformat(), session=session)
                assert answer.status == 200, answer
            for id in by_hand:
                mark = make.mark(id, school, day.isoformat(), session, self.code(session))
                assert caller.post(mark).status in (201, 409)

    def marks(self):
        found = self.suite.get(
            "Observation?category=attendance&_count=1000&patient=" + ",".join(self.children)
        )
        assert found.link("next") is None
        by = defaultdict(list)
        for each in found.matches:
            by[each["subject"]["reference"].partition("/")[2]].append(each)
        return by

    def later(self):
        """Some marks are corrected, moved, taken back or deleted."""
        every = [each for some in self.marks().values() for each in some]
        for mark in self.random.sample(every, min(len(every), 4)):
            caller, path = self.suite, f"Observation/{mark['id']}"
            match self.random.randrange(5):
                case 0:
                    coded = make.concept(naive.NOW, self.code(mark["code"]["coding"][0]["code"]))
                    assert caller.put(mark | {"valueCodeableConcept": coded}).status == 200
                case 1:
                    assert caller.put(mark | {"status": "entered-in-error"}).status == 200
                case 2:
                    assert caller.delete(path).status == 204
                case 3:
                    day = mark["effectiveDateTime"][:8] + f"{self.random.randint(1, 28):02d}"
                    # Another day may be taken.
                    assert caller.put(mark | {"effectiveDateTime": day}).status in (200, 409)
                case 4:
                    other = {"subject": make.reference(f"Patient/{self.random.choice(self.children)}")}
                    assert caller.put(mark | other).status in (200, 409, 422)


def pytest_generate_tests(metafunc):
    """One term, or all of them."""
    terms = TERMS if metafunc.config.getoption("--soak") else SOME_TERMS
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(terms))


@pytest.mark.soak
def test_what_is_told_equals_a_recount_from_the_statute(app, suite, client_with, seed):
    term = Term(seed, suite, {school: client_with(school) for school in SCHOOLS})
    term.happens()
    marks = term.marks()
    for start, end in SPANS:
        days = f"start={start}&end={end}"
        for school in SCHOOLS:
            found = by_child(suite.get(f"Organization/{school}/$attendance-summary?{days}"))
            for id in term.children:
                expected = naive.summed(marks[id], start, end, f"Organization/{school}")
                told = naive.told(found[id]) if id in found else naive.NOTHING
                assert told == expected, (id, school, days)
        for id in term.children:
            answer = suite.get(f"Patient/{id}/$attendance-summary?{days}")
            [total] = parts(answer, "total")
            assert naive.told(total) == naive.summed(marks[id], start, end), (id, days)
            for school, each in by_school(answer).items():
                assert naive.told(each) == naive.summed(marks[id], start, end, school), (id, school)
    assert differing(app) == []


def differing(app):
    """The totals of all children that are others than a recount by the server itself."""
    door = app.extensions["door"]
    found, after = [], 0
    while some := totals.next_children(door, after, 500):
        after = some[-1]
        found += totals.checked(door, some)
    return found
