from pathlib import Path

import pytest

from server.child.intake import ssda903
from server.child.intake.children import Child
from server.child.intake.draft import BASE, extension_url, pruned
from server.child.intake.report import Extent, Fate, Report
from server.fhir import Json
from tests.child.intake.fake_door import FakeDoor
from tests.child.intake.imports import FORMATS, IMPORTER, bring_in, files, read

EPISODES = "CHILD,DECOM,RNE,LS,CIN,PLACE,PLACE_PROVIDER,DEC,REC,REASON_PLACE_CHANGE,HOME_POST,PL_POST,URN\n"
HEADER = "CHILD,SEX,DOB,ETHNIC,UPN,MOTHER,MC_DOB\n"


def _only(folder: Path) -> Child:
    (child,) = read("ssda903", folder).children.values()
    return child


def _extension(resource: Json, name: str) -> Json:
    return next(one for one in resource["extension"] if one["url"] == extension_url(name))


def test_a_header_row_is_a_child(tmp_path: Path) -> None:
    files(tmp_path, header__csv=HEADER + "17,2,27/03/2008,WROM,D051910639385,,\n")
    patient = pruned(_only(tmp_path).person.draft().content)
    assert (patient["gender"], patient["birthDate"]) == ("female", "2008-03-27")
    assert [one["system"] for one in patient["identifier"]] == [
        f"{BASE}/sid/la-child-id/330",
        f"{BASE}/sid/unverified-upn",
    ]
    assert _extension(patient, "recorded-sex")["valueCodeableConcept"]["coding"][0]["code"] == "2"
    ethnicity = patient["extension"][-1]["valueCodeableConcept"]["coding"]
    assert [one["code"] for one in ethnicity] == ["C", "WROM"]


def test_a_upn_that_passes_its_check_is_a_upn(tmp_path: Path) -> None:
    files(tmp_path, header__csv=HEADER + "17,F,27/03/2008,WBRI,Z330400124001,,\n")
    assert (f"{BASE}/sid/upn", "Z330400124001") in _only(tmp_path).person.draft().identifiers


def test_a_reason_in_place_of_a_upn_is_a_reason(tmp_path: Path) -> None:
    files(tmp_path, header__csv=HEADER + "17,F,27/03/2008,WBRI,UN4,,\n")
    patient = _only(tmp_path).person.draft().content
    assert _extension(patient, "upn-unknown-reason")["valueCodeableConcept"]["coding"][0]["code"] == "UN4"
    assert len(patient["identifier"]) == 1


def test_a_mother_in_care_has_a_child_of_her_own(tmp_path: Path) -> None:
    files(tmp_path, header__csv=HEADER + "17,F,27/03/2008,WBRI,,1,01/02/2024\n18,F,27/03/2008,WBRI,,0,\n")
    intake = read("ssda903", tmp_path)
    assert [draft.kind for draft in intake.children["17"].drafts.values()] == ["Need", "Family"]
    assert intake.children["18"].drafts == {}
    assert intake.report.not_held == {("header.csv", "MOTHER"): 1}


def test_an_episode_is_a_placement_within_a_period(tmp_path: Path) -> None:
    files(
        tmp_path,
        episodes__csv=EPISODES
        + "17,15/02/2016,S,C2,N3,U4,PR1,14/08/2017,X1,CARPL,B1 1AA,B2 4QA,SC123456\n"
        + "17,14/08/2017,P,C2,N3,K2,PR4,01/03/2018,E4A,,B1 1AA,B3 1AA,XXXXXXX\n"
        + "17,01/06/2018,S,V2,N3,U4,PR1,,,,,,\n",
    )
    child = _only(tmp_path)
    periods = [
        draft.content["period"] for draft in child.drafts.values() if draft.kind == "LookedAfterPeriod"
    ]
    assert periods == [{"start": "2016-02-15", "end": "2018-03-01"}, {"start": "2018-06-01", "end": None}]
    placement = child.drafts["placement/2016-02-15"].content
    assert placement["status"] == "finished"
    assert _extension(placement, "placement-setting")["valueReference"]["identifier"]["value"] == "SC123456"
    assert _extension(placement, "part-of")["valueReference"]["reference"] == "draft:looked-after/2016-02-15"
    second = child.drafts["placement/2017-08-14"].content
    assert _extension(second, "placement-setting")["valueReference"] == {"display": "XXXXXXX"}


