"""Elements that are hard to search, made up: each call makes another."""

from collections.abc import Callable
from random import Random
from typing import Any

from tests import make
from tests.make import B, Resource

_SYSTEMS = ("http://loinc.org", make.TEST, "urn:oid:1.2.3", None)
_CODES = ("a", "b", "c", "A", "a-1", "a,b", "a|b", "a$b", "a\\b", "29463-7")
_WORDS = ("blood", "Körper", "weight", "height,", "ÆØ", "test-one", "of", "Łódź", "Blood pressure", "the")
_FAMILIES = (
    "Müller",
    "MULLER",
    "O'Brien",
    "O\u2019Brien",
    "Łukasz",
    "Smith-Jones",
    "smith jones",
    "Ng",
    "नमस्ते",
    "Đorđe",
    "Straße",
)
_GIVENS = ("Zoë", "Zoe", "Ana María", "J.", "Øystein", "Robin", "robin", "X")
_DATES = (
    "2014",
    "2014-03",
    "2014-03-14",
    "2014-03-30",
    "2014-10-26",
    "2014-12",
    "2014-12-31",
    "2015",
    "2015-01-01",
    "2013-06-30",
    "2020-02-29",
    "1999",
    "2026-11",
    "2031-05-05",
)
TIMES = (
    "2014-03-14T00:00:00Z",
    "2014-03-14T23:59:59+01:00",
    "2014-03-30T01:30:00Z",
    "2014-10-26T01:30:00+01:00",
    "2014-12-31T23:59:59.999Z",
    "2015-01-01T00:00:00-05:00",
    "2014-03-14T10:00:00.5Z",
    "2014-06-15T12:30:00+05:30",
    "2014-03-14T10:00:00.123Z",
)
_AMOUNTS = (
    "5",
    "5.4",
    "5.40",
    "5.35",
    "5.45",
    "0",
    "-3",
    "100",
    "99.5",
    "100.5",
    "1000",
    "0.005",
    "453.59237",
    "36.6",
    "1e2",
    "70",
)
_UNITS = ("kg", "g", "mg", "[lb_av]", "m", "cm", "mm", "[in_i]", "Cel", "K", "g/L", "mg/dL", "{score}", "1")


