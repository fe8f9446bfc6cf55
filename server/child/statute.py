"""The rules across a child's resources, as data: what a resource has to agree with in the others.

Each is a file in `profiles/rule/`; `docs/statutory-rules.md` lists them with the invariants of the profiles.
"""

from typing import Literal

import msgspec

from server.child.kind import kinds
from server.definition.folder import profiles
from server.definition.library import library
from server.settings import CannotStart

PUBLICATIONS = "https://w3id.org/single-child-record/CodeSystem/publication"


class BadStatute(CannotStart):
    """A rule that cannot be understood; the server does not start on it."""


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A code of `PUBLICATIONS`, and the number of the rule there."""

    publication: str
    rule: str


class Due(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """So many days after `since`, an element of the resource; `closed` finds days that do not count."""

    since: str = msgspec.field(name="from")
    count: int
    unit: Literal["day", "working-day", "school-day"]
    closed: str | None = msgspec.field(name="except", default=None)


class Statute(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`expression` has to hold of every resource of `profile` for which `when` does, once it is `due`.

    `others`: further variables of FHIRPath, and the profiles of the same child's resources that they stand
    for. `elements` are what the rule is about.
    """

    key: str
    profile: str
    severity: Literal["error", "warning"]
    human: str
    expression: str
    elements: tuple[str, ...]
    source: Source
    others: dict[str, str] = msgspec.field(name="with", default_factory=dict)
    when: str | None = None
    due: Due | None = None


def statutes() -> tuple[Statute, ...]:
    """All of them, in the order of their files.

    Raises:
        BadStatute: one speaks of what there is not, or is none.
    """
    known: tuple[Statute, ...] | None = library().memo.get(statutes)
    if known is None:
        known = library().memo[statutes] = tuple(
            _read(path.stem, path.read_bytes()) for path in sorted((profiles() / "rule").glob("*.json"))
        )
    return known


def _read(name: str, content: bytes) -> Statute:
    try:
        statute = msgspec.json.decode(content, type=Statute)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadStatute(f"The rule '{name}' cannot be understood: {error}.") from error
    if statute.key != name:
        raise BadStatute(f"The rule in '{name}.json' has the key '{statute.key}'.")
    for profile in (statute.profile, *statute.others.values()):
        if profile not in kinds():
            raise BadStatute(f"The rule '{name}' is about '{profile}', by which no resource is known.")
    if statute.source.publication not in _publications():
        raise BadStatute(f"The rule '{name}' is from '{statute.source.publication}', which is not listed.")
    return statute


def cited(source: Source) -> str:
    """The publication in words, the number of the rule there, and where it is."""
    return f"{title(source)}, {source.rule} ({link(source)})"


def title(source: Source) -> str:
    """What the publication is called."""
    return _publications()[source.publication]["display"]


def link(source: Source) -> str:
    """Where the publication is."""
    return _publications()[source.publication]["definition"]


def _publications() -> dict[str, dict[str, str]]:
    known: dict[str, dict[str, str]] | None = library().memo.get(_publications)
    if known is None:
        listed = library().resource("CodeSystem", PUBLICATIONS)
        assert listed is not None
        known = library().memo[_publications] = {each["code"]: each for each in listed["concept"]}
    return known
