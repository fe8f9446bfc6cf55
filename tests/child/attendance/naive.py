"""The arithmetic of attendance once more, from the tables of the regulations, and from nothing of ours.

School Attendance (Pupil Registration) (England) Regulations 2024, SI 2024/208, regulation 10; and the codes
that registers had before 19 August 2024. A session is counted once, by the mark that was changed last.
"""

from collections import Counter
from typing import Any

from tests.make import B

NOW, BEFORE = f"{B}/CodeSystem/attendance-code", f"{B}/CodeSystem/attendance-code-pre2024"
_ATTENDED = {NOW: "/ \\ L K V P W B", BEFORE: "/ \\ L B J P V W"}
_AUTHORISED = {NOW: "C1 M J1 S C2 C T R I E", BEFORE: "C E H I M R S T F"}
_UNAUTHORISED = {NOW: "G N O U", BEFORE: "G N O U"}


def summed(marks: list[Any], start: str, end: str, school: str | None = None) -> dict[str, Any]:
    """Of Observations of one child: what a summary has to say."""
    live: dict[tuple[str, str, str], Any] = {}
    for each in sorted(marks, key=lambda each: each["meta"]["lastUpdated"]):
        at, day = each["performer"][0]["reference"], each["effectiveDateTime"][:10]
        if each["status"] in ("entered-in-error", "cancelled") or not start <= day <= end:
            continue
        if school in (None, at):
            live[at, day, each["code"]["coding"][0]["code"]] = each["valueCodeableConcept"]["coding"][0]
    codes = Counter((coding["system"], coding["code"]) for coding in live.values())

    def often(table: dict[str, str]) -> int:
        return sum(n for (system, code), n in codes.items() if code in table[system].split())

    attended, authorised, unauthorised = often(_ATTENDED), often(_AUTHORISED), often(_UNAUTHORISED)
    return {
        "possible": attended + authorised + unauthorised,
        "attended": attended,
        "authorised": authorised,
        "unauthorised": unauthorised,
        "codes": dict(codes),
    }


def told(parts: list[Any]) -> dict[str, Any]:
    """The same, as the server says it."""
    said = {
        part["name"]: part["valueUnsignedInt"]
        for part in parts
        if part["name"] in ("possible", "attended", "authorised", "unauthorised")
    }
    codes = {
        (code["valueCoding"]["system"], code["valueCoding"]["code"]): sessions["valueUnsignedInt"]
        for part in parts
        if part["name"] == "code"
        for code, sessions in [part["part"]]
    }
    return {**said, "codes": codes}


NOTHING = {"possible": 0, "attended": 0, "authorised": 0, "unauthorised": 0, "codes": {}}
