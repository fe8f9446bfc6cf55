"""Addresses on which agencies disagree: both are kept, and which stands first is a rule that is data."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from server.child import disputed
from server.record.hook import Sayer
from server.record.said import KEPT, said
from tests import make
from tests.operation.test_sources import MILL, SWAN, put, told
from tests.operation.test_sources import said as said_by

CHILD = f"{make.B}/StructureDefinition/Child"
OTHER = {"use": "home", "line": ["9 Heron Walk"], "postalCode": "ZC2 2CC"}


@pytest.fixture
def robin(suite, child):
    """A child of the profile Child, so that what is told here holds for every agency."""
    path = f"Patient/{child}"
    put(suite, path, meta={"profile": [CHILD]})
    return path


def written(client, path, *addresses, **more):
    """A PUT of a client that knows of no address but these."""
    held = {name: value for name, value in client.get(path).json.items() if name != "address"}
    answer = client.put({**held, **({"address": list(addresses)} if addresses else {}), **more})
    assert answer.status == 200, answer
    return answer


def lines(client, path):
    return [each["line"][0] for each in client.get(path).json.get("address", ())]


def marks(client, path):
    """By line, since when an address has been kept."""
    return {
        each["line"][0]: each["extension"][0]["valueInstant"]
        for each in client.get(path).json.get("address", ())
        if "extension" in each
    }


def test_an_address_that_another_agency_does_not_mention_is_kept(suite, school, social_care, robin):
    written(school, robin, MILL)
    at = written(social_care, robin, SWAN).json["meta"]["lastUpdated"]
    assert lines(suite, robin) == ["3 Swan Lane", "12 Mill Road"]
    assert marks(suite, robin) == {"12 Mill Road": at}
    found = told(suite, robin)
    assert [said_by(found[f"Patient.address[{n}]"][0]) for n in (0, 1)] == [
        [("social-care", 4, 4)], [("school", 3, 3)],
    ]  # fmt: skip
    assert [found[f"Patient.address[{n}]"][0]["shown"] for n in (0, 1)] == [[True], [False]]
    assert found["Patient.address[1]"][0]["kept"] == [at]


def test_an_agency_takes_back_its_own_address(suite, school, social_care, robin):
    written(school, robin, MILL)
    written(social_care, robin, SWAN)
    written(school, robin, OTHER)
    assert lines(suite, robin) == ["3 Swan Lane", "9 Heron Walk"]
    written(school, robin)
    assert lines(suite, robin) == ["3 Swan Lane"]


def test_the_word_of_those_who_visit_goes_first_and_then_the_last_word(
    suite, school, social_care, health, robin
):
    written(social_care, robin, SWAN)
    written(school, robin, MILL)
    assert lines(suite, robin) == ["3 Swan Lane", "12 Mill Road"]
    written(health, robin, OTHER)
    assert lines(suite, robin) == ["3 Swan Lane", "9 Heron Walk", "12 Mill Road"]


def test_the_same_put_again_changes_nothing(suite, school, social_care, robin):
    written(school, robin, MILL)
    first = written(social_care, robin, SWAN)
    again = written(social_care, robin, SWAN)
    assert again.json["meta"]["versionId"] == first.json["meta"]["versionId"]


def test_its_own_agency_confirms_an_address_and_the_mark_goes(suite, school, social_care, robin):
    written(school, robin, MILL)
    written(social_care, robin, SWAN)
    whole = school.get(robin).json
    written(school, robin, *whole["address"], gender="female")
    assert marks(suite, robin) == {}
    mill = told(suite, robin)["Patient.address[1]"][0]
    assert said_by(mill) == [("school", 3, 5)]


def test_who_sends_back_what_was_read_confirms_nothing_that_was_kept(suite, school, social_care, robin):
    written(school, robin, MILL)
    written(social_care, robin, SWAN)
    written(social_care, robin, *social_care.get(robin).json["address"], gender="female")
    assert "12 Mill Road" in marks(suite, robin)
    assert said_by(told(suite, robin)["Patient.address[1]"][0]) == [("school", 3, 3)]


def test_who_says_that_an_address_is_over_is_believed(suite, school, social_care, robin):
    written(school, robin, MILL)
    over = {**MILL, "use": "old", "line": ["12 Mill Rd"], "period": {"end": "2026-01-01"}}
    written(social_care, robin, SWAN, over)
    assert suite.get(robin).json["address"] == [SWAN, over]


def test_a_mark_that_the_server_did_not_put_on_is_taken_off(suite, school, robin):
    mark = {"url": KEPT, "valueInstant": "2020-01-01T00:00:00Z"}
    written(suite, robin, MILL)
    written(school, robin, {**SWAN, "extension": [mark]}, {**MILL, "extension": [mark]})
    assert marks(suite, robin) == {}


def test_a_patch_does_what_it_says(suite, school, social_care, robin):
    written(school, robin, MILL)
    remove = [{"op": "remove", "path": "/address"}]
    answer = social_care.ask("PATCH", robin, remove, Content_Type="application/json-patch+json")
    assert answer.status == 200
    assert lines(suite, robin) == []


def test_a_patient_of_no_profile_is_what_was_put(suite, school, social_care, child):
    path = f"Patient/{child}"
    written(school, path, MILL)
    written(social_care, path, SWAN)
    assert suite.get(path).json["address"] == [SWAN]
    [mill] = told(suite, path, "?former=true&element=address")["Patient.address"]
    assert said_by(mill) == [("school", 2, 2)]


def test_who_does_not_see_where_a_child_is_moves_nothing(suite, school, social_care, robin):
    written(suite, robin, MILL)
    put(suite, robin, meta={"profile": [CHILD], **make.labelled("R")})
    held = social_care.get(robin).json
    assert "address" not in held
    answer = social_care.put({**held, "gender": "female"})
    assert answer.status == 200
    assert "Mill" not in answer.text
    assert suite.get(robin).json["address"] == [MILL]


# ---- the rule ----------------------------------------------------------------------------------------------

NOW = datetime(2026, 9, 1, tzinfo=UTC)
SCHOOL, CARE = Sayer(1, "school", NOW), Sayer(2, "social-care", NOW)


def kept(before, sent, writer, *sayers):
    """The lines of the addresses that are kept; `sayers`: of those before, in their order."""
    known = {said("address", (each, None)): sayer for each, sayer in zip(before, sayers, strict=True)}
    made = disputed.kept({"address": list(before)}, {"address": list(sent)}, writer, lambda: known)
    return made.get("address", [])


@pytest.mark.parametrize(
    ("days", "first"),
    [(0, SWAN), (179, SWAN), (181, MILL)],
)
def test_a_word_that_goes_first_does_so_for_a_time(days, first):
    heard = CARE._replace(at=NOW - timedelta(days))
    assert kept([SWAN], [MILL], SCHOOL, heard)[0]["line"] == first["line"]


def test_each_use_has_an_order_of_its_own():
    temp = {**OTHER, "use": "temp"}
    found = kept([temp, SWAN], [MILL], SCHOOL, CARE, CARE)
    assert [(each["use"], each["line"][0]) for each in found] == [
        ("home", "3 Swan Lane"), ("home", "12 Mill Road"), ("temp", "9 Heron Walk"),
    ]  # fmt: skip


def test_an_address_that_is_over_stands_behind():
    over = {**SWAN, "period": {"end": "2026-01-01"}}
    assert [each["line"] for each in kept([over], [MILL], SCHOOL, CARE)] == [MILL["line"], SWAN["line"]]


def test_a_rule_may_end_what_stands_behind(monkeypatch):
    rule = disputed.Rule(frozenset(), 0, True)
    told = msgspec.structs.replace(disputed.sources(), address={"*": rule})
    monkeypatch.setattr(disputed, "sources", lambda: told)
    was = CARE._replace(at=NOW - timedelta(1))
    [first, behind] = kept([SWAN], [MILL], SCHOOL, was)
    assert first == MILL
    assert (behind["use"], behind["period"]) == ("old", {"end": "2026-09-01"})


def test_an_address_is_the_same_however_it_is_written():
    assert kept([MILL], [{"line": ["12 Mill Rd."], "postalCode": "za11aa"}], SCHOOL, CARE) == [
        {"line": ["12 Mill Rd."], "postalCode": "za11aa"}
    ]


def test_who_said_what_is_not_asked_where_nothing_is_left_out():
    def asked():
        raise AssertionError

    sent = {"address": [MILL, SWAN]}
    assert disputed.kept({"address": [MILL]}, sent, SCHOOL, asked) is sent
    assert disputed.kept({}, sent, SCHOOL, asked) is sent


def test_the_shipped_rule_speaks_of_kinds_of_agencies_that_there_are(app):
    kinds = {agency.kind for agency in app.extensions["door"].agencies.values()}
    shipped = disputed.sources()
    assert {kind for rule in shipped.address.values() for kind in rule.before} <= kinds
    assert disputed.OTHERS in shipped.address
