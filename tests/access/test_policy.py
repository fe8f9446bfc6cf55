"""What a rights file says of profiles: whether what breaks their rules is refused, or accepted and marked."""

import json

import pytest

from server.access.agency import NotReadable, agencies, read
from server.interaction.opening import NotReady
from tests.conftest import ACCESS

OURS = "https://w3id.org/single-child-record/StructureDefinition/"
MARK, TOTAL = f"{OURS}SchoolAttendance", f"{OURS}AttendanceTotal"
OTHERS = "http://hl7.org/fhir/StructureDefinition/vitalsigns"


def written(folder, said):
    content = json.loads((ACCESS / "school.json").read_bytes())
    if said is None:
        del content["profiles"]
    else:
        content["profiles"] = said
    (folder / "school.json").write_text(json.dumps(content), encoding="utf-8")
    return read(folder)


@pytest.mark.parametrize(
    ("said", "applied", "marks"),
    [
        (None, True, set()),
        (True, True, set()),
        (False, False, set()),
        ("refuse", True, set()),
        ("mark", True, {MARK, TOTAL, OTHERS}),
        ({"SchoolAttendance": "mark"}, True, {MARK}),
        ({MARK: "mark"}, True, {MARK}),
        ({"*": "mark"}, True, {MARK, TOTAL, OTHERS}),
        ({"*": "mark", "AttendanceTotal": "refuse"}, True, {MARK, OTHERS}),
        ({"*": "refuse", OTHERS: "mark"}, True, {OTHERS}),
    ],
)
def test_a_policy_says_for_each_profile_whether_its_breach_is_marked(tmp_path, said, applied, marks):
    policy = agencies(written(tmp_path, said), {"school": 1})["school"].policy
    assert policy.applied is applied
    assert {each for each in (MARK, TOTAL, OTHERS) if policy.marks(each)} == marks
    assert {each for each in (MARK, TOTAL, OTHERS) if policy.marks(f"{each}|1.0.0")} == marks


@pytest.mark.parametrize(
    "said", [1, "accept", [], {}, {"SchoolAttendance": True}, {"SchoolAttendance": "accept"}, {"*": None}]
)
def test_a_policy_that_says_anything_else_cannot_be_read(tmp_path, said):
    with pytest.raises(NotReadable, match="profiles"):
        written(tmp_path, said)


def test_a_policy_for_a_profile_that_there_is_not_stops_the_start(tmp_path, new_database, serve):
    written(tmp_path, {"SchoolAttendence": "mark"})
    with new_database() as url, pytest.raises(NotReady, match="SchoolAttendence"):
        serve(url, CHILDRECORD_ACCESS=str(tmp_path))
