"""How a resource reads to people: codes by their lists, dates as they are known, references by names."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any

from server.child.chronology.rule import OURS, Rule, rules
from server.definition.codes import concepts
from server.definition.library import library
from server.fhir import Json
from server.fhir.period import HOME, interval

Names = Mapping[str, str]
"""By reference, as far as the reader may know them."""

WHOSE = (
    "managingOrganization", "serviceProvider", "performer", "author", "custodian", "organization",
    "requester", "asserter", "recorder", "source", "sender",
)  # fmt: skip
"""Elements that say whose it is."""

_MONTH, _YEAR = len("YYYY-MM"), len("YYYY")
_LONG = 2000
"""Characters of one detail: what is longer is for the resource itself to show."""


def day(at: datetime) -> str:
    """A day at home, as it is written in England."""
    return written(at.astimezone(HOME).date())


def written(on: date) -> str:
    """A day in full."""
    return f"{on.day} {on:%B %Y}"


def moment(at: datetime) -> str:
    """A day and a time at home."""
    return f"{day(at)}, {at.astimezone(HOME):%H:%M}"


def when(text: str) -> str:
    """A FHIR date as precisely as it is known, and no more."""
    if len(text) == _YEAR:
        return text
    low = interval(text)[0]
    if len(text) == _MONTH:
        return f"{low.astimezone(HOME):%B %Y}"
    return moment(low) if "T" in text else day(low)


def term(system: str, code: str) -> str | None:
    """How a code reads in its list."""
    return _displays(system).get(code)


@cache
def _displays(system: str) -> Mapping[str, str]:
    found = library().resource("CodeSystem", system)
    return {each["code"]: each["display"] for each in concepts(found) if "display" in each} if found else {}


def concept(value: Any) -> str:
    """A CodeableConcept or a Coding: its own words, else those of a list."""
    if not isinstance(value, dict):
        return ""
    codings = [each for each in value.get("coding", [value]) if isinstance(each, dict)]
    listed = (term(str(each.get("system")), str(each.get("code"))) for each in codings)
    told = (str(each["display"]) for each in codings if "display" in each)
    bare = (str(each["code"]) for each in codings if "code" in each)
    return str(value.get("text") or next(filter(None, (*listed, *told, *bare)), ""))


def name_of(resource: Json) -> str:
    """A person's or an organization's name."""
    given: Any = resource.get("name")
    if isinstance(given, str):
        return given
    first = given[0] if isinstance(given, list) and given and isinstance(given[0], dict) else {}
    parts = (*first.get("prefix", ()), *first.get("given", ()), first.get("family", ""))
    return str(first.get("text") or " ".join(filter(None, map(str, parts))))


def reference(value: Json, names: Names) -> str:
    """Whom or what a Reference means, as far as it may be known."""
    text = str(value.get("reference", ""))
    return names.get(text) or str(value.get("display") or (value.get("identifier") or {}).get("value") or "")


def value(given: Any, names: Names) -> str:
    """Any value in words; nothing where there are none for it."""
    match given:
        case bool():
            return "yes" if given else "no"
        case str():
            return given
        case list():
            return "; ".join(filter(None, (value(each, names) for each in given)))
        case dict():
            return _element(given, names)
        case None:
            return ""
    return str(given)


def _element(given: Json, names: Names) -> str:
    if "coding" in given or ("system" in given and "code" in given and "value" not in given):
        return concept(given)
    if "reference" in given or ("identifier" in given and "display" not in given):
        return reference(given, names)
    if "start" in given or "end" in given:
        return span(given.get("start"), given.get("end"))
    if "value" in given and ("unit" in given or "code" in given or "comparator" in given):
        return " ".join(str(given[key]) for key in ("comparator", "value", "unit") if key in given)
    if "postalCode" in given or "line" in given:
        parts = (*given.get("line", ()), given.get("city", ""), given.get("postalCode", ""))
        return str(given.get("text") or ", ".join(filter(None, parts)))
    said = (given[key] for key in ("text", "display", "value", "contentString") if key in given)
    return str(next((each for each in said if isinstance(each, str)), ""))


def span(start: Any, end: Any) -> str:
    """From when to when."""
    if start and end:
        return when(str(start)) if start == end else f"{when(str(start))} to {when(str(end))}"
    return f"since {when(str(start))}" if start else f"until {when(str(end))}" if end else ""


def headline(resource: Json, rule: Rule, *, end: bool) -> str:
    """What happened, in a few words."""
    words = rule.end if end else rule.begin
    named: Any = resource.get(rule.named) if rule.named else None
    said = "; ".join(filter(None, map(concept, named if isinstance(named, list) else [named])))
    if words and said:
        return f"{words}: {said}"
    return words or said or _type(resource["resourceType"])


@cache
def _type(name: str) -> str:
    """`EpisodeOfCare` as "Episode of care"."""
    spaced = "".join(f" {each.lower()}" if each.isupper() else each for each in name).strip()
    return spaced.capitalize()


def details(resource: Json, rule: Rule, names: Names, *, end: bool) -> tuple[str, ...]:
    """What else it says, line by line: nothing that it does not show."""
    found = (
        f"{heading}: {said}"[:_LONG] for heading, said in _details(resource, rule, names, end=end) if said
    )
    return tuple(dict.fromkeys(found))


def _details(resource: Json, rule: Rule, names: Names, *, end: bool) -> Iterator[tuple[str, str]]:
    ending = {OURS + name for name in rules().ending}
    for each in _dicts(resource.get("extension")):
        url = str(each.get("url"))
        if (url in ending) is end or not rule.end:
            yield from _extension(url, each, names)
    if end:
        return
    for key in resource:
        for heading, rest in _told().get("value" if _is_value(key) else key, ()):
            yield heading, value(_at(resource[key], rest), names)
    for each in _dicts(resource.get("component")):
        said = next((each[key] for key in each if key.startswith("value")), None)
        yield concept(each.get("code")), value(said, names)
    for each in _dicts(resource.get("participant")):
        said = value(each.get("individual") or each.get("member") or each.get("actor"), names)
        yield value(each.get("type") or each.get("role"), names) or "Taking part", said


def _extension(url: str, given: Json, names: Names) -> Iterator[tuple[str, str]]:
    definition = library().definition(url) if url.startswith(OURS) else None
    if definition is None:
        return
    title = str(definition.get("title", ""))
    inner = _dicts(given.get("extension"))
    said = next((given[key] for key in given if key.startswith("value")), None)
    yield title, value(said, names)
    for each in inner:
        told = value(next((each[key] for key in each if key.startswith("value")), None), names)
        yield f"{title} ({_type(str(each.get('url')))})", _dated(told)


def _dated(text: str) -> str:
    try:
        interval(text)
    except ValueError:
        return text
    return when(text)


def whose(resource: Json) -> Iterator[Json]:
    """The References that say whose it is."""
    for name in WHOSE:
        given = resource.get(name)
        for each in given if isinstance(given, list) else (given,):
            if isinstance(each, dict):
                yield each.get("actor", each) if isinstance(each.get("actor", each), dict) else each


@cache
def _told() -> Mapping[str, list[tuple[str, str]]]:
    """By property, the headings of what it is told under, and what of it."""
    found: dict[str, list[tuple[str, str]]] = {}
    for path, heading in rules().details.items():
        name, _, rest = path.partition(".")
        found.setdefault(name, []).append((heading, rest))
    return found


def _is_value(key: str) -> bool:
    return key.startswith("value") and key[5:6].isupper()


def _at(given: Any, path: str) -> Any:
    if not path:
        return given
    several = given if isinstance(given, list) else [given]
    return [each[path] for each in several if isinstance(each, dict) and path in each]


def _dicts(given: Any) -> list[Json]:
    return [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []
