"""The search interaction on a type: GET and POST.

https://hl7.org/fhir/R4/http.html#search
"""

from urllib.parse import urlencode

from server.fhir.exchange import FhirRequest, FhirResponse
from server.interaction import answer, bundle
from server.record.record import Record
from server.search import cursor
from server.search.query import parse

DEFAULT_COUNT = 50
PAGE = "_page"


def search(request: FhirRequest, record: Record, type_: str) -> FhirResponse:
    """GET [base]/[type]?… or POST [base]/[type]/_search"""
    strict = answer.preference(request.headers.get("prefer", ""), "handling") == "strict"
    pairs, after = request.query, None
    token = dict(pairs).get(PAGE)
    if token is not None:
        caller = f"{record.access.client} {type_}"
        pairs, after = cursor.opened(token, record.door.page_key, caller)
    query = parse(type_, pairs, record.door.registry, strict)
    count = DEFAULT_COUNT if query.count is None else query.count
    said = urlencode(query.self_parameters)
    found = record.search(query, count=count, after=after, total=query.total, said=said)
    following = None
    if found.next is not None:
        caller = f"{record.access.client} {type_}"
        following = cursor.sealed(query.self_parameters, found.next, record.door.page_key, caller)
    return bundle.searchset(record, type_, query, found, token, following)
