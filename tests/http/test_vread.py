import pytest

from tests import make


@pytest.fixture
def versions(suite):
    """A Patient of two versions."""
    first = suite.post(make.patient(gender="female"))
    second = suite.put({**first.json, "gender": "male"})
    assert second.status == 200
    return first, second


def test_every_version_is_read_as_it_was_answered(suite, versions):
    for at, version in enumerate(versions, 1):
        read = suite.get(f"Patient/{version.id}/_history/{at}")
        assert read.text == version.text
        assert (read.status, read.version) == (200, str(at))
        assert read.headers["Last-Modified"] == version.headers["Last-Modified"]


@pytest.mark.parametrize("vid", ["0", "3", "-1", "x", "9" * 40, "1.0"])
def test_a_version_that_never_was_is_not_found(suite, versions, vid):
    assert suite.get(f"Patient/{versions[0].id}/_history/{vid}").status == 404


def test_the_version_that_is_the_deletion_is_gone_and_those_before_it_are_not(suite, versions):
    path = f"Patient/{versions[0].id}"
    assert suite.delete(path).version == "3"
    assert [suite.get(f"{path}/_history/{at}").status for at in (1, 2, 3, 4)] == [200, 200, 410, 404]


def test_a_version_of_nothing_is_not_found(suite):
    assert suite.get("Patient/nobody/_history/1").status == 404
