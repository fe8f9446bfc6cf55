from pathlib import Path

import pytest

from server.child.intake import school_census
from server.child.intake.children import Intake
from server.child.intake.draft import BASE, extension_url, pruned
from server.child.intake.report import Extent, Fate, Report
from server.child.intake.source import Unreadable
from tests.child.intake.fake_door import FakeDoor
from tests.child.intake.imports import IMPORTER, bring_in, files, read

ON = (
    "pupilonrolltableid,NativeId,dob,surname,forename,middlenames,preferredsurname,formersurname,upn,formerupn,"
    "sex,entrydate,termlysessionspossible,parttime,boarder,ethnicity,language,hoursatsetting,sourceid\n"
)
OFF = (
    "pupilnolongeronrolltableid,NativeId,dob,surname,forename,middlenames,upn,sex,entrydate,leavingdate,"
    "ethnicity\n"
)
ROBIN = (
    "p1,SCH7,2013-Jul-19 00:00:00,Sample,Robin,Jo Kim,Example,Older,Z330400124001,,F,"
    "2022-Sep-01 00:00:00,136.0,False,N,WCOR,CYM,25.5,x\n"
)
LEFT = (
    "p1,{school},2013-Jul-19 00:00:00,Sample,Robin,Jo Kim,Z330400124001,{sex},{entered} 00:00:00,"
    "{left} 00:00:00,{ethnicity}\n"
)


def _census(folder: Path, **tables: str) -> Path:
    return files(folder, **{f"2025_spring_{name}__csv": content for name, content in tables.items()})


def _read(folder: Path, **tables: str) -> Intake:
    return read("school-census", _census(folder, **tables))


def test_a_pupil_on_roll_is_a_child_with_a_registration(tmp_path: Path) -> None:
    intake = _read(tmp_path, on=ON + ROBIN)
    (child,) = intake.finished()
    patient = pruned(child.patient.content)
    assert patient["name"] == [
        {"use": "official", "family": "Sample", "given": ["Robin", "Jo", "Kim"]},
        {"use": "usual", "family": "Example", "given": ["Robin"]},
        {"use": "old", "family": "Older"},
    ]
    assert patient["communication"][0]["language"]["coding"][0]["code"] == "cy"
    ethnicity = patient["extension"][1]["valueCodeableConcept"]["coding"]
    assert [(one["code"], one["system"].rpartition("/")[2]) for one in ethnicity] == [
        ("A", "UKCore-EthnicCategoryEngland"),
        ("WCOR", "ethnicity-extended"),
    ]
    registration = child.drafts["registration/SCH7/2022-09-01"].content
    assert registration["status"] == "active"
    assert registration["managingOrganization"] == {"reference": "draft:organization/SCH7"}
    funding = next(
        one for one in pruned(registration)["extension"] if one["url"].endswith("early-years-funding")
    )
    assert str(funding["extension"][0]["valueDecimal"]) == "25.5"
    total = child.drafts["attendance-total/SCH7/2022-09-01/2024-08-01"].content
    assert (total["valueInteger"], total["effectivePeriod"]["end"]) == (136, "2024-12-31")
    assert set(intake.report.not_held) == {
        ("2025_spring_on.csv", "pupilonrolltableid"),
        ("2025_spring_on.csv", "sourceid"),
    }


def test_leaving_updates_the_registration_of_the_term_before(tmp_path: Path) -> None:
    door = FakeDoor()
    bring_in("school-census", door, _census(tmp_path / "1", on=ON + ROBIN))
    gone = LEFT.format(school="SCH7", sex="F", entered="2022-Sep-01", left="2025-Feb-14", ethnicity="WCOR")
    folder = files(tmp_path / "2", **{"2025_summer_off__csv": OFF + gone})
    report = bring_in("school-census", door, folder)
    assert report.kinds["Registration"] == {Fate.UPDATED: 1}
    assert report.kinds["Child"] == {Fate.UNCHANGED: 1}
    (registration,) = door.of_type("EpisodeOfCare")
    assert (registration["status"], registration["period"]["end"]) == ("finished", "2025-02-14")
    assert [one["url"] for one in registration["extension"]].count(extension_url("boarder")) == 1


def test_sessions_exclusions_needs_and_meals_find_their_pupil(tmp_path: Path) -> None:
    intake = _read(
        tmp_path,
        on=ON + ROBIN,
        sessions="pupilonrolltableid,NativeId,sessions,attendancereason\n"
        "p1,SCH7,9.0,I\np1,SCH7,4.0,O\np1,SCH7,,U\n",
        exclusions="pupilonrolltableid,NativeId,startdate,sessions,reason1,reason2,reason3,category,senprovision\n"
        "p1,SCH7,2025-Feb-14 00:00:00,10.0,DB,OT,,FIXD,K\np9,SCH7,2025-Feb-14 00:00:00,10.0,DB,,,SUSP,\n",
        needs="pupilonrolltableid,NativeId,sentyperank,sentype\np1,SCH7,1.0,SEMH\np1,SCH7,2.0,7c3607d5\n",
        meals="pupilonrolltableid,NativeId,fsmstartdate,fsmenddate,ukcountry\n"
        "p1,SCH7,2025-Feb-16 00:00:00,,WLS\n",
    )
    (child,) = intake.children.values()
    total = child.drafts["attendance-total/SCH7/2022-09-01/2024-08-01"].content
    assert [(one["code"]["coding"][0]["code"], one["valueInteger"]) for one in total["component"]] == [
        ("I", 9),
        ("O", 4),
    ]
    exclusion = pruned(child.drafts["exclusion/SCH7/2025-02-14/FIXD"].content)
    assert [one["code"]["coding"][0]["code"] for one in exclusion["component"]] == [
        *("sessions", "reason-1", "reason-2", "sen-provision"),
    ]
    assert child.drafts["sen-need/7c3607d5"].content["code"] == {"text": "7c3607d5"}
    assert child.drafts["sen-need/SEMH"].content["code"]["coding"][0]["code"] == "SEMH"
    meals = pruned(child.drafts["registration/SCH7/2022-09-01"].content)["extension"][-1]["extension"]
    assert meals == [
        {"url": "period", "valuePeriod": {"start": "2025-02-16"}},
        {"url": "country", "valueCode": "WLS"},
    ]
    assert [(one.origin.row, one.column) for one in intake.report.refusals] == [
        (3, "pupilonrolltableid"),
        (4, "sessions"),
    ]
    assert intake.report.as_text == {("2025_spring_needs.csv", "sentype"): 1}


