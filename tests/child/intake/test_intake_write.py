"""What an import does when the record does not simply take what it brings."""

from pathlib import Path

import pytest

from server.child.intake.door import Change
from server.child.intake.draft import BASE
from server.child.intake.report import Extent, Fate
from server.fhir import Json
from tests.child.intake.fake_door import FakeDoor
from tests.child.intake.imports import bring_in, files

HEADER = "CHILD,SEX,DOB,ETHNIC,UPN,MOTHER,MC_DOB\n"
UPN = "Z330400124001"


def _returned(folder: Path) -> Path:
    return files(
        folder,
        header__csv=HEADER + f"17,2,27/03/2008,WBRI,{UPN},,\n",
        episodes__csv="CHILD,DECOM,RNE,LS,CIN,PLACE,DEC,REC\n"
        "17,15/02/2016,S,C2,N3,U4,14/08/2017,X1\n17,14/08/2017,P,C2,N3,U4,,\n",
        reviews__csv="CHILD,DOB,REVIEW,REVIEW_CODE\n17,27/03/2008,30/08/2017,PN6\n",
        oc2__csv="CHILD,DOB,SDQ_SCORE,SDQ_REASON,CONVICTED\n17,27/03/2008,39,,1\n",
    )


def _known(door: FakeDoor, **elements: object) -> Json:
    """A child whom another agency brought into the record."""
    patient = {
        "resourceType": "Patient",
        "identifier": [{"system": f"{BASE}/sid/upn", "value": UPN}],
        **elements,
    }
    door.transact([Change("create", patient, "urn:uuid:00000000-0000-0000-0000-000000000000")])
    return door.of_type("Patient")[0]


def _refuses_sdq(resource: Json) -> str | None:
    return "No score today." if resource.get("valueInteger") == 39 else None


@pytest.mark.parametrize("vague", [False, True])
def test_what_the_record_refuses_costs_its_row_and_no_row_is_half_stored(tmp_path: Path, vague: bool) -> None:
    door = FakeDoor(_refuses_sdq, vague=vague)
    report = bring_in("ssda903", door, _returned(tmp_path))
    assert [(one.origin.file, one.origin.row, one.reason) for one in report.refusals] == [
        ("oc2.csv", 2, "No score today."),
    ]
    # The score and the health of one row: neither is there.
    assert door.of_type("Observation") == []
    assert report.kinds["LookedAfterHealth"] == report.kinds["StrengthsAndDifficulties"] == {Fate.REFUSED: 1}
    assert len(door.of_type("EpisodeOfCare")) == 3
    assert len(door.of_type("Encounter")) == 1


@pytest.mark.parametrize("vague", [False, True])
def test_what_stands_on_something_refused_is_refused_with_it(tmp_path: Path, vague: bool) -> None:
    def refuses(resource: Json) -> str | None:
        looked_after = "looked-after" in str(resource.get("type"))
        return "No." if resource["resourceType"] == "EpisodeOfCare" and looked_after else None

    report = bring_in("ssda903", door := FakeDoor(refuses, vague=vague), _returned(tmp_path))
    assert {(one.origin.file, one.origin.row) for one in report.refusals} == {
        *(("episodes.csv", 2), ("episodes.csv", 3), ("reviews.csv", 2)),
    }
    assert len(door.of_type("Patient")) == 1
    assert len(door.of_type("Observation")) == 2


@pytest.mark.parametrize("vague", [False, True])
def test_a_child_that_the_record_refuses_is_refused_with_all_its_rows(tmp_path: Path, vague: bool) -> None:
    door = FakeDoor(lambda resource: "No." if resource["resourceType"] == "Patient" else None, vague=vague)
    report = bring_in("ssda903", door, _returned(tmp_path))
    assert door.resources == {}
    assert {(one.origin.file, one.origin.row) for one in report.refusals if one.extent is Extent.CHILD} == {
        *(("header.csv", 2), ("episodes.csv", 2), ("episodes.csv", 3), ("reviews.csv", 2), ("oc2.csv", 2)),
    }


def test_a_child_known_by_a_upn_is_the_same_child(tmp_path: Path) -> None:
    door = FakeDoor()
    known = _known(door, birthDate="2008-03-27", telecom=[{"value": "01632 960001"}])
    report = bring_in("ssda903", door, _returned(tmp_path))
    assert report.kinds["Child"] == {Fate.UPDATED: 1}
    (patient,) = door.of_type("Patient")
    assert patient["id"] == known["id"]
    assert patient["telecom"] == [{"value": "01632 960001"}]
    assert [one["value"] for one in patient["identifier"]] == [UPN, "17"]


