"""The register: what each pupil's sessions of the last weeks look like, and the totals of the term before."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from functools import cache
from random import Random

from server.child.demonstration import calendar
from server.child.demonstration.child import SEED, Child
from server.child.demonstration.element import component, concept, period, profile
from server.child.demonstration.registration import suspensions
from server.child.demonstration.submission import Submission

DAYS = 40
"""School days in the register, eight weeks: what three hundred children fill loads in seconds."""

Session = tuple[date, str]
Marks = dict[Session, str]

# Of a day that begins no absence yet: how likely one does, what it is then, how likely a pupil comes late.
_PATTERNS: dict[str, tuple[float, str, float]] = {
    "good": (0.012, "IIIIIIMMMCR", 0.006),
    "fair": (0.035, "IIIIIIMMOCG", 0.02),
    "persistent": (0.075, "IIIIOOOOMGU", 0.06),
    "severe": (0.35, "IIOOOOOOOOU", 0.1),
    "part-time": (0.03, "IIIMO", 0.02),
    "dual": (0.09, "IIOOOOU", 0.08),
}
_ONE_SESSION = "MRU"
_DUAL_DAYS = (3, 4)


def last_days(today: date) -> list[date]:
    """The school days that the register covers, up to yesterday: today is for the schools to mark."""
    return calendar.school_days(today, DAYS)


def marks(child: Child, today: date) -> Marks:
    """One code for each session since the pupil was on roll."""
    assert child.entry is not None
    days = [day for day in last_days(today) if day >= child.entry]
    dice = child.dice("marks")
    found: Marks = {(day, session): code for day in days for session, code in (("am", "/"), ("pm", "\\"))}
    if child.attendance in _SLIDES:
        found |= _slide(days, _SLIDES[child.attendance])
    else:
        _activities(child, days, found)
        _absences(child, days, found, dice)
    _arrangements(child, days, found)
    for suspension in suspensions(child, last_days(today)):
        for place, day in enumerate(suspension.days):
            if day in days:
                # From the sixth day on the authority provides; none of these lasts that long.
                found[day, "am"] = found[day, "pm"] = "E" if place < 5 else "B"
    _not_yet_established(days, found)
    return found


def register(submission: Submission, taken: Marks) -> None:
    """An Observation for each mark."""
    dice = submission.child.dice("minutes")
    for (day, session), code in taken.items():
        resource = {
            "resourceType": "Observation",
            "meta": profile("SchoolAttendance"),
            "status": "final",
            "category": [concept("observation-category", "attendance")],
            "code": concept("session", session),
            "subject": submission.subject,
            "effectiveDateTime": day.isoformat(),
            "performer": [submission.organization],
            "valueCodeableConcept": concept("attendance-code", code),
        }
        if code in "LU":
            late = dice.randint(3, 25) if code == "L" else dice.randint(35, 120)
            minutes = {"value": late, "unit": "min", "system": "http://unitsofmeasure.org", "code": "min"}
            resource["component"] = [component("minutes-late", valueQuantity=minutes)]
        submission.add(f"{day}/{session}", resource)


def dual_marks(child: Child, today: date, start: date) -> Marks:
    """The register of the alternative provision: its own two days a week."""
    dice = child.dice("dual")
    codes = {"am": "//////LLOOI", "pm": "\\\\\\\\\\\\\\\\OOI"}
    days = [day for day in last_days(today) if day >= start and day.weekday() in _DUAL_DAYS]
    return {(day, session): dice.choice(codes[session]) for day in days for session in ("am", "pm")}


def total(submission: Submission, today: date) -> None:
    """The sessions of the term before by code, as the school census asks for them."""
    child = submission.child
    assert child.entry is not None
    first, last = calendar.term_before(today)
    days = [
        day
        for day in (date.fromordinal(n) for n in range(first.toordinal(), last.toordinal() + 1))
        if calendar.is_school_day(day) and day >= child.entry
    ]
    if not days:
        return
    dice = child.dice("total")
    found: Marks = {(day, session): "/" for day in days for session in ("am", "pm")}
    _absences(child, days, found, dice)
    codes = Counter(code for code in found.values() if code not in "/\\")
    submission.add(
        f"total/{first}",
        {
            "resourceType": "Observation",
            "meta": profile("AttendanceTotal"),
            "status": "final",
            "category": [concept("observation-category", "attendance-total")],
            "code": concept("observation-code", "session-total"),
            "subject": submission.subject,
            "effectivePeriod": period(first, last),
            "performer": [submission.organization],
            "valueInteger": len(found),
            **_components(codes),
        },
    )


def _components(codes: Counter[str]) -> dict[str, list[dict[str, object]]]:
    if not codes:
        return {}
    return {
        "component": [
            {"code": concept("attendance-code", code), "valueInteger": count}
            for code, count in sorted(codes.items())
        ]
    }


# A slide by weeks: how many of the ten sessions of each week are missed, the first week first.
_SLIDES = {"sliding": (0, 1, 2, 2, 4, 5, 6, 8), "moved": (0, 0, 1, 0, 0, 10, 4, 0)}


def _slide(days: list[date], weeks: Iterable[int]) -> Marks:
    """The last sessions of each five days are missed: first as illness, later without a reason."""
    found: Marks = {}
    for week, count in enumerate(weeks):
        sessions = [(day, session) for day in days[5 * week : 5 * week + 5] for session in ("am", "pm")]
        for session in sessions[len(sessions) - count :] if count else []:
            found[session] = "I" if week < 4 else "O"
    return found


def _activities(child: Child, days: list[date], found: Marks) -> None:
    """A school visit for the whole year group, work experience in year ten."""
    assert child.setting is not None
    if child.year_group == 10:
        for day in days[20:25]:
            found[day, "am"] = found[day, "pm"] = "W"
    elif visit := _visit(child.setting.code, child.year_group, tuple(days)):
        found[visit, "am"] = found[visit, "pm"] = "V"


@cache
def _visit(school: str, year_group: int, days: tuple[date, ...]) -> date | None:
    dice = Random(f"{SEED}/{school}/{year_group}")  # noqa: S311 - the same every time is the point
    return dice.choice(days) if days else None


def _absences(child: Child, days: list[date], found: Marks, dice: Random) -> None:
    begins, codes, late = _PATTERNS.get(child.attendance, _PATTERNS["good"])
    if child.household.community.ethnicity == "WROM":
        codes = f"{codes}TTTT"
    left, code = 0, ""
    for day in days:
        if left == 0 and dice.random() < begins:
            code = dice.choice(codes)
            left = 5 if code in "GT" else dice.choices((1, 2, 3, 5), (45, 30, 15, 10))[0]
            if code in _ONE_SESSION:
                found[day, "am" if code == "U" else dice.choice(("am", "pm"))] = code
                left = 0
        if left:
            found[day, "am"] = found[day, "pm"] = code
            left -= 1
        elif dice.random() < late and found[day, "am"] == "/":
            found[day, "am"] = "L"


def _arrangements(child: Child, days: list[date], found: Marks) -> None:
    """What was agreed for this pupil: a part-time timetable, days at the alternative provision."""
    for day in days:
        if child.attendance == "part-time":
            found[day, "pm"] = "C2"
        elif child.attendance == "dual" and day.weekday() in _DUAL_DAYS:
            found[day, "am"] = found[day, "pm"] = "D"


def _not_yet_established(days: list[date], found: Marks) -> None:
    """In the last two days nobody has found out yet why a pupil is not there."""
    for day in days[-2:]:
        for session in ("am", "pm"):
            if found[day, session] == "O":
                found[day, session] = "N"
