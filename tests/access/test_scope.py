"""https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html"""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.access.scope import ADMIN, CRUDS, LEVELS, Scope, granted, parse


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("patient/Patient.r", ("patient", "Patient", "r", "")),
        ("user/*.cruds", ("user", "*", "cruds", "")),
        ("system/Observation.rs", ("system", "Observation", "rs", "")),
        ("system/Observation.cds", ("system", "Observation", "cds", "")),
        ("patient/Observation.read", ("patient", "Observation", "rs", "")),
        ("patient/Observation.write", ("patient", "Observation", "cud", "")),
        ("user/*.*", ("user", "*", "cruds", "")),
        ("user/*.read", ("user", "*", "rs", "")),
        (
            "patient/Observation.rs?category=http://x|laboratory&date=ge2024",
            ("patient", "Observation", "rs", "category=http://x|laboratory&date=ge2024"),
        ),
        ("system/admin.cruds?agency=school", ("system", ADMIN, "cruds", "agency=school")),
    ],
)
def test_a_scope_is_read_as_both_versions_of_smart_write_it(text, meaning):
    found = parse(text)
    assert (found.level, found.type, found.interactions, found.query) == meaning
    assert parse(str(found)) == found


@pytest.mark.parametrize("letters", [each for n in range(1, 6) for each in itertools.combinations(CRUDS, n)])
def test_every_subset_of_cruds_in_its_order_is_one(letters):
    assert parse(f"user/Patient.{''.join(letters)}").interactions == "".join(letters)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "patient",
        "patient/",
        "patient/Patient",
        "patient/Patient.",
        "patient/Patient.sr",
        "patient/Patient.rr",
        "patient/Patient.Rs",
        "patient/Patient.reads",
        "patient/Patient.rs?",
        "patient/patient.rs",
        "patient/Patient2.rs",
        "Patient/Patient.rs",
        "practitioner/Patient.rs",
        "patient/Patient/1.rs",
        "patient/**.rs",
        "patient/Patient.rs ",
        "patient/Patient.rs\n",
        "patient/Patient.rs?name=a b",
        'patient/Patient.rs?name="a"',
        "patient/Patient.rs?name=\\",
        "patient/Patient.rs?name=é",
        "patient/Patient.rs?name=\0",
        "launch/patient",
        "openid",
        "system/administrator.rs",
    ],
)
def test_what_smart_does_not_write_is_none(text):
    assert parse(text) is None


@pytest.mark.parametrize(
    ("requested", "registered", "given_"),
    [
        ("user/*.rs", "user/Patient.cruds", "user/Patient.rs"),
        ("user/Patient.cruds", "user/*.rs", "user/Patient.rs"),
        ("user/*.cruds", "user/*.rs user/Observation.c", "user/*.rs user/Observation.c"),
        ("user/Observation.rs", "user/*.rs user/Observation.r", "user/Observation.rs"),
        ("user/Observation.rs", "user/Observation.r user/*.rs", "user/Observation.rs"),
        ("user/Observation.rs?code=a", "user/Observation.rs", "user/Observation.rs?code=a"),
        ("user/Observation.rs", "user/Observation.rs?code=a", "user/Observation.rs?code=a"),
        (
            "user/Observation.rs?code=a",
            "user/Observation.rs?category=b",
            "user/Observation.rs?code=a&category=b",
        ),
        ("user/Observation.rs?code=a&date=b", "user/*.rs", "user/Observation.rs?code=a&date=b"),
        ("user/Observation.rs?code=%61", "user/Observation.rs?code=a", "user/Observation.rs?code=%61"),
        (
            "user/Observation.rs",
            "user/Observation.rs?code=a user/Observation.rs?code=b",
            "user/Observation.rs?code=a user/Observation.rs?code=b",
        ),
        ("user/Patient.rs", "patient/Patient.rs", ""),
        ("patient/Patient.rs", "user/*.cruds", ""),
        ("user/Patient.c", "user/Patient.rud", ""),
        ("user/Patient.rs", "user/Observation.rs", ""),
        ("system/*.cruds", "system/admin.cruds", ""),
        ("system/admin.rs", "system/*.cruds", ""),
        ("system/admin.rs", "system/admin.cruds?agency=a", "system/admin.rs?agency=a"),
    ],
)
def test_what_is_granted_is_what_both_have(requested, registered, given_):
    found = granted(map(parse, requested.split()), map(parse, registered.split()))
    assert " ".join(map(str, found)) == given_


TYPES = ("Patient", "Observation", ADMIN)
PAIRS = (("code", "a"), ("code", "b"), ("date", "c"))
ROWS = [frozenset(some) for n in range(4) for some in itertools.combinations(PAIRS, n)]
ACTS = list(itertools.product(LEVELS, TYPES, CRUDS, ROWS))

queries = st.lists(st.sampled_from(PAIRS), max_size=3).map(lambda some: "&".join("=".join(p) for p in some))
scopes = st.builds(
    Scope,
    st.sampled_from(LEVELS[:2]),
    st.sampled_from((*TYPES, "*")),
    st.sets(st.sampled_from(CRUDS), min_size=1).map(lambda some: "".join(x for x in CRUDS if x in some)),
    queries,
)


def permits(held, level, type_, letter, row):
    """What the words of a scope mean, said in another way than the server does."""
    return any(
        each.level == level
        and (each.type == type_ or (each.type == "*" and type_ != ADMIN))
        and letter in each.interactions
        and all(tuple(part.split("=")) in row for part in each.query.split("&") if part)
        for each in held
    )


@given(st.lists(scopes, max_size=4), st.lists(scopes, max_size=4))
def test_nothing_more_and_nothing_less_is_granted_than_what_both_permit(requested, registered):
    found = granted(requested, registered)
    for act in ACTS:
        assert permits(found, *act) == (permits(requested, *act) and permits(registered, *act))


@given(st.lists(scopes, max_size=4), st.lists(scopes, max_size=4))
def test_granting_what_was_granted_changes_nothing(requested, registered):
    once = granted(requested, registered)
    for act in ACTS:
        assert permits(granted(once, registered), *act) == permits(once, *act)


@given(scopes, scopes)
def test_a_scope_covers_another_if_it_permits_all_that_the_other_does(left, right):
    if left.covers(right):
        assert all(permits([left], *act) for act in ACTS if permits([right], *act))
