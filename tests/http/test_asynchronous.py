"""Requests with `Prefer: respond-async`: accepted at once, answered by a worker, fetched when they are done.

http://hl7.org/fhir/R4/async.html
"""

import itertools
import time
from datetime import timedelta

import pytest

from server import clock
from server.interaction import asynchronous
from server.job import worker
from server.job.worker import Worker
from server.store import agencies
from tests import make
from tests.person import signed_in

ASYNC = {"Prefer": "respond-async"}


@pytest.fixture
def work(app):
    """Answers everything that was left."""
    one = Worker(app.extensions["door"])

    def done():
        return sum(1 for _ in itertools.takewhile(bool, (one.work() for _ in range(1000))))

    done()
    return done


def test_what_no_text_may_hold_is_refused_before_it_is_left(suite):
    refused = suite.get("Patient?name=%00", Prefer="respond-async")
    assert (refused.status, refused.code) == (400, "invalid")


def left(answer):
    """The URL of a request that was accepted."""
    assert (answer.status, answer.text) == (202, ""), answer
    assert answer.headers["Preference-Applied"] == "respond-async"
    return answer.headers["Content-Location"]


def response(answer):
    """The one entry of an answer that was fetched."""
    assert answer.json["type"] == "batch-response"
    [entry] = answer.entries
    return entry


def test_it_is_accepted_then_waits_then_is_answered(suite, work):
    url = left(suite.get("Patient?_count=1", **ASYNC))
    waiting = suite.get(url)
    assert (waiting.status, waiting.headers["X-Progress"]) == (202, "waiting")
    assert waiting.headers["Retry-After"]
    assert work() == 1
    answer = suite.get(url)
    assert answer.status == 200
    assert "Expires" in answer.headers
    assert response(answer)["response"]["status"] == "200 OK"
    assert response(answer)["resource"]["type"] == "searchset"
    # It may be fetched again.
    assert suite.get(url).text == answer.text


