from tests import make


def test_what_was_deleted_is_gone_found_no_more_and_its_versions_remain(suite):
    word = make.word()
    made = suite.post(make.patient(identifier=[make.identifier(word)]))
    deleted = suite.delete(f"Patient/{made.id}")
    assert (deleted.status, deleted.text, deleted.version) == (204, "", "2")
    assert suite.get(f"Patient/{made.id}").status == 410
    assert suite.search(f"Patient?identifier={word}").ids == []
    assert suite.search(f"Patient?_id={made.id}&_total=accurate").json["total"] == 0
    assert suite.get(f"Patient/{made.id}/_history/1").text == made.text


def test_a_delete_again_is_as_good_as_the_first(suite):
    id = suite.post(make.patient()).id
    assert [suite.delete(f"Patient/{id}").status for _ in range(3)] == [204, 204, 204]
    assert len(suite.get(f"Patient/{id}/_history").entries) == 2


def test_a_delete_of_what_never_was_is_done_already(suite):
    assert suite.delete("Patient/nobody").status == 204
    assert suite.get("Patient/nobody").status == 404


def test_history_shows_the_deletion(suite):
    id = suite.post(make.patient()).id
    suite.delete(f"Patient/{id}")
    last, first = suite.get(f"Patient/{id}/_history").entries
    assert last["request"] == {"method": "DELETE", "url": f"Patient/{id}"}
    assert "resource" not in last
    assert last["response"]["etag"] == 'W/"2"'
    assert first["resource"]["meta"]["versionId"] == "1"


def test_what_is_created_again_goes_on_counting(suite):
    sent = make.patient(id=make.word())
    suite.put(sent)
    suite.delete(f"Patient/{sent['id']}")
    again = suite.put(sent)
    assert (again.status, again.version) == (201, "3")
    assert suite.get(f"Patient/{sent['id']}").text == again.text
    versions = [each["response"]["etag"] for each in suite.get(f"Patient/{sent['id']}/_history").entries]
    assert versions == ['W/"3"', 'W/"2"', 'W/"1"']


def test_a_delete_of_a_version_that_is_not_the_present_one_is_refused(suite):
    id = suite.post(make.patient()).id
    assert suite.delete(f"Patient/{id}", If_Match='W/"2"').status == 412
    assert suite.get(f"Patient/{id}").status == 200
    assert suite.delete(f"Patient/{id}", If_Match='W/"1"').status == 204
    assert suite.delete(f"Patient/{id}", If_Match='W/"1"').status == 412


def test_a_child_of_whom_something_is_known_is_not_deleted_before_it(client_with, child):
    inspector = client_with("inspector")
    refused = inspector.delete(f"Patient/{child}")
    assert (refused.status, refused.code) == (409, "conflict")
    assert inspector.get(f"Patient/{child}").status == 200


def test_a_suite_without_reference_integrity_deletes_as_plain_fhir_does(suite, child):
    assert suite.delete(f"Patient/{child}").status == 204


def test_an_agency_may_not_delete_what_another_wrote_where_it_has_no_right_to(suite, school, child):
    id = suite.post(make.mark(child, "school")).id
    assert school.get(f"Observation/{id}").status == 200
    assert school.delete(f"Observation/{id}").status == 403
    assert school.get(f"Observation/{id}").status == 200


def test_an_agency_without_the_right_to_delete_a_type_deletes_none(school, child):
    assert school.delete(f"Patient/{child}").status == 403
    assert school.get(f"Patient/{child}").status == 200
