import gzip
import json
import zlib

import pytest

from server.fhir.issue import Malformed, TooLarge, UnsupportedMediaType
from server.http import compress
from tests import make

LIMIT = 1000


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP", " gzip "])
def test_what_was_packed_is_unpacked(encoding):
    assert compress.expanded(gzip.compress(b"abc"), encoding, LIMIT) == b"abc"


@pytest.mark.parametrize("encoding", ["", "identity"])
def test_what_was_not_packed_is_as_it_is(encoding):
    assert compress.expanded(b"abc", encoding, LIMIT) == b"abc"


def test_several_streams_one_after_another_are_one_body():
    assert compress.expanded(gzip.compress(b"abc") + gzip.compress(b"def"), "gzip", LIMIT) == b"abcdef"


@pytest.mark.parametrize("size", [LIMIT, LIMIT + 1])
def test_no_more_is_unpacked_than_the_limit(size):
    packed = gzip.compress(b"0" * size)
    if size <= LIMIT:
        assert len(compress.expanded(packed, "gzip", LIMIT)) == size
    else:
        with pytest.raises(TooLarge, match="1000 bytes"):
            compress.expanded(packed, "gzip", LIMIT)


def test_many_small_streams_do_not_get_past_the_limit():
    with pytest.raises(TooLarge):
        compress.expanded(gzip.compress(b"0" * 600) * 2, "gzip", LIMIT)


@pytest.mark.parametrize(
    "body",
    [b"abc", gzip.compress(b"abc")[:-4], gzip.compress(b"abc") + b"rest", zlib.compress(b"abc")],
    ids=["not packed", "cut short", "followed by more", "zlib and not gzip"],
)
def test_what_is_not_what_it_is_said_to_be_is_refused(body):
    with pytest.raises(Malformed):
        compress.expanded(body, "gzip", LIMIT)


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "zstd", "compress"])
def test_what_is_packed_otherwise_is_refused_and_the_client_told_how(encoding):
    with pytest.raises(UnsupportedMediaType) as refused:
        compress.expanded(b"abc", encoding, LIMIT)
    assert refused.value.headers == {"Accept-Encoding": "gzip"}


@pytest.mark.parametrize(
    ("accept", "taken"),
    [
        ("gzip", True),
        ("x-gzip", True),
        ("br, gzip;q=0.1", True),
        ("*", True),
        ("GZIP", True),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("*;q=0", False),
        ("gzip;q=0, *", False),
        ("identity", False),
        ("gzip;q=x", False),
    ],
)
def test_who_takes_gzip(accept, taken):
    assert compress.is_taken(accept) is taken


def test_a_packed_body_is_stored_like_any_other(suite):
    body = gzip.compress(json.dumps(make.patient(birthDate="2011-05-06")).encode())
    made = suite.ask("POST", "Patient", body, Content_Encoding="gzip")
    assert made.status == 201
    assert made.json["birthDate"] == "2011-05-06"


def test_a_body_that_is_larger_than_the_limit_when_it_is_unpacked_is_refused(suite):
    bomb = gzip.compress(b" " * 10_000_000)
    refused = suite.ask("POST", "Patient", bomb, Content_Encoding="gzip")
    assert (refused.status, refused.code) == (413, "too-long")


def test_a_form_may_be_packed_too(suite):
    form = gzip.compress(b"_id=nobody")
    found = suite.ask(
        "POST",
        "Patient/_search",
        form,
        Content_Encoding="gzip",
        Content_Type="application/x-www-form-urlencoded",
    )
    assert found.ids == []


def test_a_large_answer_is_packed_for_who_takes_it_and_a_small_one_is_not(app, suite):
    id = suite.post(make.patient(name=[{"family": "x" * 2000}])).id
    client, told = app.test_client(), {"Authorization": f"Bearer {suite._token}", "Accept-Encoding": "gzip"}
    packed = client.get(f"/fhir/Patient/{id}", headers=told)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) == len(packed.data) < 1000
    plain = suite.get(f"Patient/{id}")
    assert "Content-Encoding" not in plain.headers
    assert gzip.decompress(packed.data).decode() == plain.text
    small = client.get("/fhir/Patient/nobody", headers=told)
    assert "Content-Encoding" not in small.headers
