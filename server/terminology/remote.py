"""Code systems that are not here, asked of the terminology server that the operator names for them.

Nothing goes there but codes, filters and what is typed to find a code; a code that does not look like one is
not sent. What cannot be asked is not known (`CannotTell`): neither right nor wrong.

https://hl7.org/fhir/R4/terminology-service.html
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import replace
from functools import cached_property
from typing import Any
from urllib.parse import quote

from server.fhir import Json
from server.terminology.elsewhere import Refused, Server
from server.terminology.provider import CannotTell, Concept, Designation, Filter, Property, Query

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/^+*\-]{0,63}", re.ASCII)
_PAGE = 1000


class Remote:
    """A server, and the code systems that may be asked of it."""

    def __init__(self, server: Server, systems: Collection[str]) -> None:
        self.server = server
        self.systems = tuple(systems)
        self._known: dict[tuple[str, str | None], Elsewhere] = {}

    def system(self, url: str, version: str | None) -> "Elsewhere | None":
        """None: it is not to be asked of this server."""
        if url not in self.systems:
            return None
        return self._known.setdefault((url, version), Elsewhere(self.server, url, version))


_held: ContextVar[Remote | None] = ContextVar("remote", default=None)


def hold(remote: Remote | None) -> None:
    """Let the request at hand ask it, until the next one begins; None: ask nobody."""
    _held.set(remote)


def system(url: str, version: str | None = None) -> "Elsewhere | None":
    """The code system, if it may be asked of a server elsewhere."""
    held = _held.get()
    return held.system(url, version) if held else None


def value_set(url: str) -> Json | None:
    """None that is not described here (`terminology.implicit`)."""
    return None


def systems() -> Iterator[tuple[str, str | None]]:
    """None is held here."""
    return iter(())


class Elsewhere:
    """One code system of another server."""

    case_sensitive = True
    complete = True
    hierarchical = True

    def __init__(self, server: Server, url: str, version: str | None) -> None:
        self.url = url
        self._server = server
        self._asked_version = version

    @property
    def version(self) -> str | None:
        """As it was asked for, or as the server has it; None where that cannot be learned."""
        try:
            return self._asked_version or self._there.get("version")
        except CannotTell:
            return None

    @property
    def name(self) -> str:
        try:
            return self._there.get("title") or self._there.get("name") or self.url
        except CannotTell:
            return self.url

    def find(self, code: str) -> Concept | None:
        said = self._said(code)
        return None if said is None else _concept(code, said)

    def subsumes(self, above: str, below: str) -> bool:
        if above == below:
            return True
        self._sendable(above, below)
        asked = {**self._system("system"), "codeA": {"valueCode": above}, "codeB": {"valueCode": below}}
        answer = self._answer("CodeSystem/$subsumes", asked)
        return _parameter(answer, "outcome") in ("subsumes", "equivalent")

    def parents(self, code: str) -> Sequence[str]:
        return self._related(code, "parent")

    def children(self, code: str) -> Sequence[str]:
        return self._related(code, "child")

    def holds(self, code: str, filters: tuple[Filter, ...]) -> bool:
        self._sendable(code)
        asked = {**self._value_set(filters), "system": {"valueUri": self.url}, "code": {"valueCode": code}}
        return _parameter(self._answer("ValueSet/$validate-code", asked), "result") is True

    def matching(self, query: Query) -> Iterator[Concept]:
        offset, left = query.offset, query.limit
        while left is None or left > 0:
            page = self._page(query, offset, _PAGE if left is None else min(left, _PAGE))
            yield from map(_listed, page)
            if len(page) < (_PAGE if left is None else min(left, _PAGE)):
                return
            offset += len(page)
            left = None if left is None else left - len(page)

    def count(self, query: Query) -> int:
        total = self._expansion(query, 0, 0).get("total")
        if total is None:
            raise CannotTell(f"The terminology server does not say how many codes of '{self.url}' there are.")
        return int(total)

    # ---- what is asked -------------------------------------------------------------------------------------

    @cached_property
    def _there(self) -> Json:
        """The code system as the server describes it.

        Raises:
            CannotTell: it has none.
        """
        version = f"&version={quote(self._asked_version, safe='')}" if self._asked_version else ""
        try:
            found = self._server.search(f"CodeSystem?url={quote(self.url, safe='')}{version}")
        except Refused:
            found = {}
        for entry in found.get("entry", ()):
            resource: Json = entry.get("resource", {})
            if resource.get("url") == self.url:
                return {key: resource[key] for key in ("version", "title", "name") if key in resource}
        raise CannotTell(f"The terminology server does not hold the code system '{self.url}'.", "not-found")

    def _said(self, code: str) -> Json | None:
        self._sendable(code)
        asked = {**self._system("system"), "code": {"valueCode": code}}
        try:
            return self._server.operation("CodeSystem/$lookup", **asked)
        except Refused:
            # It says no to a code that does not exist, and in the same words where it lacks the code system.
            assert self._there is not None
            return None

    def _related(self, code: str, property: str) -> Sequence[str]:
        said = self._said(code)
        found = _concept(code, said).properties if said else ()
        return [str(each.value) for each in found if each.code == property]

    def _page(self, query: Query, offset: int, count: int) -> list[Json]:
        found: list[Json] = self._expansion(query, offset, count).get("contains", [])
        return found

    def _expansion(self, query: Query, offset: int, count: int) -> Json:
        asked: dict[str, Json] = {
            **self._value_set(query.filters),
            "offset": {"valueInteger": offset},
            "count": {"valueInteger": count},
        }
        if query.text is not None:
            asked["filter"] = {"valueString": query.text}
        if query.active:
            asked["activeOnly"] = {"valueBoolean": True}
        answer = self._answer("ValueSet/$expand", asked)
        expansion: Json = answer.get("expansion", {})
        return expansion

    def _answer(self, operation: str, asked: Mapping[str, Json]) -> Json:
        try:
            return self._server.operation(operation, **asked)
        except Refused:
            raise CannotTell(
                f"The terminology server does not answer this about the code system '{self.url}'."
            ) from None

    def _system(self, name: str) -> dict[str, Json]:
        asked: dict[str, Json] = {name: {"valueUri": self.url}}
        if self._asked_version:
            asked["version"] = {"valueString": self._asked_version}
        return asked

    def _value_set(self, filters: Iterable[Filter]) -> dict[str, Json]:
        include: Json = {"system": self.url}
        if self._asked_version:
            include["version"] = self._asked_version
        wanted = [{"property": each.property, "op": each.op, "value": each.value} for each in filters]
        if wanted:
            include["filter"] = wanted
        given = {"resourceType": "ValueSet", "status": "active", "compose": {"include": [include]}}
        return {"valueSet": {"resource": given}}

    def _sendable(self, *codes: str) -> None:
        """Raises CannotTell: one of them may be anything, even what somebody wrote about a child."""
        if not all(map(_CODE.fullmatch, codes)):
            raise CannotTell(f"What is given as a code of '{self.url}' does not look like one.", "invalid")


def _parameter(parameters: Json, name: str) -> Any:
    """The value of a parameter; None if there is none."""
    return next((_value(each) for each in parameters.get("parameter", ()) if each.get("name") == name), None)


def _value(parameter: Json) -> Any:
    return next((value for key, value in parameter.items() if key.startswith("value")), None)


def _concept(code: str, said: Json) -> Concept:
    """The answer of `$lookup`."""
    concept = Concept(
        code=code,
        display=_parameter(said, "display"),
        definition=_parameter(said, "definition"),
        designations=tuple(map(_designation, _parts(said, "designation"))),
        properties=tuple(map(_property, _parts(said, "property"))),
    )
    inactive = any(each.code == "inactive" and each.value is True for each in concept.properties)
    abstract = _parameter(said, "abstract") is True
    return replace(concept, inactive=inactive, abstract=abstract)


def _parts(parameters: Json, name: str) -> Iterator[Iterable[Json]]:
    """What each parameter of the name is made of."""
    for each in parameters.get("parameter", ()):
        if each.get("name") == name:
            yield each.get("part", ())


def _designation(parts: Iterable[Json]) -> Designation:
    said = {each.get("name"): _value(each) for each in parts}
    return Designation(str(said.get("value", "")), said.get("language"), said.get("use"))


def _property(parts: Iterable[Json]) -> Property:
    said = {each.get("name"): each for each in parts}
    key, value = next(
        ((key, value) for key, value in said.get("value", {}).items() if key.startswith("value")),
        ("valueString", ""),
    )
    type_ = "Coding" if key == "valueCoding" else key[5:6].lower() + key[6:]
    return Property(str(_value(said.get("code", {}))), value, type_, _value(said.get("description", {})))


def _listed(contained: Json) -> Concept:
    """One code of an expansion."""
    return Concept(
        code=contained["code"],
        display=contained.get("display"),
        designations=tuple(
            Designation(each["value"], each.get("language"), each.get("use"))
            for each in contained.get("designation", ())
        ),
        abstract=contained.get("abstract", False),
        inactive=contained.get("inactive", False),
    )
