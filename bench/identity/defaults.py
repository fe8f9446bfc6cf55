"""Splink as it comes: its own comparisons of name, birth date, postcode and sex, trained as its tutorial does.

https://moj-analytical-services.github.io/splink/demos/tutorials/00_Tutorial_Introduction.html
"""

import csv
from pathlib import Path

import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

COLUMNS = {
    "education": ("pupil_id", "forename", "surname", "dob", "gender", "postcode"),
    "care": ("person_id", "first_names", "last_name", "date_of_birth", "sex", "postcode_1"),
}


def pairs(folder: Path, threshold: float = -10) -> list[tuple[tuple[str, str], tuple[str, str], float]]:
    """((source, id), (source, id), match weight) of what Splink finds at or above `threshold`."""
    database = DuckDBAPI()
    tables = [
        database.register(_table(folder / f"{source}.csv", columns), dataset_display_name=source)
        for source, columns in COLUMNS.items()
    ]
    linker = Linker(tables, _settings(), log_level=None)
    exact = [block_on("first_name", "surname", "dob"), block_on("postcode", "dob", "first_name")]
    linker.training.estimate_probability_two_random_records_match(exact, recall=0.7)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e7, seed=1)
    for rule in (block_on("dob"), block_on("first_name", "surname")):
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    found = linker.inference.predict(threshold_match_weight=threshold)
    rows = database.duckdb_con.sql(
        "select source_dataset_l, unique_id_l, source_dataset_r, unique_id_r, match_weight "
        f"from {found.physical_name}"  # noqa: S608
    ).fetchall()
    return [((row[0], row[1]), (row[2], row[3]), row[4]) for row in rows]


def _settings() -> SettingsCreator:
    return SettingsCreator(
        link_type="link_and_dedupe",
        comparisons=[
            cl.NameComparison("first_name"),
            cl.NameComparison("surname"),
            cl.DateOfBirthComparison("dob", input_is_string=True),
            cl.PostcodeComparison("postcode"),
            cl.ExactMatch("sex"),
        ],
        blocking_rules_to_generate_predictions=[
            block_on("first_name", "surname"),
            block_on("dob"),
            block_on("postcode", "first_name"),
            block_on("postcode", "surname"),
        ],
    )


def _table(path: Path, columns: tuple[str, ...]) -> dict[str, list[str | None]]:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    id, first, last, born, sex, postcode = columns
    return {
        "unique_id": [row[id] for row in rows],
        "first_name": [(row[first].split() or [""])[0].lower() or None for row in rows],
        "surname": [row[last].lower() or None for row in rows],
        "dob": [_iso(row[born]) for row in rows],
        "sex": [row[sex][:1] or None for row in rows],
        "postcode": [row[postcode] or None for row in rows],
    }


def _iso(text: str) -> str:
    return "-".join(reversed(text.split("/")))
