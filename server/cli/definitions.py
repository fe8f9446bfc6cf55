"""`childrecord definitions` and `childrecord terminology`: make what ships out of what was published."""

from pathlib import Path

import click

from server.cli.say import step
from server.definition import folder
from server.definition.archive import NAME

_existing = click.Path(exists=True, path_type=Path)
_folder = click.Path(exists=True, file_okay=False, path_type=Path)


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


@click.group()
def terminology() -> None:
    """Our code systems and value sets."""


@terminology.command("build")
@click.option("--from", "source", type=_folder, help="Another folder of tables than our own.")
@click.option("--into", type=_folder, help="Another folder than our own.")
def build_terminology(source: Path | None, into: Path | None) -> None:
    """Make them out of the tables in terminology/source."""
    from server.terminology.build import build

    target = into or folder.terminology()
    count = build(source or folder.terminology() / "source", target)
    step(f"{count} files written to {target}.")
