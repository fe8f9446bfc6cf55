"""docs/subscriptions-conformance.md: what the Subscriptions R5 Backport asks, and the test that shows it.

`make conformance` writes it.
"""

from collections.abc import Iterator
from pathlib import Path

from tests.subscription.conformance.requirement import Requirement, met, not_applicable, requirements

PAGE = Path(__file__).parents[3] / "docs" / "subscriptions-conformance.md"

_HEAD = """\
# How the Subscriptions R5 Backport is kept

Every requirement (SHALL, SHALL NOT, SHOULD) that the
[Subscriptions R5 Backport 1.1](https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/) lays on a server of
FHIR R4, as Inferno's test kit lists them, with the test that shows that it is met, or the reason why it
does not apply. Inferno's numbers are kept. This page is written by `make conformance`; a test fails when a
requirement has neither, or when a test is gone.

"""


def page() -> str:
    """The page."""
    every, shown, reasons = requirements(), met(), not_applicable()
    figures = [
        "| | |",
        "|---|---:|",
        f"| requirements of a server | {len(every)} |",
        f"| met, and shown by a test | {sum(each.number in shown for each in every)} |",
        f"| not applicable | {sum(each.number in reasons for each in every)} |",
        "",
        "## Met",
        "",
        "| | | requirement | test |",
        "|---:|---|---|---|",
        *(_row(each, "<br>".join(map(_test, shown[each.number]))) for each in every if each.number in shown),
        "",
        "## Not applicable",
        "",
        "| | | requirement | why |",
        "|---:|---|---|---|",
        *(_row(each, " ".join(reasons[each.number])) for each in every if each.number in reasons),
    ]
    return _HEAD + "\n".join(figures) + "\n"


def _row(each: Requirement, last: str) -> str:
    text = each.text.replace("|", "\\|")
    return f"| [{each.number}]({each.url}) | {each.word} | {text} | {last} |"


def _test(name: str) -> str:
    file, _, function = name.partition("::")
    return f"[{function}](../{file})"


def faults() -> Iterator[str]:
    """Requirements with neither a test nor a reason, or with both."""
    shown, reasons = met(), not_applicable()
    numbers = {each.number for each in requirements()}
    for number in sorted(numbers):
        if (number in shown) == (number in reasons):
            yield f"{number} has {'both' if number in shown else 'neither'}"
    yield from (f"{number} is none" for number in sorted((shown.keys() | reasons.keys()) - numbers))


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
