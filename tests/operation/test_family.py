"""Patient/[id]/$family and $team: whom a child belongs to, and who works with it, for one reader."""

import pytest
from lxml import etree

from tests import make

OURS = f"{make.B}/StructureDefinition"
ROLE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"


def parts(answer, name):
    assert answer.status == 200, answer
    found = [each["part"] for each in answer.json.get("parameter", ()) if each["name"] == name]
    return [
        {each["name"]: next(v for k, v in each.items() if k.startswith("value")) for each in one}
        for one in found
    ]


def related(child, role, name=None, **more):
    return {
        "resourceType": "RelatedPerson",
        "patient": make.reference(f"Patient/{child}"),
        "relationship": [make.concept(ROLE, role)],
        **({"name": [{"text": name}]} if name else {}),
        **more,
    }


HOME = [{"line": ["1 Mill Lane"], "postalCode": "B1 1AA"}]


@pytest.fixture
def whole(suite):
    """A child with a mother at home, a father who may have no contact, and an unborn sibling."""
    child = suite.post(make.child(address=HOME)).id
    expected = {"url": f"{OURS}/expected-birth-date", "valueDate": "2099-01-01"}
    unborn = suite.post(make.patient(name=[{"text": "Baby Sample"}], extension=[expected])).id
    suite.post(
        related(child, "MTH", "Alex <Sample>", address=HOME,
                extension=[{"url": f"{OURS}/parental-responsibility", "valueBoolean": True}])
    )  # fmt: skip
    suite.post(related(child, "FTH", "Lee", extension=[{"url": f"{OURS}/no-contact", "valueBoolean": True}]))
    sibling = {"url": f"{OURS}/sibling", "valueReference": make.reference(f"Patient/{unborn}")}
    suite.post(related(child, "SIB", extension=[sibling]))
    return child, unborn


def test_a_family_is_told_with_who_lives_with_the_child_and_who_may_not_see_it(suite, whole):
    child, unborn = whole
    found = parts(suite.get(f"Patient/{child}/$family"), "person")
    assert [each["stands"] for each in found] == ["child", "parent", "parent", "sibling"]
    by_name = {each["name"]: each for each in found}
    assert by_name["Alex <Sample>"]["household"] is True
    assert by_name["Alex <Sample>"]["parentalResponsibility"] is True
    assert by_name["Lee"]["noContact"] is True
    assert "household" not in by_name["Lee"]
    assert by_name["Baby Sample"]["expected"] is True
    assert by_name["Baby Sample"]["child"] == {"reference": f"Patient/{unborn}"}
    # From the other side too, though nothing there says so.
    other = parts(suite.get(f"Patient/{unborn}/$family"), "person")
    assert [each.get("child") for each in other[1:]] == [{"reference": f"Patient/{child}"}]


def test_another_child_is_shown_to_who_may_see_it_alone(suite, client_with, whole):
    child, unborn = whole
    suite.post(make.episode(child, "inspector"))
    social_care = client_with("social-care")
    suite.post(make.episode(child, "social-care"))
    answer = social_care.get(f"Patient/{child}/$family")
    assert "Alex" in answer.text
    assert "Baby" not in answer.text
    assert unborn not in answer.text
    assert social_care.get(f"Patient/{unborn}/$family").status == 404
    suite.post(make.episode(unborn, "social-care"))
    assert "Baby Sample" in social_care.get(f"Patient/{child}/$family").text


def test_a_genogram_is_a_picture_that_says_what_it_shows(suite, app, whole):
    child, _ = whole
    headers = {"Authorization": f"Bearer {suite._token}"}
    answer = app.test_client().get(f"/fhir/Patient/{child}/$family?output=svg", headers=headers)
    assert answer.content_type == "image/svg+xml; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    drawn = etree.fromstring(answer.get_data())
    space = {"s": "http://www.w3.org/2000/svg"}
    assert drawn.findtext("s:title", namespaces=space) == "Genogram of Robin Sample"
    told = drawn.findtext("s:desc", namespaces=space)
    assert "Alex <Sample>: mother, has parental responsibility, lives with the child" in told
    assert "may have no contact" in told
    assert not drawn.findall(".//s:script", namespaces=space)
    assert len(drawn.findall(".//s:circle", namespaces=space)) == 1
    page = app.test_client().get(f"/fhir/Patient/{child}/$family?output=html", headers=headers)
    assert "Alex &lt;Sample&gt;" in page.get_data(as_text=True)


def test_a_team_is_who_works_with_the_child_now_and_who_did(suite, child):
    lead = make.concept(f"{make.B}/CodeSystem/team-role", "lead-professional")
    worker = suite.post(
        {"resourceType": "Practitioner", "name": [{"text": "Sam Worker"}],
         "telecom": [{"system": "phone", "value": "01632 960100"}]}
    ).id  # fmt: skip
    member = {"role": [lead], "member": make.reference(f"Practitioner/{worker}"),
              "onBehalfOf": make.reference("Organization/social-care")}  # fmt: skip
    suite.post(make.team(child, participant=[member]))
    over = {"period": {"start": "2019-01-01", "end": "2019-06-01"}, "status": "finished"}
    suite.post(make.episode(child, "health", "early-help", **over))
    found = parts(suite.get(f"Patient/{child}/$team"), "member")
    assert found[0]["name"] == "Sam Worker"
    assert found[0]["agency"] == "Social care"
    assert found[0]["lead"] is True
    assert found[0]["telecom"] == {"system": "phone", "value": "01632 960100"}
    assert found[0]["current"] is True
    assert [each["current"] for each in found] == sorted((each["current"] for each in found), reverse=True)
    assert found[-1]["until"] == "2019-06-01"


def test_of_a_restricted_child_who_is_involved_is_withheld(suite, health, child):
    suite.put(suite.get(f"Patient/{child}").json | {"meta": make.labelled("R")})
    answer = health.get(f"Patient/{child}/$team")
    assert all(each["withheld"] for each in parts(answer, "member"))
    assert "Organization/school" not in answer.text
