"""`childrecord settings`: every setting, its value, its default and its meaning."""

import click

from server.cli.say import step
from server.settings import describe
from server.settings import settings as current


@click.command()
def settings() -> None:
    """List every setting with its value; passwords are masked."""
    for each in describe(current()):
        default = "" if each.value == each.default else f"   (default: {each.default or 'none'})"
        step(f"{each.name}={each.value}{default}")
        step(f"    {each.meaning}")
