"""An endpoint is judged each time it is connected to, whatever its name stood for when it was registered."""

import asyncio
import ipaddress
import socket
from contextlib import contextmanager

import pytest

from server.address import Guard
from server.subscription.channel.parcel import NO_ADDRESS, NotDelivered, Parcel
from server.subscription.channel.rest_hook import RestHook
from tests.subscription.telling.listener import listening
from tests.subscription.telling.make import JSON

HERE = Guard((ipaddress.ip_network("127.0.0.0/8"),))


def delivered(guard, url):
    async def deliver():
        hook = RestHook(guard)
        try:
            await hook.deliver(Parcel("1", "handshake", url, JSON, "", b"{}", seconds=2))
        finally:
            await hook.close()

    asyncio.run(deliver())


@contextmanager
def names(monkeypatch, **known):
    """Who asks for a name is told these addresses."""

    def told(host, port, *_, **__):
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in known[host]]

    monkeypatch.setattr(socket, "getaddrinfo", told)
    yield


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "0.0.0.0"])
def test_a_name_that_stands_for_an_internal_address_is_not_asked(monkeypatch, address):
    with names(monkeypatch, **{"hook.example.org": [address]}), pytest.raises(NotDelivered) as refused:
        delivered(Guard(), "https://hook.example.org/hook")
    assert (refused.value.code, "may not be asked" in str(refused.value)) == (NO_ADDRESS, True)


def test_one_internal_address_among_others_is_enough(monkeypatch):
    known = {"hook.example.org": ["8.8.8.8", "127.0.0.1"]}
    with names(monkeypatch, **known), pytest.raises(NotDelivered, match="may not be asked"):
        delivered(Guard(), "https://hook.example.org/hook")


def test_a_name_is_looked_up_whenever_it_is_connected_to(monkeypatch):
    with listening() as listener:
        port = listener.url.split(":")[2].split("/")[0]
        known = {"hook.example.org": ["127.0.0.1"]}
        with names(monkeypatch, **known), pytest.raises(NotDelivered, match=r"must begin with https"):
            # What is not on this machine is not asked without TLS, by whatever name.
            delivered(HERE, f"http://hook.example.org:{port}/hook")
        with names(monkeypatch, localhost=["127.0.0.1"]):
            delivered(HERE, f"http://localhost:{port}/hook")
        assert len(listener.heard) == 1


def test_a_name_that_there_is_not(monkeypatch):
    with names(monkeypatch), pytest.raises(NotDelivered, match="no address") as refused:
        delivered(Guard(), "https://hook.example.org/hook")
    assert refused.value.code == NO_ADDRESS


def test_no_redirect_is_followed():
    with listening() as listener:
        listener.answer = lambda _: 307
        with pytest.raises(NotDelivered, match="answered 307"):
            delivered(HERE, listener.url)
        assert listener.asked == 1


def test_who_does_not_answer_in_time_is_given_up():
    with listening() as listener:
        listener.stalled.set()
        with pytest.raises(NotDelivered, match="within 2 s"):
            delivered(HERE, listener.url)


def test_a_connection_that_the_listener_closed_meanwhile_is_made_again():
    async def deliver():
        hook = RestHook(HERE)
        try:
            for _ in range(2):
                await hook.deliver(Parcel("1", "handshake", url, JSON, "", b"{}", seconds=2))
        finally:
            await hook.close()

    requests, answering = [], []

    async def run():
        async def answer(reader, writer):
            answering.append(asyncio.current_task())
            requests.append(await reader.readuntil(b"{}"))
            # As if it were to be kept open, and then it is not.
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n")
            await writer.drain()
            await asyncio.sleep(0.01)
            writer.close()
            await writer.wait_closed()

        nonlocal url
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        async with server:
            await deliver()
            await asyncio.gather(*answering)

    url = ""
    asyncio.run(run())
    assert len(requests) == 2
