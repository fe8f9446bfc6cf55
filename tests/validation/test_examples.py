from server.fhir import Json
from server.fhir.json import decode, encode
from server.validation.validate import validate


def test_every_example_of_the_specification_is_valid(example: Json) -> None:
    assert validate(example) == []


def test_every_example_is_written_as_it_was_read(example: Json) -> None:
    assert decode(encode(example)) == example
    assert list(decode(encode(example))) == list(example)
