"""What SQL makes of the levels is what the record's own comparison says, but for rare forms of names."""

from itertools import combinations
from random import Random

import pytest

from server.child.likeness.comparison import COMPARISONS, levels
from server.child.likeness.feature import Features
from server.child.linkage.column import LISTS, table
from server.child.linkage.level import CONDITIONS, condition

GIVEN = [
    "olivia",
    "olivvia",
    "catherine",
    "katherine",
    "kate",
    "muhammad",
    "mohammed",
    "hassan",
    "hasan",
    "anne-marie",
    "marie",
    "o",
    "finley",
    "finlay",
]
FAMILY = ["smith", "smyth", "jones", "khan", "kahn", "obrien", "brown", "browne"]
BORN = ["2014-03-04", "2014-04-03", "2014-03-05", "2014-01-01", "2015-03-04", "2011-11-30", "2014-03"]


def children(count: int) -> list[Features]:
    dice = Random(5)
    some = lambda names, most: tuple(dice.choice(names) for _ in range(dice.randint(1, most)))  # noqa: E731
    return [
        Features(
            given=(some(GIVEN, 2),),
            family=(some(FAMILY, 2),),
            born=dice.choice(BORN),
            sex=dice.choice("fm ").strip(),
            homes=((dice.choice(["ZA11AA", "ZA11AB", "ZB99ZZ", ""]), str(dice.randint(1, 3)), "mill road"),),
            schools=(dice.choice("ab"),),
        )
        for _ in range(count)
    ]


@pytest.fixture(scope="module")
def answers() -> dict[str, list[tuple[int, int]]]:
    """Of each comparison, (its own level, SQL's) for every pair."""
    duckdb = pytest.importorskip("duckdb", reason="the extra 'identity' is not installed")
    pa = pytest.importorskip("pyarrow", reason="the extra 'identity' is not installed")
    some = children(150)
    columns = table(some)
    types = {"unique_id": pa.int64(), "given_known": pa.bool_()} | {
        name: pa.list_(pa.string()) for name in LISTS
    }
    del columns["key"]
    connection = duckdb.connect()
    connection.register(
        "c", pa.table({name: pa.array(held, types.get(name, pa.string())) for name, held in columns.items()})
    )
    both = ", ".join(f"l.{name} as {name}_l, r.{name} as {name}_r" for name in columns)
    pairs = list(combinations(range(len(some)), 2))
    own = {pair: levels(some[pair[0]], some[pair[1]]) for pair in pairs}
    found = {}
    for at, (name, (silent, stated)) in enumerate(CONDITIONS.items()):
        cases = " ".join(f"when {condition(sql, 'duckdb')} then {level}" for level, sql in enumerate(stated))
        rows = connection.execute(
            f"with pair as (select {both} from c l join c r on l.unique_id < r.unique_id) select "
            f"unique_id_l, unique_id_r, case when {condition(silent, 'duckdb')} then -1 {cases} "
            f"else {len(stated)} end from pair"
        ).fetchall()
        found[name] = [(int(own[a, b][at]), level) for a, b, level in rows]
    return found


def test_every_comparison_of_the_model_has_its_conditions() -> None:
    assert list(CONDITIONS) == list(COMPARISONS)
    assert [len(stated) + 1 for _, stated in CONDITIONS.values()] == [
        len(each) for each in COMPARISONS.values()
    ]


@pytest.mark.parametrize(
    ("name", "share"),
    [
        ("given_name", 0.9),
        ("family_name", 0.9),
        ("birth_date", 0.97),
        ("sex", 1.0),
        ("address", 0.97),
        ("school", 1.0),
    ],
)
def test_sql_comes_to_the_same_level(
    answers: dict[str, list[tuple[int, int]]], name: str, share: float
) -> None:
    pairs = answers[name]
    assert sum(own == sql for own, sql in pairs) / len(pairs) >= share


@pytest.mark.parametrize("dialect", ["duckdb", "spark"])
def test_every_condition_is_spelt_in_every_dialect(dialect: str) -> None:
    for silent, stated in CONDITIONS.values():
        assert not any(
            "<any>" in told or "<has>" in told
            for told in (condition(sql, dialect) for sql in (silent, *stated))
        )
