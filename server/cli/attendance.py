"""`childrecord attendance`: the totals, counted again from the marks."""

import sys

import click

from server.cli.connect import connected
from server.cli.say import step
from server.interaction.opening import door
from server.record import totals
from server.settings import settings

_AT_ONCE = 200


@click.group()
def attendance() -> None:
    """The totals of attendance."""


@attendance.command()
@click.option("--check", is_flag=True, help="Say what differs, and change nothing.")
def recount(check: bool) -> None:
    """Count the marks of every child again, and put right what differs.

    Nothing ever has to be put right: this is how that is known. The marks of a child are held while they are
    counted, some hundreds of children at a time. Exits with 1 if a total differs.
    """
    counted = wrong = 0
    with connected() as database:
        opened = door(settings(), database)
        after = 0
        while some := totals.next_children(opened, after, _AT_ONCE):
            after = some[-1]
            found = totals.checked(opened, some) if check else totals.put_right(opened, some)
            counted += len(some)
            wrong += len(found)
            for line in found:
                year, month = divmod(line.month, 12)
                step(f"Child {line.child}, {line.school}, {year}-{month + 1:02d}: the total differs.")
        if not check:
            totals.all_counted(opened)
    said = "" if check or not wrong else ", and were put right"
    step(f"{counted} children counted; {wrong} lines differ{said}.")
    sys.exit(1 if wrong else 0)
