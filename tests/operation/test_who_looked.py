"""$who-looked: who looked at a child's record, for who may know it, and for the family to keep."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest

from server.record.auditevent.looked import Look
from server.record.auditevent.table import HEADINGS, as_csv, as_html
from tests import make

AT = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)


def looks(answer):
    found = [part["part"] for part in answer.json["parameter"] if part["name"] == "look"]
    return [
        {each["name"]: next(v for k, v in each.items() if k != "name") for each in parts} for parts in found
    ]


def test_what_one_did_on_one_day_is_one_line(suite, client_with):
    made = suite.post(make.patient()).id
    other = client_with("suite", other=True)
    for _ in range(3):
        other.get(f"Patient/{made}")
    found = looks(suite.get(f"Patient/{made}/$who-looked"))
    reads = [each for each in found if each["who"] == other.client]
    assert [(each["did"], each["times"], each["agency"]) for each in reads] == [("looked at", 3, "Suite")]
    # Who asks has looked too.
    assert "asked who looked at" in {each["did"] for each in found}


def test_it_shows_no_more_than_the_events_that_the_caller_may_see(suite, school, health, child, social_care):
    school.get(f"Patient/{child}")
    assert school.get(f"Patient/{child}/$who-looked").status == 403
    assert {each["agency"] for each in looks(health.get(f"Patient/{child}/$who-looked"))} == {"Health"}
    assert "School" in {each["agency"] for each in looks(social_care.get(f"Patient/{child}/$who-looked"))}
    stranger = suite.post(make.patient()).id
    unseen = social_care.get(f"Patient/{stranger}/$who-looked")
    assert (unseen.status, unseen.text) == (
        404, social_care.get("Patient/nobody/$who-looked").text.replace("nobody", stranger)
    )  # fmt: skip


def test_it_can_be_of_some_days(suite):
    made = suite.post(make.patient()).id
    assert looks(suite.get(f"Patient/{made}/$who-looked?end=2020-01-01")) == []
    assert looks(suite.get(f"Patient/{made}/$who-looked?start=2020-01-01"))
    assert suite.get(f"Patient/{made}/$who-looked?output=pdf").status == 400


@pytest.fixture
def ask(app, suite):
    """The answer as it is, which is no FHIR."""

    def asked(path):
        headers = {"Authorization": f"Bearer {suite._token}"}
        return app.test_client().get(f"/fhir/{path}", headers=headers)

    return asked


@pytest.mark.parametrize(("output", "type"), [("html", "text/html"), ("csv", "text/csv")])
def test_the_family_is_given_a_file(suite, ask, output, type):
    made = suite.post(make.patient()).id
    answer = ask(f"Patient/{made}/$who-looked?output={output}")
    assert answer.status_code == 200
    assert answer.content_type == f"{type}; charset=utf-8"
    assert f"who-looked.{output}" in answer.headers["Content-Disposition"]
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "wrote" in answer.text


def look(**more):
    said = {
        "day": AT.date(), "first": AT, "last": AT + timedelta(minutes=5), "agency": "Duty", "who": "Ann Li",
        "did": "broke the glass", "purposes": ("BTG", "fire <at> home"), "refused": False,
    }  # fmt: skip
    return Look(**said | more)


def test_the_table_tells_times_of_london_and_purposes_in_words():
    [heads, row] = csv.reader(io.StringIO(as_csv([look()]).decode("utf-8-sig")))
    assert tuple(heads) == HEADINGS
    assert row[1:3] == ["23:30", "23:35"]
    assert row[8] == "the glass was broken; fire <at> home"


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_no_name_becomes_a_formula(name):
    [_, row] = csv.reader(io.StringIO(as_csv([look(who=name)]).decode("utf-8-sig")))
    assert row[5] == f"'{name}"


def test_no_name_becomes_markup():
    page = as_html([look(who="<script>")], AT, more=False).decode()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "fire &lt;at&gt; home" in page


def test_the_page_says_that_there_is_nothing_or_more():
    assert "nothing was done that you may see" in as_html([], AT, more=False).decode()
    assert "ask for a shorter time" in as_html([look()], AT, more=True).decode()
