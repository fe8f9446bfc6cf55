"""`childrecord`: the command line. Each command is loaded when it is called."""

import sys
from importlib import import_module

import click

from server import __version__
from server.cli.say import fault
from server.settings import CannotStart

# Name → where it is and what it does: listing them imports none.
_COMMANDS = {
    "run": ("run", "Start everything, with a demonstration authority: the first thing to try."),
    "serve": ("serve", "Serve the record."),
    "teller": ("teller", "Tell subscribers, beside servers of other machines."),
    "database": ("database", "Bring the schema up to date, or see how it stands."),
    "client": ("client", "Add, list, rotate, suspend and remove the systems and apps that may ask."),
    "agency": ("agency", "List the agencies, suspend one, end its access."),
    "user": ("user", "Add, list, change, reset and suspend the accounts of people."),
    "key": ("key", "Change the keys that sign tokens."),
    "identity": ("identity", "Find the records that are of one child, in whole populations."),
    "import": ("import_", "Read the files that agencies have."),
    "validate": ("validate", "Say what is wrong in files of resources."),
    "profiles": ("profiles", "Check definitions, and make their snapshots."),
    "rules": ("rules", "List the statutory rules, and what breaks them now."),
    "attendance": ("attendance", "Count the totals of attendance again."),
    "subscription": ("subscription", "List who is told of what, what could not be told, and tell it again."),
    "alert": ("alert", "List the alerts; try one on the past year."),
    "audit": ("audit", "Verify the account of who did what."),
    "retention": ("retention", "Say what is due to go, and take it out for good."),
    "hold": ("hold", "Place, lift and list legal holds."),
    "settings": ("settings", "List every setting with its value."),
    "dictionary": ("dictionary", "Make what bodies are compressed with."),
    "definitions": ("definitions", "Make the library of definitions out of a FHIR package."),
    "terminology": ("terminology", "Load code systems; make our own out of lists."),
}


class _Lazy(click.Group):
    def list_commands(self, context: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        module, _ = _COMMANDS[name]
        command: click.Command = getattr(
            import_module(f"server.cli.{module}"), name.replace("import", "import_")
        )
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, told) for name, (_, told) in _COMMANDS.items()])


@click.command(cls=_Lazy)
@click.version_option(__version__, prog_name="childrecord")
def cli() -> None:
    """One record of each child, which every agency of an authority reads and writes."""


def main() -> None:
    """The entry point: what was foreseen is told in a sentence, without a traceback."""
    try:
        cli(prog_name="childrecord")
    except CannotStart as error:
        fault(str(error))
        sys.exit(1)


if __name__ == "__main__":
    main()
