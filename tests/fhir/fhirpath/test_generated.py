"""Generated expressions find what fhirpathpy finds."""

import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from server.definition.library import library
from server.fhir import Json, json
from server.fhir.fhirpath import Environment, Misused, compile
from tests.fhir.fhirpath.yardstick import finds

PATIENT: Json = {
    "resourceType": "Patient",
    "id": "p",
    "active": True,
    "name": [
        {"use": "official", "family": "Ash", "given": ["Bo", "Cy"]},
        {"use": "usual", "given": ["Bo"], "period": {"start": "2020-01-01", "end": "2021-01-01"}},
        {"use": "old", "family": "Elm", "given": ["Di", "Bo"]},
    ],
    "telecom": [
        {"system": "phone", "value": "0123", "rank": 1},
        {"system": "phone", "value": "0456", "use": "home", "rank": 2},
        {"system": "email", "value": "a@example.org"},
    ],
    "gender": "female",
    "birthDate": "2015-03-04",
    "address": [{"line": ["1 High Street", "Ash"], "city": "Elm", "period": {"start": "2020-01-01"}}],
    "contact": [
        {"name": {"family": "Ash", "given": ["Fay"]}, "gender": "female"},
        {"name": {"family": "Elm"}, "relationship": [{"coding": [{"code": "N", "system": "urn:r"}]}]},
    ],
    "multipleBirthInteger": 2,
}
TEXTS = (
    "name.given",
    "name.family",
    "telecom.value",
    "telecom.system",
    "contact.name.family",
    "address.line",
    "gender",
)
THINGS = ("name", "telecom", "contact", "address", "photo", "contact.relationship.coding", "name.period")
INSIDE = {
    "name": ("given", "family", "use"),
    "telecom": ("value", "system", "use"),
    "contact": ("name.given", "name.family", "gender"),
    "address": ("line", "city"),
    "photo": ("title",),
    "contact.relationship.coding": ("code", "system"),
    "name.period": ("start", "end"),
}
WORDS = ("'Ash'", "'Bo'", "'phone'", "'female'", "'0'", "''")


