"""`childrecord definitions`: make what ships out of what was published."""

from pathlib import Path

import click

from server.cli.say import step
from server.definition import folder
from server.definition.archive import NAME

_existing = click.Path(exists=True, path_type=Path)


@click.group()
def definitions() -> None:
    """FHIR's own definitions."""


@definitions.command("build")
@click.argument("package", type=_existing)
@click.option("--into", type=click.Path(dir_okay=False, path_type=Path), help="Another archive than our own.")
def build_definitions(package: Path, into: Path | None) -> None:
    """Reduce HL7's PACKAGE (the tarball hl7.fhir.r4.core, or its folder) to what the program reads."""
    from server.definition.build import build

    target = into or folder.profiles() / NAME
    step(f"{build(package, target)} definitions written to {target}.")
