"""Who works with a child, and who did: from teams, episodes, contacts and flags that a reader may see."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from server.child.around import found
from server.child.chronology import wording
from server.child.chronology.entry import references
from server.child.chronology.name import belonging_to_no_child
from server.child.involvement import BRINGING_IN
from server.child.lead import LEADING, ROLE
from server.fhir import Json, json
from server.fhir.period import HIGHEST, LOWEST, interval, period
from server.record.event import entry
from server.record.record import Record
from server.store import audit
from server.store.row import Stored

_CONTACT = "https://w3id.org/single-child-record/StructureDefinition/contact"
_OVER = ("entered-in-error", "cancelled", "planned-cancelled")


@dataclass(frozen=True, slots=True)
class Member:
    """`who`: the reference of somebody or of an agency, as far as it is shown. `organization`: for whom.
    `since`, `until`: as FHIR dates. `because`: the resource that says so. `withheld`: who, is not shown."""

    roles: tuple[str, ...]
    because: str
    who: str = ""
    name: str = ""
    organization: str = ""
    agency: str = ""
    telecom: tuple[Json, ...] = ()
    since: str | None = None
    until: str | None = None
    current: bool = True
    lead: bool = False
    withheld: bool = False


def team(record: Record, id_: str, said: str) -> list[Member]:
    """Who is involved now, the lead first, then who was, the latest first.

    Raises:
        NotFound, Gone: the Patient, as a read says it.
    """
    row = record.read("Patient", id_)
    about = f"Patient/{id_}"
    members = [
        *_of_teams(record, about),
        *_of_episodes(record, about),
        *_of_contacts(record, about),
        *_of_flags(record, about),
        *_of_patient(row, _json(row)),
    ]
    number = record.door.library.type_number("Patient")
    line = entry(record.access, record.at, "operation", number, query=said, child=row.child, hits=(row.rid,))
    audit.record(record.connection, line)
    known = _known(record, members, said)
    named = [_named(each, known) for each in members]
    return sorted(named, key=_place)


def _place(member: Member) -> tuple[Any, ...]:
    until = interval(member.until)[1] if member.until else HIGHEST
    since = interval(member.since)[0] if member.since else LOWEST
    order = (HIGHEST - (since if member.current else until)).total_seconds()
    return (not member.current, not member.lead, order, member.name, member.because, member.who)


def _json(row: Stored) -> Json:
    found: Json = json.decode(row.body.encode())
    return found


# ---- where it is said --------------------------------------------------------------------------------------


def _of_teams(record: Record, about: str) -> Iterator[Member]:
    for row, each in found(record, "CareTeam", "patient", about):
        if each.get("status") in _OVER:
            continue
        because, over = f"CareTeam/{row.id}", each.get("status") == "inactive"
        given = each.get("participant")
        if given is None:
            yield _member((), because, None, each.get("period"), record.at, withheld=True, over=over)
        for one in given or ():
            codes = tuple(
                str(coding.get("code"))
                for concept in one.get("role", ())
                for coding in concept.get("coding", ())
                if coding.get("system") == ROLE
            )
            made = _member(
                tuple(filter(None, map(wording.concept, one.get("role", ())))), because, one.get("member"),
                one.get("period") or each.get("period"), record.at, over=over,
                organization=one.get("onBehalfOf") or next(iter(each.get("managingOrganization", ())), None),
            )  # fmt: skip
            yield replace(made, telecom=tuple(each.get("telecom", ())), lead=LEADING[0] in codes)


def _of_episodes(record: Record, about: str) -> Iterator[Member]:
    for row, each in found(record, "EpisodeOfCare", "patient", about):
        if each.get("status") in _OVER:
            continue
        because, roles = (
            f"EpisodeOfCare/{row.id}",
            tuple(filter(None, map(wording.concept, each.get("type", ())))),
        )
        organization = each.get("managingOrganization")
        over = each.get("status") == "finished" and not (each.get("period") or {}).get("end")
        worker = each.get("careManager")
        hidden = worker is None and organization is None
        yield _member(
            roles, because, worker or organization, each.get("period"), record.at,
            organization=organization, withheld=hidden, over=over,
        )  # fmt: skip


def _of_contacts(record: Record, about: str) -> Iterator[Member]:
    """Those who had contact: each agency once, from the first to the last."""
    spans: dict[str, list[tuple[datetime, str, str, str, Json]]] = {}
    for row, each in found(record, "Encounter", "patient", about):
        provider, given = each.get("serviceProvider"), each.get("period") or {}
        start = given.get("start")
        if each.get("status") in _OVER or not isinstance(provider, dict) or not isinstance(start, str):
            continue
        roles = next(filter(None, map(wording.concept, each.get("type", ()))), "Contact")
        key = str(provider.get("reference") or provider.get("display"))
        last = str(given.get("end", start))
        spans.setdefault(key, []).append(
            (interval(start)[0], start, f"Encounter/{row.id}", f"{roles}\0{last}", provider)
        )
    for some in spans.values():
        first, latest = min(some, key=lambda each: each[0]), max(some, key=lambda each: each[0])
        role, _, last = latest[3].partition("\0")
        made = _member((f"Contact, last: {role}",), latest[2], latest[4], {"start": first[1]}, record.at,
                       organization=latest[4])  # fmt: skip
        yield replace(made, until=last, current=interval(last)[1] + BRINGING_IN > record.at)


def _of_flags(record: Record, about: str) -> Iterator[Member]:
    """Whom to call, where a flag says so."""
    for row, each in found(record, "Flag", "patient", about):
        for extension in each.get("extension", ()):
            given = extension.get("valueContactDetail")
            if (
                extension.get("url") == _CONTACT
                and isinstance(given, dict)
                and each.get("status") == "active"
            ):
                made = _member(
                    (f"To call: {wording.concept(each.get('code'))}",), f"Flag/{row.id}", each.get("author"),
                    each.get("period"), record.at,
                )  # fmt: skip
                yield replace(made, name=str(given.get("name", "")), telecom=tuple(given.get("telecom", ())))


def _of_patient(row: Stored, patient: Json) -> Iterator[Member]:
    for each in patient.get("generalPractitioner", ()):
        yield Member(("General practitioner",), f"Patient/{row.id}", who=str(each.get("reference", "")),
                     name=str(each.get("display", "")))  # fmt: skip


def _member(
    roles: tuple[str, ...],
    because: str,
    who: Any,
    span: Any,
    now: datetime,
    *,
    organization: Any = None,
    withheld: bool = False,
    over: bool = False,
) -> Member:
    given = span if isinstance(span, dict) else {}
    low, high = period(given)
    whom, agency = (each if isinstance(each, dict) else {} for each in (who, organization))
    return Member(
        roles=roles,
        because=because,
        who=str(whom.get("reference", "")),
        name=str(whom.get("display", "")),
        organization=str(agency.get("reference", "")),
        agency=str(agency.get("display", "")),
        since=given.get("start"),
        until=given.get("end"),
        current=low <= now < high and not over,
        withheld=withheld,
    )


# ---- who they are ------------------------------------------------------------------------------------------


def _known(record: Record, members: Iterable[Member], said: str) -> dict[str, Json]:
    """What is told of those who are named, as far as it may be read; of a post whose it is, and where."""
    wanted = {each for one in members for each in (one.who, one.organization) if each}
    first = belonging_to_no_child(record, wanted, said)
    posts = [each for text, each in first.items() if text.startswith("PractitionerRole/")]
    further = {text for each in posts for text in references(each)} - first.keys()
    return first | belonging_to_no_child(record, further, said)


def _named(member: Member, known: dict[str, Json]) -> Member:
    who = known.get(member.who, {})
    post = who if member.who.startswith("PractitionerRole/") else {}
    practitioner = _reference(post.get("practitioner"))
    organization = member.organization or _reference(post.get("organization"))
    if member.who.startswith("Organization/") and not organization:
        organization = member.who
    agency = known.get(organization, {})
    names = (member.name, wording.name_of(who), wording.name_of(known.get(practitioner, {})), _display(post))
    telecom = member.telecom or tuple(
        _telecom(who) or _telecom(known.get(practitioner, {})) or _telecom(agency)
    )
    return replace(
        member,
        name=next(filter(None, names), ""),
        organization=organization,
        agency=member.agency or wording.name_of(agency),
        telecom=telecom,
    )


def _reference(value: Any) -> str:
    return str(value.get("reference", "")) if isinstance(value, dict) else ""


def _display(post: Json) -> str:
    given: Any = post.get("practitioner")
    return str(given.get("display", "")) if isinstance(given, dict) else ""


def _telecom(resource: Json) -> list[Json]:
    given: Any = resource.get("telecom", ())
    return [each for each in given if isinstance(each, dict)]


# ---- as a page ---------------------------------------------------------------------------------------------


def row(member: Member) -> tuple[str, ...]:
    """A line of a table: what they do, who, for whom, how to reach them, from when to when."""
    who = member.name or ("not shown" if member.withheld else member.who)
    call = "; ".join(f"{each.get('system', '')} {each.get('value', '')}".strip() for each in member.telecom)
    lead = "Lead: " if member.lead else ""
    return (
        f"{lead}{', '.join(member.roles)}",
        who,
        member.agency,
        call,
        wording.span(member.since, member.until),
    )


HEADINGS = ("Role", "Who", "Agency", "Contact", "When")
