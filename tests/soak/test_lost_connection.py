"""A database that goes away under a running server: nothing is stored twice, and later it is used again."""

import psycopg2
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from server.store.database import Transaction
from tests import make
from tests.soak.mutation import written
from tests.soak.request import FHIR_JSON


@pytest.fixture
def ask(application: Flask, tokens: dict[str, str]):
    """Asks as the suite; what is answered may be that the database is away."""

    def asked(method: str, path: str, resource: make.Resource | None = None) -> TestResponse:
        body = None if resource is None else written(resource).encode()
        headers = {"Authorization": tokens["suite"], "Content-Type": FHIR_JSON}
        return application.test_client().open(f"/fhir/{path}", method=method, data=body, headers=headers)

    return asked


@pytest.fixture
def end_every_session(database_url: str):
    """As a database does that is stopped."""

    def end() -> None:
        connection = psycopg2.connect(database_url)
        connection.autocommit = True
        connection.cursor().execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        connection.close()

    return end


def test_a_commit_without_an_answer_is_told_as_unknown_and_not_repeated(ask, monkeypatch):
    nonce = make.word()
    commit = Transaction.commit

    def unanswered(transaction: Transaction) -> None:
        commit(transaction)
        raise psycopg2.OperationalError("server closed the connection unexpectedly")

    with monkeypatch.context() as patched:
        patched.setattr(Transaction, "commit", unanswered)
        answer = ask("POST", "Patient", make.patient(identifier=[make.identifier(nonce)]))
    assert answer.status_code == 503
    assert "not known" in answer.text
    assert ask("GET", f"Patient?identifier={nonce}").json["total"] == 1


def test_a_read_outlives_the_loss_of_every_connection(ask, end_every_session):
    made = ask("POST", "Patient", make.patient()).json["id"]
    for _ in range(3):
        end_every_session()
        assert ask("GET", f"Patient/{made}").json["id"] == made


def test_after_the_loss_of_every_connection_one_write_at_most_fails(ask, end_every_session):
    assert ask("POST", "Patient", make.patient()).status_code == 201
    end_every_session()
    assert ask("POST", "Patient", make.patient()).status_code in (201, 503)
    assert [ask("POST", "Patient", make.patient()).status_code for _ in range(10)] == [201] * 10
