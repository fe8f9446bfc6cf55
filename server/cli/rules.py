"""`childrecord rules`: what the statutory rules are, and which of them the record's children break now."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from server.child import rulebook
from server.child.standing import broken
from server.child.statute import title
from server.cli.connect import connected
from server.cli.record_door import RecordDoor
from server.cli.say import console, step
from server.fhir import Json, json
from server.fhir.issue import Issue
from server.fhir.outcome import outcome
from server.interaction.opening import door
from server.settings import settings

_STYLES = {"error": "red", "warning": "yellow"}


@click.group()
def rules() -> None:
    """The rules of the statutory returns and the law."""


@rules.command("list")
def list_() -> None:
    """List every rule with its source."""
    table = Table("Profile", "Rule", "Severity", "Holds", "Source")
    for each in rulebook.entries():
        source = f"{title(each.source)}, {each.source.rule}"
        table.add_row(each.profile.rpartition("/")[2], each.key, each.severity, each.human, source)
    console.print(table)


@rules.command()
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path), default="docs/statutory-rules.md")
def document(target: Path) -> None:
    """Write the rules into a page of documentation."""
    target.write_text(rulebook.page(), encoding="utf-8")
    step(f"{len(rulebook.entries())} rules written to {target}.")


@rules.command()
@click.option("--as", "agency", required=True, metavar="AGENCY", help="The agency whose sight it is.")
@click.option("--child", "children", multiple=True, metavar="ID", help="Only this child, by its id.")
@click.option("--errors", is_flag=True, help="Leave out warnings.")
@click.option("--json", "as_json", is_flag=True, help="One OperationOutcome for each resource, on a line.")
def check(agency: str, children: tuple[str, ...], errors: bool, as_json: bool) -> None:
    """Say which rules are broken now by what an agency may see: also by nothing but time.

    Exits with 1 if any is broken.
    """
    found: Counter[str] = Counter()
    with connected() as database:
        record = RecordDoor(door(settings(), database), agency)
        for child in children or record.children():
            for resource, issues in broken(record.everything(child)):
                told = [each for each in issues if each.severity == "error" or not errors]
                found.update(each.severity for each in told)
                if told:
                    (_write if as_json else _show)(resource, told)
    if not as_json:
        step(f"{found['error']} errors and {found['warning']} warnings.")
    sys.exit(1 if found else 0)


def _write(resource: Json, issues: Sequence[Issue]) -> None:
    click.echo(json.encode({"resource": _name(resource), "outcome": outcome(issues)}))


def _show(resource: Json, issues: Sequence[Issue]) -> None:
    console.print(Text(_name(resource), "bold"))
    for each in issues:
        console.print(Text(f"  {each.severity}: ", _STYLES.get(each.severity, "")), end="")
        step(each.diagnostics)


def _name(resource: Json) -> str:
    return f"{resource['resourceType']}/{resource['id']}"
