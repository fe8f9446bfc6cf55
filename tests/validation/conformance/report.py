"""docs/validator-conformance.md: how often we agree with FHIR's own validator, and why not where we do not.

`make conformance` writes it anew. Why we differ on a case stands in difference.json, by its id.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tests.validation.conformance.case import cases
from tests.validation.conformance.verdict import Verdict, verdict

PAGE = Path(__file__).parents[3] / "docs" / "validator-conformance.md"
DIFFERENCES = Path(__file__).with_name("difference.json")

_HEAD = """\
# How far we agree with FHIR's own validator

Its test cases (`tests/data/ORIGIN.md`) that are for R4 and need no package and no terminology server,
each with the verdict of the reference validator. A case is one question, or two: is the resource valid,
and is it when a certain profile is asked for. Ours is that of the validator behind `$validate` and
`childrecord validate`: in full, with the definitions of the case beside those that ship, and told what the
runner of the case is told: that references lead to its files, and whether unknown extensions, text like
HTML and URLs of examples pass (`--strict`; FHIR lets all three pass, and so do we unless told). What is
answered without being told any of that is in the row "plainly". When two paths count as one element is told
in `tests/validation/conformance/verdict.py`. This page is written by `make conformance`.

"""


def differences() -> dict[str, str]:
    """Why we differ, by the id of a case."""
    found: dict[str, str] = json.loads(DIFFERENCES.read_text("utf-8"))
    return found


def page(verdicts: Sequence[Verdict]) -> str:
    return _HEAD + "\n".join([*_figures(verdicts), "", *_differing(verdicts)]) + "\n"


def _figures(verdicts: Sequence[Verdict]) -> Iterator[str]:
    invalid = [each for each in verdicts if not each.case.valid]
    names = {each.case.name for each in verdicts}
    wrong = {each.case.name for each in verdicts if not each.right}
    yield "| | right | of | |"
    yield "|---|---:|---:|---:|"
    yield _row("cases with every verdict right", len(names - wrong), len(names))
    yield _row("verdicts", sum(each.right for each in verdicts), len(verdicts))
    plain = [verdict(each.case, plainly=True) for each in verdicts]
    yield _row("verdicts, asked plainly", sum(each.right for each in plain), len(plain))
    yield _row(
        "of what is valid",
        sum(each.right and each.case.valid for each in verdicts),
        len(verdicts) - len(invalid),
    )
    yield _row("of what is not valid", sum(each.right for each in invalid), len(invalid))
    yield _row(
        "the same element named in what is not valid",
        sum(each.right and each.named for each in invalid),
        len(invalid),
    )
    for module in sorted({each.case.module for each in verdicts}):
        of_module = [each for each in verdicts if each.case.module == module]
        yield _row(
            f"verdicts of the module `{module}`", sum(each.right for each in of_module), len(of_module)
        )


def _row(what: str, right: int, of: int) -> str:
    return f"| {what} | {right} | {of} | {100 * right / of:.1f} % |"


def _differing(verdicts: Sequence[Verdict]) -> Iterator[str]:
    yield from _table("## Another verdict", [each for each in verdicts if not each.right])
    yield ""
    unnamed = [each for each in verdicts if each.right and not each.case.valid and not each.named]
    yield from _table("## The same verdict, for another element", unnamed)


def _table(title: str, rows: Sequence[Verdict]) -> Iterator[str]:
    yield title
    yield ""
    if not rows:
        yield "None."
        return
    yield "| case | it says | we say | why |"
    yield "|---|---|---|---|"
    reasons = differences()
    for each in rows:
        theirs = _said(each.case.valid, each.case.named)
        ours = _said(each.valid, (path for issue in each.errors for path in issue.expression))
        yield f"| {each.case.id} | {theirs} | {ours} | {reasons.get(each.case.id, '')} |"


def _said(valid: bool, named: Iterable[str]) -> str:
    return "valid" if valid else f"not valid: {_named(named)}"


def _named(paths: Iterable[str]) -> str:
    shown = list(dict.fromkeys(path.replace("|", "\\|") for path in paths))
    return ", ".join(f"`{path}`" for path in shown[:3]) + (", …" if len(shown) > 3 else "")


def main() -> None:
    PAGE.write_text(page([verdict(case) for case in cases()]), "utf-8")


if __name__ == "__main__":
    main()
