"""Tokens asked for by meaning: the codes of a value set, those above or below a code.

https://hl7.org/fhir/R4/search.html#token

What is meant is listed first, by the terminology that the server has, and then looked for code by code.
"""

from collections.abc import Callable, Collection, Iterator, Mapping

from server.fhir.issue import Invalid, TooCostly
from server.search.element import primitive, systems
from server.search.escape import split, unescape
from server.search.hash import form
from server.search.types import Condition, Context
from server.terminology import hierarchy
from server.terminology.codes import codes as value_set_codes

MODIFIERS = frozenset({"in", "not-in", "above", "below"})

MOST = 5_000
"""Codes that one criterion may stand for."""

_HIERARCHIES: Mapping[str, Callable[[str, str], Collection[str] | None]] = {
    "above": hierarchy.above,
    "below": hierarchy.below,
}


def check(type_: str, condition: Condition) -> None:
    """Raises Invalid for a value set or a code that is not known, TooCostly for what stands for too many."""
    _coded(type_, condition)


def forms(condition: Condition, context: Context) -> list[str]:
    """Every code that is meant, in the form in which it is hashed."""
    found = _coded(context.type, condition)
    if not primitive(context.type, condition.parameter):
        return [form(system, code) for system, code in found]
    # A primitive code does not name its system.
    own = systems(context.type, condition.parameter)
    return list(dict.fromkeys(form(None, code) for system, code in found if system in own or not own))


def codes(condition: Condition, context: Context) -> list[str]:
    """The same codes without their systems, each once."""
    return list(dict.fromkeys(code for _, code in _coded(context.type, condition)))


def _coded(type_: str, condition: Condition) -> list[tuple[str, str]]:
    of = _in_value_set if condition.modifier in ("in", "not-in") else _in_hierarchy
    found = [coded for text in condition.values for coded in of(type_, condition, text)]
    if len(found) > MOST:
        raise TooCostly(
            f"'{condition.parameter.code}:{condition.modifier}' stands for {len(found)} codes here, and "
            f"{MOST} is the most that are looked for at once: name a smaller set, or a code further down."
        )
    return found


def _in_value_set(type_: str, condition: Condition, text: str) -> Iterator[tuple[str, str]]:
    url = unescape(text)
    listed = value_set_codes(url)
    if listed is None:
        raise Invalid(
            f"'{condition.parameter.code}:{condition.modifier}={text}' names no value set whose codes this "
            "server can list."
        )
    yield from listed


def _in_hierarchy(type_: str, condition: Condition, text: str) -> Iterator[tuple[str, str]]:
    before, *rest = map(unescape, split(text, "|", 1))
    code = rest[0] if rest else before
    named = [before] if rest else list(systems(type_, condition.parameter))
    reached = _HIERARCHIES[condition.modifier or ""]
    known = [(system, found) for system in named if (found := reached(system, code)) is not None]
    if not known:
        raise Invalid(
            f"'{condition.parameter.code}:{condition.modifier}={text}' names no code of a system whose "
            "hierarchy this server knows: it is written system|code."
        )
    yield from ((system, each) for system, found in known for each in sorted(found))
