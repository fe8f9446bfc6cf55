import re
from urllib.parse import quote

import pytest

from tests import make


@pytest.fixture
def path(suite):
    """A Patient of seven versions."""
    sent = make.patient(id=make.word())
    for at in range(7):
        suite.put({**sent, "multipleBirthInteger": at})
    return f"Patient/{sent['id']}/_history"


def versions(history):
    """`id/version` of each entry, in order; a deletion has only what its ETag and its request say."""
    return [
        f"{each['request']['url'].rpartition('/')[2] if 'resource' not in each else each['resource']['id']}"
        f"/{re.sub('[^0-9]', '', each['response']['etag'])}"
        for each in history.entries
    ]


def pages(client, url):
    """The versions on each page, by the `next` links."""
    found = []
    while url:
        page = client.get(url)
        found.append(versions(page))
        url = page.link("next")
        assert len(found) < 100, "The pages do not end."
    return found


def moment(answer):
    """When a version was written."""
    return quote(answer.json["meta"]["lastUpdated"])


# ---- one resource ------------------------------------------------------------------------------------------


def test_history_has_every_version_newest_first(suite, path):
    history = suite.get(path)
    assert history.json["type"] == "history"
    assert history.json["total"] == 7
    assert [each["resource"]["multipleBirthInteger"] for each in history.entries] == [6, 5, 4, 3, 2, 1, 0]
    assert [each["resource"]["meta"]["versionId"] for each in history.entries] == list("7654321")
    assert history.link("self") == f"{suite.base}/{path}"
    assert history.link("next") is None


def test_history_can_begin_with_the_oldest(suite, path):
    url = f"{path}?_sort=_lastUpdated&_count=3"
    assert [each[-1] for page in pages(suite, url) for each in page] == list("1234567")
    assert pages(suite, f"{path}?_sort=-_lastUpdated") == pages(suite, path)


def test_history_says_what_made_each_version(suite):
    id = suite.post(make.patient()).id
    suite.put(make.patient(id=id, multipleBirthInteger=2))
    suite.delete(f"Patient/{id}")
    suite.put(make.patient(id=id, multipleBirthInteger=4))
    suite.put(make.patient(id=id, multipleBirthInteger=5))
    told = [
        (each["request"]["method"], each["request"]["url"], each["response"]["status"], "resource" in each)
        for each in suite.get(f"Patient/{id}/_history").entries
    ]
    assert told == [
        ("PUT", f"Patient/{id}", "200", True),
        ("PUT", f"Patient/{id}", "201", True),
        ("DELETE", f"Patient/{id}", "204", False),
        ("PUT", f"Patient/{id}", "200", True),
        ("POST", "Patient", "201", True),
    ]
    # The same, where the page ends between a deletion and what came after it.
    for at in range(1, 5):
        [entry] = suite.get(f"Patient/{id}/_history?_count={at}").entries[-1:]
        assert (entry["request"]["method"], entry["response"]["status"]) == (told[at - 1][0], told[at - 1][2])


def test_a_first_version_under_an_id_that_the_client_chose_was_put(suite, path):
    last, *_, first = suite.get(path).entries
    assert first["request"] == {"method": "PUT", "url": path.removesuffix("/_history")}
    assert first["response"]["status"] == "201"
    assert (last["response"]["status"], last["response"]["etag"]) == ("200", 'W/"7"')
    assert last["response"]["lastModified"] == last["resource"]["meta"]["lastUpdated"]


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8])
def test_the_pages_of_a_history_hold_each_version_once(suite, path, count):
    found = pages(suite, f"{path}?_count={count}")
    assert all(0 < len(page) <= count for page in found)
    assert [each[-1] for page in found for each in page] == list("7654321")


def test_a_version_written_meanwhile_does_not_move_the_pages(suite, path):
    first = suite.get(f"{path}?_count=3")
    suite.put(make.patient(id=path.split("/")[1]))
    following = suite.get(first.link("next"))
    assert [each["resource"]["meta"]["versionId"] for each in following.entries] == ["4", "3", "2"]


def test_the_history_of_nothing_is_not_found(suite):
    assert suite.get("Patient/nobody/_history").status == 404
    assert suite.get("Patient/nobody/_history?_since=2020").status == 404


def test_re_creation_goes_on_counting_and_what_was_deleted_is_gone(suite):
    id = make.word()
    for _ in range(2):
        suite.put(make.patient(id=id))
        suite.delete(f"Patient/{id}")
    assert suite.put(make.patient(id=id)).version == "5"
    read = [suite.get(f"Patient/{id}/_history/{at}").status for at in range(1, 7)]
    assert read == [200, 410, 200, 410, 200, 404]
    # A version has one name.
    assert [suite.get(f"Patient/{id}/_history/{at}").status for at in ("01", "1.0", "+1", "x", "0")] == [
        404
    ] * 5
    methods = [each["request"]["method"] for each in suite.get(f"Patient/{id}/_history").entries]
    assert methods == ["PUT", "DELETE", "PUT", "DELETE", "PUT"]