def test_what_two_rows_say_of_a_child_in_two_ways_costs_the_second_its_cell(tmp_path: Path) -> None:
    gone = LEFT.format(school="SCH5", sex="M", entered="2020-Sep-01", left="2022-Aug-31", ethnicity="WENG")
    intake = _read(tmp_path, on=ON + ROBIN, off=OFF + gone)
    refused = [(one.origin.file, one.column, one.extent) for one in intake.report.refusals]
    assert [column for _, column, _ in refused] == ["sex", "ethnicity"]
    assert {(file, extent) for file, _, extent in refused} == {("2025_spring_off.csv", Extent.CELL)}
    (child,) = intake.children.values()
    assert len([draft for draft in child.drafts.values() if draft.kind == "Registration"]) == 2


def test_pupils_of_one_upn_and_two_birth_dates_are_two_children(tmp_path: Path) -> None:
    other = ROBIN.replace("p1,", "p2,").replace("2013-Jul-19", "2014-Jul-19")
    door = FakeDoor()
    folder = _census(tmp_path, on=ON + ROBIN + other)
    bring_in("school-census", door, folder)
    systems = sorted(one["identifier"][0]["system"].rpartition("/")[2] for one in door.of_type("Patient"))
    assert systems == ["unverified-upn", "upn"]
    again = bring_in("school-census", door, folder)
    assert (again.total(Fate.CREATED), again.total(Fate.UPDATED)) == (0, 0)


def test_a_pupil_without_a_number_is_found_again(tmp_path: Path) -> None:
    door = FakeDoor()
    folder = _census(tmp_path, on=ON + ROBIN.replace("Z330400124001", ""))
    bring_in("school-census", door, folder)
    report = bring_in("school-census", door, folder)
    assert (report.total(Fate.CREATED), report.total(Fate.UPDATED)) == (0, 0)
    assert len(door.of_type("Patient")) == 1


@pytest.mark.parametrize(
    ("code", "system"),
    [
        ("SCH7", "sid/school-code/330"),
        ("100001", "sid/urn"),
        ("3304001", "sid/laestab"),
        ("330/4001", "sid/laestab"),
    ],
)
def test_a_school_is_known_by_the_number_it_has(tmp_path: Path, code: str, system: str) -> None:
    intake = _read(tmp_path, on=ON + ROBIN.replace("SCH7", code))
    ((found, value),) = intake.shared[f"organization/{code}"].identifiers
    assert (found, value) == (f"{BASE}/{system}", code.replace("/", ""))


def test_a_school_that_the_record_refuses_is_referred_to_by_its_number(tmp_path: Path) -> None:
    door = FakeDoor(lambda resource: "No." if resource["resourceType"] == "Organization" else None)
    report = bring_in("school-census", door, _census(tmp_path, on=ON + ROBIN))
    (registration,) = door.of_type("EpisodeOfCare")
    assert registration["managingOrganization"]["identifier"]["value"] == "SCH7"
    assert report.kinds["Agency"] == {Fate.REFUSED: 1}


@pytest.mark.parametrize(
    ("collection", "start", "end"),
    [
        ((2025, "spring"), "2024-08-01", "2024-12-31"),
        ((2025, "summer"), "2025-01-01", "2025-04-20"),
        ((2025, "autumn"), "2025-04-21", "2025-07-31"),
    ],
)
def test_a_census_counts_the_sessions_of_the_term_before(
    tmp_path: Path, collection: tuple[int, str], start: str, end: str
) -> None:
    folder = files(tmp_path, on__csv=ON + ROBIN)
    intake = school_census.read(folder, IMPORTER, Report("school-census", "x"), collection)
    total = next(
        draft for draft in intake.children["Z330400124001"].drafts.values() if draft.kind == "AttendanceTotal"
    )
    assert total.content["effectivePeriod"] == {"start": start, "end": end}


def test_codes_before_september_2024_are_those_of_their_time(tmp_path: Path) -> None:
    tables = {
        "on": ON + ROBIN,
        "sessions": "pupilonrolltableid,NativeId,sessions,attendancereason\np1,SCH7,9,H\n",
    }
    folder = files(tmp_path, **{f"2024_spring_{name}__csv": content for name, content in tables.items()})
    total = next(
        d for d in read("school-census", folder).children["Z330400124001"].drafts.values() if "total" in d.key
    )
    assert total.content["component"][0]["code"]["coding"][0]["system"].endswith("attendance-code-pre2024")


@pytest.mark.parametrize("names", [("a",), ("2025_spring_a", "2025_summer_b")])
def test_a_collection_that_is_not_clear_must_be_told(tmp_path: Path, names: tuple[str, ...]) -> None:
    folder = files(tmp_path, **{f"{name}__csv": ON + ROBIN for name in names})
    with pytest.raises(Unreadable, match="collection"):
        read("school-census", folder)
