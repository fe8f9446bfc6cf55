"""The alerts, as data: each is a file in `profiles/alert/`, read and compiled before anybody is let in.

`docs/alerts.md` tells what may stand in one.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Literal

import msgspec

from server.child.alert.lapse import Lapse
from server.child.kind import rules
from server.definition.folder import profiles
from server.definition.library import library
from server.fhir.fhirpath import Expression, Unknown, Unread, compile
from server.settings import CannotStart

BASE = "https://w3id.org/single-child-record"
FLAGS = f"{BASE}/CodeSystem/child-flag"
ALERTS = f"{BASE}/CodeSystem/alert"

GIVEN = frozenset({"child", "item", "lead", "school", "education", "involved", "compulsory"})
"""The variables that every file has, beside those of its own `with`."""

SOURCES = frozenset({"marks", "corrections", "arrivals", "moves"})
"""What a file may speak of one by one, beside the resources of its `with`."""

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_VARIABLE = re.compile(r"%`?([A-Za-z][A-Za-z0-9-]*)")
_FHIR = frozenset({"sct", "loinc", "ucum", "resource", "rootResource", "context"})


class BadAlert(CannotStart):
    """An alert that cannot be understood; the server does not start on it."""


class Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Resources of the child, of these profiles. `open`: those alone that go on at the moment."""

    profiles: tuple[str, ...]
    open: bool = False


class Missed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of the possible sessions, so many percent were missed: `from_` or more, and fewer than `below`.

    `over`: the term, or so many of the last sessions; nothing is said of fewer than `least`.
    """

    over: Literal["term"] | int
    least: int
    since: float = msgspec.field(name="from", default=0)
    below: float = 101


class Rise(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of the last `over` possible sessions, so many more `points` of percent were missed than of the `before`
    ones before them."""

    over: int
    before: int
    points: float


class Attendance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the register has to show: one of `any`, none of `none`, and the rise.

    `recent`: nothing is begun where the last mark is older than that.
    """

    recent: str
    any: tuple[Missed, ...] = ()
    none: tuple[Missed, ...] = ()
    rise: Rise | None = None


class Marks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Marks with one of these codes; the first of each day."""

    codes: tuple[str, ...]


class Asks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A Task. `code`: of the worklist of task codes, if one fits; `owner`: FHIRPath of Organizations, the
    first that finds any who may know of it is asked; `every`: so is each of them all."""

    owner: tuple[str, ...]
    words: str
    every: bool = False


class Flags(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A ChildFlag with this code; `contact`: FHIRPath of the Organizations to call: the first that is
    found."""

    code: str
    contact: tuple[str, ...]