def test_the_return_of_the_next_year_continues_the_same_period(tmp_path: Path) -> None:
    door = FakeDoor()
    first = files(
        tmp_path / "2017",
        episodes__csv=EPISODES
        + "17,15/02/2016,S,C2,N3,U4,PR1,14/08/2017,X1,,,,\n17,14/08/2017,P,C2,N3,K2,PR4,,,,,,\n",
    )
    bring_in("ssda903", door, first)
    second = files(
        tmp_path / "2018",
        episodes__csv=EPISODES
        + "17,14/08/2017,P,C2,N3,K2,PR4,05/05/2018,X1,,,,\n17,05/05/2018,P,C2,N3,U4,PR1,01/09/2018,E4A,,,,\n",
    )
    report = bring_in("ssda903", door, second)
    assert report.kinds["LookedAfterPeriod"] == {Fate.UPDATED: 1}
    assert report.kinds["Placement"] == {Fate.CREATED: 1, Fate.UPDATED: 1}
    (period,) = (
        one for one in door.of_type("EpisodeOfCare") if one["type"][0]["coding"][0]["code"] == "looked-after"
    )
    assert period["period"] == {"start": "2016-02-15", "end": "2018-09-01"}
    assert bring_in("ssda903", door, second).total(Fate.UPDATED) == 0


def test_a_changed_end_date_is_one_update(tmp_path: Path) -> None:
    door = FakeDoor()
    bring_in("ssda903", door)
    sample = FORMATS["ssda903"][1]
    episodes = (sample / "episodes.csv").read_text()
    changed = files(tmp_path, episodes__csv=episodes.replace("PR0,14/08/2017,X1", "PR0,13/08/2017,X1", 1))
    report = bring_in("ssda903", door, changed)
    assert (report.total(Fate.CREATED), report.total(Fate.UPDATED)) == (0, 1)


@pytest.mark.parametrize(
    ("cell", "partial"),
    [("zz/03/2011", "2011-03"), ("zz/zz/2011", "2011"), ("zz/zz/zzzz", None), ("01/03/2011", "2011-03-01")],
)
def test_a_date_known_in_part_is_kept_in_part(tmp_path: Path, cell: str, partial: str | None) -> None:
    files(tmp_path, perm__csv=f"CHILD,DOB,PREV_PERM,LA_PERM,DATE_PERM\n17,01/01/2008,P2,WAL,{cell}\n")
    content = pruned(_only(tmp_path).drafts["previous-permanence"].content)
    assert content.get("effectiveDateTime") == partial
    assert content["component"][0]["valueCodeableConcept"]["coding"][0]["system"].endswith(
        "outside-england-la"
    )


def test_a_day_missing_twice_is_two_episodes_and_a_row_given_twice_is_one(tmp_path: Path) -> None:
    rows = "17,01/01/2008,M,03/05/2017,04/05/2017\n17,01/01/2008,A,03/05/2017,03/05/2017\n"
    files(tmp_path, missing__csv="CHILD,DOB,MISSING,MIS_START,MIS_END\n" + rows + rows)
    drafts = _only(tmp_path).drafts
    assert list(drafts) == ["missing/2017-05-03", "missing/2017-05-03/2"]
    assert [at.row for at in drafts["missing/2017-05-03"].origins] == [2, 4]
    assert len({identifier for draft in drafts.values() for identifier in draft.identifiers}) == 2


