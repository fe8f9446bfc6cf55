"""Agencies' systems that write without pause, and remember what they were told."""

import random
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import requests

from tests import make

NONCE = "https://example.org/soak/nonce"
"""System of an identifier that no two versions share."""

WORD = "https://example.org/soak/word"
"""System of an identifier on which several create on condition."""

_FHIR_JSON = "application/fhir+json"
_WORDS = 40
_SHARED = 5


@dataclass(frozen=True)
class Version:
    """A version that was acknowledged. Of a deletion there is no nonce."""

    type: str
    id: str
    number: int
    nonce: str | None


@dataclass(frozen=True)
class Transaction:
    """One that was sent: so many versions with the nonce, and perhaps a deletion, or nothing."""

    nonce: str
    versions: int
    deleted: Version | None


@dataclass
class Journal:
    """What all writers together did. Appending is safe between threads."""

    acknowledged: list[Version] = field(default_factory=list)
    transactions: list[Transaction] = field(default_factory=list)
    deletions: set[str] = field(default_factory=set)
    """Ids of what was asked to be deleted, answered or not."""
    words: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    surprises: list[str] = field(default_factory=list)
    reached: threading.Event = field(default_factory=threading.Event)
    _goal: int = 0

    def expect(self, more: int) -> None:
        """Set `reached` when so many more have been acknowledged."""
        self.reached.clear()
        self._goal = len(self.acknowledged) + more

    def note(self, *versions: Version) -> None:
        self.acknowledged.extend(versions)
        if len(self.acknowledged) >= self._goal:
            self.reached.set()


class Unanswered(Exception):
    """Nobody knows what became of the request."""


