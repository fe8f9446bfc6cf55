"""What the Subscriptions R5 Backport 1.1 asks of a server, and which test shows that it is so.

The table is the one published with Inferno's test kit (`tests/data/ORIGIN.md`); `mapping.json` is ours.
"""

import csv
import json
import re
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).parents[2] / "data" / "subscriptions" / "requirements.csv"
MAPPING = Path(__file__).with_name("mapping.json")

_SET = "hl7.fhir.uv.subscriptions_1.1.0"


@dataclass(frozen=True)
class Requirement:
    """`word`: SHALL, SHALL NOT or SHOULD."""

    number: int
    word: str
    text: str
    url: str


def requirements() -> list[Requirement]:
    """Those that a server has to meet, and those that it should."""
    with TABLE.open(encoding="utf-8-sig", newline="") as file:
        return [
            Requirement(int(row["ID"]), row["Conformance"], _plain(row["Requirement"]), row["URL"])
            for row in csv.DictReader(file)
            if row["Req Set"] == _SET
            and "Server" in row["Actors"]
            and row["Conformance"].startswith(("SHALL", "SHOULD"))
        ]


def met() -> dict[int, list[str]]:
    """The tests by the number of a requirement."""
    return _by_number("met")


def not_applicable() -> dict[int, list[str]]:
    """The reasons, by the number of a requirement."""
    return _by_number("not")


def _by_number(part: str) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for said, numbers in json.loads(MAPPING.read_text("utf-8"))[part].items():
        for number in numbers:
            found.setdefault(number, []).append(said)
    return found


def _plain(text: str) -> str:
    """On one line, and without the targets of links."""
    return re.sub(r"\s+", " ", re.sub(r"\]\([^)]*\)", "]", text)).strip()
