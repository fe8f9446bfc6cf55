import pytest

from tests import make


@pytest.fixture
def path(suite):
    """A Patient of seven versions."""
    sent = make.patient(id=make.word())
    for at in range(7):
        suite.put({**sent, "multipleBirthInteger": at})
    return f"Patient/{sent['id']}/_history"


def test_history_has_every_version_newest_first(suite, path):
    history = suite.get(path)
    assert history.json["type"] == "history"
    assert history.json["total"] == 7
    assert [each["resource"]["multipleBirthInteger"] for each in history.entries] == [6, 5, 4, 3, 2, 1, 0]
    assert [each["resource"]["meta"]["versionId"] for each in history.entries] == list("7654321")
    assert history.link("self") == f"{suite.base}/{path}"
    assert history.link("next") is None


def test_history_says_what_made_each_version(suite, path):
    last, *_, first = suite.get(path).entries
    assert first["request"] == {"method": "POST", "url": "Patient"}
    assert first["response"]["status"] == "201"
    assert last["request"] == {"method": "PUT", "url": path.removesuffix("/_history")}
    assert (last["response"]["status"], last["response"]["etag"]) == ("200", 'W/"7"')
    assert last["response"]["lastModified"] == last["resource"]["meta"]["lastUpdated"]


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8])
def test_the_pages_of_a_history_hold_each_version_once(suite, path, count):
    url, found = f"{path}?_count={count}", []
    while url:
        page = suite.get(url)
        assert len(page.entries) <= count
        found += [each["resource"]["meta"]["versionId"] for each in page.entries]
        url = page.link("next")
    assert found == list("7654321")


def test_a_version_written_meanwhile_does_not_move_the_pages(suite, path):
    first = suite.get(f"{path}?_count=3")
    suite.put(make.patient(id=path.split("/")[1]))
    following = suite.get(first.link("next"))
    assert [each["resource"]["meta"]["versionId"] for each in following.entries] == ["4", "3", "2"]


def test_the_history_of_nothing_is_not_found(suite):
    assert suite.get("Patient/nobody/_history").status == 404


@pytest.mark.parametrize("query", ["_count=x", "_count=-1", "_before=x"])
def test_a_history_that_is_asked_for_wrongly_is_refused(suite, path, query):
    assert suite.get(f"{path}?{query}").status == 400
