"""A terminology server elsewhere: what is asked of it, and what becomes of its answers."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from server import clock
from server.terminology import remote, systems
from server.terminology.elsewhere import AWAY, KEPT, Server
from server.terminology.provider import CannotTell, Concept, Filter, Query
from server.terminology.remote import Remote
from tests.caller import Caller, token

URL = "http://example.org/fhir/CodeSystem/far"
OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "not-found"}]}


class Answers:
    """What the server answers by path, and what it was asked."""

    def __init__(self) -> None:
        self.by_path: dict[str, tuple[int, object]] = {}
        self.asked: list[tuple[str, object]] = []
        self.wait: Callable[[], object] = lambda: None
        self.base = ""

    def __call__(self, path: str, answer: object, status: int = 200) -> None:
        self.by_path[path] = (status, answer)


@pytest.fixture
def answers() -> Iterator[Answers]:
    """A server on this machine."""
    known = Answers()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(None)

        def do_POST(self) -> None:
            self.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def answer(self, body: object) -> None:
            path = self.path.removeprefix("/fhir/")
            known.asked.append((path, body))
            known.wait()
            status, answer = known.by_path.get(path.partition("?")[0], (404, OUTCOME))
            text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", f"{known.base}/elsewhere")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    class Quiet(HTTPServer):
        def handle_error(self, *_: object) -> None:
            """Who asked did not wait for the answer."""

    server = Quiet(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    known.base = f"http://127.0.0.1:{server.server_port}/fhir"
    known("CodeSystem", bundle({"resourceType": "CodeSystem", "url": URL, "version": "7", "title": "Far"}))
    remote.hold(Remote(Server(known.base, 2), [URL]))
    yield known
    server.shutdown()
    thread.join()
    server.server_close()


def bundle(*resources: object) -> object:
    return {"resourceType": "Bundle", "entry": [{"resource": each} for each in resources]}


def parameters(*each: object) -> object:
    return {"resourceType": "Parameters", "parameter": list(each)}


def parts(name: str, **each: object) -> object:
    return {"name": name, "part": [{"name": part, **value} for part, value in each.items()]}


FOUND = parameters(
    {"name": "name", "valueString": "Far"},
    {"name": "display", "valueString": "Long way"},
    {"name": "definition", "valueString": "Not near."},
    parts("designation", language={"valueCode": "cy"}, value={"valueString": "Pell"}),
    parts("property", code={"valueCode": "inactive"}, value={"valueBoolean": True}),
    parts("property", code={"valueCode": "parent"}, value={"valueCode": "up"}),
)


def given(answers: Answers) -> dict[str, object]:
    """The parameters of the last question, by name."""
    body = answers.asked[-1][1]
    assert isinstance(body, dict)
    found = {}
    for each in body["parameter"]:
        name = each.pop("name")
        found[name] = next(iter(each.values()))
    return found


def test_a_code_is_looked_up_with_all_that_is_said_of_it(answers):
    answers("CodeSystem/$lookup", FOUND)
    system = systems.known(URL)
    concept = system.find("42")
    assert isinstance(concept, Concept)
    assert (concept.display, concept.definition, concept.inactive) == ("Long way", "Not near.", True)
    assert [(each.language, each.value) for each in concept.designations] == [("cy", "Pell")]
    assert given(answers) == {"system": URL, "code": "42"}
    assert list(system.parents("42")) == ["up"]
    assert list(system.children("42")) == []
    assert (system.name, system.version) == ("Far", "7")


def test_a_code_that_the_server_has_not_does_not_exist_if_it_has_the_system(answers):
    assert systems.known(URL).find("43") is None
    answers("CodeSystem", bundle())
    remote.hold(Remote(Server(answers.base, 2), [URL]))
    with pytest.raises(CannotTell, match="does not hold"):
        systems.known(URL).find("43")


def test_what_is_asked_again_is_remembered_for_a_day(answers, monkeypatch):
    answers("CodeSystem/$lookup", FOUND)
    system = systems.known(URL)
    assert system.find("42") == system.find("42")
    assert system.find("43") is not None
    assert len(answers.asked) == 2
    later = clock.monotonic() + KEPT + 1
    monkeypatch.setattr(clock, "monotonic", lambda: later)
    assert system.find("42") is not None
    assert len(answers.asked) == 3


@pytest.mark.parametrize(
    ("outcome", "does"), [("subsumes", True), ("equivalent", True), ("subsumed-by", False)]
)
def test_subsumption_is_asked_of_the_server(answers, outcome, does):
    answers("CodeSystem/$subsumes", parameters({"name": "outcome", "valueCode": outcome}))
    assert systems.known(URL, "7").subsumes("a", "b") is does
    assert given(answers) == {"system": URL, "version": "7", "codeA": "a", "codeB": "b"}
    assert systems.known(URL).subsumes("a", "a")


@pytest.mark.parametrize("result", [True, False])
def test_a_filter_is_put_to_the_server_as_a_value_set(answers, result):
    answers("ValueSet/$validate-code", parameters({"name": "result", "valueBoolean": result}))
    assert systems.known(URL).holds("a", (Filter("concept", "is-a", "top"),)) is result
    (include,) = given(answers)["valueSet"]["compose"]["include"]
    assert include == {"system": URL, "filter": [{"property": "concept", "op": "is-a", "value": "top"}]}


def test_codes_are_listed_page_by_page(answers):
    contains = [{"system": URL, "code": str(number), "display": "x"} for number in range(20)]
    answers(
        "ValueSet/$expand", {"resourceType": "ValueSet", "expansion": {"total": 20, "contains": contains}}
    )
    found = list(systems.known(URL).matching(Query(text="lo", active=True, offset=40, limit=20)))
    assert [concept.code for concept in found] == [str(number) for number in range(20)]
    asked = given(answers)
    assert (asked["filter"], asked["activeOnly"], asked["offset"], asked["count"]) == ("lo", True, 40, 20)
    assert systems.known(URL).count(Query()) == 20


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (500, OUTCOME),
        (401, OUTCOME),
        (429, OUTCOME),
        (200, b"<html>"),
        (200, {"no": "resource"}),
        (200, b"[]"),
        (302, b""),
    ],
)
def test_a_server_that_fails_leaves_it_unknown_and_is_left_alone(answers, status, answer, monkeypatch):
    answers("CodeSystem/$lookup", answer, status)
    system = systems.known(URL)
    for code in ("1", "2", "3"):
        with pytest.raises(CannotTell, match="cannot be asked at the moment") as told:
            system.find(code)
        assert told.value.code == "timeout"
    assert [path for path, _ in answers.asked] == ["CodeSystem/$lookup"]
    later = clock.monotonic() + AWAY + 1
    monkeypatch.setattr(clock, "monotonic", lambda: later)
    answers("CodeSystem/$lookup", FOUND)
    assert system.find("1") is not None


def test_what_was_learned_before_is_known_while_the_server_is_away(answers):
    answers("CodeSystem/$lookup", FOUND)
    system = systems.known(URL)
    known = system.find("42")
    answers("CodeSystem/$lookup", OUTCOME, 500)
    with pytest.raises(CannotTell):
        system.find("43")
    assert system.find("42") == known


def test_a_server_that_is_slow_is_not_waited_for(answers):
    done = threading.Event()
    answers.wait = lambda: done.wait(5)
    answers("CodeSystem/$lookup", FOUND)
    remote.hold(Remote(Server(answers.base, 0.1), [URL]))
    begun = clock.monotonic()
    with pytest.raises(CannotTell):
        systems.known(URL).find("42")
    assert clock.monotonic() - begun < 2
    done.set()


def test_a_server_that_is_not_there_leaves_it_unknown():
    remote.hold(Remote(Server("http://127.0.0.1:9/fhir", 1), [URL]))
    with pytest.raises(CannotTell):
        systems.known(URL).find("42")


@pytest.mark.parametrize("code", ["Jane Smith", "", "x" * 65, "a\nb", "ünder", "<a>", "' or 1"])
def test_what_does_not_look_like_a_code_is_not_sent(answers, code):
    system = systems.known(URL)
    for ask in (system.find, lambda each: system.subsumes("a", each), lambda each: system.holds(each, ())):
        with pytest.raises(CannotTell, match="does not look like one"):
            ask(code)
    assert answers.asked == []


def test_a_code_system_that_was_not_named_is_not_asked_about(answers):
    assert systems.system("http://example.org/fhir/CodeSystem/other") is None
    assert answers.asked == []


def test_what_is_here_is_not_asked_elsewhere(answers):
    url = "http://hl7.org/fhir/administrative-gender"
    remote.hold(Remote(Server(answers.base, 2), [URL, url]))
    assert systems.known(url).find("female") is not None
    assert answers.asked == []


def test_a_client_learns_of_a_code_that_is_only_known_elsewhere(answers, serve, database_url):
    answers("CodeSystem/$lookup", FOUND)
    given = {"CHILDRECORD_TERMINOLOGY_SERVER": answers.base, "CHILDRECORD_TERMINOLOGY_SYSTEMS": URL}
    app = serve(database_url, **given)
    caller = Caller(app, token(app, "suite", "system/*.cruds"))
    found = caller.get(f"CodeSystem/$lookup?system={URL}&code=42")
    assert {"name": "display", "valueString": "Long way"} in found.json["parameter"]
    answers("CodeSystem/$lookup", OUTCOME, 500)
    # A 503 tells the caller that it is not known now; the tests' client takes that for a fault of ours.
    with pytest.raises(AssertionError, match="cannot be asked at the moment"):
        caller.get(f"CodeSystem/$lookup?system={URL}&code=43")
    app.extensions["database"].close()
