import pytest

from server.fhir import Json
from server.fhir.json import decode, encode
from server.validation.validate import validate
from tests.published import BROKEN


def test_every_example_of_the_specification_is_valid(example: Json, request: pytest.FixtureRequest) -> None:
    name = request.node.callspec.id
    broken = [BROKEN[name]] if name in BROKEN else []
    assert [issue.expression[0] for issue in validate(example)] == broken


def test_every_example_is_written_as_it_was_read(example: Json) -> None:
    assert decode(encode(example)) == example
    assert list(decode(encode(example))) == list(example)
