"""Resources inside of others. https://hl7.org/fhir/R4/search.html#contained"""

import pytest

from tests import make


@pytest.fixture(scope="module")
def world(suite):
    """A Practitioner, and some that Observations, an Encounter and another Practitioner's List contain."""
    word = make.word("con")

    def inside(id, family, **more):
        return {"resourceType": "Practitioner", "id": id, "name": [{"family": f"{word}{family}"}], **more}

    def referring(*ids):
        return [make.reference(f"#{id}") for id in ids]

    sent = [
        {"resourceType": "Practitioner", "id": f"{word}-p", "name": [{"family": f"{word}a"}]},
        make.observation(
            id=f"{word}-1",
            meta=make.tagged(word),
            contained=[
                inside("x", "a", gender="female", birthDate="1970-01-01"),
                inside("y", "b", gender="male", identifier=[make.identifier(word)]),
                {"resourceType": "Device", "id": "d"},
            ],
            performer=referring("x", "y"),
            device=make.reference("#d"),
        ),
        make.observation(
            id=f"{word}-2",
            contained=[inside("x", "b", birthDate="1980-05-05")],
            performer=referring("x"),
        ),
        make.encounter(
            f"{word}-c",
            f"{word}-o",
            id=f"{word}-3",
            contained=[inside("z", "a", gender="male")],
            participant=[{"individual": each} for each in referring("z")],
        ),
    ]
    for each in sent:
        assert suite.put(each).status == 201
    return word


def found(answer, word):
    """The last part of each entry's URL, in order: `1#x`."""
    urls = [each["fullUrl"] for each in answer.entries if each["search"]["mode"] == "match"]
    return " ".join(url.rpartition("/")[2].removeprefix(f"{word}-") for url in urls)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("family={w}", "p"),
        ("family={w}&_contained=false", "p"),
        ("family={w}&_contained=true", "3 2 1"),
        ("family={w}a&_contained=true", "3 1"),
        ("family={w}a&_contained=both", "3 1 p"),
        ("family={w}a&_contained=true&_containedType=container", "3 1"),
        ("family={w}&_contained=true&_containedType=contained", "3#z 2#x 1#x 1#y"),
        ("family={w}&_contained=both&_containedType=contained", "3#z 2#x 1#x 1#y p"),
        ("family={w}b&_contained=true&_containedType=contained", "2#x 1#y"),
        ("family={w}&gender=male&_contained=true&_containedType=contained", "3#z 1#y"),
        # One contained resource has to meet all of it.
        ("family={w}a&gender=male&_contained=true", "3"),
        ("family={w}&identifier={w}&_contained=true&_containedType=contained", "1#y"),
        ("family={w}&gender:missing=true&_contained=true&_containedType=contained", "2#x"),
        ("family={w}&_id=x&_contained=true&_containedType=contained", "2#x 1#x"),
        ("name:contains={w}b&_content={w}b&_contained=true&_containedType=contained", "2#x 1#y"),
        ("family={w}&_contained=true&_containedType=contained&_sort=_lastUpdated", "1#x 1#y 2#x 3#z"),
        ("family={w}&_contained=true&_containedType=contained&_maxresults=3", "3#z 2#x 1#x"),
    ],
)
def test_what_is_contained_is_found_if_it_is_asked_for(suite, world, query, expected):
    answer = suite.search(f"Practitioner?{query.format(w=world)}")
    assert found(answer, world) == expected
    assert answer.link("self") == f"{suite.base}/Practitioner?{query.format(w=world)}"
    if "_maxresults" not in query:
        assert answer.json["total"] == len(expected.split())


