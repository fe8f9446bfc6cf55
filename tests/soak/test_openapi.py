"""Whatever is made of the OpenAPI document, the answer is one that the document declares."""

import pytest
import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.soak.conftest import AGENCIES
from tests.soak.examples import EXAMPLES

pytestmark = pytest.mark.soak

_CHECKS = [not_a_server_error, status_code_conformance, response_schema_conformance]
_OF_CONTENT = [*_CHECKS, content_type_conformance]
# Every type has the same URLs: those of a few are all there is to be found out.
_TYPES = ("Patient", "Observation", "EpisodeOfCare", "Basic", "Binary", "Bundle", "AuditEvent", "Provenance")

_agencies = st.sampled_from(["suite", "suite", *AGENCIES])

# 10,000 in a soak, a hundred otherwise.
some = settings(
    max_examples=max(settings().max_examples // 2, 100),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


@pytest.fixture(scope="module")
def operations(application: Flask, filled: FlaskClient) -> list[APIOperation]:
    """What the document offers, on a record that holds every example."""
    assert filled.get("/fhir/metadata").status_code == 200
    schema = schemathesis.openapi.from_wsgi("/openapi.json", application)
    names = "|".join(_TYPES)
    chosen = schema.include(path_regex=rf"^/($|_|\$|metadata|({names})(/|$))")
    return [found.ok() for found in chosen.get_all_operations()]


@some
@given(data=st.data(), agency=_agencies)
def test_whatever_the_document_offers_is_answered_as_it_declares(operations, tokens, data, agency):
    case = data.draw(st.sampled_from(operations).flatmap(lambda operation: operation.as_strategy()))
    _lead_somewhere(case, data)
    told = {"Authorization": tokens[agency], "Accept-Encoding": "identity"}
    answer = case.call(headers=told)
    event(f"{case.method} {answer.status_code}")
    case.validate_response(answer, checks=_OF_CONTENT if answer.content else _CHECKS)


def _lead_somewhere(case: Case, data: st.DataObject) -> None:
    """Most ids are those of something that is there: of the others nothing but 404 is to be learned."""
    if "id" in case.path_parameters and data.draw(st.integers(0, 3)):
        type_ = case.path.split("/")[1]
        known = [example["id"] for example in EXAMPLES if example["resourceType"] == type_]
        if known:
            case.path_parameters["id"] = data.draw(st.sampled_from(known))
    if "vid" in case.path_parameters:
        case.path_parameters["vid"] = data.draw(st.sampled_from(["1", "2", "x"]))
