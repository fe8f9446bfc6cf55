"""Where the data that the program is made of lives: in a wheel beside the code, in a checkout at its root."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def root() -> Path:
    """The folder that holds `profiles/`, `terminology/` and `migrations/`."""
    share = _PACKAGE / "share"
    return share if share.is_dir() else _PACKAGE.parent


def profiles() -> Path:
    """What the record may hold, as FHIR definitions; HL7's archive of R4 too."""
    return root() / "profiles"


def terminology() -> Path:
    """Code systems, value sets, concept maps and naming systems."""
    return root() / "terminology"


def migrations() -> Path:
    """The revisions of the schema."""
    return root() / "migrations"