def test_a_container_comes_whole_and_a_contained_resource_alone(suite, world):
    query = f"Practitioner?family={world}b&gender=male&_contained=true"
    [whole] = suite.search(query).matches
    assert whole["resourceType"] == "Observation"
    [alone] = suite.search(f"{query}&_containedType=contained").matches
    assert (alone["resourceType"], alone["id"]) == ("Practitioner", "y")


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("type_", ["container", "contained"])
def test_pages_of_what_is_contained_hold_each_once_and_lead_back(suite, world, count, type_):
    url = f"Practitioner?family={world}&_contained=both&_containedType={type_}"
    whole = found(suite.search(url), world)
    page = suite.search(f"{url}&_count={count}")
    there = [found(page, world)]
    while link := page.link("next"):
        page = suite.get(link)
        assert 0 < len(page.matches) <= count
        there.append(found(page, world))
    assert " ".join(there) == whole
    back = []
    while link := page.link("previous"):
        page = suite.get(link)
        back.insert(0, found(page, world))
    assert " ".join(filter(None, back)) == whole.removesuffix(there[-1]).strip()


def test_what_is_contained_is_counted(suite, world):
    query = f"Practitioner?family={world}&_contained=true&_containedType=contained"
    assert suite.search(f"{query}&_count=0").json["total"] == 4
    assert suite.search(f"{query}&_count=1&_total=accurate").json["total"] == 4
    assert "total" not in suite.search(f"{query}&_count=1").json


@pytest.mark.parametrize(
    "query",
    [
        "Practitioner?_has:Observation:performer:code=x&_contained=true",
        "Practitioner?family=x&_contained=true&_sort=family",
        "Patient/x/Observation?_contained=true",
        "?_type=Practitioner&_contained=both",
    ],
)
def test_what_cannot_be_asked_of_them_is_refused(suite, query):
    refused = suite.get(query)
    assert (refused.status, refused.code) == (400, "not-supported")


@pytest.mark.parametrize("query", ["_contained=perhaps", "_containedType=nonsense"])
def test_a_value_that_makes_no_sense_is_refused(suite, query):
    assert suite.get(f"Practitioner?{query}").code == "invalid"


def test_a_condition_is_about_what_stands_for_itself(suite, world):
    refused = suite.post({"resourceType": "Practitioner"}, If_None_Exist=f"family={world}&_contained=true")
    assert (refused.status, refused.code) == (400, "not-supported")


def test_what_is_in_a_resource_that_is_not_seen_is_not_found(suite, school, child, world):
    """Attendance is seen by the school; a vital sign is not."""
    word = make.word()
    inside = {"resourceType": "Practitioner", "id": "x", "name": [{"family": word}]}
    performer = [make.reference("#x")]
    attendance = {"category": [make.concept(make.CATEGORY, "attendance")]}
    seen = make.observation(child, contained=[inside], performer=performer) | attendance
    unseen = make.observation(child, contained=[inside], performer=performer)
    ids = [suite.post(each).id for each in (seen, unseen)]
    query = f"Practitioner?family={word}&_contained=true"
    assert set(suite.search(query).ids) == set(ids)
    assert school.search(query).ids == ids[:1]
    assert school.search(f"{query}&_count=0").json["total"] == 1


def test_what_is_withheld_of_a_restricted_child_is_not_found_by_what_it_contains(suite, school, child):
    word = make.word()
    inside = {"resourceType": "Practitioner", "id": "x", "name": [{"family": word}]}
    attendance = {"category": [make.concept(make.CATEGORY, "attendance")]}
    sent = make.observation(child, contained=[inside], performer=[make.reference("#x")]) | attendance
    id, query = suite.post(sent).id, f"Practitioner?family={word}&_contained=true"
    assert school.search(query).ids == [id]
    patient = suite.get(f"Patient/{child}").json
    labelled = {**patient, "meta": make.labelled("R")}
    assert suite.put(labelled).status == 200
    assert school.get(f"Observation/{id}").status == 200
    for client, found in ((school, []), (suite, [id])):
        assert client.search(query).ids == found
        assert client.search(f"{query}&_containedType=contained&_count=0").json["total"] == len(found)
