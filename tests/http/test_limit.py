import pytest

from server.fhir.issue import Throttled
from server.http.rate import BURST, Rate
from tests import make
from tests.caller import Caller, token


def test_a_url_that_is_too_long_is_refused_and_one_that_just_fits_is_not(suite):
    refused = suite.get("Patient?_id=" + "x" * 16_384)
    assert (refused.status, refused.code) == (414, "too-long")
    assert "16384" in refused.text
    assert suite.get("Patient?_id=" + ",".join(["x" * 60] * 200)).status == 200


def test_a_search_that_is_too_long_for_a_url_is_sent_by_post(suite):
    form = "_id=" + ",".join(["x" * 60] * 400)
    found = suite.ask("POST", "Patient/_search", form, Content_Type="application/x-www-form-urlencoded")
    assert found.ids == []


def test_a_page_link_of_a_long_search_is_short(suite):
    ids = [suite.post(make.patient()).id for _ in range(3)]
    query = "Patient?_count=1&_id=" + ",".join([*ids, *["x" * 60] * 220])
    assert len(suite.search(query).link("next")) < 8000 < len(query)
    assert sorted(id for page in suite.pages(query) for id in page) == sorted(ids)


def test_a_body_that_is_too_large_is_refused_with_the_limit(suite):
    refused = suite.post(make.patient(name=[{"family": "x" * 200_000}]))
    assert (refused.status, refused.code) == (413, "too-long")
    assert "200000" in refused.text


@pytest.fixture
def now(monkeypatch):
    """The seconds that the clock shows; to be changed at will."""
    shown = [1000.0]
    monkeypatch.setattr("server.http.rate.clock.monotonic", lambda: shown[0])
    return shown


def test_a_client_that_asks_too_fast_is_told_when_to_come_again(now):
    rate = Rate(2)
    for _ in range(2 * BURST):
        rate.admit("a")
    with pytest.raises(Throttled) as refused:
        rate.admit("a")
    assert refused.value.headers == {"Retry-After": "1"}
    now[0] += int(refused.value.headers["Retry-After"])
    rate.admit("a")


def test_a_client_that_keeps_to_its_rate_is_never_refused(now):
    rate = Rate(2)
    for _ in range(200):
        rate.admit("a")
        now[0] += 0.5


def test_one_client_takes_nothing_from_another(now):
    rate = Rate(1)
    for _ in range(BURST):
        rate.admit("a")
    rate.admit("b")


def test_without_a_rate_nobody_is_refused():
    rate = Rate(0)
    for _ in range(10_000):
        rate.admit("a")


def test_who_passes_its_rate_is_refused_in_fhirs_terms_and_not_served(new_database, serve):
    with new_database() as url:
        app = serve(url, CHILDRECORD_RATE_LIMIT="1")
        caller = Caller(app, token(app, "suite", "system/*.cruds"))
        answers = [caller.get("Patient/nobody") for _ in range(BURST + 3)]
        assert {answer.status for answer in answers[:BURST]} == {404}
        refused = next(answer for answer in answers if answer.status == 429)
        assert refused.code == "throttled"
        assert int(refused.headers["Retry-After"]) >= 1
        assert Caller(app, None).get("metadata").status == 200
        app.extensions["database"].close()
