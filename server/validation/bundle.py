"""Bundles: what their kind asks of their entries, and of the references between them.

https://hl7.org/fhir/R4/bundle.html

What an invariant of the Bundle says (bdl-1 to bdl-12) is not said again here.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from server.definition.library import library
from server.fhir import Json
from server.fhir.reference import parse
from server.validation.entries import Entries, Entry
from server.validation.fault import Fault, Faults, shown
from server.validation.visit import Visit

_WITHOUT_FULL_URL = frozenset({"transaction", "transaction-response", "batch", "batch-response"})
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:.")
_RESTFUL = re.compile(r"https?://[^\s?#]+/([A-Z][A-Za-z]+)/[A-Za-z0-9.\-]{1,64}")
# A page has one of each; others, as a profile may define them, may repeat.
_ONCE = frozenset({"self", "first", "previous", "prev", "next", "last"})
# The elements of the first resource whose references a document or a message has to hold.
_HELD = {
    "document": (
        "Composition",
        ("subject", "encounter", "author", "attester", "custodian", "event", "section"),
    ),
    "message": ("MessageHeader", ("focus",)),
}
_CHOICE = re.compile(r"(.+)Reference")


def check(bundle: Json, visit: Visit) -> Faults:
    """The faults of a Bundle as a whole."""
    entries = Entries(bundle)
    kind = bundle.get("type")
    found = [*_links(bundle), *_full_urls(bundle), *_references(entries, kind)]
    if kind in _HELD and entries.all:
        found += _held(entries, *_HELD[kind])
    if kind == "document":
        found += _apart(entries)
    if kind == "message" and visit.context.full:
        found += (replace(each, severity="warning") for each in _apart(entries))
    if kind == "searchset":
        found += _results(bundle, entries)
    return found or None


def _links(bundle: Json) -> Iterator[Fault]:
    seen: set[str] = set()
    for index, link in enumerate(_objects(bundle.get("link"))):
        relation = link.get("relation")
        if relation in seen:
            yield Fault("invalid", f"is a second link '{relation}'; a Bundle has one.", f".link[{index}]")
        if relation in _ONCE:
            seen.add(relation)


def _full_urls(bundle: Json) -> Iterator[Fault]:
    obliged = bundle.get("type") not in _WITHOUT_FULL_URL
    for index, entry in enumerate(_objects(bundle.get("entry"))):
        url, resource = entry.get("fullUrl"), entry.get("resource")
        if url is None:
            if obliged and resource is not None and "_fullUrl" not in entry:
                yield Fault("invalid", _NO_FULL_URL, f".entry[{index}]")
        elif type(url) is str and type(resource) is dict:
            text = _misnamed(url, resource)
            if text:
                yield Fault("invalid", text, f".entry[{index}]")


_NO_FULL_URL = "has no fullUrl; save in a batch or transaction, it is what says which resource this is."


def _misnamed(url: str, resource: Json) -> str | None:
    if _ABSOLUTE.match(url) is None:
        return f"has a fullUrl that has to be an absolute URL; {shown(url)} is not."
    name = f"/{resource.get('resourceType')}/{resource.get('id')}"
    server = _RESTFUL.fullmatch(url)
    if server and server[1] in library().resource_types and "id" in resource and not url.endswith(name):
        return f"has a fullUrl in the form of a server's, and it does not end with {shown(name)}."
    return None


def _references(entries: Entries, kind: Any) -> Iterator[Fault]:
    """References that lead to several entries, or to one of another type than they say."""
    if kind == "history":
        return
    for entry in entries.all:
        for path, text in _within(entry.resource):
            found = entries.matches(text, entry)
            place = f".entry[{entry.index}].resource{path}"
            if len(found) > 1:
                yield Fault("forbidden", f"refers to {len(found)} entries of the Bundle at once.", place)
            elif found:
                yield from _of_its_type(text, found[0], place)


def _of_its_type(text: str, target: Entry, place: str) -> Iterator[Fault]:
    named, is_a = parse(text).type, target.resource.get("resourceType")
    if named is not None and type(is_a) is str and named != is_a:
        yield Fault("structure", f"refers to a {shown(named)}, and the entry is a {shown(is_a)}.", place)


def _held(entries: Entries, type: str, elements: tuple[str, ...]) -> Iterator[Fault]:
    """References of the first resource whose targets have to be in the Bundle too."""
    first = entries.all[0]
    if first.resource.get("resourceType") != type:
        return
    of_these = {name: first.resource[name] for name in elements if name in first.resource}
    for path, text in _within(of_these):
        if not text.startswith("#") and not entries.matches(text, first):
            place = f".entry[{first.index}].resource{path}"
            yield Fault("invalid", f"refers to what is no entry of the Bundle{_near(entries, text)}", place)


def _near(entries: Entries, text: str) -> str:
    if not entries.namesakes(text):
        return "."
    return "; there is one of that type and id, but its fullUrl says that it is another."


def _apart(entries: Entries) -> Iterator[Fault]:
    """Entries that no chain of references joins to the first."""
    targets = {entry.index: set(_targets(entries, entry)) for entry in entries.all}
    joined = {entry.index for entry in entries.all[:1]}
    grown = True
    while grown:
        before = len(joined)
        for index, others in targets.items():
            if index in joined:
                joined |= others
            elif not joined.isdisjoint(others):
                joined.add(index)
        grown = len(joined) > before
    for entry in entries.all:
        if entry.index not in joined:
            yield Fault("informational", _APART, f".entry[{entry.index}]")


_APART = "is not joined to the first entry by references, in whichever direction they point."


def _targets(entries: Entries, entry: Entry) -> Iterator[int]:
    for _, text in _within(entry.resource):
        yield from (target.index for target in entries.matches(text, entry))


def _results(bundle: Json, entries: Entries) -> Iterator[Fault]:
    """What was found has an id, and is of the type that was searched for."""
    wanted = _searched(bundle)
    listed = bundle["entry"] if entries.all else ()
    for entry in entries.all:
        search = listed[entry.index].get("search")
        mode = search.get("mode") if type(search) is dict else None
        is_a, place = entry.resource.get("resourceType"), f".entry[{entry.index}].resource"
        if mode == "outcome" or is_a == "OperationOutcome":
            continue
        if "id" not in entry.resource:
            yield Fault("invalid", "has no id, and the results of a search have to have one.", place)
        if mode == "match" and wanted and type(is_a) is str and is_a != wanted:
            yield Fault("invalid", f"is a {shown(is_a)}, and the search was for {wanted}.", place)


def _searched(bundle: Json) -> str | None:
    """The type in the link of the search itself."""
    for link in _objects(bundle.get("link")):
        url = link.get("url")
        if link.get("relation") == "self" and type(url) is str:
            name = url.partition("?")[0].rstrip("/").rpartition("/")[2]
            return name if name in library().resource_types else None
    return None


def _within(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every literal reference in a resource, with its place; a Bundle inside looks after its own."""
    if type(node) is list:
        for index, each in enumerate(node):
            yield from _within(each, f"{path}[{index}]")
    elif type(node) is dict and node.get("resourceType") != "Bundle":
        text = node.get("reference")
        if type(text) is str:
            yield path, text
        for key, each in node.items():
            if type(each) is dict or type(each) is list:
                yield from _within(each, f"{path}.{_step(key, each)}")


def _step(key: str, value: Any) -> str:
    """What a path says for a property: R4 has no Reference whose name ends so but as a choice of types."""
    choice = _CHOICE.fullmatch(key) if type(value) is dict else None
    return f"{choice[1]}.ofType(Reference)" if choice else key


def _objects(value: Any) -> Iterator[Json]:
    for each in value if type(value) is list else ():
        yield each if type(each) is dict else {}