class Parts:
    """`base`: the address of the server, for references that name it."""

    def __init__(self, seed: int, base: str) -> None:
        self.random, self.base = Random(seed), base

    def sometimes(self, chance: float, **elements: Any) -> Resource:
        """Elements that are there by chance, each for itself; a function is called to make its value."""
        return {
            name: made() if callable(made) else made
            for name, made in elements.items()
            if self.random.random() < chance
        }

    def some(self, of: Callable[[], Any], most: int = 3) -> list[Any]:
        return [of() for _ in range(self.random.randint(1, most))]

    def one(self, *of: Any) -> Any:
        return self.random.choice(of)

    def words(self) -> str:
        return " ".join(self.random.sample(_WORDS, self.random.randint(1, 3)))

    def coding(self) -> Resource:
        system = self.one(*_SYSTEMS)
        return {
            **({"system": system} if system else {}),
            **self.sometimes(0.93, code=lambda: self.one(*_CODES)),
            **self.sometimes(0.4, display=self.words),
        } or {"display": self.words()}

    def concept(self) -> Resource:
        kind = self.random.random()
        if kind < 0.1:
            return {"text": self.words()}
        return {"coding": self.some(self.coding), **self.sometimes(0.3, text=self.words)}

    def identifier(self) -> Resource:
        kind = {
            "coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": self.one("MR", "PI")}
            ],
            **self.sometimes(0.4, text=self.words),
        }
        return {
            **self.sometimes(0.7, system=lambda: self.one(make.TEST, "urn:oid:1.2.3", "urn:x|y")),
            **self.sometimes(0.4, type=kind),
            **self.sometimes(
                0.92, value=lambda: self.one("1", "2", "A-1", "a-1", "3,4", "5|6", "7$8", "9\\0")
            ),
        } or {"value": "1"}

    def reference(self, type_: str, most: int, **more: str) -> Resource:
        at = self.random.randint(0, most)
        text = f"{type_}/{type_[0].lower()}{at}"
        form = self.random.random()
        if form < 0.06:
            return {"identifier": self.identifier()}
        if form < 0.12:
            text = f"{self.base}/{text}"
        elif form < 0.18:
            text = f"{text}/_history/1"
        elif form < 0.22:
            text = f"http://elsewhere.example/fhir/{text}"
        elif form < 0.25:
            text = f"{self.base}/{text}/_history/2"
        return {
            "reference": text,
            **self.sometimes(0.1, identifier=self.identifier, display=self.words),
            **more,
        }

    def to_patient(self) -> Resource:
        return self.reference("Patient", 33)

    def date(self) -> str:
        return str(self.one(*_DATES))

    def time(self) -> str:
        return str(self.one(*_DATES, *TIMES))

    def period(self) -> Resource:
        start, end = sorted((self.time(), self.time()), key=lambda text: text[:4])
        if start[:4] == end[:4]:
            return {self.one("start", "end"): start}
        return self.sometimes(0.75, start=start, end=end) or {"start": start}

    def timing(self) -> Resource:
        return {
            **self.sometimes(0.7, event=lambda: self.some(self.time)),
            **self.sometimes(0.4, repeat=lambda: {"boundsPeriod": self.period()}),
        } or {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}}

    def amount(self) -> Any:
        return make_number(self.one(*_AMOUNTS))

    def quantity(self) -> Resource:
        unit = self.one(*_UNITS)
        return {
            **self.sometimes(0.95, value=self.amount),
            **self.sometimes(0.15, comparator=lambda: self.one("<", "<=", ">", ">=")),
            **self.one(
                {"system": "http://unitsofmeasure.org", "code": unit, "unit": unit},
                {"system": "http://unitsofmeasure.org", "code": unit},
                {"system": "http://unitsofmeasure.org", "code": unit, "unit": "other"},
                {"system": make.TEST, "code": unit},
                {"unit": unit},
            ),
        }

    def range(self) -> Resource:
        unit = {"system": "http://unitsofmeasure.org", "code": "kg"}
        low, high = sorted(self.random.sample((1, 5, 5.4, 70, 100), 2))
        return self.sometimes(0.8, low={"value": low, **unit}, high={"value": high, **unit}) or {
            "low": {"value": low}
        }

    def meta(self) -> Resource:
        found = {
            **self.sometimes(0.3, tag=lambda: self.some(self.coding, 2)),
            **self.sometimes(
                0.2, profile=lambda: [self.one("http://a.example/p", "http://a.example/p|1", f"{B}/x")]
            ),
            **self.sometimes(
                0.2, source=lambda: self.one("urn:x", "http://a.example/s", "http://a.example/s#1")
            ),
        }
        return {"meta": found} if found else {}

    def narrative(self) -> Resource:
        inside = f'<p>{self.words()}</p><b title="{self.words()}">{self.words()}</b>'
        div = f'<div xmlns="http://www.w3.org/1999/xhtml">{inside}</div>'
        return {"status": "generated", "div": div}

    def of(self, type_: str, at: int, **elements: Any) -> Resource:
        return {
            "resourceType": type_,
            "id": f"{type_[0].lower()}{at}",
            **self.meta(),
            **self.sometimes(0.2, text=self.narrative),
            **elements,
        }

    def name(self) -> Resource:
        return {
            **self.sometimes(
                0.8,
                family=lambda: self.one(*_FAMILIES),
                given=lambda: self.some(lambda: self.one(*_GIVENS), 2),
            ),
            **self.sometimes(0.15, text=self.words, prefix=["Dr."], suffix=["jr"]),
        } or {"family": "Ng"}

    def address(self) -> Resource:
        return {
            **self.sometimes(
                0.5,
                line=lambda: self.some(lambda: self.one("1 High St.", "Flat 2, Łąka", "c/o X"), 2),
                city=lambda: self.one("Łódź", "London", "london"),
                postalCode=lambda: self.one("SW1A 1AA", "sw1a1aa"),
                country="GB",
                use=lambda: self.one("home", "old"),
            ),
        } or {"city": "London"}

    def contact(self) -> Resource:
        found = self.sometimes(
            0.7,
            system=lambda: self.one("phone", "email"),
            use=lambda: self.one("home", "work"),
            value=lambda: self.one("01632 960100", "a@b.example", "a,b@c.example"),
        ) or {"value": "01632 960100"}
        # cpt-2: a value is one of some system.
        return {"system": "phone", **found} if "value" in found else found

    def observed(self) -> Resource:
        """A value of one of the types that it may have."""
        name, made = self.one(
            ("valueQuantity", self.quantity),
            ("valueQuantity", self.quantity),
            ("valueQuantity", self.quantity),
            ("valueCodeableConcept", self.concept),
            ("valueString", self.words),
            ("valueDateTime", self.time),
            ("valuePeriod", self.period),
            ("valueSampledData", self.sampled),
            ("valueBoolean", lambda: True),
            ("", lambda: None),
        )
        return {name: made()} if name else {}

    def sampled(self) -> Resource:
        return {
            "origin": {"value": 2, "system": "http://unitsofmeasure.org", "code": "mm"},
            "period": 10,
            "dimensions": 1,
            "factor": 1.5,
            "lowerLimit": -10,
            "upperLimit": 30,
            "data": self.one("1 2 3", "E L 4", "5 U -1", "E"),
        }

    def component(self) -> Resource:
        value = self.one(
            {"valueQuantity": self.quantity()},
            {"valueCodeableConcept": self.concept()},
            {"valueString": self.words()},
            {},
        )
        return {"code": self.concept(), **value}

    def context(self) -> Resource:
        value = self.one(
            {"valueQuantity": self.quantity()},
            {"valueCodeableConcept": self.concept()},
            {"valueRange": self.range()},
        )
        return {"code": self.coding(), **value}


def make_number(text: str) -> Any:
    """A number as JSON has it, which keeps no zero at its end."""
    return float(text) if set(text) & {".", "e"} else int(text)
