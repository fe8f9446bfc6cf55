"""$why: what somebody would see of a resource, and by which clause."""

import pytest

from server import clock
from server.store import accounts
from server.store.accounts import Account
from tests import make


def why(caller, path, agency, **more):
    query = "&".join(f"{name}={value}" for name, value in {"agency": agency, **more}.items())
    return caller.get(f"{path}/$why?{query}")


def told(answer):
    """(degree, clauses that show something, what hinders the others)."""
    assert answer.status == 200, answer
    degree, shows, hinders = None, [], set()
    for each in answer.json["parameter"]:
        if each["name"] == "degree":
            degree = each["valueCode"]
        if each["name"] == "clause":
            parts = [
                (part["name"], next(iter(v for k, v in part.items() if k != "name"))) for part in each["part"]
            ]
            said = dict(parts)
            if said["degree"] == "none":
                hinders |= {value for name, value in parts if name == "hindrance"}
            else:
                shows.append(said)
    return degree, shows, hinders


@pytest.fixture(scope="module")
def records(client_with):
    return client_with("records")


CASES = {
    "seen": ("social-care", {}, {}, "content", set()),
    "of another category": ("school", {}, {}, "none", {"criteria"}),
    "of a child of others": ("social-care", {}, {"subject": "other"}, "none", {"children"}),
    "no scope": ("social-care", {"scope": "system/Patient.rs"}, {}, "none", {"scopes"}),
}


@pytest.mark.parametrize("name", CASES)
def test_it_says_what_is_seen_and_what_hinders(suite, records, child, name):
    agency, more, change, degree, hinders = CASES[name]
    about = suite.post(make.child()).id if change else child
    path = f"Observation/{suite.post(make.observation(about, category='survey')).id}"
    found, shows, because = told(why(records, path, agency, **more))
    assert found == degree
    assert bool(shows) == (degree != "none")
    assert hinders <= because


def test_it_says_the_same_as_a_read(suite, records, client_with, child):
    paths = [f"Patient/{child}", f"Observation/{suite.post(make.mark(child, 'school')).id}"]
    paths += [f"Encounter/{suite.post(make.encounter(child, 'health')).id}"]
    for path in paths:
        for agency in ("school", "health", "social-care", "suite", "inspector", "glimpse", "newcomer"):
            degree, shows, _ = told(why(records, path, agency))
            read = client_with(agency).get(path)
            assert (degree == "none") == (read.status != 200), (path, agency)
            assert (degree == "content") == (read.status == 200 and "REDACTED" not in read.text)
            assert bool(shows) == (read.status == 200)


def test_a_restriction_is_named_as_the_reason(suite, records, child):
    suite.put(make.child(id=child, meta=make.labelled("V")))
    degree, shows, hinders = told(why(suite, f"Patient/{child}", "school"))
    assert (degree, shows, hinders) == ("none", [], {"restricted"})
    assert told(why(suite, f"Patient/{child}", "suite"))[0] == "content"
    # Who is entitled to ask is entitled to nothing else.
    assert why(records, f"Patient/{child}", "school").status == 404


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("Patient/{}", "agency=nobody", 400),
        ("Patient/{}", "agency=school&user=nobody", 400),
        ("Patient/{}", "agency=school&scope=openid", 400),
        ("Patient/{}", "", 400),
        ("Patient/nobody", "agency=school", 404),
    ],
)
def test_what_cannot_be_asked_is_refused(records, child, path, query, status):
    assert records.get(f"{path.format(child)}/$why?{query}").status == status


def test_only_who_is_entitled_asks(client_with, child):
    for id in (child, "nobody"):
        assert why(client_with("social-care"), f"Patient/{id}", "school").status == 403


@pytest.mark.parametrize(
    ("caseload", "roles", "degree", "hinders"),
    [("all", [], "content", set()), ("own", [], "none", {"caseload"}), ("team", [], "none", {"caseload"})],
)
def test_of_a_user_it_says_what_the_user_sees(app, suite, records, child, caseload, roles, degree, hinders):
    word, id_ = make.word("account-"), clock.new_id()
    known = Account(
        id_, "social-care", word, "A worker", f"Practitioner/{word}", tuple(roles), caseload, clock.now()
    )
    with app.extensions["database"].begin() as connection:
        assert accounts.add(connection, known)
    asked = [told(why(records, f"Patient/{child}", "social-care", user=each)) for each in (word, id_)]
    assert asked[0] == asked[1]
    found, shows, because = asked[0]
    assert (found, bool(shows)) == (degree, degree == "content")
    assert hinders <= because
    assert why(records, f"Patient/{child}", "school", user=word).status == 400