def test_adoption_rows_of_two_tables_are_one_adoption(tmp_path: Path) -> None:
    files(
        tmp_path,
        ad1__csv="CHILD,DOB,DATE_INT,DATE_MATCH,FOSTER_CARE,NB_ADOPTR,SEX_ADOPTR,LS_ADOPTR\n"
        "17,01/01/2008,01/04/2017,01/06/2017,0,2,MF,L11\n",
        placed__csv="CHILD,DOB,DATE_PLACED,DATE_PLACED_CEASED,REASON_PLACED_CEASED\n17,01/01/2008,01/02/2017,,\n",
    )
    (draft,) = _only(tmp_path).drafts.values()
    assert draft.content["period"]["start"] == "2017-02-01"
    parts = {one["url"]: one for one in pruned(draft.content)["extension"][0]["extension"]}
    assert (parts["decisionDate"]["valueDate"], parts["adopters"]["valuePositiveInt"]) == ("2017-04-01", 2)
    assert len(draft.identifiers) == 2


def test_social_workers_are_one_team(tmp_path: Path) -> None:
    files(
        tmp_path,
        sw__csv="CHILD,DOB,SW_ID,SW_DECOM,SW_DEC,SW_REASON\n"
        "17,01/01/2008,SW1,01/01/2024,01/02/2024,MANAGE\n17,01/01/2008,SW2,01/02/2024,,LEFTRL\n",
    )
    (team,) = _only(tmp_path).drafts.values()
    assert [one["member"]["identifier"]["value"] for one in team.content["participant"]] == ["SW1", "SW2"]


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("17,31/02/2016,S,C2,N3,U4,PR1,,,,,,", "DECOM"),
        ("17,,S,C2,N3,U4,PR1,,,,,,", "DECOM"),
        ("17,15/02/2016,S,C2,N3,U4,PR1,14/02/2016,X1,,,,", "DEC"),
        ("17,15/02/2016,Q,C2,N3,U4,PR1,,,,,,", "RNE"),
        ("17,15/02/2016,S,,N3,U4,PR1,,,,,,", "LS"),
        ("17,15/02/2016,S,C2,N3,U9,PR1,,,,,,", "PLACE"),
        (",15/02/2016,S,C2,N3,U4,PR1,,,,,,", "CHILD"),
        ("17,15/02/2016", None),
    ],
)
def test_a_bad_row_is_refused_with_its_number_and_the_rest_goes_in(
    tmp_path: Path, row: str, column: str | None
) -> None:
    good = "18,15/02/2016,S,C2,N3,U4,PR1,,,,,,\n"
    files(
        tmp_path, header__csv=HEADER + "17,2,27/03/2008,WROM,,,\n", episodes__csv=f"{EPISODES}{good}{row}\n"
    )
    door = FakeDoor()
    report = bring_in("ssda903", door, tmp_path)
    assert [(one.origin.file, one.origin.row, one.column) for one in report.refusals] == [
        ("episodes.csv", 3, column)
    ]
    assert len(door.of_type("Patient")) == 2
    assert report.kinds["Placement"][Fate.CREATED] == 1


def test_a_withdrawn_code_is_accepted(tmp_path: Path) -> None:
    files(tmp_path, episodes__csv=EPISODES + "17,15/02/2016,S,C2,N3,P2,PR1,,,,,,\n")
    assert read("ssda903", tmp_path).report.refusals == []


def test_a_bad_cell_of_the_child_costs_the_cell_and_not_the_child(tmp_path: Path) -> None:
    files(tmp_path, header__csv=HEADER + "17,7,30/02/2008,XXXX,,,\n")
    intake = read("ssda903", tmp_path)
    cells = [one.column for one in intake.report.refusals if one.extent is Extent.CELL]
    assert cells == ["DOB", "SEX", "ETHNIC"]
    assert len(intake.finished()) == 1