REQUESTS = {
    "read": lambda caller, id, **headers: caller.get(f"Observation/{id}", **headers),
    "vread": lambda caller, id, **headers: caller.get(f"Observation/{id}/_history/1", **headers),
    "history": lambda caller, id, **headers: caller.get(f"Observation/{id}/_history", **headers),
    "search": lambda caller, id, **headers: caller.get(f"Observation?_id={id}", **headers),
    "search by POST": lambda caller, id, **headers: caller.ask(
        "POST",
        "Observation/_search",
        f"_id={id}",
        Content_Type="application/x-www-form-urlencoded",
        **headers,
    ),
    "operation": lambda caller, id, **headers: caller.get(f"Observation/{id}/$meta", **headers),
    "update": lambda caller, id, **headers: caller.put(make.observation(id=id), **headers),
    "refused": lambda caller, id, **headers: caller.get(f"Observation/{id}?_summary=nonsense", **headers),
    "not found": lambda caller, id, **headers: caller.get(f"Observation/not-{id}", **headers),
    "bad create": lambda caller, id, **headers: caller.post({"resourceType": "Observation"}, **headers),
    "batch": lambda caller, id, **headers: caller.post(
        make.bundle("batch", make.entry("GET", f"Observation/{id}"), make.entry("GET", "x/1")), **headers
    ),
    "transaction": lambda caller, id, **headers: caller.post(
        make.bundle("transaction", make.entry("GET", f"Observation/{id}")), **headers
    ),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_the_answer_is_the_one_that_waiting_would_have_got(suite, work, name):
    id = suite.post(make.observation()).id
    url = left(REQUESTS[name](suite, id, **ASYNC))
    work()
    found, now = response(suite.get(url)), REQUESTS[name](suite, id)
    assert found["response"]["status"].startswith(str(now.status))
    given = found.get("resource") or found["response"]["outcome"]
    assert without_ids(given) == without_ids(now.json)
    where = now.headers.get("Location") or now.headers.get("Content-Location")
    assert found["response"].get("location") == where
    assert found["response"].get("etag") == now.headers.get("ETag")


def without_ids(bundle):
    return {
        name: value for name, value in bundle.items() if bundle["resourceType"] != "Bundle" or name != "id"
    }


def test_a_write_is_stored_once_and_by_its_client(suite, work):
    tag = make.word()
    url = left(suite.post(make.observation(meta=make.tagged(tag)), **ASYNC))
    assert suite.search(f"Observation?_tag={tag}").ids == []
    work()
    written = response(suite.get(url))
    assert written["response"]["status"] == "201 Created"
    assert suite.search(f"Observation?_tag={tag}").ids == [written["resource"]["id"]]


def test_other_preferences_hold(suite, work):
    url = left(suite.post(make.observation(), Prefer="return=minimal, respond-async"))
    work()
    assert "resource" not in response(suite.get(url))


def test_it_is_the_clients_that_left_it(suite, client_with, work):
    url = left(suite.get("Patient?_count=1", **ASYNC))
    other = client_with("suite", other=True)
    for _ in range(2):
        assert (other.get(url).status, other.delete(url).status) == (404, 404)
        work()
    assert suite.get(url).status == 200


def test_it_can_be_called_off(suite, work):
    tag = make.word()
    waiting = left(suite.post(make.observation(meta=make.tagged(tag)), **ASYNC))
    assert suite.delete(waiting).status == 202
    assert work() == 0
    done = left(suite.get("Patient?_count=1", **ASYNC))
    work()
    assert suite.delete(done).status == 202
    for url in (waiting, done):
        assert (suite.get(url).status, suite.delete(url).status) == (404, 404)
    assert suite.search(f"Observation?_tag={tag}").ids == []


@pytest.mark.parametrize("path", ["_async", "_async/nothing", "_async/a_b", "_async/1/2"])
def test_what_was_never_left_is_not_found(suite, path):
    assert suite.get(path).status == 404


@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH"])
def test_its_url_says_what_it_takes(suite, work, method):
    url = left(suite.get("Patient?_count=1", **ASYNC))
    answer = suite.ask(method, url, make.patient())
    assert answer.status == 405
    assert set(answer.headers["Allow"].split(", ")) >= {"GET", "DELETE"}


def test_the_answer_is_kept_for_a_day(app, suite, work):
    url = left(suite.get("Patient?_count=1", **ASYNC))
    work()
    aged(app, url, asynchronous.KEPT + timedelta(seconds=1))
    work()
    assert suite.get(url).status == 404


def test_a_client_leaves_no_more_than_so_many(client_with, work, monkeypatch):
    monkeypatch.setattr(asynchronous, "MOST", 3)
    client = client_with("suite", other=True)
    urls = [left(client.get("Patient?_count=1", **ASYNC)) for _ in range(3)]
    assert client.get("Patient?_count=1", **ASYNC).status == 429
    assert client.delete(urls[0]).status == 202
    left(client.get("Patient?_count=1", **ASYNC))


# ---- rights ------------------------------------------------------------------------------------------------


def registration(suite, child):
    [found] = suite.search(f"EpisodeOfCare?patient={child}&organization=Organization/school").matches
    return found


@pytest.mark.parametrize(
    "path",
    ["Patient/{}", "Patient?_id={}", "Patient/{}/_history", "Patient/{}/$everything", "Patient/{}/$meta"],
)
def test_an_answer_that_was_kept_is_no_proof_of_access(suite, school, work, child, path):
    url = left(school.get(path.format(child), **ASYNC))
    work()
    assert child in school.get(url).text or path.endswith("$meta")
    episode = registration(suite, child)
    suite.put({**episode, "status": "entered-in-error"})
    assert (school.get(url).status, school.get(url).code) == (404, "not-found")
    suite.put(episode)
    assert school.get(url).status == 200


def test_what_is_withheld_since_is_not_told_by_an_answer_from_before(suite, social_care, work, child):
    known = {**suite.get(f"Patient/{child}").json, "address": [{"line": ["1 Secret Street"]}]}
    suite.put(known)
    before = left(social_care.get(f"Patient/{child}", **ASYNC))
    work()
    assert "Secret" in social_care.get(before).text
    suite.put({**known, "meta": make.labelled("R")})
    assert social_care.get(before).status == 404
    after = left(social_care.get(f"Patient/{child}", **ASYNC))
    work()
    assert response(social_care.get(after))["resource"]["id"] == child


def test_what_was_deleted_since_is_still_told_to_who_may_see_it(suite, work):
    id = suite.post(make.observation()).id
    url = left(suite.get(f"Observation/{id}", **ASYNC))
    work()
    suite.delete(f"Observation/{id}")
    assert response(suite.get(url))["resource"]["id"] == id


def test_the_rights_are_those_of_the_client_when_it_is_answered(app, client_with, work):
    client = client_with("suite", other=True)
    url = left(client.post(make.observation(), **ASYNC))
    with app.extensions["database"].begin() as connection:
        connection.exec_driver_sql(
            "UPDATE client SET removed = now() WHERE id = %(id)s", {"id": client.client}
        )
    work()
    with app.extensions["database"].begin() as connection:
        connection.exec_driver_sql(
            "UPDATE client SET removed = NULL WHERE id = %(id)s", {"id": client.client}
        )
    assert response(client.get(url))["response"]["status"] == "403 Forbidden"


# ---- crashes -----------------------------------------------------------------------------------------------


def aged(app, url, by):
    """As if nothing had been heard of it for so long."""
    with app.extensions["database"].begin() as connection:
        connection.exec_driver_sql(
            "UPDATE job SET updated = %(at)s WHERE id = %(id)s",
            {"at": clock.now() - by, "id": url.rpartition("/")[2]},
        )


def heard_of(app, url):
    """Whether anything has been, of late."""
    with app.extensions["database"].begin() as connection:
        [at] = connection.exec_driver_sql(
            "SELECT updated FROM job WHERE id = %(id)s", {"id": url.rpartition("/")[2]}
        ).one()
    return at > clock.now() - timedelta(minutes=1)


class Killed(BaseException):
    """The end of a process."""


@pytest.mark.parametrize("when", ["before", "after"])
def test_what_a_killed_worker_had_begun_is_stored_once(app, suite, work, monkeypatch, when):
    tag = make.word()
    url = left(suite.post(make.observation(meta=make.tagged(tag)), **ASYNC))

    def killed(request, door, access):
        if when == "after":
            real(request, door, access)
        raise Killed

    real = worker.answered
    with monkeypatch.context() as patch:
        patch.setattr(worker, "answered", killed)
        with pytest.raises(Killed):
            work()
    assert suite.get(url).headers["X-Progress"] == "running"
    # Another does not take it while it may be worked at.
    assert work() == 0
    aged(app, url, worker.STALE + timedelta(seconds=1))
    assert work() == 1
    written = response(suite.get(url))
    assert written["response"]["status"] == "201 Created"
    assert suite.search(f"Observation?_tag={tag}").ids == [written["resource"]["id"]]


def test_what_kills_every_worker_is_declared_failed(app, suite, work, monkeypatch):
    url = left(suite.get("Patient?_count=1", **ASYNC))

    def killed(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(worker, "answered", killed)
        for _ in range(worker.TRIES):
            with pytest.raises(Killed):
                work()
            aged(app, url, worker.STALE + timedelta(seconds=1))
        work()
    assert response(suite.get(url))["response"]["status"].startswith("503")


def test_a_fault_of_ours_is_an_answer_too(suite, work, monkeypatch):
    url = left(suite.get("Patient?_count=1", **ASYNC))

    def broken(*_):
        raise ZeroDivisionError("a secret")

    with monkeypatch.context() as patch:
        patch.setattr(worker, "answered", broken)
        work()
    told = suite.get(url)
    assert response(told)["response"]["status"].startswith("500")
    assert "secret" not in told.text


@pytest.mark.parametrize(
    "entry",
    [
        "x",
        None,
        {},
        {"request": "x"},
        {"request": {"method": "GET", "url": 5}},
        make.entry("GET", "x/y/$meta"),
    ],
    ids=str,
)
def test_a_bundle_that_cannot_be_read_is_answered_too(suite, work, entry):
    sent = {"resourceType": "Bundle", "type": "batch", "entry": [entry]}
    url = left(suite.post(sent, **ASYNC))
    assert work() == 1
    assert suite.get(url).status == 200


@pytest.mark.parametrize("path", ["Nothing/1/$meta", "Patient/1/_history/1/$meta/x", "Patient/%24/$x"])
def test_what_is_no_url_is_answered_too(suite, work, path):
    url = left(suite.get(path, **ASYNC))
    assert work() == 1
    assert response(suite.get(url))["response"]["status"] == "404 Not Found"


def test_an_answer_that_cannot_be_kept_is_an_answer_too(suite, work, monkeypatch):
    url, kept = left(suite.get("Patient?_count=1", **ASYNC)), asynchronous.answered

    def fails(request, *rest):
        if request.path:
            raise RuntimeError
        return kept(request, *rest)

    monkeypatch.setattr(asynchronous, "answered", fails)
    assert work() == 1
    assert response(suite.get(url))["response"]["status"] == "500 Internal Server Error"


def test_a_worker_says_that_it_is_at_work(app, suite, work, monkeypatch):
    url = left(suite.get("Patient?_count=1", **ASYNC))
    monkeypatch.setattr(worker, "BEAT", 0.001)
    real, seen = worker.answered, []

    def slow(*given):
        aged(app, url, timedelta(hours=1))
        # It is heard of again, and so nobody else takes it.
        seen.append(any(heard_of(app, url) or time.sleep(0.01) for _ in range(1000)) and work() == 0)
        return real(*given)

    monkeypatch.setattr(worker, "answered", slow)
    work()
    assert seen == [True]
    assert suite.get(url).status == 200


def test_a_worker_that_runs_is_woken(app, suite):
    one = Worker(app.extensions["door"])
    one.start()
    try:
        url = left(suite.get("Patient?_count=1", **ASYNC))
        answers = (suite.get(url) for _ in range(100_000))
        assert next(each for each in answers if each.status == 200)
    finally:
        one.stop()


def test_nothing_is_done_for_an_agency_that_is_shut_out_meanwhile(app, suite, work):
    database = app.extensions["database"]
    mine = signed_in(app, "people", "user/*.cruds", "Practitioner/somebody")
    with database.begin() as connection:
        # An app of no agency: what is shut out is the agency for which it asks.
        connection.exec_driver_sql("UPDATE client SET agency = '' WHERE id = %s", (mine.client,))
    url = left(mine.get("Organization?_count=1", **ASYNC))
    with database.begin() as connection:
        agencies.suspend(connection, "people", clock.now())
    work()
    with database.begin() as connection:
        agencies.suspend(connection, "people", None)
    assert response(mine.get(url))["response"]["status"].startswith("403")
