import pytest
from flask import Flask
from sqlalchemy import text

from server.http import health
from server.store.database import Database


def over(database: Database):
    app = Flask("health")
    app.register_blueprint(health.blueprint(database))
    return app.test_client()


def test_a_process_that_runs_is_healthy_whatever_its_database_does():
    nowhere = Database("postgresql://nobody@/nothing?host=/nowhere")
    assert over(nowhere).get("/healthz").status_code == 200
    assert over(nowhere).get("/readyz").status_code == 503


def test_with_the_right_schema_it_is_ready(database):
    answer = over(database).get("/readyz")
    assert (answer.status_code, answer.json["status"]) == (200, "ready")


def test_with_another_schema_it_is_not_ready_and_says_which(new_database):
    with new_database() as url:
        database = Database(url)
        with database.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        answer = over(database).get("/readyz")
        assert answer.status_code == 503
        assert "9999" in answer.json["reason"]
        database.close()


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_none_of_them_needs_a_token(app, path):
    assert app.test_client().get(path).status_code == 200


def test_what_is_counted_names_routes_and_no_ids(app):
    client = app.test_client()
    client.get("/fhir/Patient/9434765919")
    counted = client.get("/metrics").text
    assert 'route="/fhir/Patient/[id]",status="401"' in counted
    assert "9434765919" not in counted


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/fhirish", 404),
        ("GET", "/auth/token", 405),
        ("POST", "/healthz", 405),
    ],
)
def test_outside_fhir_a_failure_is_told_as_plain_json(app, method, path, status):
    answer = app.test_client().open(path, method=method)
    assert answer.status_code == status
    assert answer.mimetype == "application/json"
    assert set(answer.json) == {"error", "message"}
    assert ("Allow" in answer.headers) == (status == 405)


def test_inside_fhir_a_failure_is_told_as_an_outcome(app):
    answer = app.test_client().open("/fhir/Patient", method="TRACE")
    assert answer.json["resourceType"] == "OperationOutcome"


def test_a_form_too_large_is_refused(app):
    answer = app.test_client().post("/auth/token", data={"scope": "x" * 300_000})
    assert answer.status_code == 413
