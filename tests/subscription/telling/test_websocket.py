"""Who listens by a WebSocket is told at once, and what happened while nobody listened as soon as one does."""

import asyncio
import json
import shutil
import time
from contextlib import suppress

import aiohttp
import pytest

from server import clock
from server.store import clients, liveness
from tests import make
from tests.subscription.telling.listener import Heard
from tests.subscription.telling.make import subscription

CHROMIUM = shutil.which("chromium")


def contact(child):
    return make.encounter(child, "social-care")


@pytest.fixture
def made(teller, social_care, child):
    asked = subscription("contact", None, f"Encounter?patient=Patient/{child}", type="websocket")
    return social_care.post(asked).id


def binding(client, *ids):
    """Where to connect to, and with what."""
    body = {"resourceType": "Parameters", "parameter": [{"name": "id", "valueId": id} for id in ids]}
    answer = client.ask("POST", "Subscription/$get-ws-binding-token", body)
    assert answer.status == 200, answer
    said = {
        each["name"]: next(v for k, v in each.items() if k != "name") for each in answer.json["parameter"]
    }
    return said["websocket-url"], said["token"]


def conversation(url, said, enough, seconds=10):
    """What comes back to what is said, until there is enough of it or the other side ends it."""

    async def talk():
        found = []
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            for each in said:
                await (each() if callable(each) else socket.send_str(each))
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while not enough(found):
                        message = await socket.receive()
                        if message.type != aiohttp.WSMsgType.TEXT:
                            return found, socket.close_code
                        found.append(Heard("", "", {}, message.data.encode()))
            return found, None

    return asyncio.run(talk())


def test_the_handshake_comes_first_then_what_waited(made, social_care, writer, child):
    ids = [writer.post(contact(child)).id for _ in range(3)]
    url, token = binding(social_care, made)
    heard, _ = conversation(
        url, [f"bind-with-token {token}"], lambda found: sum(len(e.numbers) for e in found) == 3
    )
    assert [each.kind for each in heard] == ["handshake", *["event-notification"] * (len(heard) - 1)]
    assert [number for each in heard for number in each.numbers] == [1, 2, 3]
    told = [e["focus"]["reference"].rpartition("/")[2] for each in heard for e in each.status["events"]]
    assert told == ids
    assert social_care.get(f"Subscription/{made}").json["status"] == "active"


def test_what_was_told_is_not_told_to_the_next_one_who_connects(made, social_care, writer, child):
    writer.post(contact(child))
    url, token = binding(social_care, made)
    conversation(url, [f"bind-with-token {token}"], lambda found: any(each.numbers for each in found))
    url, token = binding(social_care, made)
    writer.post(contact(child))
    heard, _ = conversation(
        url, [f"bind-with-token {token}"], lambda found: any(each.numbers for each in found)
    )
    assert [number for each in heard for number in each.numbers] == [2]


@pytest.mark.parametrize(
    "said", ["bind-with-token nonsense", "bind {id}", "hello", "bind-with-token", "{token}"]
)
def test_nothing_is_told_to_who_has_no_token(made, social_care, said):
    url, token = binding(social_care, made)
    heard, code = conversation(url, [said.format(id=made, token=token)], lambda found: found)
    assert (heard, code) == ([], 1008)


def test_a_token_is_good_once(made, social_care):
    url, token = binding(social_care, made)
    heard, _ = conversation(url, [f"bind-with-token {token}"], lambda found: found)
    assert len(heard) == 1
    assert conversation(url, [f"bind-with-token {token}"], lambda found: found) == ([], 1008)


def test_several_subscriptions_come_by_one_connection(made, social_care, teller, writer, child):
    asked = subscription("episode", None, f"EpisodeOfCare?patient=Patient/{child}", type="websocket")
    other = social_care.post(asked).id
    url, token = binding(social_care, made, other)
    writer.post(contact(child))
    heard, _ = conversation(
        url,
        [f"bind-with-token {token}"],
        lambda found: len(found) >= 3,
    )
    assert [each.kind for each in heard] == ["handshake", "handshake", "event-notification"]


def test_it_ends_with_the_access_of_who_made_it(made, social_care, writer, child, record):
    url, token = binding(social_care, made)

    async def talk():
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            await socket.send_str(f"bind-with-token {token}")
            await socket.receive()
            await asyncio.to_thread(suspend, record, social_care.client)
            await asyncio.to_thread(writer.post, contact(child))
            message = await asyncio.wait_for(socket.receive(), 10)
            return message.type, message.data

    assert asyncio.run(talk())[0] == aiohttp.WSMsgType.CLOSE


def suspend(record, client):
    database = record.extensions["database"]
    with database.begin() as connection:
        assert clients.suspend(connection, client, clock.now())
    liveness.ended(database)


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_browser_is_told(made, social_care, writer, child):
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install '.[dev]'")
    url, token = binding(social_care, made)
    with playwright.sync_playwright() as runner:
        browser = runner.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
        )
        page = browser.new_page()
        page.evaluate(
            """([url, token]) => new Promise((ready, failed) => {
                window.told = [];
                const socket = new WebSocket(url);
                socket.onopen = () => socket.send(`bind-with-token ${token}`);
                socket.onerror = failed;
                socket.onmessage = (message) => { window.told.push(message.data); ready(); };
            })""",
            [url, token],
        )
        begun = time.monotonic()
        id = writer.post(contact(child)).id
        page.wait_for_function("window.told.length >= 2", timeout=10_000)
        assert time.monotonic() - begun < 5
        first, second = (Heard("", "", {}, each.encode()) for each in page.evaluate("window.told"))
        browser.close()
    assert (first.kind, second.kind) == ("handshake", "event-notification")
    assert json.loads(second.body)["entry"][1]["fullUrl"].endswith(f"/Encounter/{id}")
