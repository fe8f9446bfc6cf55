"""Queries made up from what a store holds, so that they find something, and from its edges, so that they
nearly do."""

from dataclasses import dataclass, replace

from server.definition.library import library
from server.definition.searchparameter import SearchParameter
from tests.differential.naive import match
from tests.differential.naive.rights import Caller
from tests.differential.naive.search import Pair, Search
from tests.differential.values import Values

_VALUE_SETS = {
    "clinical-status": "http://hl7.org/fhir/ValueSet/condition-clinical",
    "gender": "http://hl7.org/fhir/ValueSet/administrative-gender",
    "status": "http://hl7.org/fhir/ValueSet/observation-status",
    "category": "http://hl7.org/fhir/ValueSet/observation-category",
}
_COMPARTMENTS = ("Patient", "Encounter", "RelatedPerson")
_UNSORTED = ("composite", "special")
_SPECIAL = ("_text", "_content", "_filter", "_list", "_query", "near")
_OPERATORS = {
    "string": ("eq", "ne", "co", "sw", "ew"),
    "token": ("eq", "ne"),
    "date": ("eq", "ne", "gt", "lt", "ge", "le", "ap", "sa", "eb", "po"),
    "number": ("eq", "ne", "gt", "lt", "ge", "le", "ap", "sa", "eb"),
    "quantity": ("eq", "ne", "gt", "lt", "ge", "le", "ap", "sa", "eb"),
    "reference": ("eq", "ne", "re"),
    "uri": ("eq", "ne", "sw"),
}


