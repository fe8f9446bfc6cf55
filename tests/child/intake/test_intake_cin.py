from pathlib import Path

from server.child.intake.draft import BASE, extension_url, pruned
from server.child.intake.report import Fate
from server.fhir import Json
from tests.child.intake.fake_door import FakeDoor
from tests.child.intake.imports import FORMATS, bring_in, files, read

CHILD = """<Child><ChildIdentifiers><LAchildID>{id}</LAchildID>{identifiers}</ChildIdentifiers>
<ChildCharacteristics><Ethnicity>WBRI</Ethnicity><Disabilities><Disability>HAND</Disability><Disability>XX</Disability>
</Disabilities></ChildCharacteristics>{details}</Child>"""
BORN = "<PersonBirthDate>2015-03-27</PersonBirthDate><Sex>F</Sex>"
REFERRED = "<CINreferralDate>2022-10-06</CINreferralDate><ReferralSource>1A</ReferralSource>"


def _file(folder: Path, *children: str) -> Path:
    content = f"<Message><Header/><Children>{''.join(children)}</Children></Message>"
    return files(folder, cin__xml=content) / "cin.xml"


def _child(id: str = "17", identifiers: str = BORN, details: str = "") -> str:
    return CHILD.format(
        id=id, identifiers=identifiers, details=f"<CINdetails>{REFERRED}{details}</CINdetails>"
    )


def _extension(resource: Json, name: str) -> Json:
    return next(one for one in pruned(resource)["extension"] if one["url"] == extension_url(name))


def test_a_census_with_everything_leads_to_everything() -> None:
    intake = read("cin", FORMATS["cin"][1] / "CIN_Census_2026.xml")
    drafts = intake.children["DfEX0000001"].drafts
    assert sorted(drafts) == [
        *("child-in-need-plan/2023-01-24", "child-in-need/2022-10-06", "child-protection-plan/2022-02-17"),
        *("child-protection-review/2023-02-15", "disability/HAND", "disability/HEAR"),
        *("initial-child-protection-conference/2022-12-06", "pre-proceedings/2026-09-09"),
        "section-47-enquiry/2022-06-02",
    ]
    assert drafts["section-47-enquiry/2022-06-02"].content["status"] == "finished"
    parts = {
        one["url"]
        for one in _extension(drafts["pre-proceedings/2026-09-09"].content, "pre-proceedings")["extension"]
    }
    assert len(parts) == 9
    plan = drafts["child-protection-plan/2022-02-17"].content
    assert _extension(plan, "part-of")["valueReference"]["reference"] == "draft:child-in-need/2022-10-06"
    assert _extension(plan, "previous-plans")["valueUnsignedInt"] == 10


def test_a_bad_assessment_is_refused_with_its_factors_and_nothing_else_is() -> None:
    report = read("cin", FORMATS["cin"][1] / "CIN_Census_2024.xml").report
    assert [(one.origin.row, one.column) for one in report.refusals] == [
        (41, "AssessmentAuthorisationDate"),
        *((number, "AssessmentFactors") for number in (45, 46, 47)),
    ]
    assert report.refusals[0].origin.place == "Children/Child[1]/CINdetails/Assessments"
    assert report.not_held["CIN_Census_2024.xml", "text()"] == 1


def test_an_unborn_child_has_an_expected_date_of_birth(tmp_path: Path) -> None:
    expected = "<ExpectedPersonBirthDate>2025-08-01</ExpectedPersonBirthDate><Sex>U</Sex>"
    (child,) = read("cin", _file(tmp_path, _child(identifiers=expected))).finished()
    patient = pruned(child.patient.content)
    assert "birthDate" not in patient
    assert patient["gender"] == "unknown"
    assert _extension(patient, "expected-birth-date")["valueDate"] == "2025-08-01"


def test_a_child_who_died_is_a_child_who_died(tmp_path: Path) -> None:
    died = BORN + "<PersonDeathDate>2020-01-02</PersonDeathDate>"
    (child,) = read("cin", _file(tmp_path, _child(identifiers=died))).finished()
    assert child.patient.content["deceasedDateTime"] == "2020-01-02"


def test_an_id_against_the_rules_is_kept_as_unverified_and_found_again(tmp_path: Path) -> None:
    door = FakeDoor()
    file = _file(
        tmp_path, _child("child_fails", BORN + "<UPN>A850728973744</UPN><FormerUPN>X98765432123B</FormerUPN>")
    )
    bring_in("cin", door, file)
    report = bring_in("cin", door, file)
    assert (report.total(Fate.CREATED), report.total(Fate.UPDATED)) == (0, 0)
    (patient,) = door.of_type("Patient")
    assert [one["system"] for one in patient["identifier"]] == [
        f"{BASE}/sid/unverified-la-child-id/330",
        f"{BASE}/sid/unverified-upn",
        f"{BASE}/sid/unverified-former-upn",
    ]
    assert all(one["extension"][0]["valueString"] for one in patient["identifier"])


def test_a_code_of_a_need_in_no_list_is_kept_as_text_and_told(tmp_path: Path) -> None:
    intake = read("cin", _file(tmp_path, _child()))
    assert intake.children["17"].drafts["disability/XX"].content["code"] == {"text": "XX"}
    assert intake.report.as_text == {("cin.xml", "Disability"): 1}


def test_factors_hang_on_their_assessment(tmp_path: Path) -> None:
    assessment = """<Assessments><AssessmentActualStartDate>2022-11-01</AssessmentActualStartDate>
    <AssessmentAuthorisationDate>2022-12-01</AssessmentAuthorisationDate><FactorsIdentifiedAtAssessment>
    <AssessmentFactors>3B</AssessmentFactors><AssessmentFactors>RB</AssessmentFactors>
    </FactorsIdentifiedAtAssessment></Assessments>"""
    drafts = read("cin", _file(tmp_path, _child(details=assessment))).children["17"].drafts
    factor = drafts["assessment/2022-11-01/factor/3B"].content
    assert factor["encounter"] == {"reference": "draft:assessment/2022-11-01"}
    assert factor["recordedDate"] == "2022-12-01"
    assert drafts["assessment/2022-11-01/factor/RB"].content["code"] == {"text": "RB"}


def test_two_referrals_of_one_day_are_two_episodes(tmp_path: Path) -> None:
    other = REFERRED.replace("1A", "6")
    details = f"</CINdetails><CINdetails>{other}"
    drafts = read("cin", _file(tmp_path, _child(details=details))).children["17"].drafts
    assert [key for key in drafts if key.startswith("child-in-need")] == [
        *("child-in-need/2022-10-06", "child-in-need/2022-10-06/2"),
    ]


def test_a_closure_is_one_update(tmp_path: Path) -> None:
    door = FakeDoor()
    bring_in("cin", door, _file(tmp_path / "1", _child()))
    closed = "<CINclosureDate>2023-02-27</CINclosureDate><ReasonForClosure>RC1</ReasonForClosure>"
    report = bring_in("cin", door, _file(tmp_path / "2", _child(details=closed)))
    assert (report.total(Fate.CREATED), report.total(Fate.UPDATED)) == (0, 1)
    (episode,) = door.of_type("EpisodeOfCare")
    assert (episode["status"], episode["period"]["end"]) == ("finished", "2023-02-27")


def test_what_is_no_census_is_told(tmp_path: Path) -> None:
    files(tmp_path, a__xml="<Message/>", b__xml="<x>", c__csv="A\n1")
    report = read("cin", tmp_path).report
    assert {one.origin.file for one in report.refusals} == {"a.xml", "b.xml"}
    assert report.rows == {}
