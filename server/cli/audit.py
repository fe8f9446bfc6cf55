"""`childrecord audit`: whether the account of who did what is what it was."""

import sys
from datetime import timedelta
from pathlib import Path

import click

from server import clock
from server.cli.connect import connected
from server.cli.say import fault, step
from server.interaction.opening import audit_key
from server.record.sealing.key import PublicKey
from server.record.sealing.seal import seal
from server.record.sealing.verify import Report, verify
from server.settings import settings
from server.store.seals import unhurried

_MOST_TOLD = 100
_AT_ONCE = timedelta()


class _PublicKey(click.ParamType[PublicKey]):
    name = "hex"

    def convert(
        self, value: str | PublicKey, param: click.Parameter | None, ctx: click.Context | None
    ) -> PublicKey:
        if isinstance(value, PublicKey):
            return value
        try:
            raw = bytes.fromhex(value)
        except ValueError:
            raw = b""
        return PublicKey(raw) if len(raw) == 32 else self.fail("It must be 64 hexadecimal digits.")


@click.group()
def audit() -> None:
    """The audit: who did what to whose record."""


@audit.command("verify")
@click.option(
    "--anchors",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of anchors; again for those of other machines and of earlier times. Else the setting's.",
)
@click.option(
    "--key", "keys", multiple=True, type=_PublicKey(), help="A public key beside this machine's own."
)
def verify_(files: tuple[Path, ...], keys: tuple[PublicKey, ...]) -> None:
    """Find every row that was altered, removed, added or cut off; exit with 1 if there is one."""
    found = settings()
    own = audit_key(found).public
    given = files or tuple(file for file in (found.anchors,) if file.exists())
    with connected() as database, database.engine.connect() as connection:
        unhurried(connection)
        report = verify(connection, (own, *keys), given)
    _tell(report, len(given))
    sys.exit(1 if report.faults else 0)


def _tell(report: Report, files: int) -> None:
    for told in report.faults[:_MOST_TOLD]:
        fault(told)
    if len(report.faults) > _MOST_TOLD:
        fault(f"… and {len(report.faults) - _MOST_TOLD:,} further faults.")
    step(
        f"{report.rows:,} rows in {report.seals:,} seals, held against {report.anchors:,} anchors "
        f"in {files} file{'' if files == 1 else 's'}: {len(report.faults):,} faults."
    )
    if not files:
        fault("No file of anchors was read: whether the end of the audit was cut off cannot be told.")
    if report.unanchored:
        step(f"{report.unanchored:,} seals are newer than the newest anchor of their lane in these files.")
    if report.unsealed:
        step(f"{len(report.unsealed):,} rows are not sealed yet; a server that runs seals them in a second.")


@audit.command()
def key() -> None:
    """Show the public key with which others verify what this machine seals."""
    step(audit_key(settings()).public.raw.hex())


@audit.command("seal")
def seal_() -> None:
    """Seal what is not sealed yet, where no server runs that does."""
    found = settings()
    rows = 0
    began = clock.monotonic()
    with connected() as database:
        while made := seal(database, audit_key(found), found.anchors, rest=_AT_ONCE):
            rows += sum(each.rows for each in made)
    step(f"{rows:,} rows sealed in {clock.monotonic() - began:.1f} s.")
