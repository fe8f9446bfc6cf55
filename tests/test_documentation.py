"""The documents are true where a machine can tell: what they name exists, and what exists is named."""

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import click
import pytest

import server
from server.cli.main import cli
from server.operation.registry import operations
from server.settings import Settings, variable
from server.store import tables

ROOT = Path(server.__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
DOCUMENTS = [*PAGES, *(ROOT / name for name in ("README.md", "CHANGELOG.md"))]

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_NAMED = re.compile(r"`((?:server|tests|docs|profiles|terminology|migrations|bench)/[\w./-]*)`")
_TEST = re.compile(r"`(test_\w+)`")
_CODE = re.compile(r"```.*?```", re.DOTALL)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def interactions() -> set[str]:
    """The functions of interaction modules that the router sends requests to."""
    tree = ast.parse(text(ROOT / "server/interaction/router.py"))
    modules = {path.stem for path in (ROOT / "server/interaction").glob("*.py")}
    return {
        call.func.attr
        for statement in ast.walk(tree)
        if isinstance(statement, ast.Return) and isinstance(call := statement.value, ast.Call)
        if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name)
        if call.func.value.id in modules
    }


def routes() -> set[str]:
    """The paths that Flask is given."""
    files = [*(ROOT / "server/http").glob("*.py"), *(ROOT / "server/oauth").glob("*.py")]
    files.append(ROOT / "server/interaction/capabilities.py")
    found = {path for file in files for path in re.findall(r'"(/[a-z.][\w./-]*)"', text(file))}
    return {path for path in found if path != "/"}


def commands(group: click.Group, name: str) -> Iterator[str]:
    context = click.Context(group)
    for word in group.list_commands(context):
        command = group.get_command(context, word)
        if isinstance(command, click.Group):
            yield from commands(command, f"{name} {word}")
        else:
            yield f"{name} {word}"


def test_the_router_is_understood_by_these_tests() -> None:
    assert {
        "read",
        "vread",
        "history",
        "create",
        "update",
        "delete",
        "search",
        "batch",
        "transaction",
    } <= interactions()


@pytest.mark.parametrize("name", sorted(interactions() | {"capabilities", "token"}))
def test_every_interaction_has_a_page_that_says_what_it_answers(name: str) -> None:
    page = text(DOCS / "interaction" / f"{name}.md")
    for wanted in ("```bash", "[base]"):
        assert wanted in page
    assert f"({name}.md)" in text(DOCS / "interaction/README.md")


@pytest.mark.parametrize("code", sorted({each.code for each, _ in operations()}))
def test_every_operation_has_a_page_that_says_what_it_answers(code: str) -> None:
    # `$meta-add` is on the page of `$meta`.
    own = (DOCS / "operation" / f"{code}.md").exists()
    name = code if own else code.partition("-")[0]
    page = text(DOCS / "operation" / f"{name}.md")
    for wanted in (f"${code}", "```bash", "[base]", "**Rights.**"):
        assert wanted in page
    assert f"{name}.md)" in text(DOCS / "operation/README.md")


def test_every_route_is_told_of() -> None:
    told = "".join(map(text, PAGES))
    assert {"/auth/token", "/openapi.json", "/healthz"} <= routes()
    assert not {path for path in routes() if path not in told}


@pytest.mark.parametrize("command", sorted(commands(cli, "childrecord")))
def test_every_command_is_told_to_the_operator(command: str) -> None:
    assert command in " ".join(text(DOCS / "operating.md").split())


@pytest.mark.parametrize("name", [variable(each.name) for each in fields(Settings)])
def test_every_setting_is_told_to_the_operator(name: str) -> None:
    assert f"`{name}`" in text(DOCS / "operating.md")


def test_no_document_names_a_setting_that_does_not_exist() -> None:
    known = {variable(each.name) for each in fields(Settings)}
    for path in DOCUMENTS:
        assert set(re.findall(r"CHILDRECORD_[A-Z_]+", text(path))) <= known, path


@pytest.mark.parametrize("name", sorted(tables.metadata.tables))
def test_every_table_has_its_purpose(name: str) -> None:
    assert f"\n| `{name}` |" in text(DOCS / "architecture.md")


@pytest.mark.parametrize(
    "package", sorted(path.parent.name for path in (ROOT / "server").glob("*/__init__.py"))
)
def test_every_package_has_its_layer(package: str) -> None:
    assert f"`{package}`" in text(DOCS / "architecture.md")


def test_the_way_of_a_request_lists_each_file_once() -> None:
    listed = re.findall(r"^\| `([^`]+)` \|", text(DOCS / "request-flow.md"), re.MULTILINE)
    assert not [path for path in listed if not (ROOT / path).is_file()]
    assert len(listed) == len(set(listed))
    assert {f"server/interaction/{name}.py" for name in ("router", "read", "write", "search")} <= set(listed)


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_links_lead_to_files(path: Path) -> None:
    for link in _LINK.findall(_CODE.sub("", text(path))):
        if ":" not in link:
            target = path.parent / link.partition("#")[0]
            assert target.exists(), link


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_files_that_are_named_exist(path: Path) -> None:
    for name in _NAMED.findall(_CODE.sub("", text(path))):
        assert (ROOT / name).exists(), name


def test_tests_that_are_named_exist() -> None:
    written = "".join(text(file) for file in (ROOT / "tests").rglob("test_*.py"))
    for path in DOCUMENTS:
        for name in _TEST.findall(text(path)):
            assert f"def {name}(" in written, (path, name)


@pytest.mark.parametrize("path", sorted((DOCS / "decision").glob("*.md")), ids=named)
def test_a_decision_says_why_and_what_holds_it(path: Path) -> None:
    page = text(path)
    for heading in ("Context", "Decision", "Status", "Consequences"):
        assert f"\n## {heading}\n" in page, heading
    assert "tests/" in page


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = [int(path.name[:4]) for path in sorted((DOCS / "decision").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))