class Alert(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file. Expressions are FHIRPath on the child's Patient; `where` and `moment` on each occasion."""

    name: str
    title: str
    description: str
    level: Literal["high", "medium", "low"]
    known: dict[str, Known] = msgspec.field(name="with", default_factory=dict)
    each: str | None = None
    marks: Marks | None = None
    where: str | None = None
    moment: str | None = None
    after: str | None = None
    lasts: str | None = None
    recent: str | None = None
    attendance: Attendance | None = None
    when: str | None = None
    since: str | None = None
    evidence: tuple[str, ...] = ()
    task: Asks | None = None
    flag: Flags | None = None


@dataclass(frozen=True, slots=True)
class Compiled:
    """An alert whose expressions were understood."""

    alert: Alert
    when: Expression | None
    where: Expression | None
    moment: Expression | None
    since: Expression | None
    owners: tuple[Expression, ...]
    contacts: tuple[Expression, ...]
    evidence: tuple[Expression, ...]
    after: Lapse | None
    lasts: Lapse | None
    recent: Lapse | None
    marks_recent: Lapse | None
    kinds: frozenset[int]
    """The classes of resource whose writing may change what it finds."""
    needs: frozenset[int]
    """The classes of which it wants to know every resource."""

    @property
    def name(self) -> str:
        """Of the file."""
        return self.alert.name

    @property
    def reads_marks(self) -> bool:
        """Whether it asks the register."""
        return self.alert.attendance is not None or self.alert.each == "marks"


def alerts() -> tuple[Compiled, ...]:
    """All of them, in the order of their files.

    Raises:
        BadAlert: one speaks of what there is not, or is none.
    """
    known: tuple[Compiled, ...] | None = library().memo.get(alerts)
    if known is None:
        files = sorted((profiles() / "alert").glob("*.json"))
        known = library().memo[alerts] = tuple(read(file) for file in files)
        _distinct(known)
    return known


def read(file: Path) -> Compiled:
    """The alert in a file.

    Raises:
        BadAlert: it cannot be understood.
    """
    try:
        alert = msgspec.json.decode(file.read_bytes(), type=Alert)
    except OSError as error:
        raise BadAlert(f"The alert in '{file}' cannot be read: {error.strerror}.") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadAlert(f"The alert '{file.stem}' cannot be understood: {error}.") from error
    if alert.name != file.stem or not _NAME.fullmatch(alert.name):
        raise BadAlert(f"The alert in '{file.name}' has the name '{alert.name}'.")
    if faults := list(_faults(alert)):
        raise BadAlert(f"The alert '{alert.name}' cannot be: {' '.join(faults)}")
    return _compiled(alert)


def digest_of(known: Iterable[Compiled]) -> str:
    """Tells some alerts from any others."""
    said = (msgspec.json.encode(each.alert) for each in known)
    return blake2b(b"\n".join(said), digest_size=16).hexdigest()


def _distinct(known: tuple[Compiled, ...]) -> None:
    codes = [each.alert.flag.code for each in known if each.alert.flag]
    for code in {each for each in codes if codes.count(each) > 1}:
        raise BadAlert(f"The flag '{code}' is raised by two alerts.")


# ---- what it says ------------------------------------------------------------------------------------------


def _faults(alert: Alert) -> Iterator[str]:
    """What makes no sense, in sentences."""
    yield from (told for wrong, told in _contradictions(alert) if wrong)
    if alert.flag is not None and alert.flag.code not in _codes(FLAGS):
        yield f"There is no flag '{alert.flag.code}'."
    for name, known in alert.known.items():
        if name in GIVEN | SOURCES or not _NAME.fullmatch(name):
            yield f"'{name}' cannot be the name of a variable."
        yield from (
            f"There is no profile '{profile}' by which a resource is known."
            for profile in known.profiles
            if profile not in _kinds()
        )
    known_here = GIVEN | _FHIR | set(alert.known)
    for variable in (each for text in _expressions(alert) for each in _VARIABLE.findall(text)):
        if variable not in known_here and not variable.startswith(("vs-", "ext-")):
            yield f"There is no variable '%{variable}'."


def _contradictions(alert: Alert) -> Iterator[tuple[bool, str]]:
    """Each with whether the alert has it."""
    each, state = alert.each, alert.attendance is not None
    yield alert.task is None and alert.flag is None, "It raises neither a Task nor a Flag."
    yield (
        each is not None and each not in SOURCES | set(alert.known),
        f"'{each}' is nothing that it could speak of one by one.",
    )
    yield (alert.marks is not None) != (each == "marks"), "'marks' goes with 'each' being 'marks'."
    yield (
        each is None and any((alert.where, alert.after, alert.lasts, alert.recent)),
        "'where', 'after', 'lasts' and 'recent' are said of each occasion; there is no 'each'.",
    )
    yield each is not None and state, "'attendance' is a state, and 'each' speaks of occasions."
    yield each in alert.known and alert.moment is None, "'moment' says when each occasion was."
    yield (
        each is None and not state and (alert.when is None or alert.since is None),
        "A state has 'when' it is so, and 'since' when.",
    )
    yield each is not None and alert.flag is not None, "A flag is of a state, and not of an occasion."
    asked = (*alert.attendance.any, *alert.attendance.none) if alert.attendance else ()
    yield (
        any(one.least < 1 or (isinstance(one.over, int) and one.over < one.least) for one in asked),
        "'over' is at least 'least', which is at least 1.",
    )


def _expressions(alert: Alert) -> Iterator[str]:
    yield from (text for text in (alert.when, alert.where, alert.moment, alert.since) if text)
    yield from alert.evidence
    yield from alert.task.owner if alert.task else ()
    yield from alert.flag.contact if alert.flag else ()


def _kinds() -> Mapping[str, tuple[str, int]]:
    """By the name of a profile of ours: the type, and the class."""
    return {each.profile.rpartition("/")[2]: (each.type, each.kind) for each in rules()}


def _codes(system: str) -> frozenset[str]:
    found = library().resource("CodeSystem", system)
    return frozenset(each["code"] for each in found["concept"]) if found else frozenset()


# ---- what it comes to --------------------------------------------------------------------------------------

_MARK_KIND = "SchoolAttendance"
_TOUCHED = {
    "marks": (_MARK_KIND,),
    "corrections": (_MARK_KIND,),
    "arrivals": (),
    "moves": ("Child",),
}
_WHO_WORKS = ("ChildInNeed", "ChildProtectionPlan", "LookedAfterPeriod", "Registration", "TeamAroundTheChild")
"""Profiles that say who leads, who works with the child and which school it is at."""


def _compiled(alert: Alert) -> Compiled:
    kinds, known = _kinds(), [name for each in alert.known.values() for name in each.profiles]
    touched = [*known, *_TOUCHED.get(alert.each or "", ())]
    if alert.attendance is not None:
        touched.append(_MARK_KIND)
    needed = [*known, *_WHO_WORKS]
    if alert.each == "arrivals":
        # Whatever can bring in an agency.
        coming = [name for name, (type_, _) in kinds.items() if type_ in ("EpisodeOfCare", "Encounter")]
        touched, needed = [*touched, *coming], [*needed, *coming]
    if alert.flag is not None:
        # Others may have said it; and what is not to be shared is not told by a flag.
        touched, needed = [*touched, "ChildFlag", "SharingDecision"], [*needed, "ChildFlag"]
    if alert.task is not None:
        # Whoever leads from now on is asked from now on.
        touched.append("TeamAroundTheChild")
    item = _type_of(alert)
    return Compiled(
        alert,
        _expression(alert, alert.when, "Patient"),
        _expression(alert, alert.where, item),
        _expression(alert, alert.moment, item),
        _expression(alert, alert.since, "Patient"),
        tuple(_some(alert, alert.task.owner if alert.task else ())),
        tuple(_some(alert, alert.flag.contact if alert.flag else ())),
        tuple(_some(alert, alert.evidence)),
        _lapse(alert, alert.after),
        _lapse(alert, alert.lasts),
        _lapse(alert, alert.recent),
        _lapse(alert, alert.attendance.recent if alert.attendance else None),
        frozenset(kinds[name][1] for name in touched),
        frozenset(kinds[name][1] for name in needed),
    )


def _type_of(alert: Alert) -> str:
    """Of the occasions, or what stands for any."""
    if alert.each in ("marks", "corrections"):
        return "Observation"
    if alert.each == "moves":
        return "Patient"
    if alert.each in alert.known:
        types = {_kinds()[profile][0] for profile in alert.known[alert.each or ""].profiles}
        return types.pop() if len(types) == 1 else "DomainResource"
    return "DomainResource"


def _some(alert: Alert, texts: tuple[str, ...]) -> Iterator[Expression]:
    for text in texts:
        found = _expression(alert, text, "Patient")
        assert found is not None
        yield found


def _expression(alert: Alert, text: str | None, type_: str) -> Expression | None:
    if text is None:
        return None
    try:
        return compile(text, type_, library().children)
    except (Unread, Unknown) as error:
        raise BadAlert(f"The alert '{alert.name}' cannot be: {error}") from error


def _lapse(alert: Alert, text: str | None) -> Lapse | None:
    try:
        return Lapse.parse(text) if text is not None else None
    except ValueError as error:
        raise BadAlert(f"The alert '{alert.name}' cannot be: {error}") from error
