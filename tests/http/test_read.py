import pytest

from tests import make


def test_what_was_created_is_read(suite):
    made = suite.post(make.patient())
    read = suite.get(f"Patient/{made.id}")
    assert (made.status, read.status) == (201, 200)
    assert read.text == made.text
    assert read.headers["ETag"] == 'W/"1"'
    assert read.headers["Last-Modified"] == made.headers["Last-Modified"]


def test_a_head_has_the_headers_and_no_body(suite):
    id = suite.post(make.patient()).id
    head = suite.ask("HEAD", f"Patient/{id}")
    assert (head.status, head.text, head.version) == (200, "", "1")


def test_the_answer_is_nobodys_to_keep(suite):
    assert suite.get(f"Patient/{suite.post(make.patient()).id}").headers["Cache-Control"] == "no-store"


def test_who_has_the_version_already_is_not_sent_it_again(suite):
    id = suite.post(make.patient()).id
    same = suite.get(f"Patient/{id}", If_None_Match='W/"1"')
    assert (same.status, same.text, same.version) == (304, "", "1")
    assert suite.get(f"Patient/{id}", If_None_Match='W/"2"').status == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("Patient/nobody", 404),
        ("Patient/no_id!", 404),
        ("Patient/" + "x" * 65, 404),
        ("Nonsense/1", 404),
        ("patient/1", 404),
        ("Patient/1/nonsense", 405),
        ("Patient/1/Observation", 400),
        ("Patient/1/$everything", 400),
        ("Patient/$match", 400),
        ("_history", 400),
        ("Patient/_history", 400),
        ("", 400),
    ],
)
def test_what_is_not_there_or_not_built_is_said_to_be_so(suite, path, status):
    refused = suite.get(path)
    assert refused.status == status
    assert refused.code == {404: "not-found", 405: "not-supported", 400: "not-supported"}[status]


def test_a_patch_is_not_built_and_says_what_to_do(suite):
    id = suite.post(make.patient()).id
    refused = suite.ask("PATCH", f"Patient/{id}", [], Content_Type="application/json-patch+json")
    assert refused.status == 415
    refused = suite.ask("PATCH", f"Patient/{id}", make.patient())
    assert (refused.status, refused.code) == (400, "not-supported")


def test_a_read_of_what_was_deleted_says_so(suite):
    id = suite.post(make.patient()).id
    suite.delete(f"Patient/{id}")
    gone = suite.get(f"Patient/{id}")
    assert (gone.status, gone.code) == (410, "deleted")
