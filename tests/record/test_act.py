"""What is written down of an act is an AuditEvent that says what was done."""

import ast
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

import server
from server.record.auditevent import vocabulary

ROOT = Path(server.__file__).parent

WRITERS = {"record_act": 2, "act": 2, "entry": 2, "tell": 1, "told": 0, "_do": 0, "_count": 0}
"""What writes a line of the audit, and which of its arguments says of what."""

LAYERS = ("oauth", "cli", "record", "child", "operation")


def written() -> Iterator[tuple[str, str]]:
    """(file, act) of each act that the code names."""
    for file in sorted(chain.from_iterable((ROOT / each).rglob("*.py") for each in LAYERS)):
        tree = ast.parse(file.read_text())
        constants = dict(constants_of(tree))
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            at = WRITERS.get(name_of(call.func))
            if at is not None and at < len(call.args):
                for text in texts(call.args[at], constants):
                    yield file.relative_to(ROOT).as_posix(), text


def constants_of(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text))):
                yield name, text


def name_of(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def texts(said: ast.expr, constants: dict[str, str]) -> Iterator[str]:
    match said:
        case ast.Constant(value=str(text)):
            yield text
        case ast.Name(id=name) if name in constants:
            yield constants[name]
        case ast.IfExp(body=one, orelse=other):
            yield from chain(texts(one, constants), texts(other, constants))
        case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
            # Of `client-{…}` what stands before the hyphen says what it is.
            yield text


ACTS = sorted(set(written()))


def test_the_code_is_read_as_it_writes_acts():
    acts = {act for _, act in ACTS}
    known = {"sign-in", "token", "token-refused", "launch", "break-glass", "expunge", "client-uninvite"}
    assert known <= acts


@pytest.mark.parametrize(("file", "act"), ACTS, ids=lambda text: text)
def test_every_act_that_is_written_down_has_words_of_its_own(file, act):
    assert vocabulary.act(act) is not vocabulary.OTHER
