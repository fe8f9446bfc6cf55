"""Registers and summaries, as a school's system sends and asks for them."""

from typing import Any

from tests.caller import Answer, Caller
from tests.make import reference

REGISTER = "Observation/$register"


def line(child: str, code: str = "/", **more: Any) -> dict[str, Any]:
    """A mark of a register; `more`: `minutes_late`, `note`, `reason`."""
    types = {int: "valueUnsignedInt", str: "valueString"}
    parts = [
        {"name": "child", "valueReference": reference(f"Patient/{child}")},
        {"name": "code", "valueCode": code},
        *({"name": name.replace("_", "-"), types[type(value)]: value} for name, value in more.items()),
    ]
    return {"name": "mark", "part": parts}


def register(
    *lines: Any, school: str | None = "school", day: str = "2025-09-08", session: str = "am", **more: Any
) -> dict[str, Any]:
    """A Parameters; `more`: `partial`, `reason`, `recorder`."""
    types = {bool: "valueBoolean", str: "valueString"}
    of = [{"name": "school", "valueReference": reference(f"Organization/{school}")}] if school else []
    said = [{"name": name, types[type(value)]: value} for name, value in more.items()]
    when = [{"name": "date", "valueDate": day}, {"name": "session", "valueCode": session}]
    return {"resourceType": "Parameters", "parameter": [*of, *when, *said, *lines]}


def send(caller: Caller, *lines: Any, **more: Any) -> Answer:
    return caller.ask("POST", REGISTER, register(*lines, **more))


def outcomes(answer: Answer) -> list[str]:
    """What became of each mark."""
    assert answer.status == 200, answer
    return [
        part["valueCode"]
        for each in answer.json["parameter"]
        if each["name"] == "mark"
        for part in each["part"]
        if part["name"] == "outcome"
    ]


def made(answer: Answer) -> list[str]:
    """`Observation/id` of each mark that was written or there."""
    return [
        part["valueReference"]["reference"].partition("/_history")[0]
        for each in answer.json["parameter"]
        if each["name"] == "mark"
        for part in each["part"]
        if part["name"] == "observation"
    ]


def parts(answer: Answer, name: str) -> list[list[Any]]:
    """The parts of the parameters of a name."""
    assert answer.status == 200, answer
    return [each["part"] for each in answer.json["parameter"] if each["name"] == name]


def by_child(answer: Answer) -> dict[str, list[Any]]:
    """Of a school's summary, the parts of each child."""
    return {
        part["valueReference"]["reference"].removeprefix("Patient/"): found
        for found in parts(answer, "child")
        for part in found
        if part["name"] == "patient"
    }


def by_school(answer: Answer) -> dict[str, list[Any]]:
    """Of a child's summary, the parts of each school."""
    return {
        part["valueReference"]["reference"]: found
        for found in parts(answer, "school")
        for part in found
        if part["name"] == "organization"
    }
