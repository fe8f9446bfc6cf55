"""Pages forward and back while others write: what stays as it is comes exactly once, where it belongs."""

import logging
import os
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests import make
from tests.caller import Answer, Caller

pytestmark = pytest.mark.soak

WALKS, FEW = 1000, 24
STEPS = 16
_log = logging.getLogger(__name__)

_KEPT = 12
_LIVE = 30
_DATES = ("2024-05-01", "2024-05-01", "2024-05-02", "2024-05-02T09:00:00Z", "2024-06-01", None)

PLACES = (
    "Observation?_tag={tag}",
    "Observation?patient={child}",
    "Observation?code=a,b&_tag={tag}",
    "Observation?patient.family={tag}",
    "Observation?_has:List:item:_tag={tag}",
    "Observation?_tag={tag}&date=ge2024-01-01",
    "?_type=Observation,Encounter&_tag={tag}",
    "Patient/{child}/Observation?_tag={tag}",
    "Patient/{child}/*?_tag={tag}&_type=Encounter,Observation",
    "Device?device-name={tag}&_contained=both",
    "Device?device-name={tag}&_contained=true&_containedType=contained",
)
ORDERS = (
    "",
    "_lastUpdated",
    "-_lastUpdated",
    "date",
    "-date",
    "_id",
    "-_id",
    "status,-date",
    "-status,date,_id",
)
_CONTAINED = ORDERS[:3]


class World:
    """What is walked through, and those who change it.

    `still` is written once. `kept` is written again and again, and keeps what it is sorted by, but for the
    time of its last change. All else comes and goes.
    """

    def __init__(self, caller: Caller, seed: int) -> None:
        self.caller, self.dice = caller, random.Random(seed)
        self.tag, self.child = make.word("walk"), make.word("child-")
        self.still = {f"{self.tag}-s{at}" for at in range(_KEPT)}
        self.kept = {f"{self.tag}-k{at}" for at in range(_KEPT)}
        self._dates = {id: self.dice.choice(_DATES) for id in sorted(self.still | self.kept)}
        listed = make.list_of(*(f"Observation/{id}" for id in self._dates), meta=make.tagged(self.tag))
        patient = make.patient(id=self.child, name=[{"family": self.tag}])
        written = [make.put(patient), make.posted(listed), *(make.put(self._one(id)) for id in self._dates)]
        assert caller.post(make.bundle("transaction", *written)).status == 200

    def _one(self, id: str, note: str = "") -> make.Resource:
        """Of the id it depends what it is, and of nothing else."""
        date, choice = self._dates.get(id, random.Random(id).choice(_DATES)), random.Random(id).choice
        code, status = choice("ab"), choice(("final", "amended", "preliminary"))
        return make.observation(
            self.child,
            code,
            id=id,
            meta=make.tagged(self.tag),
            status=status,
            contained=[
                {"resourceType": "Device", "id": each, "deviceName": [{"name": self.tag, "type": "other"}]}
                for each in ("x", "y")
            ],
            device=make.reference("#x"),
            focus=[make.reference("#y")],
            **({"effectiveDateTime": date} if date else {}),
            **({"note": [{"text": note}]} if note else {}),
        )

    @contextmanager
    def changing(self, writers: int) -> Iterator[None]:
        """Others write while the block lasts."""
        over = threading.Event()
        faults: list[BaseException] = []
        threads = [
            threading.Thread(target=self._write, args=(at, over, faults), daemon=True)
            for at in range(writers)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()
        assert not faults, faults

    def _write(self, writer: int, over: threading.Event, faults: list[BaseException]) -> None:
        dice, live, number = random.Random(self.dice.random()), [], 0
        try:
            while not over.is_set():
                number += 1
                if len(live) > _LIVE or (live and dice.random() < 0.2):
                    answer = self.caller.delete(live.pop(dice.randrange(len(live))))
                elif dice.random() < 0.4:
                    # Each has its own: the others would have to wait.
                    mine = sorted(self.kept)[writer::2]
                    answer = self.caller.put(self._one(dice.choice(mine), f"{number}"))
                else:
                    # Ids of all kinds: some come before those that stay, some after.
                    id = f"{dice.choice(('a', self.tag, 'z'))}-v{writer}-{self.tag}-{number}"
                    kind = make.encounter(self.child, "x", id=id, meta=make.tagged(self.tag))
                    answer = self.caller.put(dice.choice((self._one(id), kind)))
                    live.append(f"{answer.json['resourceType']}/{id}")
                assert answer.status in (200, 201, 204), answer
        except BaseException as fault:
            faults.append(fault)

    def stays(self, sort: str, place: str) -> set[str]:
        """The ids of what is found there and keeps its place in this order."""
        by_change = not sort or "_lastUpdated" in sort or "_contained" in place
        found = self.still if by_change else self.still | self.kept
        return {id for id in found if self._dates[id]} if "&date=" in place else found


@pytest.fixture(scope="module")
def dice() -> random.Random:
    """Its seed is told when a test fails; SOAK_SEED takes it back."""
    seed = int(os.environ.get("SOAK_SEED") or random.SystemRandom().randrange(10**6))
    _log.warning("SOAK_SEED=%s", seed)
    return random.Random(seed)


def lines(answer: Answer, stays: set[str]) -> list[str]:
    """Of a page, what keeps its place: the ends of the URLs."""
    ends = [e["fullUrl"].rpartition("/")[2] for e in answer.entries if e["search"]["mode"] == "match"]
    assert len(ends) == len(set(ends))
    return [end for end in ends if end.partition("#")[0] in stays]


@pytest.mark.timeout(0)
def test_a_walk_loses_nothing_that_stays_and_meets_nothing_twice(suite, dice, is_soak):
    world = World(suite, dice.randrange(10**6))
    with world.changing(2):
        for _ in range(WALKS if is_soak else FEW):
            place = dice.choice(PLACES).format(tag=world.tag, child=world.child)
            sort = dice.choice(_CONTAINED if "_contained" in place else ORDERS)
            _walk(suite, dice, f"{place}&_sort={sort}" if sort else place, world.stays(sort, place))


def _walk(suite: Caller, dice: random.Random, url: str, stays: set[str]) -> None:
    """`first` and `last` are between which of those that stay the page stands."""
    order = lines(suite.search(f"{url}&_count=1000"), stays)
    assert {line.partition("#")[0] for line in order} == stays, url
    page = suite.search(f"{url}&_count={dice.randint(1, 12)}")
    told = f"{url} {order}"
    first, last = 0, len(lines(page, stays))
    assert lines(page, stays) == order[:last], told
    for _ in range(STEPS):
        ways = [way for way in ("next", "next", "previous") if page.link(way)]
        assert page.link("next") or last == len(order), told
        if not ways:
            return
        way = dice.choice(ways)
        page = suite.get(page.link(way))
        met = lines(page, stays)
        if way == "next":
            first, last = last, last + len(met)
        else:
            first, last = first - len(met), first
            assert page.link("previous") or first == 0, told
        assert first >= 0, told
        assert met == order[first:last], (way, told, met)