class Writer(threading.Thread):
    """One system. What it makes it changes alone, save some that all change, each version by version."""

    def __init__(
        self, origins: list[str], token: str, journal: Journal, seed: int, ended: threading.Event
    ) -> None:
        super().__init__(daemon=True)
        self._origins, self._journal, self._ended = origins, journal, ended
        self._dice = random.Random(seed)
        self._session = requests.Session()
        self._session.headers.update({"Authorization": f"Bearer {token}", "Accept": _FHIR_JSON})
        # Observations by id: the present version, and the child that each is about.
        self._own: dict[str, tuple[int, str]] = {}
        self._children: list[str] = []

    def run(self) -> None:
        acts = (
            *[self._create] * 4, *[self._update] * 4, self._update_shared, *[self._transact] * 3,
            self._delete, self._create_on_condition, self._claim,
        )  # fmt: skip
        while not self._ended.is_set():
            try:
                self._dice.choice(acts)()
            except Unanswered:
                # Between a kill and the end there is nobody; and a database that is away is no surprise.
                self._ended.wait(0.005)
            except Exception as error:
                self._journal.surprises.append(repr(error))

    # ---- acts ----------------------------------------------------------------------------------------------

    def _create(self) -> None:
        nonce = make.word()
        if self._children and self._dice.random() < 0.8:
            about = self._dice.choice(self._children)
            made = self._ask("POST", "Observation", _mark(about, nonce), wanted=(201,))
            self._own[made["id"]] = 1, about
        else:
            made = self._ask("POST", "Patient", _marked(make.child(), nonce), wanted=(201,))
            self._children.append(made["id"])
        self._journal.note(Version(made["resourceType"], made["id"], 1, nonce))

    def _update(self) -> None:
        if not self._own:
            return
        id_, version, about = self._take()
        if self._dice.random() < 0.2:
            # It was about another child.
            about = self._dice.choice(self._children)
        nonce = make.word()
        resource = {**_mark(about, nonce), "id": id_}
        self._ask("PUT", f"Observation/{id_}", resource, wanted=(200,), if_match=version)
        self._journal.note(Version("Observation", id_, version + 1, nonce))
        self._own[id_] = version + 1, about

    def _update_shared(self) -> None:
        """Who names the version that is there wins; the others are told so."""
        id_, nonce = f"shared-{self._dice.randrange(_SHARED)}", make.word()
        resource = {**_marked(make.organization(id_), nonce)}
        found = self._ask("GET", f"Organization/{id_}", wanted=(200, 404))
        version = int(found["meta"]["versionId"]) if found["resourceType"] == "Organization" else 0
        # Of those that find none each writes one, over that of another: the version is in the answer.
        made = self._ask("PUT", f"Organization/{id_}", resource, wanted=(200, 201, 412), if_match=version)
        if made["resourceType"] == "Organization":
            number = int(made["meta"]["versionId"])
            self._journal.note(Version("Organization", id_, number, nonce))

    def _delete(self) -> None:
        if not self._own:
            return
        id_, version, _ = self._take()
        self._journal.deletions.add(id_)
        self._ask("DELETE", f"Observation/{id_}", wanted=(204,), if_match=version)
        self._journal.note(Version("Observation", id_, version + 1, None))

    def _create_on_condition(self) -> None:
        """Whoever comes first makes it, and all are told of that one."""
        word, nonce = f"word-{self._dice.randrange(_WORDS)}", make.word()
        resource = {**_marked({"resourceType": "Basic", "code": {"text": "x"}}, nonce)}
        resource["identifier"].append(make.identifier(word, WORD))
        made = self._ask(
            "POST", "Basic", resource, wanted=(200, 201), if_none_exist=f"identifier={WORD}|{word}"
        )
        self._journal.words[word].add(made["id"])
        if resource["identifier"] == made["identifier"]:
            self._journal.note(Version("Basic", made["id"], 1, nonce))

    def _claim(self) -> None:
        """One NHS number for several: the first has it."""
        number, nonce = _contested(self._dice.randrange(_WORDS)), make.word()
        made = self._ask("POST", "Patient", _marked(make.child(number), nonce), wanted=(201, 409))
        if made["resourceType"] == "Patient":
            self._journal.note(Version("Patient", made["id"], 1, nonce))

    def _transact(self) -> None:
        """A child and what belongs to it; a change and a deletion of what is there; all or nothing."""
        nonce, child, expected = make.word(), make.urn(), []
        posted = [
            make.posted(_marked(make.child(), nonce), child),
            *(
                make.posted(_about(_marked(resource, nonce), child))
                for resource in (make.episode("", "school"), make.observation(), make.observation())
            ),
        ]
        entries, deleted, kept = list(posted), None, None
        if len(self._own) > 1:
            id_, version, about = kept = self._take()
            entries.append(make.put({**_mark(about, nonce), "id": id_}, ifMatch=f'W/"{version}"'))
            expected.append(Version("Observation", id_, version + 1, nonce))
            id_, version, _ = self._take()
            entries.append(make.entry("DELETE", f"Observation/{id_}", ifMatch=f'W/"{version}"'))
            deleted = Version("Observation", id_, version + 1, None)
            self._journal.deletions.add(id_)
        count = len(posted) + len(expected)
        self._journal.transactions.append(Transaction(nonce, count, deleted))
        self._dice.shuffle(entries)
        made = self._ask("POST", "", make.bundle("transaction", *entries), wanted=(200,))
        for each in made["entry"]:
            if each["response"]["status"].startswith("201"):
                type_, id_, _, version = each["response"]["location"].split("/")[-4:]
                expected.append(Version(type_, id_, int(version), nonce))
        assert len(expected) == count, made
        self._journal.note(*expected, *([deleted] if deleted else []))
        if kept:
            id_, version, about = kept
            self._own[id_] = version + 1, about

    # ---- asking --------------------------------------------------------------------------------------------

    def _ask(
        self,
        method: str,
        path: str,
        resource: Any = None,
        *,
        wanted: tuple[int, ...],
        if_match: int = 0,
        if_none_exist: str | None = None,
    ) -> Any:
        headers = {"Content-Type": _FHIR_JSON} if resource is not None else {}
        if if_match:
            headers["If-Match"] = f'W/"{if_match}"'
        if if_none_exist:
            headers["If-None-Exist"] = if_none_exist
        url = f"{self._dice.choice(self._origins)}/fhir/{path}".rstrip("/")
        try:
            answer = self._session.request(method, url, json=resource, headers=headers, timeout=60)
        except requests.RequestException as error:
            raise Unanswered from error
        if answer.status_code == 503:
            raise Unanswered
        if answer.status_code not in wanted:
            raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer.json() if answer.content else None

    def _take(self) -> tuple[str, int, str]:
        """One of its own, until it is known again what became of it."""
        id_ = self._dice.choice([*self._own])
        return id_, *self._own.pop(id_)


def _mark(about: str, nonce: str) -> make.Resource:
    return _marked(make.observation(about, effectiveDateTime="2025-09-08"), nonce)


def _marked(resource: make.Resource, nonce: str) -> make.Resource:
    return {**resource, "identifier": [*resource.get("identifier", ()), make.identifier(nonce, NONCE)]}


def _about(resource: make.Resource, child: str) -> make.Resource:
    name = "patient" if resource["resourceType"] == "EpisodeOfCare" else "subject"
    return {**resource, name: make.reference(child)}


_numbers = [make.nhs() for _ in range(_WORDS)]


def _contested(at: int) -> str:
    return _numbers[at]
