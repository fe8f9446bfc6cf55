"""Values of search parameters, made up from what a store holds: as they stand, and nearly so."""

from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction
from random import Random
from typing import Any

from server.definition.library import library
from server.definition.searchparameter import SearchParameter
from tests.differential.naive import match, value
from tests.differential.naive.path import Node, find
from tests.differential.naive.search import Search
from tests.make import Resource

_PREFIXES = ("", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
_HIERARCHIES = ("condition-clinical", "v3-ObservationInterpretation", "v3-ActCode")
_VALUE_SETS = {
    "clinical-status": "http://hl7.org/fhir/ValueSet/condition-clinical",
    "gender": "http://hl7.org/fhir/ValueSet/administrative-gender",
    "status": "http://hl7.org/fhir/ValueSet/observation-status",
    "category": "http://hl7.org/fhir/ValueSet/observation-category",
}


class Values:
    """Makes values from what one who sees all of a store finds in it."""

    def __init__(self, seed: int, search: Search) -> None:
        self.random, self.search = Random(seed), search
        self.base = search.world.base
        self.by_type: dict[str, list[Resource]] = {}
        for resource in search.world.resources.values():
            self.by_type.setdefault(resource["resourceType"], []).append(resource)

    def one(self, *of: Any) -> Any:
        return self.random.choice(of)

    def chance(self, chance: float) -> bool:
        return self.random.random() < chance

    def value(
        self, type_: str, parameter: SearchParameter, modifier: str, nodes: list[tuple[Resource, Node]]
    ) -> str | None:
        if parameter.code == "near":
            return str(
                self.one(
                    "51.5|-0.12|20|km",
                    "51.5|-0.12",
                    "51.5|-0.12|70|mi_us",
                    "0|0|1",
                    "52|-1|100000|m",
                    "-34|151|100",
                )
            )
        if not nodes:
            return None
        resource, node = self.one(*nodes)
        if parameter.type == "composite":
            return self._composite(type_, parameter, resource, node)
        make: dict[str, Callable[[str, SearchParameter, str, Node], str | None]] = {
            "string": self._string,
            "token": self._token,
            "reference": self._reference,
            "date": self._date,
            "number": self._number,
            "quantity": self._quantity,
            "uri": self._uri,
        }
        return make[parameter.type](type_, parameter, modifier, node)

    def _string(self, type_: str, parameter: SearchParameter, modifier: str, node: Node) -> str | None:
        said = match.strings(node)
        if not said:
            return None
        text = str(self.one(*said))
        if modifier == "exact":
            return escaped(self.one(text, text, text.lower(), text[:-1] or text))
        start = self.random.randint(0, len(text) - 1) if modifier else 0
        part = text[start : start + self.random.randint(1, len(text))]
        part = self.one(part, part.upper(), value.fold(part), part + "x")
        return escaped(part) if value.fold(part) else None

    def _token(self, type_: str, parameter: SearchParameter, modifier: str, node: Node) -> str | None:
        match modifier:
            case "text":
                said = [each for each in value.texts(*node) if value.fold(each)]
                text = self.one(*said) if said else ""
                text = text[: self.random.randint(1, len(text))] if text else ""
                return escaped(text) if value.fold(text) else None
            case "of-type":
                kind = (
                    node.value.get("type", {}).get("coding", [{}])[0]
                    if isinstance(node.value, dict) and node.type == "Identifier"
                    else {}
                )
                parts = (
                    [kind.get("system"), self.one(kind.get("code"), "MR"), node.value.get("value")]
                    if kind
                    else [None]
                )
                return "|".join(map(escaped, parts)) if all(parts) else None
            case "in" | "not-in":
                return _VALUE_SETS[parameter.code]
        found = [each for each in value.codings(*node) if any(each)]
        if not found:
            return None
        system, code = self.one(*found)
        if modifier in ("above", "below"):
            return f"{system}|{code}" if system and system.rpartition("/")[2] in _HIERARCHIES else None
        if not code or self.chance(0.1):
            return f"{escaped(system)}|" if system and node.type != "boolean" else None
        if node.type == "boolean":
            return str(self.one(code, "true", "false"))
        other = self.one(system, system, "http://loinc.org", "", None)
        return (
            escaped(code) if other is None or self.chance(0.4) else f"{escaped(other or '')}|{escaped(code)}"
        )

    def _reference(self, type_: str, parameter: SearchParameter, modifier: str, node: Node) -> str | None:
        if modifier == "identifier":
            identifier = node.value.get("identifier", {}) if isinstance(node.value, dict) else {}
            return self._token(type_, parameter, "", Node(identifier, "Identifier")) if identifier else None
        local = match.target(node, self.base)
        if local is None:
            stated = node.value.get("reference") if isinstance(node.value, dict) else node.value
            return escaped(stated) if stated and not stated.startswith("#") else None
        of_type, id_ = local
        return str(
            self.one(
                id_,
                id_,
                f"{of_type}/{id_}",
                f"{of_type}/{id_}",
                f"{self.base}/{of_type}/{id_}",
                f"{of_type}/{id_}/_history/3",
                f"http://elsewhere.example/fhir/{of_type}/{id_}",
            )
        )

    def _date(self, type_: str, parameter: SearchParameter, modifier: str, node: Node) -> str | None:
        ends = [each for each in match.dates(node) if value.EARLIEST < each < value.LATEST]
        if not ends:
            return None
        at = self.one(*ends) + timedelta(milliseconds=self.one(0, 0, -1, 1, 86_400_000, -3_600_000))
        local = at.astimezone(value.HOME)
        text = self.one(
            f"{at:%Y}",
            f"{at:%Y-%m}",
            f"{local:%Y-%m-%d}",
            f"{local:%Y-%m-%d}",
            f"{at:%Y-%m-%dT%H:%MZ}",
            f"{at:%Y-%m-%dT%H:%M:%SZ}",
            f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z",
            f"{local:%Y-%m-%dT%H:%M:%S}",
        )
        return f"{self.one(*_PREFIXES)}{text}"

    def _number(self, type_: str, parameter: SearchParameter, modifier: str, node: Node) -> str | None:
        found = match.numbers(node)
        ends = [each for each in found or () if isinstance(each, Fraction)]
        return f"{self.one(*_PREFIXES)}{self._written(self.one(*ends))}" if ends else None

    def _quantity(self, type_: str, parameter: SearchParameter, modifier: str, node: Node) -> str | None:
        found = list(match.quantities(node))
        if not found:
            return None
        *ends, system, code, unit = self.one(*found)
        points = [each for each in ends if isinstance(each, Fraction)]
        if not points:
            return None
        amount, prefix = self.one(*points), self.one(*_PREFIXES)
        kind = self.random.random()
        if kind < 0.25:
            return f"{prefix}{self._written(amount)}"
        if kind < 0.5 and (code or unit):
            return f"{prefix}{self._written(amount)}||{escaped(self.one(*filter(None, (code, unit))))}"
        if not (system and code):
            return None
        if system == value.UCUM and code in value.UNITS:
            dimension, factor, added = value.UNITS[code]
            other = self.one(*(each for each, line in value.UNITS.items() if line[0] == dimension))
            amount = (amount * factor + added - value.UNITS[other][2]) / value.UNITS[other][1]
            code = other
        return f"{prefix}{self._written(amount)}|{system}|{escaped(code)}"

    def _written(self, amount: Fraction) -> str:
        """To some precision, and sometimes a little off."""
        amount += self.one(0, 0, 0, 0, Fraction(1, 20), Fraction(-1, 2), Fraction(1, 2))
        if self.chance(0.15):
            return f"{float(amount):.{self.one(0, 1, 2)}e}"
        return f"{float(amount):.{self.one(0, 1, 2, 3, 5)}f}"

    def _uri(self, type_: str, parameter: SearchParameter, modifier: str, node: Node) -> str | None:
        uri = str(node.value)
        match modifier:
            case "above":
                return escaped(uri + self.one("", "/x", "x", "/x/y"))
            case "below":
                return escaped(
                    self.one(uri, uri[: self.random.randint(5, len(uri))], uri.rpartition("/")[0] or uri)
                )
        return escaped(self.one(uri, uri, uri.lower(), uri.partition("|")[0]))

    def _composite(
        self, type_: str, parameter: SearchParameter, resource: Resource, node: Node
    ) -> str | None:
        known = {each.url: each for each in library().search_parameters(type_).values()}
        parts = []
        for component in parameter.components:
            found = find(component.expression, resource, node)
            if not found and self.chance(0.5):
                found = [
                    each
                    for other in self.by_type[type_]
                    for each in self.search.elements(other, known[component.definition])
                ]
            if not found:
                return None
            part = self.value(type_, known[component.definition], "", [(resource, self.one(*found))])
            if not part or part.endswith("|"):
                return None
            parts.append(part)
        return "$".join(parts)

    def words(self, type_: str) -> str:
        words = (
            "blood",
            "korper",
            "weight",
            "height",
            "test",
            "one",
            "of",
            "lodz",
            "pressure",
            "the",
            "bl*",
            "w*",
            "Blood",
            "muller",
        )
        some = self.random.sample(words, 2)
        return str(
            self.one(
                some[0],
                some[0],
                " ".join(some),
                f'"{" ".join(some)}"',
                '"blood pressure"',
                '"test one"',
                f"{some[0]} or {some[1]}",
                f"{some[0]} -{some[1]}",
            )
        )


def escaped(text: str) -> str:
    for character in "\\,|$":
        text = text.replace(character, f"\\{character}")
    return text
