"""The shape of the house, held by reading the imports."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import server

ROOT = Path(server.__file__).parent
LAYERS = {
    "fhir": 0,
    "definition": 1,
    "store": 2,
    "terminology": 3,
    "search": 4,
    "validation": 4,
    "access": 5,
    "record": 6,
    "child": 7,
    "subscription": 7.5,
    "interaction": 8,
    "operation": 8,
    "http": 9,
    "oauth": 9,
    "web": 9,
    "cli": 9,
    "job": 9,
}
SIBLINGS = {("search", "validation"), ("validation", "search")}
BORDERS = {
    "flask": {"http", "oauth", "web"},
    "werkzeug": {"http", "oauth", "web"},
    "sqlalchemy": {"store", "search"},
    "psycopg2": {"store"},
    "authlib": {"oauth"},
    "marshmallow": {"settings", "access", "oauth", "cli"},
    "argon2": {"oauth"},
    "pyotp": {"oauth"},
    "requests": {"oauth"},
    "segno": {"oauth"},
    "click": {"cli"},
    "granian": {"cli"},
    "aiohttp": {"subscription"},
    "alembic": {"store"},
    "zstandard": {"store"},
    "splink": {"child"},
    "duckdb": {"child"},
    "pyarrow": {"child"},
    "fpdf": {"child"},
    "fontTools": {"child"},
}
WORLD = {
    "os.environ": {"settings"},
    "os.getenv": {"settings"},
    "datetime.now": {"clock"},
    "datetime.utcnow": {"clock"},
    "datetime.today": {"clock"},
    "date.today": {"clock"},
    "time.time": {"clock"},
    "time.time_ns": {"clock"},
    "time.monotonic": {"clock"},
    "os.urandom": {"clock"},
    "uuid.uuid1": {"clock"},
    "uuid.uuid4": {"clock"},
}
MODULES = sorted(ROOT.rglob("*.py"))


def home(path: Path) -> str:
    """The package (or module) of `server` that a file belongs to."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{each.name}" for each in node.names)


def names(tree: ast.AST) -> Iterator[str]:
    yield from imports(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_borders_of_the_house_are_kept(path: Path) -> None:
    here = home(path)
    tree = ast.parse(path.read_text())
    for name in imports(tree):
        top, _, rest = name.partition(".")
        assert here in BORDERS.get(top, {here}), f"{here} may not import {top}"
        there = rest.partition(".")[0]
        if top == "server" and here in LAYERS and there in LAYERS:
            assert LAYERS[there] <= LAYERS[here], f"{here} may not import {there}, which is above it"
            assert (here, there) not in SIBLINGS, f"{here} and {there} do not import each other"
    for name in names(tree):
        assert here in WORLD.get(name, {here}), f"{here} may not use {name}"