def test_a_row_of_another_birth_date_is_not_given_to_the_child(tmp_path: Path) -> None:
    files(
        tmp_path,
        header__csv=HEADER + "17,2,27/03/2008,WROM,,,\n",
        missing__csv="CHILD,DOB,MISSING,MIS_START,MIS_END\n17,28/03/2008,M,03/05/2017,\n",
    )
    intake = read("ssda903", tmp_path)
    assert [(one.column, one.extent) for one in intake.report.refusals] == [("DOB", Extent.ROW)]
    assert intake.children["17"].drafts == {}


def test_the_year_that_is_told_is_the_year_of_what_has_no_date(tmp_path: Path) -> None:
    files(tmp_path, oc2__csv="CHILD,DOB,SDQ_SCORE,SDQ_REASON,CONVICTED\n17,01/01/2008,,SDQ2,0\n")
    intake = ssda903.read(tmp_path, IMPORTER, Report("ssda903", "social-care"), year=2025)
    sdq = pruned(intake.children["17"].drafts["sdq/2024"].content)
    assert sdq["effectivePeriod"] == {"start": "2024-04-01", "end": "2025-03-31"}
    assert sdq["dataAbsentReason"]["coding"][0]["code"] == "SDQ2"
    unknown = read("ssda903", tmp_path)
    assert "name it" in unknown.report.refusals[0].reason


def test_what_is_no_table_of_the_return_is_told(tmp_path: Path) -> None:
    files(tmp_path, other__csv="A,B\n1,2\n", notes__txt="x", bad__xml="<a>", empty__csv="")
    report = read("ssda903", tmp_path).report
    assert {one.origin.file for one in report.refusals} == {"other.csv", "bad.xml", "empty.csv"}
    assert "notes.txt" in report.notes[0]


def test_the_xml_form_leads_to_the_same_as_the_tables(tmp_path: Path) -> None:
    tables = files(
        tmp_path / "csv",
        header__csv=HEADER + "17,2,27/03/2008,WROM,D051910639385,,\n",
        episodes__csv=EPISODES + "17,15/02/2016,S,C2,N3,U4,PR1,14/08/2017,E4A,,,,\n",
        reviews__csv="CHILD,DOB,REVIEW,REVIEW_CODE\n17,27/03/2008,30/08/2016,PN6\n",
        uasc__csv="CHILD,SEX,DOB,DUC\n17,2,27/03/2008,27/03/2026\n",
        oc2__csv="CHILD,DOB,SDQ_SCORE,SDQ_REASON,CONVICTED\n17,27/03/2008,39,,1\n",
    )
    xml = files(
        tmp_path / "xml",
        all__xml="""<EXPSSDA903><CHILD><HEADER><CHILDID>17</CHILDID><UPN>D051910639385</UPN><SEX>2</SEX>
        <DOB>27/03/2008</DOB><ETHNIC>WROM</ETHNIC><UASC>1</UASC><DUC>27/03/2026</DUC>
        <AREVIEW><REVIEW>30/08/2016</REVIEW><REVIEW_CODE>PN6</REVIEW_CODE></AREVIEW>
        <OC2><SDQ_SCORE>39</SDQ_SCORE><CONVICTED>1</CONVICTED></OC2></HEADER>
        <EPISODE><DECOM>15/02/2016</DECOM><RNE>S</RNE><LS>C2</LS><CIN>N3</CIN><PL>U4</PL>
        <PLACE_PROVIDER>PR1</PLACE_PROVIDER><DEC>14/08/2017</DEC><REC>E4A</REC></EPISODE></CHILD></EXPSSDA903>""",
    )
    one, other = _only(tables), _only(xml)
    assert sorted(one.drafts) == sorted(other.drafts)
    for key, draft in one.drafts.items():
        assert pruned(draft.content) == pruned(other.drafts[key].content)
    assert {*one.person.draft().identifiers} == {*other.person.draft().identifiers}