@dataclass(frozen=True)
class Asked:
    """One search: of a type (`Patient`), in a compartment (`Patient/1/Observation`), of all types ("")."""

    path: str
    query: list[Pair]
    posted: bool = False

    @property
    def type(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def types(self) -> list[str]:
        """Those that it names."""
        if self.type not in ("", "*"):
            return [self.type]
        return [each for name, text in self.query if name == "_type" for each in text.split(",")]

    @property
    def within(self) -> str | None:
        return self.path.rpartition("/")[0] or None


class Queries(Values):
    """Makes queries of a store for one who sees all of it."""

    def __init__(self, seed: int, search: Search) -> None:
        super().__init__(seed, search)
        self.types = list(self.by_type)
        self.parameters = {type_: self._answering(type_) for type_ in self.types}

    def _answering(self, type_: str) -> list[SearchParameter]:
        """Those that find anything, and those of every resource; the rest is asked for now and then."""
        known = library().search_parameters(type_).values()
        found = [
            each for each in known if any(self.search.elements(one, each) for one in self.by_type[type_])
        ]
        return found + [each for each in known if each.code == "near"]

    def next(self, caller: Caller) -> Asked:
        """One more, mostly of what the caller may search."""
        asked = self._next()
        while not all(caller.may(type_, "s") for type_ in asked.types) and self.chance(0.9):
            asked = self._next()
        # A `/*` of a compartment is asked for by GET alone.
        return replace(asked, posted=self.chance(0.1) and asked.type != "*")

    def _next(self) -> Asked:
        kind = self.random.random()
        if kind < 0.07:
            return self._in_compartment()
        if kind < 0.12:
            return self._of_types()
        type_ = self.one(*self.types, "Observation", "Observation", "Patient", "Condition", "Encounter")
        criteria = [self.criterion(type_) for _ in range(self.one(0, 1, 1, 1, 1, 2, 2, 3))]
        if type_ == "EpisodeOfCare" and self.chance(0.1):
            criteria += [("_query", "open-on"), ("on", self.one("2014-06-01", "2026-06-01", "2026-06-02"))]
        return Asked(type_, criteria + self._result(type_))

    # ---- where ---------------------------------------------------------------------------------------------

    def _in_compartment(self) -> Asked:
        kind = self.one(*_COMPARTMENTS, "Patient", "Patient")
        resource = self.one(*self.by_type[kind])
        within = f"{kind}/{resource['id']}"
        if self.chance(0.3):
            return Asked(f"{within}/*", self._common())
        held = {each["resourceType"] for each in self.search.of_types([], within)}
        type_ = self.one(*sorted(held))
        return Asked(f"{within}/{type_}", [self.criterion(type_)] if self.chance(0.5) else [])

    def _of_types(self) -> Asked:
        types = self.random.sample(self.types, self.one(1, 2, 3))
        return Asked("", [("_type", ",".join(types)), *self._common()])

    def _common(self) -> list[Pair]:
        """Criteria and results that every type knows."""
        known = {each.code: each for each in self.parameters["Patient"]}
        codes = self.random.sample(("_tag", "_id", "_lastUpdated", "_profile", "_source"), self.one(0, 1, 1))
        found = [
            pair
            for code in codes
            for pair in [self._plain("Patient", known[code])]
            if pair[0].partition(":")[0] == code
        ]
        sort = [("_sort", self.one("_lastUpdated", "-_lastUpdated"))] if self.chance(0.4) else []
        return found + sort + ([("_count", str(self.one(3, 20)))] if self.chance(0.4) else [])

    def _result(self, type_: str) -> list[Pair]:
        found: list[Pair] = []
        if self.chance(0.3):
            known = [
                each.code
                for each in self.parameters[type_]
                if each.type not in _UNSORTED and each.code not in _SPECIAL
            ]
            keys = self.random.sample(known, self.one(1, 1, 2))
            found.append(("_sort", ",".join(self.one("", "-") + key for key in keys)))
        if self.chance(0.25):
            found.append(("_count", str(self.one(1, 2, 5, 5, 20))))
        if self.chance(0.15):
            found.append(("_total", self.one("accurate", "estimate", "none")))
        elif self.chance(0.05):
            found.append(("_summary", self.one("count", "true", "data", "text")))
        elif self.chance(0.2):
            found += [self._include(type_) for _ in range(self.one(1, 1, 2))]
        return found

    def _include(self, type_: str) -> Pair:
        iterate = self.one("", "", ":iterate")
        if self.chance(0.5):
            source = type_ if not iterate else self.one(*self.types)
            codes = [each.code for each in self._references(source)] or ["*"]
            text = self.one(
                f"{source}:{self.one(*codes)}", f"{source}:{self.one(*codes)}", f"{source}:*", "*"
            )
            if not text.endswith("*") and self.chance(0.2):
                text += f":{self.one('Patient', 'Organization', 'Observation')}"
            return f"_include{iterate}", text
        to = [
            (source, each.code)
            for source in self.types
            for each in self._references(source)
            if self._leads(each, type_)
        ]
        source, code = self.one(*to) if to else ("Linkage", "item")
        return f"_revinclude{iterate}", self.one(f"{source}:{code}", f"{source}:{code}", f"{source}:*", "*")

    def _references(self, type_: str) -> list[SearchParameter]:
        return [each for each in self.parameters[type_] if each.type == "reference"]

    def _leads(self, parameter: SearchParameter, type_: str) -> bool:
        return not parameter.target or type_ in parameter.target

    # ---- criteria ------------------------------------------------------------------------------------------

    def criterion(self, type_: str, depth: int = 0) -> Pair:
        """One criterion of resources of a type: plain, or one that speaks of other resources."""
        kind = self.random.random()
        if depth < 3 and kind < 0.14:
            return self._chain(type_, depth) or self.criterion(type_, depth)
        if depth < 3 and kind < 0.24:
            return self._has(type_, depth) or self.criterion(type_, depth)
        if depth == 0 and kind < 0.3:
            return "_filter", self.filter(type_)
        if kind < 0.34:
            return self.one("_text", "_content", "_content"), self.words(type_)
        if depth == 0 and kind < 0.36:
            return "_list", self.one(*self.by_type["List"])["id"]
        return self._plain(type_, self.one(*self.parameters[type_]))

    def _chain(self, type_: str, depth: int) -> Pair | None:
        link = self._link(type_)
        if link is None:
            return None
        code, target = link
        name, text = self.criterion(target, depth + 1)
        if name == "_list":
            return None
        typed = self.chance(0.6) or name.startswith("_has")
        return f"{code}{f':{target}' if typed else ''}.{name}", text

    def _link(self, type_: str) -> tuple[str, str] | None:
        """A reference of a type, and a type that it leads to."""
        references = self._references(type_)
        if not references:
            return None
        parameter = self.one(*references)
        targets = [each for each in self.types if each in parameter.target or not parameter.target]
        found = {
            near[0]
            for resource in self.by_type[type_]
            for node in self.search.elements(resource, parameter)
            if (near := match.target(node, self.base)) and near[0] in targets
        }
        return (parameter.code, self.one(*sorted(found))) if found else None

    def _has(self, type_: str, depth: int) -> Pair | None:
        ways = [
            (source, parameter)
            for source in self.types
            for parameter in self._references(source)
            if any(
                near and near[0] == type_
                for resource in self.by_type[source][:20]
                for node in self.search.elements(resource, parameter)
                for near in [match.target(node, self.base)]
            )
        ]
        if not ways:
            return None
        source, parameter = self.one(*ways)
        name, text = self.criterion(source, depth + 1)
        return (f"_has:{source}:{parameter.code}:{name}", text) if name != "_list" else None

    def _plain(self, type_: str, parameter: SearchParameter) -> Pair:
        if (
            parameter.type not in _UNSORTED
            and parameter.code not in ("_id", "_lastUpdated")
            and self.chance(0.07)
        ):
            return f"{parameter.code}:missing", self.one("true", "false")
        modifier = self._modifier(parameter)
        nodes = [
            (resource, node)
            for resource in self.by_type[type_]
            for node in self.search.elements(resource, parameter)
        ]
        texts = [self.value(type_, parameter, modifier, nodes) for _ in range(self.one(1, 1, 1, 2, 3))]
        found = [text for text in texts if text] or None
        if found is None:
            return self._plain(type_, self.one(*self.parameters[type_]))
        if modifier == "type":
            near = [local[0] for _, node in nodes if (local := match.target(node, self.base))]
            modifier = self.one(*near) if near else ""
        if modifier in ("in", "not-in"):
            found = found[:1]
        return f"{parameter.code}{':' if modifier else ''}{modifier}", ",".join(found)

    def _modifier(self, parameter: SearchParameter) -> str:
        match parameter.type:
            case "string" if parameter.code not in _SPECIAL:
                return str(self.one("", "", "exact", "contains"))
            case "token" if parameter.code == "_id":
                return str(self.one("", "", "not"))
            case "token":
                of_set = ("in", "not-in") if parameter.code in _VALUE_SETS else ()
                levels = (
                    ("above", "below")
                    if parameter.code in ("clinical-status", "class", "interpretation")
                    else ()
                )
                return str(self.one("", "", "", "", "not", "text", "of-type", *of_set, *levels))
            case "reference":
                parts = (
                    ("below", "above")
                    if parameter.code in ("location", "partof", "organization", "part-of")
                    else ()
                )
                return str(self.one("", "", "", "", "identifier", "type", *parts))
            case "uri":
                return str(self.one("", "above", "below"))
        return ""

    # ---- _filter -------------------------------------------------------------------------------------------

    def filter(self, type_: str, depth: int = 0) -> str:
        """Tests, and their combinations; a chain stands at the top, joined by `and`."""
        kind = self.random.random()
        if depth == 0 and kind < 0.2:
            link = self._link(type_)
            test = self._test(link[1]) if link else None
            chained = f"{link[0]}.{test}" if link and test else self.filter(type_, 1)
            return chained if self.chance(0.5) else f"({self.filter(type_, 1)}) and {chained}"
        if depth < 3 and kind < 0.35:
            return f"{self.filter(type_, depth + 1)} {self.one('and', 'or')} {self.filter(type_, depth + 1)}"
        if depth < 3 and kind < 0.5:
            return f"({self.filter(type_, depth + 1)})"
        if depth < 3 and kind < 0.6:
            return f"not ({self.filter(type_, depth + 1)})"
        return self._test(type_) or self.filter(type_, depth)

    def _test(self, type_: str) -> str | None:
        parameter = self.one(*self.parameters[type_])
        if parameter.type not in _OPERATORS or parameter.code in ("_id", "_lastUpdated"):
            return None
        if self.chance(0.1):
            return f"{parameter.code} pr {self.one('true', 'false')}"
        operator = self.one(*_OPERATORS[parameter.type])
        nodes = [
            (each, node) for each in self.by_type[type_] for node in self.search.elements(each, parameter)
        ]
        modifier = "contains" if operator in ("co", "ew") else ""
        text = self.value(type_, parameter, modifier, nodes)
        if not text:
            return None
        if parameter.type in ("date", "number", "quantity"):
            text = text.lstrip("abcdefghijklmnopqrstuvwxyz")
        text = text.replace("\\,", ",").replace("\\$", "$")
        return f'{parameter.code} {operator} "{text.replace(chr(92), chr(92) * 2)}"'
