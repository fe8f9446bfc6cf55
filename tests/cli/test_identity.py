"""`childrecord identity`: two extracts linked, from the files to the report."""

import csv
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from shutil import which

import pytest
from click.testing import CliRunner

pytest.importorskip("splink", reason="the extra 'identity' is not installed")

from server.cli.identity import identity

MAPPING = {
    "id": "id", "given": ["given"], "family": ["family"], "born": {"column": "born"},
    "sex": {"column": "sex", "codes": {"F": "female", "M": "male"}},
    "address": [{"line": ["line"], "postcode": "postcode"}], "school": ["school"],
}  # fmt: skip
COLUMNS = ("id", "given", "family", "born", "sex", "line", "postcode", "school")
ROBIN = ("1", "Robin Jo", "Quexley", "2014-03-14", "F", "12 Mill Road", "ZA1 1AA", "ashbourne")
TWIN = ("2", "Harriet", "Quexley", "2014-03-14", "F", "12 Mill Road", "ZA1 1AA", "ashbourne")
OTHER = ("3", "Kofi", "Mensah", "2011-11-30", "M", "3 Swan Lane", "ZB9 9ZZ", "heron")


def extract(folder: Path, source: str, *rows: tuple[str, ...]) -> str:
    with (folder / f"{source}.csv").open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    (folder / f"{source}.mapping.json").write_text(json.dumps(MAPPING | {"source": source}))
    return str(folder / f"{source}.csv")


def run(*arguments: str) -> str:
    done = CliRunner().invoke(identity, list(arguments))
    assert done.exit_code == 0, done.output
    return done.output


def clusters(folder: Path) -> list[set[tuple[str, str]]]:
    children: dict[str, set[tuple[str, str]]] = {}
    with (folder / "clusters.csv").open() as file:
        for row in csv.DictReader(file):
            children.setdefault(row["child"], set()).add((row["source"], row["id"]))
    return list(children.values())


def test_a_child_of_two_extracts_is_one_and_a_twin_another(tmp_path: Path) -> None:
    pupils = extract(tmp_path, "pupils", ROBIN, TWIN, OTHER)
    care = extract(tmp_path, "care", ("9", "Robyn", *ROBIN[2:]))
    run("link", pupils, care, "--out", str(tmp_path / "out"))
    found = clusters(tmp_path / "out")
    assert {("pupils", "1"), ("care", "9")} in found
    assert {("pupils", "2")} in found
    assert len(found) == 3


@pytest.mark.skipif(
    find_spec("pyspark") is None or which("java") is None,
    reason="the extra 'identity-spark' is not installed, or there is no JVM",
)
@pytest.mark.soak
@pytest.mark.timeout(900)
def test_spark_finds_the_same(tmp_path: Path, is_soak: bool) -> None:
    if not is_soak:
        pytest.skip("Spark takes minutes to begin: it is tried by `make soak`")
    pupils = extract(tmp_path, "pupils", ROBIN, TWIN, OTHER)
    care = extract(tmp_path, "care", ("9", "Robyn", *ROBIN[2:]), ("8", "Hariet", *TWIN[2:]))
    for backend in ("duckdb", "spark"):
        asked = ["link", pupils, care, "--backend", backend, "--out", str(tmp_path / backend)]
        # A process of its own: the JVM stays as long as that.
        subprocess.run([sys.executable, "-m", "server.cli.main", "identity", *asked], check=True)
    found, other = ((tmp_path / each / "pairs.csv").read_text() for each in ("duckdb", "spark"))
    assert sorted(found.splitlines()) == sorted(other.splitlines())
    assert len(found.splitlines()) > 1


def test_ndjson_as_export_writes_it_is_read_as_well(tmp_path: Path) -> None:
    patient = {
        "resourceType": "Patient", "id": "robin", "name": [{"given": ["Robin"], "family": "Quexley"}],
        "birthDate": "2014-03-14", "gender": "female",
        "address": [{"line": ["12 Mill Road"], "postalCode": "ZA1 1AA"}],
    }  # fmt: skip
    (tmp_path / "record.ndjson").write_text(json.dumps(patient) + "\n\n")
    pupils = extract(tmp_path, "pupils", ROBIN, OTHER)
    run("link", pupils, str(tmp_path / "record.ndjson"), "--out", str(tmp_path / "out"))
    assert {("pupils", "1"), ("record", "robin")} in clusters(tmp_path / "out")


def test_a_duplicate_within_one_file_is_found(tmp_path: Path) -> None:
    pupils = extract(tmp_path, "pupils", ROBIN, ("7", "Robin", *ROBIN[2:]), OTHER)
    run("link", pupils, "--out", str(tmp_path / "out"))
    assert {("pupils", "1"), ("pupils", "7")} in clusters(tmp_path / "out")


@pytest.mark.parametrize(
    ("prepare", "told"),
    [
        (lambda folder: (folder / "pupils.mapping.json").unlink(), "cannot be read"),
        (lambda folder: (folder / "pupils.csv").write_text("id,given\n1,Robin\n"), "no column"),
        (lambda folder: extract(folder, "pupils", ROBIN, ROBIN), "the same id"),
        (
            lambda folder: extract(folder, "pupils", (*ROBIN[:3], "14/3/14", *ROBIN[4:])),
            "no date in 'born'",
        ),
        (lambda folder: (folder / "pupils.csv").write_bytes(b"id,given\n1,Zo\xeb\n"), "is not UTF-8"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_sentence(tmp_path: Path, prepare, told: str) -> None:  # type: ignore[no-untyped-def]
    pupils = extract(tmp_path, "pupils", ROBIN)
    prepare(tmp_path)
    done = CliRunner().invoke(identity, ["link", pupils, "--out", str(tmp_path / "out")])
    assert done.exit_code == 1
    assert told in done.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("[]", "Line 1 of record.ndjson is no FHIR resource"),
        ('{"resourceType": "Patient"}', "The Patient in line 1 of record.ndjson has no id"),
        ("{", "Line 1 of record.ndjson is no JSON"),
    ],
)
def test_a_line_that_is_no_record_is_told_by_its_number(tmp_path: Path, line: str, told: str) -> None:
    (tmp_path / "record.ndjson").write_text(line)
    done = CliRunner().invoke(
        identity, ["link", str(tmp_path / "record.ndjson"), "--out", str(tmp_path / "out")]
    )
    assert done.exit_code == 1
    assert told in done.output.replace(f"{tmp_path}/", "").replace("\n", " ")


def test_a_row_that_ends_early_has_the_rest_empty(tmp_path: Path) -> None:
    pupils = extract(tmp_path, "pupils", ROBIN, ("7", "Robin Jo", "Quexley", "2014-03-14"))
    run("link", pupils, "--out", str(tmp_path / "out"))
    assert sum(map(len, clusters(tmp_path / "out"))) == 2
