"""What was loaded, asked by a client: the operations on codes, and the validation of what is written."""

import itertools
from urllib.parse import quote

import pytest

from server.store import concept_load
from server.terminology.intake.bring import bring
from server.terminology.intake.recognise import read
from tests import make
from tests.terminology.intake import published as p
from tests.terminology.intake.conftest import quiet

SNOMED_CT = "http://snomed.info/sct"


@pytest.fixture(scope="module")
def loaded(app, tmp_path_factory):
    database = app.extensions["database"]
    bring(database, read([p.rf2(tmp_path_factory.mktemp("rf2"))], quiet), quiet)
    app.extensions["door"].tables.forget()
    yield
    concept_load.remove(database, SNOMED_CT, None)
    app.extensions["door"].tables.forget()


pytestmark = pytest.mark.usefixtures("loaded")


def asked(suite, operation, **given):
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in given.items())
    answer = suite.get(f"{operation}?{query}")
    assert answer.status == 200, answer
    return answer.json


def parameter(parameters, name):
    (found,) = (each for each in parameters["parameter"] if each["name"] == name)
    return next(value for key, value in found.items() if key.startswith("value"))


def test_a_code_is_looked_up(suite):
    found = asked(suite, "CodeSystem/$lookup", system=SNOMED_CT, code=p.KNEE_PAIN)
    assert parameter(found, "display") == "Knee pain"
    assert parameter(found, "version").endswith("/version/20260401")


@pytest.mark.parametrize(
    ("one", "other", "outcome"),
    [
        (p.FINDING, p.KNEE_PAIN, "subsumes"),
        (p.KNEE_PAIN, p.FINDING, "subsumed-by"),
        (p.PAIN, p.PAIN, "equivalent"),
        (p.PAIN, p.KNEE, "not-subsumed"),
    ],
)
def test_one_code_subsumes_another(suite, one, other, outcome):
    found = asked(suite, "CodeSystem/$subsumes", system=SNOMED_CT, codeA=one, codeB=other)
    assert parameter(found, "outcome") == outcome


@pytest.mark.parametrize(("code", "result"), [(p.PAIN, True), (p.KNEE, False), ("12345678", False)])
def test_a_code_is_one_of_a_value_set_that_its_url_describes(suite, code, result):
    url = f"{SNOMED_CT}?fhir_vs=isa/{p.FINDING}"
    found = asked(suite, "ValueSet/$validate-code", url=url, system=SNOMED_CT, code=code)
    assert parameter(found, "result") is result


def test_a_value_set_that_its_url_describes_is_expanded_page_by_page(suite):
    url = f"{SNOMED_CT}?fhir_vs"
    pages = [
        asked(suite, "ValueSet/$expand", url=url, offset=str(start), count="5")["expansion"]
        for start in range(0, 12, 5)
    ]
    assert {page["total"] for page in pages} == {12}
    codes = [each["code"] for each in itertools.chain(*(page["contains"] for page in pages))]
    assert codes == sorted(codes)
    assert len(set(codes)) == 12


def test_a_page_holds_only_what_reads_like_the_text(suite):
    url = f"{SNOMED_CT}?fhir_vs=isa/{p.ROOT}"
    found = asked(suite, "ValueSet/$expand", url=url, filter="kne str")
    assert [each["display"] for each in found["expansion"]["contains"]] == [
        "Knee structure",
        "Structure of left knee",
    ]


def test_what_is_loaded_is_told_of_in_the_terminology_capabilities(suite):
    found = suite.get("metadata?mode=terminology").json
    (system,) = (each for each in found["codeSystem"] if each["uri"] == SNOMED_CT)
    assert system["version"][0]["code"].endswith("/version/20260401")


def test_a_write_goes_by_what_is_loaded_now(suite, app, tmp_path):
    url = f"https://example.org/{make.word('StructureDefinition')}"
    bound = {"strength": "required", "valueSet": f"{SNOMED_CT}?fhir_vs=isa/{p.FINDING}"}
    element = {"id": "Condition.code", "path": "Condition.code", "min": 1, "binding": bound}
    profile = {
        "resourceType": "StructureDefinition",
        "url": url,
        "name": "Bound",
        "status": "active",
        "kind": "resource",
        "abstract": False,
        "type": "Condition",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Condition",
        "derivation": "constraint",
        "differential": {"element": [element]},
    }
    made = suite.post(profile)
    assert made.status == 201, made

    def faults(code):
        condition = {
            "resourceType": "Condition",
            "meta": {"profile": [url]},
            "subject": {"display": "Somebody"},
            "code": {"coding": [{"system": SNOMED_CT, "code": code}]},
        }
        answer = suite.ask("POST", "Condition/$validate", condition)
        told = ((issue["severity"], issue["diagnostics"]) for issue in answer.json["issue"])
        return {severity for severity, diagnostics in told if "fhir_vs" in diagnostics}

    assert faults(p.KNEE_PAIN) == set()
    assert faults(p.KNEE) == {"error"}
    concept_load.remove(app.extensions["database"], SNOMED_CT, None)
    app.extensions["door"].tables.forget()
    # Unknown is no fault, but is not passed over either.
    for code in (p.KNEE_PAIN, p.KNEE):
        assert faults(code) == {"warning"}
    bring(app.extensions["database"], read([p.rf2(tmp_path)], quiet), quiet)
    app.extensions["door"].tables.forget()
    assert faults(p.KNEE) == {"error"}
    assert suite.delete(f"StructureDefinition/{made.id}").status in (200, 204)
