"""What may not be seen takes as long to refuse as what does not exist: the clock tells nobody which it is."""

import math
import random
import statistics
import time
from dataclasses import dataclass

import pytest

from tests import make

PAIRS, REDUCED = 2000, 40
HIDDEN = 12
"""How many there are of each, so that it is no one row that is measured."""

BOUNDS = 0.9, 1.1

NOT_FAR = 1.5
"""What so few pairs can tell, on a machine that does other things too."""


@dataclass(frozen=True)
class Names:
    """A child whom the caller may not see, with an Observation and an Encounter; or ids that lead nowhere."""

    child: str
    observation: str
    encounter: str


def patch(client, names):
    operation = [{"op": "replace", "path": "/status", "value": "amended"}]
    path = f"Observation/{names.observation}"
    return client.ask("PATCH", path, operation, Content_Type="application/json-patch+json")


PATHS = {
    "read": lambda client, names: client.get(f"Observation/{names.observation}"),
    "read of a child": lambda client, names: client.get(f"Patient/{names.child}"),
    "vread": lambda client, names: client.get(f"Observation/{names.observation}/_history/1"),
    "history": lambda client, names: client.get(f"Observation/{names.observation}/_history"),
    "search": lambda client, names: client.get(f"Observation?patient={names.child}"),
    "search by id": lambda client, names: client.get(f"Encounter?_id={names.encounter}"),
    "chain": lambda client, names: client.get(f"Observation?encounter._id={names.encounter}"),
    "revinclude": lambda client, names: client.get(
        f"Patient?_id={names.child}&_revinclude=Observation:patient"
    ),
    "everything": lambda client, names: client.get(f"Patient/{names.child}/$everything"),
    "a write about the child": lambda client, names: client.post(make.encounter(names.child, "school")),
    "a write that refers to it": lambda client, names: client.post(
        make.linkage(f"Observation/{names.observation}")
    ),
    "a transaction that refers to it": lambda client, names: client.post(
        make.bundle("transaction", make.posted(make.linkage(f"Encounter/{names.encounter}")))
    ),
    "patch": patch,
    "delete": lambda client, names: client.delete(f"Observation/{names.observation}"),
    "delete by condition": lambda client, names: client.delete(f"Encounter?_id={names.encounter}"),
}


@pytest.fixture(scope="module")
def worlds(client_with):
    """(those that are hidden, those that are not there)."""
    suite = client_with("suite")
    hidden = []
    for _ in range(HIDDEN):
        names = Names(*(make.word(f"timed-{each}-") for each in ("child", "observation", "encounter")))
        visit = make.encounter(names.child, "health", id=names.encounter)
        known = make.observation(names.child, id=names.observation)
        known["encounter"] = make.reference(f"Encounter/{names.encounter}")
        sent = [make.put(each) for each in (make.child(id=names.child), visit, known)]
        assert suite.post(make.bundle("transaction", *sent)).status == 200
        hidden.append(names)
    absent = [
        Names(*(make.word(f"timed-{each}-") for each in ("child", "observation", "encounter")))
        for _ in range(HIDDEN)
    ]
    return hidden, absent


@pytest.mark.soak
@pytest.mark.parametrize("path", PATHS)
def test_the_clock_does_not_tell_what_is_hidden_from_what_is_absent(worlds, social_care, is_soak, path):
    low, high = interval(measured(PATHS[path], social_care, worlds, PAIRS if is_soak else REDUCED))
    print(f"{path}: {low:.3f} to {high:.3f}")  # noqa: T201
    if is_soak:
        assert BOUNDS[0] <= low <= high <= BOUNDS[1]
    else:
        assert low <= NOT_FAR
        assert high >= 1 / NOT_FAR


def measured(ask, client, worlds, pairs):
    """The logarithm of hidden : absent for each pair, asked one after the other in either order."""
    choose = random.Random(6)
    for names in (names for world in worlds for names in world):
        ask(client, names)
    found = []
    for at in range(pairs):
        taken = [0.0, 0.0]
        for which in choose.sample((0, 1), 2):
            names = worlds[which][at % HIDDEN]
            begun = time.perf_counter()
            answer = ask(client, names)
            taken[which] = time.perf_counter() - begun
            assert answer.status in (200, 204, 404, 422)
        found.append(math.log(taken[0] / taken[1]))
    return found


def interval(logarithms):
    """That in which the ratio lies with a probability of 95 %; what the machine did beside it is cut off."""
    ordered = sorted(logarithms)
    cut = len(ordered) // 20
    kept = ordered[cut:-cut]
    middle, error = statistics.fmean(kept), statistics.stdev(kept) / math.sqrt(len(kept))
    return math.exp(middle - 1.96 * error), math.exp(middle + 1.96 * error)
