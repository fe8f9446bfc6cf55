"""How the command line speaks."""

from rich.console import Console

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def step(told: str) -> None:
    """Something that was done."""
    console.print(told, markup=False, soft_wrap=True)


def fault(told: str) -> None:
    """Something that cannot be done, and why."""
    errors.print(told, style="red", markup=False, soft_wrap=True)
