"""A history is the same however far one walk goes, and from wherever it is begun."""

import pytest

from server.fhir.issue import TooCostly
from server.search import history
from tests import make
from tests.http.test_history import moment, pages


@pytest.fixture
def short(monkeypatch):
    """Makes walks short: `short(budget, few children)`."""

    def shortened(budget, few):
        monkeypatch.setattr(history, "BUDGET", budget)
        monkeypatch.setattr(history, "FEW", few)

    return shortened


@pytest.fixture(scope="module")
def start(suite):
    """The instant before a past of three types, of which the school may see a part."""
    before = moment(suite.put(make.organization(make.word())))
    mine, others = make.word("child-"), make.word("child-")
    for child in (mine, others):
        suite.put(make.patient(id=child))
        suite.post(make.episode(child, "school" if child == mine else "health"))
        for at in range(6):
            id = suite.post(make.mark(child, "school", f"2025-09-1{at}")).id
            if at % 2:
                suite.put(make.mark(child, "school", f"2025-09-1{at}", code="N", id=id))
            if at == 3:
                suite.delete(f"Observation/{id}")
    for _ in range(5):
        suite.put(make.patient(id=others, multipleBirthInteger=int(make.word()[1:])))
    return before


@pytest.mark.parametrize("url", ["_history", "Observation/_history", "Patient/_history"])
@pytest.mark.parametrize("order", ["", "&_sort=_lastUpdated"])
@pytest.mark.parametrize("count", [1, 3, 50])
@pytest.mark.parametrize(("budget", "few"), [(1, -1), (3, -1), (20_000, -1), (20_000, 300)])
def test_short_walks_find_what_long_ones_find(
    suite, school, client_with, start, short, url, order, count, budget, few
):
    clients = (suite, school, client_with("inspector"))
    asked = f"{url}?_since={start}&_count={count}{order}"
    expected = [[each for page in pages(client, asked) for each in page] for client in clients]
    assert all(expected)
    short(budget, few)
    for client, whole in zip(clients, expected, strict=True):
        found = pages(client, asked)
        assert [each for page in found for each in page] == whole
        # Only where a walk ended at the very end can there be a page more, and nothing on it.
        assert all(found[:-1])


def test_who_may_see_too_little_of_too_much_is_told_what_to_add(
    client_with, suite, start, short, monkeypatch
):
    """Who may see only what it wrote itself finds nothing in what others wrote."""
    for _ in range(3):
        suite.post({"resourceType": "Binary", "contentType": "text/plain"})
    short(1, -1)
    monkeypatch.setattr(history, "WINDOWS", 2)
    refused = client_with("inspector").get(f"Binary/_history?_since={start}")
    assert (refused.status, refused.code) == (403, TooCostly.code)
    assert "_since" in refused.issues[0][1]
