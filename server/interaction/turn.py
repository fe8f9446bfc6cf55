"""What each entry of a transaction turns out to be, worked out before anything is created or changed.

https://hl7.org/fhir/R4/http.html#trules

An entry's resource has its id then, whether it is given out, sent or found by a condition, so that the other
entries can refer to it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from server import clock
from server.fhir import Json
from server.fhir.exchange import FhirRequest, FhirResponse
from server.fhir.issue import FhirError, Issue, Malformed, MultipleMatches, PreconditionFailed
from server.fhir.primitive import id as is_id
from server.fhir.reference import references
from server.interaction import condition, together, write
from server.interaction.fullurl import Name, Names
from server.interaction.inside import Inside
from server.record import identified
from server.record.change import Change
from server.record.record import Record
from server.search.query import Query, parse
from server.store.row import Stored


@dataclass(slots=True)
class Part:
    """One entry: its request, what other entries call it, and what it turned out to be.

    `condition`: on what it is carried out. `found`: the resource that its condition found. `same`: the entry
    whose resource it turned out to be. `open`: its condition has to be asked again when all is written.
    `deleted`: what it took away.
    """

    request: FhirRequest
    full_url: str | None
    at: int
    type: str = ""
    id: str | None = None
    condition: str | None = None
    found: Stored | None = None
    same: "Part | None" = None
    open: bool = False
    deleted: tuple[str, ...] = ()
    done: FhirResponse | None = None

    @property
    def path(self) -> str:
        """Of the resource that it is about."""
        return f"{self.type}/{self.id}"

    @property
    def writes(self) -> bool:
        """Whether it stores the resource that it carries."""
        return self.request.method in ("POST", "PUT") and bool(self.id) and not (self.same or self._is_there)

    @property
    def _is_there(self) -> bool:
        return self.request.method == "POST" and self.found is not None


class at:  # noqa: N801  (reads as a phrase: with at(part))
    """Says in which entry something went wrong."""

    def __init__(self, part: Part) -> None:
        self._part = part

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, error: BaseException | None, _: Any) -> None:
        if isinstance(error, FhirError):
            error.issues = in_bundle(self._part, error.issues)


def in_bundle(part: Part, issues: Iterable[Issue]) -> tuple[Issue, ...]:
    """The issues of an entry, each with its place in the Bundle."""
    prefix = f"Bundle.entry[{part.at}]"
    return tuple(
        replace(issue, expression=tuple(f"{prefix}.resource.{e}" for e in issue.expression) or (prefix,))
        for issue in issues
    )


def address(parts: Sequence[Part], record: Record) -> None:
    """Find out what every entry is about, as far as its URL says; ids are given out.

    Raises:
        Malformed: two entries are about one resource.
    """
    for part in parts:
        with at(part):
            _address(part, record)
    _distinct(parts)


def meet(parts: Sequence[Part], record: Record) -> Names:
    """Find out what the conditions find, once what is to be deleted is; what the entries call one another.

    Raises:
        Malformed: two entries are about one resource. PreconditionFailed: a condition cannot be met.
    """
    inside = _Bundle(parts, record)
    standing = [part for part in parts if part.condition is not None and part.request.method != "DELETE"]
    known = _known(parts, standing, record)
    for part in standing:
        with at(part):
            _meet(part, inside, known, record)
    _distinct(parts)
    return Names(_urls(parts), _conditions(parts, inside, known, record))


Known = Mapping[together.Condition, Stored | None]
"""What conditions were found to find, of those that could be asked together."""


def _known(parts: Sequence[Part], standing: Sequence[Part], record: Record) -> Known:
    creates = [part for part in standing if part.request.method == "POST"]
    held = []
    for part in creates:
        with at(part):
            held.append(condition.name(part.type, query(record, part.type, part.condition or "")))
    if len(held) > 1:
        record.alone(*held)
    texts = {(part.type, part.condition or "") for part in creates}
    texts |= {(text.partition("?")[0], text) for part in parts for text in _conditional(part, record)}
    return together.found(record, sorted(texts))


# ---- each by itself ----------------------------------------------------------------------------------------


def _address(part: Part, record: Record) -> None:
    """By its URL: the resource or the condition."""
    type_, _, id_ = part.request.path.partition("/")
    if type_ not in record.door.types:
        return
    part.type = type_
    match part.request.method:
        case "POST" if not id_:
            part.id = clock.new_id()
            part.condition = part.request.headers.get("if-none-exist")
        case "PUT" | "PATCH" | "DELETE" if is_id(id_):
            part.id = id_
        case "PUT" | "PATCH" | "DELETE" if not id_:
            part.condition = urlencode([pair for pair in part.request.query if pair[0] != write.CASCADE])


def _meet(part: Part, inside: "_Bundle", known: Known, record: Record) -> None:
    """By its condition: one resource that is there, one that the Bundle writes, or none."""
    assert part.condition is not None
    if part.request.method == "POST":
        record.access.view(part.type, "c")
        part.found = _one_found(part.type, part.condition, known, record)
    else:
        record.access.view(part.type, "u")
        held = condition.held(record, part.type, part.request.query)
        part.found = held[0] if held else None
    others, sure = inside.others(part)
    part.open = bool(others) and not sure
    twins = [each for each in others if part.found is None or each.id != part.found.id] if sure else []
    match part.request.method:
        case "POST":
            _meet_create(part, [twin for twin in twins if not _follows(twin, part, inside)])
        case method:
            if twins:
                raise Malformed("Two entries touch one resource: the condition finds what another writes.")
            if method == "PUT":
                part.id = _id_to_write(part)
            elif part.found:
                part.id = part.found.id


def _meet_create(part: Part, twins: list[Part]) -> None:
    if len(twins) + (part.found is not None) > 1:
        raise MultipleMatches("The condition matches more than one resource, another entry's among them.")
    if part.found:
        part.id = part.found.id
        return
    for twin in twins:
        _agree(twin, part)
        part.same, part.id = twin, twin.id


def _follows(twin: Part, part: Part, inside: "_Bundle") -> bool:
    """Whether another create, later in the Bundle, will be found to be this one."""
    if twin.condition is None or twin.at < part.at or part not in inside.others(twin)[0]:
        return False
    _agree(twin, part)
    return True


def _agree(twin: Part, part: Part) -> None:
    if twin.condition is not None and _content(twin) != _content(part):
        # The one that comes first would decide which of the two there is.
        raise Malformed("The condition finds what another entry creates, on condition and in another form.")


def _content(part: Part) -> Json:
    return {name: value for name, value in (part.request.content or {}).items() if name != "id"}


def _id_to_write(part: Part) -> str:
    """Of what a conditional update writes: the one it found, else the one that was sent, else a new one."""
    given = (part.request.content or {}).get("id")
    if part.found:
        return part.found.id
    return str(given) if is_id(given) else clock.new_id()


# ---- among the others --------------------------------------------------------------------------------------


class _Bundle:
    """The resources that the entries write, by type, as conditions find them."""

    def __init__(self, parts: Sequence[Part], record: Record) -> None:
        self._parts = {part.at: part for part in parts}
        self._record = record
        self._inside: dict[str, Inside] = {}

    def others(self, part: Part) -> tuple[list[Part], bool]:
        """The other entries whose resource the condition of this one may find, and whether that is sure."""
        assert part.condition is not None
        found, sure = self.matching(part.type, part.condition)
        return [each for each in found if each is not part], sure

    def matching(self, type_: str, asked: str) -> tuple[list[Part], bool]:
        """The entries whose resource a condition may find, and whether that is sure."""
        matches = self._of(type_).matches(query(self._record, type_, asked))
        found = (self._parts[number] for number in sorted(matches.entries))
        return [part for part in found if part.writes], matches.sure

    def _of(self, type_: str) -> Inside:
        if type_ not in self._inside:
            resources = {
                part.at: part.request.content
                for part in self._parts.values()
                if part.type == type_ and part.request.method in ("POST", "PUT") and part.request.content
            }
            door = self._record.door
            self._inside[type_] = Inside(type_, resources, door.hasher, door.base_url)
        return self._inside[type_]


def query(record: Record, type_: str, asked: str) -> Query:
    """A condition, understood."""
    pairs = parse_qsl(asked.partition("?")[2] or asked, keep_blank_values=True)
    return parse(type_, pairs, record.door.registry, strict=True)


def _distinct(parts: Iterable[Part]) -> None:
    """Two entries that touch one resource have no order between them."""
    seen: set[str] = set()
    for part in parts:
        # What a create finds it does not touch.
        named = (part.path,) if part.id and part.request.method != "POST" else ()
        touched = {*part.deleted, *named}
        if twice := touched & seen:
            told = f"Two entries touch '{min(twice)[:80]}'."
            raise Malformed(told, expression=f"Bundle.entry[{part.at}].request.url")
        seen |= touched


# ---- what they call one another ----------------------------------------------------------------------------


def _urls(parts: Iterable[Part]) -> dict[str, Name]:
    names: dict[str, Name] = {}
    for part in parts:
        if part.full_url and part.id and part.request.method in ("POST", "PUT"):
            if part.full_url in names:
                raise Malformed("Two entries have the same fullUrl.", expression="Bundle.entry.fullUrl")
            names[part.full_url] = _name(part)
    return names


def _name(part: Part) -> Name:
    content = part.request.content or {}
    meta = content.get("meta")
    given = meta.get("versionId") if isinstance(meta, dict) else None
    created = part.request.method == "POST"
    version = part.found.version if created and part.found else 1 if created else None
    return Name(part.path, version, given, canonical=content.get("url") == part.full_url)


def _one_found(type_: str, text: str, known: Known, record: Record) -> Stored | None:
    return known[type_, text] if (type_, text) in known else condition.matching(record, type_, text)


def _conditions(parts: Iterable[Part], inside: _Bundle, known: Known, record: Record) -> dict[str, str]:
    """References of the form `Patient?identifier=…`, each with the one resource that it finds.

    Raises:
        PreconditionFailed: it finds none. MultipleMatches: it finds several.
    """
    names: dict[str, str] = {}
    for part in parts:
        for text in _conditional(part, record):
            if text not in names:
                with at(part):
                    names[text] = _one(text, inside, known, record)
    return names


def _conditional(part: Part, record: Record) -> Iterator[str]:
    for _, text in references(part.request.content or {}):
        type_, mark, _ = text.partition("?")
        if mark and type_ in record.door.types:
            yield text


def _one(text: str, inside: _Bundle, known: Known, record: Record) -> str:
    type_ = text.partition("?")[0]
    found = _one_found(type_, text, known, record)
    others, sure = inside.matching(type_, text)
    paths = {each.path for each in others} if sure else set()
    if found:
        paths.add(f"{type_}/{found.id}")
    if not paths:
        raise PreconditionFailed(f"The conditional reference to a {type_} matches nothing.")
    if len(paths) > 1:
        raise MultipleMatches(f"The conditional reference to a {type_} matches more than one.")
    return paths.pop()


# ---- when all is written -----------------------------------------------------------------------------------


def agreed(parts: Sequence[Part], record: Record) -> None:
    """Ask those conditions again that only the database can tell: none may find what another entry wrote.

    Raises:
        MultipleMatches: one does.
    """
    written = {part.path: part for part in parts if part.writes}
    for part in parts:
        if part.open and part.condition is not None:
            with at(part):
                found = record.search(query(record, part.type, part.condition), count=3, complete=True).rows
                if any(written.get(f"{row.type}/{row.id}", part) is not part for row in found):
                    raise MultipleMatches("The condition finds what another entry of the Bundle writes.")


def answered_as(other: Part) -> FhirResponse:
    """The answer to a conditional create that found the resource of another entry."""
    assert other.done is not None
    names = {"Location": "Content-Location"}
    headers = {names.get(name, name): value for name, value in other.done.headers.items()}
    return FhirResponse(200, other.done.body, headers)


def found(part: Part, record: Record) -> FhirResponse:
    """The answer to a conditional create that found what is there."""
    assert part.found is not None
    if part.request.content is not None:
        identified.same_child(record, part.request.content, part.found)
    return write.answered(part.request, record, part.found, Change.NONE)
