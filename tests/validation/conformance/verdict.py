"""What our validator says of a case, and whether that is what is expected.

Two validators do not name an element alike. Here it is the same one if the paths agree but for

- how a choice, a resource inside or an extension is written: `value.ofType(Quantity)`,
  `resource/*Patient/1*/`, `extension[0][url='…']`;
- one step: what is missing or there too often is named by its parent or by itself, and so is a value;
- an index that only one of the two has, and the indexes of Bundle.entry and of what a reference of a document
  stands in, which the reference validator counts now from 0 and now from 1.
"""

import re
from dataclasses import dataclass

from server.definition.loose import hold
from server.fhir.issue import Issue
from server.validation.context import Context
from server.validation.document import examine
from tests.validation.conformance.case import Case, canonical, filed, library_of

_ASIDE = re.compile(r"/\*.*?\*/|\[url='[^']*'\]|\.ofType\(\w+\)|\.resolve\(\)")
_STEP = re.compile(r"([^.\[\]]+)(?:\[(\d+)\])?")
_XPATH = re.compile(r"/f:(\w+)(?:\[(\d+)\])?")


@dataclass(frozen=True)
class Verdict:
    """`named`: whether one of the errors is at an element that the reference validator names too."""

    case: Case
    errors: tuple[Issue, ...]

    @property
    def valid(self) -> bool:
        return not self.errors

    @property
    def right(self) -> bool:
        return self.valid == self.case.valid

    @property
    def named(self) -> bool:
        ours = [path for issue in self.errors for path in issue.expression]
        return any(same(one, other) for one in ours for other in self.case.named)


def verdict(case: Case, *, plainly: bool = False) -> Verdict:
    """Our validator's, in full, with the definitions of the case.

    `plainly`: as `$validate` and `childrecord validate` answer without being told more.
    """
    asked = Context(full=True) if plainly else context(case)
    hold(library_of(case))
    try:
        profiles = [canonical(case.profile)] if case.profile else []
        found = examine(case.file.read_bytes(), lambda _: (profiles, asked))
    finally:
        hold(None)
    errors = (each.issue for each in found if each.issue.severity in ("error", "fatal"))
    return Verdict(case, tuple(errors))


def context(case: Case) -> Context:
    """As the suite asks: what there is has a file; and what may pass, the case says."""
    return Context(resolve=filed, full=True, closed=case.closed, html=case.html, examples=case.examples)


def same(one: str, other: str) -> bool:
    """Whether two paths name one element, as far as two validators can."""
    ours, theirs = steps(one), steps(other)
    if abs(len(ours) - len(theirs)) > 1:
        return False
    return all(_same_step(*pair) for pair in zip(ours, theirs, strict=False))


def steps(path: str) -> list[tuple[str, str | None]]:
    if path.startswith("/"):
        return [(found[1], found[2]) for found in _XPATH.finditer(path)]
    plain = _ASIDE.sub("", path).rstrip(".").replace("[x]", "")
    return [(_unchosen(found[1]), found[2]) for found in _STEP.finditer(plain)]


def _unchosen(name: str) -> str:
    """`valueQuantity`, as XML has it, as `value`."""
    return re.sub(r"^(value|effective|onset|deceased|medication)[A-Z]\w*$", r"\1", name)


def _same_step(one: tuple[str, str | None], other: tuple[str, str | None]) -> bool:
    return one[0] == other[0] and (
        one[1] == other[1] or None in (one[1], other[1]) or one[0] in ("entry", "section", "author")
    )