class Writer:
    """Writes expressions of a kind and a depth, as the dice fall."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.root = ""

    def one_of(self, *makers: Callable[[int], str]) -> Callable[[int], str]:
        return self.dice.choice(makers)

    def any(self, depth: int) -> str:
        return self.one_of(self.texts, self.truth, self.number, self.things)(depth)

    def things(self, depth: int) -> str:
        return self.part(self.dice.choice(THINGS), depth)

    def part(self, of: str, depth: int) -> str:
        """Some of the elements of a path."""
        inside = INSIDE.get(of, ("$this",))
        asked = self.dice.choice((".exists()", ".empty()", f" = {self.word()}"))
        criterion = f"{self.dice.choice(inside)}{asked}"
        if inside == ("$this",):
            criterion = f"$this {self.dice.choice(('=', '!='))} {self.word()}"
        number = self.dice.randint(0, 3)
        return (
            self.root
            + of
            + self.dice.choice(
                (
                    "",
                    "",
                    ".first()",
                    ".last()",
                    ".tail()",
                    ".distinct()",
                    f".skip({number})",
                    f".take({number})",
                    f"[{number}]",
                    f".where({criterion})",
                    f".where({criterion}).first()",
                )
            )
        )

    def texts(self, depth: int) -> str:
        if depth and self.dice.random() < 0.4:
            one, other = self.texts(depth - 1), self.argument(depth - 1)
            return self.dice.choice(
                (
                    f"({one} | {other})",
                    f"{one}.combine({other})",
                    f"{one}.intersect({other})",
                    f"{one}.exclude({other})",
                    f"{one}.where($this in ({self.word()} | {self.word()}))",
                    f"iif({self.truth(0)}, {other}, {other}.tail())",
                )
            )
        if self.dice.random() < 0.4:
            of = self.dice.choice(THINGS)
            return f"{self.part(of, depth)}.{self.dice.choice(INSIDE[of])}"
        return self.part(self.dice.choice(TEXTS), depth)

    def argument(self, depth: int) -> str:
        """Texts from the resource on: to fhirpathpy `$this` stays what a criterion before has made of it."""
        before, self.root = self.root, "%resource."
        texts = self.texts(depth)
        self.root = before
        return texts

    def text(self, depth: int) -> str:
        text = f"{self.texts(depth)}.first()"
        return text + self.dice.choice(
            (
                "",
                "",
                ".upper()",
                ".lower()",
                ".substring(1)",
                ".substring(0, 2)",
                ".replace('s', 'z')",
                ".toString()",
            )
        )

    def number(self, depth: int) -> str:
        count = f"{self.one_of(self.texts, self.things)(depth)}.count()"
        return self.dice.choice(
            (
                count,
                count,
                f"({count} + {self.dice.randint(0, 3)})",
                f"{self.text(depth)}.length()",
                f"({count} * 2 - 1)",
                f"{self.root}telecom.rank[{self.dice.randint(0, 2)}]",
                f"{self.root}multipleBirth",
                f"{self.text(0)}.indexOf({self.word()})",
            )
        )

    def truth(self, depth: int) -> str:
        if depth and self.dice.random() < 0.5:
            operator = self.dice.choice(("and", "or", "xor", "implies"))
            return f"({self.truth(depth - 1)} {operator} {self.truth(depth - 1)})"
        texts, things = self.texts(depth), self.things(depth)
        compared = self.dice.choice(("<", "<=", ">", ">=", "=", "!="))
        return self.dice.choice(
            (
                f"{texts}.exists()",
                f"{things}.empty()",
                f"{texts}.isDistinct()",
                f"({self.text(depth)} = {self.word()})",
                f"({self.text(depth)} != {self.word()})",
                f"({self.number(depth)} {compared} {self.dice.randint(0, 3)})",
                f"({self.word()} in {texts})",
                f"({texts} contains {self.word()})",
                f"{texts}.all($this.length() > 2)",
                f"{texts}.subsetOf({self.argument(0)})",
                f"{texts}.exists($this = {self.word()})",
                f"{self.text(depth)}.startsWith({self.word()})",
                f"{self.text(depth)}.contains({self.word()})",
                f"{self.text(depth)}.matches('[a-f]+')",
                f"{texts}.empty().not()",
                f"({texts} = {self.argument(0)}.first())",
                f"({self.root}birthDate < @2016)",
                f"({self.root}birthDate = @2015-03-04)",
                f"({self.root}active = true)",
                f"{self.root}multipleBirth is integer",
                f"{self.root}deceased.exists()",
            )
        )

    def word(self) -> str:
        return self.dice.choice(WORDS)


@pytest.mark.parametrize("seed", range(20))
def test_a_generated_expression_finds_what_fhirpathpy_finds(seed, is_soak):
    writer = Writer(seed)
    compared = 0
    for _ in range(1000 if is_soak else 50):
        expression = writer.any(2)
        theirs = found_by_fhirpathpy(expression)
        if theirs is not None:
            assert ours(expression) == theirs, expression
            compared += 1
    assert compared > 25


def ours(expression: str) -> list[str] | None:
    try:
        found = compile(expression, "Patient", library().children).values(
            PATIENT, Environment(resource=PATIENT)
        )
    except Misused:
        return None
    return [canonical(each) for each in found]


def found_by_fhirpathpy(expression: str) -> list[str] | None:
    """None where it breaks off, which it does with errors of many kinds."""
    try:
        return [canonical(each) for each in finds(expression, PATIENT, "Patient", PATIENT)]
    except Exception:
        return None


def canonical(value: Any) -> str:
    return json.encode(int(value) if isinstance(value, Decimal) and value == int(value) else value).decode()
