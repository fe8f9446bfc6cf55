import pytest

from tests import make


def test_what_was_created_is_read(suite):
    made = suite.post(make.patient())
    read = suite.get(f"Patient/{made.id}")
    assert (made.status, read.status) == (201, 200)
    assert read.text == made.text
    assert read.headers["ETag"] == 'W/"1"'
    assert read.headers["Last-Modified"] == made.headers["Last-Modified"]


def test_a_head_has_the_headers_and_no_body(suite):
    id = suite.post(make.patient()).id
    head = suite.ask("HEAD", f"Patient/{id}")
    assert (head.status, head.text, head.version) == (200, "", "1")


def test_the_answer_is_nobodys_to_keep(suite):
    assert suite.get(f"Patient/{suite.post(make.patient()).id}").headers["Cache-Control"] == "no-store"


def test_who_has_the_version_already_is_not_sent_it_again(suite):
    id = suite.post(make.patient()).id
    same = suite.get(f"Patient/{id}", If_None_Match='W/"1"')
    assert (same.status, same.text, same.version) == (304, "", "1")
    assert suite.get(f"Patient/{id}", If_None_Match='W/"2"').status == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("Patient/nobody", 404),
        ("Patient/no_id!", 404),
        ("Patient/" + "x" * 65, 404),
        ("Nonsense/1", 404),
        ("patient/1", 404),
        ("Patient/1/nonsense", 404),
        ("Patient/1/$everything", 404),
        ("Patient/$nonsense", 404),
    ],
)
def test_what_is_not_there_is_said_not_to_be(suite, path, status):
    refused = suite.get(path)
    assert refused.status == status
    assert refused.code == {404: "not-found", 405: "not-supported"}[status]


def test_a_read_of_what_was_deleted_says_so(suite):
    id = suite.post(make.patient()).id
    suite.delete(f"Patient/{id}")
    gone = suite.get(f"Patient/{id}")
    assert (gone.status, gone.code) == (410, "deleted")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If_None_Match": 'W/"1"'}, 304),
        ({"If_None_Match": '"1"'}, 304),
        ({"If_None_Match": "1"}, 304),
        ({"If_None_Match": "*"}, 304),
        ({"If_None_Match": 'W/"7", W/"1"'}, 304),
        ({"If_None_Match": 'W/"2"'}, 200),
        ({"If_None_Match": 'W/"'}, 400),
        ({"If_Modified_Since": "Sun, 06 Nov 1994 08:49:37 GMT"}, 200),
        ({"If_Modified_Since": "Fri, 31 Dec 2999 23:59:59 GMT"}, 304),
        ({"If_Modified_Since": "2999-12-31T23:59:59Z"}, 304),
        ({"If_Modified_Since": "yesterday"}, 200),
        ({"If_Modified_Since": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"}, 200),
        ({"If_Modified_Since": "Mon, 01 Jan 2024 00:00:00 +99999999999999999999"}, 200),
        ({"If_None_Match": 'W/"2"', "If_Modified_Since": "Fri, 31 Dec 2999 23:59:59 GMT"}, 200),
    ],
)
def test_what_the_client_has_is_not_sent_again(suite, headers, status):
    made = suite.post(make.patient())
    for method in ("GET", "HEAD"):
        answer = suite.ask(method, f"Patient/{made.id}", **headers)
        assert answer.status == status
        if status == 304:
            assert (answer.text, answer.headers["ETag"]) == ("", made.headers["ETag"])


def test_a_date_is_compared_at_whole_seconds(suite):
    made = suite.post(make.patient())
    assert suite.get(f"Patient/{made.id}", If_Modified_Since=made.headers["Last-Modified"]).status == 304


def test_an_entry_of_a_bundle_is_read_on_condition_too(suite):
    made = suite.post(make.patient())
    path, meta = f"Patient/{made.id}", made.json["meta"]
    entries = (
        make.entry("GET", path, ifNoneMatch='W/"1"'),
        make.entry("GET", path, ifModifiedSince=meta["lastUpdated"]),
        make.entry("GET", path, ifModifiedSince="1994-11-06T08:49:37Z"),
    )
    for kind in ("batch", "transaction"):
        answered = suite.post(make.bundle(kind, *entries)).entries
        assert [each["response"]["status"][:3] for each in answered] == ["304", "304", "200"]


@pytest.mark.parametrize(
    ("since", "status"),
    [
        ("9999-12-31T23:59:59-14:00", "304"),
        ("0001-01-01T00:00:00+14:00", "200"),
        ("2016-12-31T23:59:60Z", "200"),
        ("2024-01-01T00:00:00.123456789Z", "200"),
    ],
)
def test_any_instant_may_be_a_condition_of_an_entry(suite, since, status):
    path = f"Patient/{suite.post(make.patient()).id}"
    for kind in ("batch", "transaction"):
        [entry] = suite.post(make.bundle(kind, make.entry("GET", path, ifModifiedSince=since))).entries
        assert entry["response"]["status"][:3] == status
