import json
import logging

import pytest
from flask import Flask, abort, request

from server.http import log
from server.http.edge import CLIENT, Edge
from server.http.route import namer
from server.settings import read

PAGE = "https://app.example"


def client(**settings: str):
    """A client of an application that answers with what it received."""
    app = Flask("edge")

    @app.route("/fhir/<path:path>", methods=["GET", "POST"])
    def fhir(path: str):
        request.environ[CLIENT] = "school"
        return {"address": request.remote_addr}

    @app.get("/fail")
    def fail():
        abort(500)

    app.wsgi_app = Edge(app.wsgi_app, read(settings), namer("/fhir", frozenset({"Patient"})))
    return app.test_client()


def test_every_answer_has_an_id_of_its_own():
    first, second = (client().get("/fhir/Patient").headers["X-Request-Id"] for _ in range(2))
    assert first != second


def test_a_request_id_is_believed_of_a_trusted_proxy_alone():
    given = {"X-Request-Id": "from-outside"}
    trusting = client(CHILDRECORD_TRUSTED_PROXIES="127.0.0.0/8")
    assert trusting.get("/fhir/Patient", headers=given).headers["X-Request-Id"] == "from-outside"
    assert client().get("/fhir/Patient", headers=given).headers["X-Request-Id"] != "from-outside"
    odd = {"X-Request-Id": "943 476 5919"}
    assert trusting.get("/fhir/Patient", headers=odd).headers["X-Request-Id"] != odd["X-Request-Id"]


@pytest.mark.parametrize(
    ("sent", "back"),
    [
        ({}, None),
        ({"X-Request-Id": "mine"}, "mine"),
        ({"X-Correlation-Id": "mine"}, "mine"),
        ({"X-Correlation-Id": "mine", "X-Request-Id": "other"}, "mine"),
        ({"X-Correlation-Id": "943 476 5919"}, None),
        ({"X-Request-Id": "x" * 65}, None),
    ],
)
def test_what_a_client_calls_its_request_comes_back_and_is_not_logged(capsys, caplog, sent, back):
    caplog.set_level(logging.INFO)
    headers = client().get("/fhir/Patient", headers=sent).headers
    assert headers.get("X-Correlation-Id") == back
    line = capsys.readouterr().err
    assert headers["X-Request-Id"] in line
    assert not any(value in line for value in sent.values())


def test_an_id_that_was_believed_is_not_told_twice():
    trusting = client(CHILDRECORD_TRUSTED_PROXIES="127.0.0.0/8")
    assert "X-Correlation-Id" not in trusting.get("/fhir/Patient", headers={"X-Request-Id": "mine"}).headers


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("", "10.0.0.1"),
        ("203.0.113.9", "203.0.113.9"),
        ("203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("invented, 203.0.113.9", "203.0.113.9"),
        ("203.0.113.9, not an address", "not an address"),
    ],
)
def test_the_address_is_the_last_that_is_no_proxy_of_ours(forwarded, address):
    answer = client(CHILDRECORD_TRUSTED_PROXIES="10.0.0.0/8").get(
        "/fhir/Patient", headers={"X-Forwarded-For": forwarded}, environ_overrides={"REMOTE_ADDR": "10.0.0.1"}
    )
    assert answer.json["address"] == address


def test_a_stranger_cannot_say_that_it_comes_from_elsewhere():
    answer = client(CHILDRECORD_TRUSTED_PROXIES="10.0.0.0/8").get(
        "/fhir/Patient",
        headers={"X-Forwarded-For": "10.0.0.9"},
        environ_overrides={"REMOTE_ADDR": "198.51.100.7"},
    )
    assert answer.json["address"] == "198.51.100.7"


@pytest.mark.parametrize("path", ["/fhir/Patient", "/nowhere", "/fail"])
def test_every_answer_carries_the_standing_headers(path):
    headers = client().get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "Strict-Transport-Security" not in headers


def test_over_tls_browsers_are_told_to_stay_there():
    answer = client(CHILDRECORD_PUBLIC_URL="https://record.example/fhir").get("/fhir/Patient")
    assert "Strict-Transport-Security" in answer.headers


def test_a_page_may_call_and_read_the_headers_it_needs():
    answer = client().get("/fhir/Patient", headers={"Origin": PAGE})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    exposed = set(answer.headers["Access-Control-Expose-Headers"].split(", "))
    assert exposed >= {"ETag", "Location", "Content-Location", "Last-Modified", "X-Request-Id", "Retry-After"}
    assert exposed >= {"Preference-Applied", "X-Progress"}
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_a_browser_that_asks_first_is_told_what_it_may_send():
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "PUT"}
    answer = client().options("/fhir/Patient/1", headers=asked)
    assert answer.status_code == 204
    assert "PUT" in answer.headers["Access-Control-Allow-Methods"]
    allowed = set(answer.headers["Access-Control-Allow-Headers"].split(", "))
    assert allowed >= {
        "Authorization",
        "If-Match",
        "If-None-Exist",
        "Prefer",
        "X-Provenance",
        "X-Cascade",
        "Idempotency-Key",
    }
    assert answer.headers["X-Request-Id"]


def test_pages_can_be_limited_to_those_that_are_named():
    limited = client(CHILDRECORD_ORIGINS=PAGE)
    named = limited.get("/fhir/Patient", headers={"Origin": PAGE})
    other = limited.get("/fhir/Patient", headers={"Origin": "https://other.example"})
    assert named.headers["Access-Control-Allow-Origin"] == PAGE
    assert "Access-Control-Allow-Origin" not in other.headers


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/fhir/Patient", "/fhir/Patient"),
        ("/fhir/Patient/9434765919", "/fhir/Patient/[id]"),
        ("/fhir/Patient/9434765919/_history/2", "/fhir/Patient/[id]/_history/[id]"),
        ("/fhir/Patient/_search", "/fhir/Patient/_search"),
        ("/fhir/Patient/x/$everything", "/fhir/Patient/[id]/$everything"),
        ("/fhir/Persephone", "/fhir/[id]"),
        ("/fhir/$Persephone", "/fhir/[id]"),
        ("/fhir/metadata", "/fhir/metadata"),
        ("/fhir/" + "a/" * 50, "/fhir/[id]/[id]/[id]/[id]/[id]/[id]"),
        ("/Persephone", "other"),
        ("/auth/token", "/auth/token"),
        ("/docs", "/docs"),
        ("/docs/Persephone", "other"),
    ],
)
def test_a_route_keeps_only_the_words_we_know(path, route):
    assert namer("/fhir", frozenset({"Patient"}))(path) == route


def test_the_log_of_a_request_says_what_was_done_and_not_about_whom(capsys, caplog):
    caplog.set_level(logging.INFO)
    client().post("/fhir/Patient/9434765919?name=Persephone", data="Persephone")
    line = capsys.readouterr().err
    told = json.loads(line)
    assert (told["method"], told["route"], told["status"]) == ("POST", "/fhir/Patient/[id]", 200)
    assert told["client"] == "school"
    assert told["ms"] >= 0
    assert "Persephone" not in line
    assert "9434765919" not in line


def test_a_logged_exception_says_where_and_not_what(caplog):
    try:
        int("Persephone")
    except ValueError:
        logging.getLogger("x").exception("unforeseen")
    line = log.Json().format(caplog.records[-1])
    told = json.loads(line)["exception"]
    assert [each["type"] for each in told] == ["builtins.ValueError"]
    assert "test_edge.py" in told[0]["at"][0]
    assert "Persephone" not in line
