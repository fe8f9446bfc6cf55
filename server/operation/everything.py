"""Everything about a child that the caller may see, in one Bundle or page by page.

https://hl7.org/fhir/R4/patient-operation-everything.html
"""

from dataclasses import replace
from datetime import datetime
from urllib.parse import urlencode

from server.fhir.exchange import FhirResponse
from server.fhir.issue import Invalid
from server.fhir.json import shown
from server.fhir.period import HIGHEST, LOWEST, interval
from server.interaction import bundle, subset
from server.operation.call import Call
from server.operation.registry import implements
from server.record import everything as record_everything
from server.record.record import Record
from server.search import cursor
from server.search.everything import Wanted
from server.search.query import MAX_COUNT

UNPAGED = 5000
"""Resources of the one Bundle that a client gets who asks for no pages; what is more comes by its link."""

Pairs = tuple[tuple[str, str], ...]


@implements("Patient-everything")
def everything(call: Call, record: Record) -> FhirResponse:
    """The Patient, what is about the child, and what that refers to."""
    assert call.id is not None
    caller = f"{record.access.owner} Patient/{call.id}/$everything"
    token = call.one("_page")
    pairs, after = _pairs(call), None
    if token is not None:
        pairs, position = cursor.opened(token, record.door.page_key, caller)
        after = (position[0], position[1])
    said = f"{call.id}/$everything{'?' if pairs else ''}{urlencode(pairs)}"
    wanted, count = _wanted(pairs, record), _count(pairs)
    found = record_everything.everything(record, call.id, wanted, after=after, count=count, said=said)
    path = f"Patient/{call.id}/$everything"
    asked = (("_page", token),) if token is not None else pairs
    links = [("self", f"{path}{'?' if asked else ''}{urlencode(asked, safe='|,:/')}")]
    if found.next is not None:
        following = cursor.sealed(pairs, list(found.next), record.door.page_key, caller)
        links.append(("next", f"{path}?_page={following}"))
    total = len(found.about) if len(links) == 1 and token is None else None
    part = subset.of_request(replace(call.request, query=pairs), None)
    about, support = (tuple(map(part.of, rows)) for rows in (found.about, found.support))
    return bundle.everything(record, links, about, support, total)


def _pairs(call: Call) -> Pairs:
    """What was asked, as the links say it again."""
    names = ("start", "end", "_since", "_type", "_count")
    taken = tuple((name, str(value)) for name in names for value in call.every(name))
    return (*taken, *(pair for pair in call.request.query if pair[0] in subset.PARAMETERS))


def _count(pairs: Pairs) -> int:
    text = dict(pairs).get("_count")
    if text is None:
        return UNPAGED
    if int(text) < 1:
        raise Invalid(f"'_count' is a number from 1 up, and was given '{text}'.")
    return min(int(text), MAX_COUNT)


def _wanted(pairs: Pairs, record: Record) -> Wanted:
    given = dict(pairs)
    low = interval(given["start"])[0] if "start" in given else LOWEST
    high = interval(given["end"])[1] if "end" in given else HIGHEST
    since: datetime = interval(given["_since"])[0] if "_since" in given else LOWEST
    return Wanted(_types(pairs, record), (low, high), since)


def _types(pairs: Pairs, record: Record) -> tuple[str, ...]:
    found = [each.strip() for name, value in pairs if name == "_type" for each in value.split(",")]
    for each in found:
        if each not in record.door.types:
            raise Invalid(f"'_type' names '{shown(each)}', which is not a resource type of FHIR R4.")
    return tuple(dict.fromkeys(found))
