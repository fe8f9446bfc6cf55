"""How the command line speaks."""

import sys
from typing import TextIO

from rich.console import Console

_WIDE = 200
"""Columns where nobody looks: a table that goes into a file or a pipe is not cut to a screen's width."""


def _console(stream: TextIO) -> Console:
    width = None if stream.isatty() else _WIDE
    return Console(stderr=stream is sys.stderr, highlight=False, width=width)


console, errors = _console(sys.stdout), _console(sys.stderr)


def step(told: str) -> None:
    """Something that was done."""
    console.print(told, markup=False, soft_wrap=True)


def fault(told: str) -> None:
    """Something that cannot be done, and why."""
    errors.print(told, style="red", markup=False, soft_wrap=True)