# ---- of a type, of everything ------------------------------------------------------------------------------


@pytest.fixture
def written(suite):
    """What three resources of two types went through, oldest first, and the instant before."""
    start = suite.put(make.organization(make.word()))
    one, two, three = make.word(), make.word(), make.word()
    suite.put(make.patient(id=one))
    suite.put(make.observation(one, id=two))
    suite.put(make.patient(id=three))
    suite.put(make.patient(id=one, gender="female"))
    suite.delete(f"Observation/{two}")
    suite.put(make.observation(three, id=two))
    suite.put(make.patient(id=three, gender="male"))
    return moment(start), [
        f"{one}/1",
        f"{two}/1",
        f"{three}/1",
        f"{one}/2",
        f"{two}/2",
        f"{two}/3",
        f"{three}/2",
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 50])
@pytest.mark.parametrize("order", ["", "&_sort=_lastUpdated"])
def test_the_history_of_everything_is_in_the_order_in_which_it_was_written(suite, written, count, order):
    since, expected = written
    found = [each for page in pages(suite, f"_history?_since={since}&_count={count}{order}") for each in page]
    ordered = found if order else found[::-1]
    assert ordered[1:] == expected


@pytest.mark.parametrize("count", [1, 50])
@pytest.mark.parametrize("at", [0, 1], ids=["Patient", "Observation"])
def test_the_history_of_a_type_is_of_that_type(suite, written, at, count):
    since, expected = written
    type_ = ("Patient", "Observation")[at]
    own = [expected[i] for i in ((0, 2, 3, 6), (1, 4, 5))[at]]
    found = pages(suite, f"{type_}/_history?_since={since}&_count={count}")
    assert [each for page in found for each in page] == own[::-1]


def test_a_history_that_is_on_one_page_has_a_total(suite, written):
    since, expected = written
    whole = suite.get(f"_history?_since={since}")
    assert whole.json["total"] == len(expected) + 1
    assert whole.link("next") is None
    for url in (f"_history?_since={since}&_count=0", f"_history?_since={since}&_summary=count"):
        counted = suite.get(url)
        assert (counted.json["total"], counted.entries) == (len(expected) + 1, [])
    part = suite.get(f"_history?_since={since}&_count=2")
    assert "total" not in part.json
    assert part.link("next")


def test_a_page_that_is_full_at_the_end_has_no_next(suite, written):
    since, expected = written
    assert suite.get(f"_history?_since={since}&_count={len(expected) + 1}").link("next") is None
    assert [len(page) for page in pages(suite, f"_history?_since={since}&_count=4")] == [4, 4]


def test_what_is_written_between_two_pages_moves_neither(suite, written):
    since, expected = written
    for order in ("", "&_sort=_lastUpdated"):
        first = suite.get(f"_history?_since={since}&_count=3{order}")
        suite.put(make.patient(id=expected[0].split("/")[0], multipleBirthInteger=9))
        suite.put(make.patient(id=make.word()))
        rest = [each for page in pages(suite, first.link("next")) for each in page]
        whole = versions(first) + rest
        assert len(whole) == len(set(whole))
        expected_now = len(expected) + 1 + (2 if order else 0)
        assert len(whole) == expected_now


def test_since_is_the_instant_itself_and_all_after_it(suite, path):
    fourth = suite.get(f"{path}/4")
    for url in (path, "Patient/_history", "_history"):
        since = versions(suite.get(f"{url}?_since={moment(fourth)}"))
        assert f"{path.split('/')[1]}/4" in since
        assert f"{path.split('/')[1]}/3" not in since or url != path


@pytest.mark.parametrize(
    "text", ["2100", "2100-01", "2100-01-01", "2100-01-01T00:00:00Z", "2100-01-01T00:00:00.000+01:00"]
)
def test_nothing_was_written_since_a_time_to_come(suite, path, text):
    for url in (path, "Patient/_history", "_history"):
        nothing = suite.get(f"{url}?_since={text}")
        assert (nothing.json["total"], nothing.entries, nothing.link("next")) == (0, [], None)


