"""`childrecord terminology`: load, list, remove."""

import pytest

from server.store import concept_load
from tests.terminology.intake import published


@pytest.fixture(autouse=True)
def no_grace(monkeypatch):
    monkeypatch.setattr(concept_load, "GRACE", 0)


def test_a_code_system_is_loaded_listed_and_removed(childrecord, tmp_path):
    told = childrecord("terminology", "load", str(published.rf2(tmp_path)))
    assert told.exit_code == 0, told
    assert "SNOMED CT: 12 concepts of http://snomed.info/sct in version" in told.output
    for part in ("Reading concepts", "Reading descriptions", "Hierarchy", "Concepts", "Groups", "Indexes"):
        assert part in told.output
    told = childrecord("terminology", "list", COLUMNS="200")
    assert "http://snomed.info/sct" in told.output
    assert "20260401" in told.output
    told = childrecord("terminology", "remove", "http://snomed.info/sct")
    assert "1 version was removed" in told.output
    assert "No code system was loaded." in childrecord("terminology", "list").output


def test_the_operator_may_name_the_version(childrecord, tmp_path):
    path = str(published.dmd(tmp_path))
    assert "in version of-ours." in childrecord("terminology", "load", path, "--version", "of-ours").output
    told = childrecord("terminology", "remove", "https://dmd.nhs.uk", "--version", "other")
    assert str(told.exception) == "No 'https://dmd.nhs.uk' was loaded in version other."


def test_files_that_are_of_no_code_system_are_refused_in_words(childrecord, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("x")
    told = childrecord("terminology", "load", str(path))
    assert "files of no code system that can be loaded" in str(told.exception)
