"""The engine of alerts over the record of the tests: what is written, what is raised of it, on whose list."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pytest
from flask import Flask

from server import clock
from server.child import workingday
from server.child.alert import engine
from server.child.alert.definition import ALERTS, FLAGS
from server.fhir import Json
from server.fhir.period import HOME
from server.record.door import Door
from tests import make
from tests.caller import Caller


def today() -> date:
    return clock.now().astimezone(HOME).date()


def ago(days: int) -> str:
    return f"{today() - timedelta(days=days)}"


def school_days(count: int, before: date | None = None) -> list[date]:
    """The last school days before a day (today), oldest first."""
    found, day = [], before or today()
    while len(found) < count:
        day -= timedelta(days=1)
        if workingday.is_working_day(day):
            found.append(day)
    return found[::-1]


@dataclass
class Alerts:
    """`settle()`: what the engine does after a commit."""

    door: Door
    suite: Caller

    def settle(self) -> None:
        while engine.work(self.door):
            pass

    def tick(self, at: datetime) -> None:
        while engine.tick(self.door, at):
            pass

    def write(self, *resources: Json) -> list[str]:
        """Write resources, and let the engine see them; their ids."""
        answer = self.suite.post(make.bundle("batch", *map(make.posted, resources)))
        found = [each["response"]["location"].split("/")[-3] for each in answer.entries]
        self.settle()
        return found

    def change(self, resource: Json, **more: object) -> None:
        assert self.suite.put({**resource, **more}).status == 200
        self.settle()

    def read(self, path: str) -> Json:
        found: Json = self.suite.get(path).json
        return found

    def tasks(self, child: str, name: str, owner: Caller, organization: str) -> list[Json]:
        """The list of a worker: what an agency is asked to do about a child, and has not done."""
        return owner.search(
            f"Task?patient=Patient/{child}&code={ALERTS}|{name}&owner=Organization/{organization}"
            "&status=requested"
        ).matches

    def all_tasks(self, child: str, name: str) -> list[Json]:
        return self.suite.search(f"Task?patient=Patient/{child}&code={ALERTS}|{name}").matches

    def flags(self, child: str, code: str, status: str = "active", by: Caller | None = None) -> list[Json]:
        query = f"Flag?patient=Patient/{child}&code={FLAGS}|{code}&status={status}"
        return (by or self.suite).search(query).matches


@pytest.fixture
def alerts(app: Flask, suite: Caller) -> Alerts:
    made = Alerts(app.extensions["door"], suite)
    made.settle()
    made.tick(clock.now())
    return made


def exclusion(about: str, start: str, code: str = "SUSP", end: str | None = None, **more: object) -> Json:
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [make.concept(make.CATEGORY, "exclusion")],
        "code": make.concept(f"{make.B}/CodeSystem/exclusion-category", code),
        "subject": make.reference(f"Patient/{about}"),
        "effectivePeriod": {"start": start, **({"end": end} if end else {})},
        "performer": [make.reference("Organization/school")],
        **more,
    }


def missing(about: str, start: str, end: str | None = None, **more: object) -> Json:
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [make.concept(make.CATEGORY, "missing")],
        "code": make.concept(f"{make.B}/CodeSystem/cla-missing-type", "M"),
        "subject": make.reference(f"Patient/{about}"),
        "effectivePeriod": {"start": start, **({"end": end} if end else {})},
        "performer": [make.reference("Organization/social-care")],
        **more,
    }


def contact(about: str, agency: str, kind: str, start: str, **more: object) -> Json:
    return make.encounter(
        about, agency, type=[make.concept(f"{make.B}/CodeSystem/encounter-type", kind)],
        period={"start": start}, **more,
    )  # fmt: skip


def register(about: str, days: list[date], missed: set[int], code: str = "I") -> list[Json]:
    """Two marks a day; `missed`: the sessions, by their place, that the child was away."""
    return [
        make.mark(
            about, "school", f"{day}", session, code if place in missed else "/" if session == "am" else "\\"
        )
        for number, day in enumerate(days)
        for offset, session in enumerate(("am", "pm"))
        for place in [2 * number + offset]
    ]