def test_a_child_whom_the_agency_never_saw_is_traced_and_entered(tmp_path: Path) -> None:
    door = FakeDoor()
    known = _known(door, birthDate="2008-03-27")
    door.hidden.add(f"Patient/{known['id']}")
    folder = _returned(tmp_path)
    report = bring_in("ssda903", door, folder)
    assert report.refusals == []
    assert [one["id"] for one in door.of_type("Patient")] == [known["id"]]
    assert report.kinds["Child"] == {Fate.UPDATED: 1}
    again = bring_in("ssda903", door, folder)
    assert (again.total(Fate.CREATED), again.total(Fate.UPDATED)) == (0, 0)


def test_what_an_agency_wrote_before_it_lost_sight_of_the_child_is_not_written_again(tmp_path: Path) -> None:
    door = FakeDoor()
    header = HEADER + f"17,2,27/03/2008,WBRI,{UPN},,\n"
    episodes = "CHILD,DECOM,RNE,LS,CIN,PLACE,DEC,REC\n17,15/02/2016,S,C2,N3,U4,14/08/2017,E4A\n"
    bring_in("ssda903", door, files(tmp_path, header__csv=header, episodes__csv=episodes))
    door.hidden = set(door.resources)
    report = bring_in(
        "ssda903", door, files(tmp_path, episodes__csv=episodes + "17,01/02/2025,S,C2,N3,U4,,\n")
    )
    assert (
        report.kinds["Placement"] == report.kinds["LookedAfterPeriod"] == {Fate.CREATED: 1, Fate.UNCHANGED: 1}
    )
    assert len(door.of_type("EpisodeOfCare")) == 4
    assert len(door.of_type("Patient")) == 1


def test_a_taken_identifier_that_cannot_be_traced_does_not_lose_the_child(tmp_path: Path) -> None:
    door = FakeDoor()
    door.hidden.add(f"Patient/{_known(door, birthDate='2009-01-01')['id']}")
    folder = _returned(tmp_path)
    report = bring_in("ssda903", door, folder)
    assert [(one.extent, one.origin.file) for one in report.refusals] == [(Extent.CELL, "header.csv")]
    added = door.of_type("Patient")[1]
    assert [one["system"].rpartition("/sid/")[2] for one in added["identifier"]] == [
        "la-child-id/330",
        "unverified-upn",
    ]
    again = bring_in("ssda903", door, folder)
    assert (again.total(Fate.CREATED), again.total(Fate.UPDATED)) == (0, 0)


def test_a_visible_child_of_the_same_upn_and_another_birth_date_is_another_child(tmp_path: Path) -> None:
    door = FakeDoor()
    _known(door, birthDate="2009-01-01")
    report = bring_in("ssda903", door, _returned(tmp_path))
    assert report.kinds["Child"] == {Fate.CREATED: 1}
    assert "another child" in report.refusals[0].reason


def test_two_ids_of_one_authority_are_never_linked_by_another_number(tmp_path: Path) -> None:
    rows = "".join(f"{id},2,27/03/2008,WBRI,{UPN},,\n" for id in (17, 18))
    door = FakeDoor()
    folder = files(tmp_path, header__csv=HEADER + rows)
    bring_in("ssda903", door, folder)
    assert [len(one["identifier"]) for one in door.of_type("Patient")] == [2, 2]
    again = bring_in("ssda903", door, folder)
    assert (again.total(Fate.CREATED), again.total(Fate.UPDATED)) == (0, 0)


def test_what_others_added_to_an_imported_resource_survives_the_next_import(tmp_path: Path) -> None:
    door = FakeDoor()
    folder = _returned(tmp_path)
    bring_in("ssda903", door, folder)
    (encounter,) = door.of_type("Encounter")
    own_words = {"url": f"{BASE}/StructureDefinition/own-words", "valueString": "I like it here."}
    encounter["extension"].append(own_words)
    encounter["reasonCode"] = [{"text": "Planned."}]
    door.resources[f"Encounter/{encounter['id']}"] = encounter
    files(tmp_path, reviews__csv="CHILD,DOB,REVIEW,REVIEW_CODE\n17,27/03/2008,30/08/2017,PN1\n")
    report = bring_in("ssda903", door, folder)
    assert report.kinds["AgencyContact"] == {Fate.UPDATED: 1}
    (encounter,) = door.of_type("Encounter")
    assert encounter["reasonCode"] == [{"text": "Planned."}]
    assert own_words in encounter["extension"]


def test_the_report_tells_everything_as_json(tmp_path: Path) -> None:
    report = bring_in("ssda903", FakeDoor(_refuses_sdq), _returned(tmp_path)).json()
    assert report["files"]["oc2.csv"] == {"read": 1, "refused": 1}
    assert report["kinds"]["Placement"] == {
        "read": 2,
        "created": 2,
        "updated": 0,
        "unchanged": 0,
        "refused": 0,
    }
    assert report["refused"] == [{"file": "oc2.csv", "row": 2, "extent": "row", "reason": "No score today."}]
    assert report["notHeld"] == []
