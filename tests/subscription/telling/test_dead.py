"""A listener that is dead for too long is given up; what it was not told is kept, and told when asked for."""

import time

import pytest
from click.testing import CliRunner

from server.cli.main import cli
from server.settings import settings
from server.store import tables as t
from tests import make
from tests.conftest import ACCESS
from tests.subscription.telling.listener import Heard
from tests.subscription.telling.make import subscription

PATIENCE = {"CHILDRECORD_LISTENER_PATIENCE": "1.5"}


@pytest.fixture(scope="module")
def further() -> dict[str, str]:
    return PATIENCE


@pytest.fixture
def command(record, monkeypatch):
    """Runs `childrecord subscription …` on the record."""
    environment = {
        "DATABASE_URL": record.extensions["settings"].database_url,
        "CHILDRECORD_ACCESS": str(ACCESS),
        "CHILDRECORD_INDEX_KEY": "0f" * 32,
    }

    def run(*arguments):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()
        return CliRunner().invoke(cli, ("subscription", *map(str, arguments)))

    yield run
    settings.cache_clear()


@pytest.fixture
def dead(teller, social_care, listener, writer, child):
    """A subscription that was given up with three events left, and its listener, which is well again."""
    asked = subscription("contact", listener.url, f"Encounter?patient=Patient/{child}")
    id = social_care.post(asked).id
    listener.wait(lambda found: found.heard)
    writer.post(make.encounter(child, "social-care"))
    listener.wait(lambda found: found.numbers == [1])
    listener.answer = lambda _: 500
    for _ in range(3):
        writer.post(make.encounter(child, "social-care"))
    stands(social_care, id, "off", "The endpoint answered 500. It was given up; what was not told is kept.")
    listener.answer = lambda _: 200
    return id


def stands(client, id, status, error=None):
    until = time.monotonic() + 15
    while (found := client.get(f"Subscription/{id}").json)["status"] != status:
        assert time.monotonic() < until, found
        time.sleep(0.05)
    assert found.get("error") == error


def test_what_could_not_be_told_is_listed_and_told_again(dead, command, social_care, listener, record):
    assert dead in command("list", "--status", "off").output
    assert f"{dead}" in command("dead").output
    assert "2-4" in command("dead").output
    listed = command("dead", dead).output
    assert listed.count("Encounter") == 3
    told = command("replay", dead, "--reason", "The listener is well again").output
    assert "3 events are told again" in told
    listener.wait(lambda found: found.numbers == [1, 2, 3, 4])
    stands(social_care, dead, "active")
    with record.extensions["database"].engine.connect() as connection:
        acts = connection.execute(
            t.audit.select().where(t.audit.c.interaction == "subscription-replay")
        ).all()
    assert [each.reason for each in acts] == ["The listener is well again"]


def test_everything_can_be_told_again(dead, command, listener):
    command("replay", dead, "--from", 1, "--reason", "The listener lost them")
    listener.wait(lambda found: found.numbers == [1, 1, 2, 3, 4])


def test_its_owner_can_ask_for_it_to_go_on(dead, social_care, listener):
    found = social_care.get(f"Subscription/{dead}").json
    assert social_care.put({**found, "status": "requested"}).status == 200
    listener.wait(lambda found: found.numbers == [1, 2, 3, 4])


def test_events_are_there_for_who_asks_for_them_meanwhile(dead, social_care):
    answer = social_care.get(f"Subscription/{dead}/$events")
    assert answer.text.count('"event-number"') == 4
    status = Heard("", "", {}, social_care.get(f"Subscription/{dead}/$status").text.encode()).status
    assert (status["status"], status["events-since-subscription-start"]) == ("off", "4")
    assert status["error"]["coding"][0]["code"] == "error-response"


@pytest.mark.parametrize(
    "arguments",
    [
        ("dead", "nobody"),
        ("replay", "nobody", "--reason", "x"),
        ("replay", "nobody"),
        ("replay", "nobody", "--reason", " "),
    ],
)
def test_what_there_is_not_is_refused(command, arguments):
    assert command(*arguments).exit_code != 0
