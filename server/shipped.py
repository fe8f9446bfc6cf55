"""What ships beside the code: definitions, terminology and migrations."""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def shipped(name: str) -> Path:
    """The folder `profiles`, `terminology` or `migrations`: in the wheel, or at the root of a checkout."""
    inside = _PACKAGE / "share" / name
    return inside if inside.is_dir() else _PACKAGE.parent / name
