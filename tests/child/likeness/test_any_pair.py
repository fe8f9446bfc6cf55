"""What holds of any two children, whatever is known of them."""

from math import isclose

from hypothesis import given, settings
from hypothesis import strategies as st

from server.child.likeness.block import keys
from server.child.likeness.comparison import COMPARISONS, MISSING, levels
from server.child.likeness.feature import Features
from server.child.likeness.model import VETOED, compare, model

GIVEN = st.sampled_from(
    [
        "robin",
        "jo",
        "mohammed",
        "muhammad",
        "hassan",
        "kate",
        "katherine",
        "anne-marie",
        "anne",
        "j",
        "мир",
        "李",
    ]
)
FAMILY = st.sampled_from(["sample", "smaple", "muster", "obrien", "hussain", "robin", "李"])
DATES = st.sampled_from(
    [
        "",
        "2014",
        "2014-03",
        "2014-03-04",
        "2014-04-03",
        "2014-01-01",
        "2014-03-05",
        "2009-12-31",
        "2014-02-31",
    ]
)
HOMES = st.tuples(
    st.sampled_from(["", "ZZ11AA", "ZZ11AB", "YY9"]),
    st.sampled_from(["", "12", "12 a", "rose cottage"]),
    st.sampled_from(["", "example road"]),
)
CHILDREN = st.builds(
    Features,
    given=st.lists(st.lists(GIVEN, min_size=1, max_size=3).map(tuple), max_size=2).map(tuple),
    family=st.lists(st.lists(FAMILY, min_size=1, max_size=2).map(tuple), max_size=2).map(tuple),
    born=DATES,
    expected=DATES,
    sex=st.sampled_from(["", "f", "m"]),
    homes=st.lists(HOMES, max_size=2).map(tuple),
    parents=st.lists(st.tuples(st.tuples(GIVEN), st.lists(FAMILY, max_size=1).map(tuple)), max_size=2).map(
        tuple
    ),
    siblings=st.lists(
        st.tuples(st.sampled_from(["", "robin", "kate"]), DATES, st.sampled_from(["", "a", "b"])), max_size=2
    ).map(tuple),
    schools=st.lists(st.sampled_from(["oak", "elm"]), max_size=2).map(tuple),
    identifiers=st.lists(
        st.tuples(
            st.sampled_from(["upn", "former-upn", "unverified-upn", "nhs-number"]),
            st.sampled_from(["1", "2", "12"]),
        ),
        max_size=2,
    ).map(tuple),
    multiple=st.sampled_from([0, -1, 1, 2]),
    id=st.sampled_from(["", "a", "b"]),
)


@settings(max_examples=300)
@given(CHILDREN, CHILDREN)
def test_a_pair_has_levels_that_do_not_depend_on_its_order(one: Features, other: Features) -> None:
    found = levels(one, other)
    assert found == levels(other, one)
    assert all(MISSING <= level < len(each) for level, each in zip(found, COMPARISONS.values(), strict=True))


@settings(max_examples=300)
@given(CHILDREN, CHILDREN)
def test_the_weight_is_the_sum_of_its_evidence(one: Features, other: Features) -> None:
    found = compare(one, other)
    assert isclose(found.weight, model().weigh(one, other))
    assert isclose(found.weight, model().prior + sum(each.weight for each in found.evidence), abs_tol=1e-9)
    assert (found.weight == VETOED) == any(each.comparison == "veto" for each in found.evidence)


@given(CHILDREN)
def test_keys_depend_on_nothing_but_the_child(child: Features) -> None:
    assert keys(child) == keys(Features(**{name: getattr(child, name) for name in child.__struct_fields__}))
