"""How a search was carried out is told to whom the settings name, and to nobody else."""

import pytest

from tests import make
from tests.caller import Caller, token

QUERIES = [
    ("Observation?patient={w}", "child"),
    ("Observation?code={w}", "code or reference"),
    ("Observation?code={w},other", "several"),
    ("Patient?family={w}", "strings"),
    ("Observation?status=final", "all resources"),
    ("Patient?_id={w}", "a few rows"),
    ("Observation?patient.family={w}", "strings"),
    ("?_tag={w}&_type=Observation", "code or reference"),
    ("Device?_contained=true", "code or reference"),
]


@pytest.fixture(scope="module")
def entitled(new_database, serve):
    """A client that is told, and one of the same agency that is not."""
    with new_database() as url:
        first = serve(url)
        tokens = [token(first, "suite", "system/*.cruds") for _ in range(2)]
        first.extensions["database"].close()
        app = serve(url, CHILDRECORD_EXPLAIN=f"somebody, {Caller(first, tokens[0]).client}")
        yield [Caller(app, each) for each in tokens]
        app.extensions["database"].close()


@pytest.mark.parametrize(("query", "begins"), QUERIES)
def test_the_plan_is_told_in_the_terms_of_the_query(entitled, query, begins):
    told, _ = entitled
    word = make.word()
    told.put(make.patient(id=word, name=[{"family": word}]))
    url = query.format(w=word)
    plain, explained = told.get(url), told.get(f"{url}&_explain=true")
    assert explained.ids == plain.ids
    [outcome] = [e["resource"] for e in explained.json["entry"] if e["search"]["mode"] == "outcome"]
    said = "\n".join(issue["diagnostics"] for issue in outcome["issue"])
    assert begins in said
    for part in ("Estimated rows", "true rows", "SQL: ", "Parameters: ", "Indexes: "):
        assert part in said
    assert "_explain=true" in explained.link("self")


def test_who_is_not_named_is_not_told(entitled):
    _, other = entitled
    refused = other.get("Patient?_explain=true")
    assert (refused.status, refused.code) == (403, "forbidden")
    assert other.get("Patient?_explain=false").status == 200


def test_what_is_neither_true_nor_false_is_refused(entitled):
    assert entitled[0].get("Patient?_explain=perhaps").code == "invalid"