def test_at_has_the_versions_that_were_present_then(suite):
    id, path = make.word(), "Patient"
    made = [suite.put(make.patient(id=id, multipleBirthInteger=at)) for at in range(3)]
    gone = suite.delete(f"Patient/{id}")
    assert gone.status == 204
    again = suite.put(make.patient(id=id))
    deleted = suite.get(f"Patient/{id}/_history").entries[1]["response"]["lastModified"]
    for url in (f"{path}/{id}/_history", f"{path}/_history", "_history"):
        for answer, version in ((made[0], 1), (made[2], 3), (again, 5)):
            found = [each for each in versions(suite.get(f"{url}?_at={moment(answer)}&_count=1000"))
                     if each.startswith(id)]  # fmt: skip
            assert found == [f"{id}/{version}"], (url, version)
        found = versions(suite.get(f"{url}?_at={quote(deleted)}&_count=1000"))
        assert [each for each in found if each.startswith(id)] == [f"{id}/4"]
    year = made[0].json["meta"]["lastUpdated"][:4]
    assert versions(suite.get(f"Patient/{id}/_history?_at={year}")) == [
        f"{id}/{at}" for at in (5, 4, 3, 2, 1)
    ]
    assert versions(suite.get(f"Patient/{id}/_history?_at=1999")) == []
    assert versions(suite.get(f"Patient/{id}/_history?_at=2100")) == [f"{id}/5"]


def test_a_version_that_was_replaced_under_another_child_is_of_its_time(suite):
    """Who an Observation is about was corrected: each version stays with the child that it was about."""
    one, two, id = make.word(), make.word(), make.word()
    for child in (one, two):
        suite.put(make.patient(id=child))
    first, second, third = (
        suite.put(make.observation(child, id=id, code=code))
        for child, code in ((one, "a"), (two, "b"), (one, "c"))
    )
    for url in (f"Observation/{id}/_history", "Observation/_history", "_history"):
        for answer, version in ((first, 1), (second, 2), (third, 3)):
            found = versions(suite.get(f"{url}?_at={moment(answer)}&_count=1000"))
            assert [each for each in found if each.startswith(id)] == [f"{id}/{version}"]
    suite.delete(f"Observation/{id}")
    suite.put(make.observation(two, id=id))
    statuses = [
        each["response"]["status"]
        for each in suite.get(f"Observation/_history?_since={moment(first)}").entries
        if each["request"]["url"].endswith(id)
    ]
    assert statuses == ["201", "204", "200", "200", "201"]


@pytest.mark.parametrize(
    "query",
    [
        "_count=x",
        "_count=-1",
        "_since=x",
        "_since=2020-13",
        "_since=gt2020",
        "_at=x",
        "_at=",
        "_sort=code",
        "_since=2020&_since=2021",
        "_summary=x",
        "_list=List/1",
    ],
)
def test_a_history_that_is_asked_for_wrongly_is_refused(suite, path, query):
    for url in (path, "Patient/_history", "_history"):
        assert suite.get(f"{url}?{query}").status == 400, url


def test_an_unknown_parameter_is_passed_over_unless_the_client_is_strict(suite, path):
    for url in (path, "Patient/_history?_count=1", "_history?_count=1"):
        mark = "&" if "?" in url else "?"
        assert suite.get(f"{url}{mark}name=x").status == 200
        assert suite.get(f"{url}{mark}name=x", Prefer="handling=strict").status == 400


def test_a_page_link_is_of_one_client_and_one_history(suite, client_with, written):
    since, _ = written
    link = suite.get(f"_history?_since={since}&_count=1").link("next")
    token = link.partition("?")[2]
    assert suite.get(link).status == 200
    assert suite.get(f"Patient/_history?{token}").status == 400
    assert suite.get(f"{link}x").status == 400
    assert client_with("suite", other=True).get(link).status == 400


def test_a_history_says_to_which_instant_it_was_read(suite, written):
    since, _ = written
    read_to = suite.get(f"_history?_since={since}").json["meta"]["lastUpdated"]
    made = suite.put(make.patient(id=make.word()))
    assert made.json["meta"]["lastUpdated"] > read_to
    assert versions(suite.get(f"_history?_since={quote(read_to)}")) == [f"{made.id}/1"]


def test_parts_of_versions_are_marked(suite, path):
    for url in (path, "Patient/_history?_count=3"):
        mark = "&" if "?" in url else "?"
        for query in ("_elements=name", "_summary=true"):
            for each in suite.get(f"{url}{mark}{query}").entries:
                if "resource" in each:
                    assert "SUBSETTED" in [tag["code"] for tag in each["resource"]["meta"]["tag"]]
    first = suite.get("Patient/_history?_count=1&_elements=name")
    following = suite.get(first.link("next"))
    assert all("tag" in each["resource"]["meta"] for each in following.entries if "resource" in each)
