"""The server and a second implementation, which looks at every resource with every query, find the same.

`naive/` is written from the specification, and imports nothing of `server.search`.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator, Set
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask

from tests.caller import token
from tests.conftest import ACCESS
from tests.differential.naive.rights import World
from tests.differential.naive.search import Search, search
from tests.differential.queries import Asked, Queries
from tests.differential.store import Made, bundles
from tests.make import Resource, observation

pytestmark = pytest.mark.soak

SEED = int(os.environ.get("SOAK_SEED", "4"))
QUERIES, IN_A_SOAK = 250, 20_000
CALLERS = (
    ("suite", "system/*.cruds"),
    ("suite", "system/*.cruds"),
    ("suite", "system/*.cruds"),
    ("social-care", "system/*.cruds"),
    ("school", "system/*.cruds"),
    ("health", "system/*.cruds"),
    ("glimpse", "system/*.cruds"),
    ("inspector", "system/*.cruds"),
    (
        "suite",
        "system/Patient.rs system/Encounter.rs system/Observation.rs?status=final system/Observation.r",
    ),
)
NOT_BUILT = "not-supported"
"""What the server says of what it does not have: nothing is compared then, and it joins when it is there."""


class Server:
    """The server, and what is in its store."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()
        self.base = app.extensions["settings"].public_url
        self.tokens = {caller: token(app, *caller) for caller in {*CALLERS, ("social-care", CALLERS[0][1])}}
        self.world = World({}, {}, self.base)

    def post(self, caller: tuple[str, str], asked: Asked) -> tuple[int, Any]:
        """The same as a form."""
        path = f"{asked.path}/_search" if asked.path else "_search"
        return self.ask(caller, "POST", path, urlencode(asked.query), "application/x-www-form-urlencoded")

    def ask(
        self,
        caller: tuple[str, str],
        method: str,
        url: str,
        body: Any = None,
        kind: str = "application/fhir+json",
    ) -> tuple[int, Any]:
        headers = {
            "Authorization": f"Bearer {self.tokens[caller]}",
            "Prefer": "handling=strict, return=representation",
        }
        if body is not None:
            headers["Content-Type"] = kind
        data = body if body is None or isinstance(body, str) else json.dumps(body)
        path = f"/fhir/{url}" if url and not url.startswith("?") else f"/fhir{url}"
        answer = self.client.open(path, method=method, data=data, headers=headers)
        assert answer.status_code < 500, answer.text
        return answer.status_code, json.loads(answer.text, parse_float=Decimal) if answer.text else None

    def fill(self, made: Made) -> None:
        """Written, written again, some of it deleted: what is found is the present, and that alone."""
        present, before = made.all(), made.all()
        for bundle in [*bundles(before[len(present) // 2 :]), *bundles(present)]:
            status, answer = self.ask(CALLERS[0], "POST", "", bundle)
            assert status == 200, answer
            for entry in answer["entry"]:
                self._know(entry["resource"], "suite")
        for resource in present[::37]:
            if resource["resourceType"] not in ("Organization", "Patient"):
                assert self.ask(CALLERS[0], "DELETE", _name(resource))[0] == 204
                del self.world.resources[_name(resource)]
        for own in (observation(code="a"), {"resourceType": "Condition", "subject": {"display": "nobody"}}):
            status, stored = self.ask(CALLERS[3], "POST", own["resourceType"], own)
            assert status == 201, stored
            self._know(stored, "social-care")

    def _know(self, resource: Resource, author: str) -> None:
        self.world.resources[_name(resource)] = resource
        self.world.authors[_name(resource)] = author


@pytest.fixture(scope="module")
def server(serve: Any, database_url: str) -> Iterator[Server]:
    app = serve(database_url, CHILDRECORD_LOG_LEVEL="error")
    server = Server(app)
    server.fill(Made(SEED, server.base))
    yield server
    app.extensions["database"].close()


def seen(world: World, caller: tuple[str, str]) -> Search:
    """The store as a caller sees it."""
    rights = json.loads((ACCESS / f"{caller[0]}.json").read_bytes())["rights"]
    return search(world, caller[0], rights, caller[1])


def test_the_server_finds_what_is_there(server: Server, is_soak: bool) -> None:
    views = {caller: seen(server.world, caller) for caller in CALLERS}
    queries = Queries(SEED, views[CALLERS[0]])
    told: Counter[str] = Counter()
    wrong: list[str] = []
    for at in range(IN_A_SOAK if is_soak else QUERIES):
        caller = CALLERS[at % len(CALLERS)]
        asked = queries.next(views[caller].caller)
        said = compared(server, caller, views[caller], asked)
        told[said.partition(":")[0]] += 1
        if said.startswith("wrong"):
            wrong.append(f"{caller[0]} {asked.path}?{urlencode(asked.query)}\n    {said}")
    assert not wrong, "\n".join(wrong)
    assert told["found"] > sum(told.values()) / 3, told
    assert told[NOT_BUILT] < sum(told.values()) / 10, told


def compared(server: Server, caller: tuple[str, str], view: Search, asked: Asked) -> str:
    """`found`, `nothing`, `forbidden`, `not-supported`; or `wrong`, and what."""
    status, pages = _pages(server, caller, asked)
    if status != 200:
        codes = {issue["code"] for issue in pages[0]["issue"]}
        if NOT_BUILT in codes:
            return NOT_BUILT
        if status == 403 and not all(view.caller.may(type_, "s") for type_ in asked.types):
            return "forbidden"
        return f"wrong: {status} {[issue.get('diagnostics') for issue in pages[0]['issue']]}"
    if not all(view.caller.may(type_, "s") for type_ in asked.types):
        return "wrong: it should be forbidden"
    if asked.type in ("", "*"):
        expected = view.of_types(asked.query, asked.within)
    else:
        expected = view.of_type(asked.type, asked.query, asked.within)
    different = _difference(view, asked, pages, expected) or _back(server, caller, pages)
    return different or ("found" if expected else "nothing")


def _pages(server: Server, caller: tuple[str, str], asked: Asked) -> tuple[int, list[Any]]:
    """Every page of a search, one after the other."""
    pages: list[Any] = []
    url: str | None = f"{asked.path}?{urlencode(asked.query)}"
    while url is not None:
        assert len(pages) < 500, "the pages do not end"
        status, page = (
            server.ask(caller, "GET", url) if pages or not asked.posted else server.post(caller, asked)
        )
        if status != 200:
            return status, [page]
        pages.append(page)
        url = _link(server, page, "next")
    return 200, pages


def _link(server: Server, page: Any, relation: str) -> str | None:
    found = [link["url"] for link in page["link"] if link["relation"] == relation]
    return found[0].removeprefix(server.base).removeprefix("/") if found else None


def _back(server: Server, caller: tuple[str, str], pages: list[Any]) -> str | None:
    """Whoever turns back sees the same pages."""
    for page, before in zip(pages[:0:-1], pages[-2::-1], strict=True):
        url = _link(server, page, "previous")
        if url is None:
            return "wrong: a page without the link to the one before"
        _, again = server.ask(caller, "GET", url)
        if _matched(again) != _matched(before):
            return f"wrong: back from a page is {_matched(again)}, and was {_matched(before)}"
    return None


def _matched(page: Any) -> list[str]:
    return [_name(entry["resource"]) for entry in page.get("entry", ()) if entry["search"]["mode"] == "match"]


def _difference(view: Search, asked: Asked, pages: list[Any], expected: list[Resource]) -> str | None:
    said = dict(asked.query)
    for page in pages:
        exact = said.get("_total") == "accurate" or said.get("_summary") == "count"
        if exact and page.get("total") != len(expected):
            return f"wrong: a total of {page.get('total')} for {len(expected)}"
        if "total" in page and page["total"] != len(expected) and said.get("_total") != "estimate":
            return f"wrong: a total of {page['total']} for {len(expected)}"
    if said.get("_summary") == "count":
        return None
    matched = [name for page in pages for name in _matched(page)]
    if len(set(matched)) < len(matched):
        return f"wrong: more than once {[name for name, count in Counter(matched).items() if count > 1]}"
    names = {_name(each): each for each in expected}
    if set(matched) != names.keys():
        return f"wrong: {_told(names.keys(), set(matched))}"
    keys = view.sorted_as([names[name] for name in matched], asked.query)
    for one, other, name in zip(keys, keys[1:], matched, strict=False):
        if other < one:
            return f"wrong: {name} comes before what it should follow: {one} and {other}"
    return _brought_wrongly(view, asked, pages, names)


def _brought_wrongly(view: Search, asked: Asked, pages: list[Any], names: dict[str, Resource]) -> str | None:
    for page in pages:
        entries = [(_name(entry["resource"]), entry["search"]["mode"]) for entry in page.get("entry", ())]
        matches = [names[name] for name, mode in entries if mode == "match"]
        brought = {name for name, mode in entries if mode == "include"}
        expected = view.brought(matches, asked.query)
        if brought != expected:
            return f"wrong: brought along, {_told(expected, brought)}"
    return None


def _told(expected: Set[str], found: Set[str]) -> str:
    return f"not found {sorted(expected - found)[:8]}, too much {sorted(found - expected)[:8]}"


def _name(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"
