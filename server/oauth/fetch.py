"""Fetches what a client publishes, from nowhere but where a client may publish it.

The URL is the client's: `server.address` judges it, and the very address that was looked at is connected to.
"""

import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from threading import Event, Timer
from typing import Any
from urllib.parse import SplitResult

from server.address import Guard, NotAdmitted, parsed
from server.settings import Network, Settings

_SECONDS = 3.0
_LARGEST = 64 * 1024
_CHUNK = 8 * 1024


class NotFetched(Exception):
    """It may not be fetched, or could not be; the message says why, for the log."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """`fresh`: for how many seconds the sender lets it be kept; None: it says nothing of it."""

    content: bytes
    fresh: int | None


@dataclass(frozen=True, slots=True)
class Fetcher:
    """`networks`: internal ones that may be reached. `loopback`: so may this machine, and without TLS."""

    networks: tuple[Network, ...] = ()
    loopback: bool = False
    seconds: float = _SECONDS
    tls: ssl.SSLContext | None = None

    @classmethod
    def of(cls, found: Settings) -> "Fetcher":
        """As the operator lets it."""
        return cls(networks=found.jwks_networks, loopback=found.demonstration)

    def fault(self, url: str) -> str | None:
        """What is wrong with a URL to be registered, in a sentence; nothing is asked of the network."""
        try:
            self._guard.parsed(url)
        except NotAdmitted as error:
            return str(error)
        return None

    def fetch(self, url: str) -> Fetched:
        """What is there. No redirect is followed: what a client says elsewhere, it has not registered.

        Raises:
            NotFetched: nothing that may be used.
        """
        try:
            connection = self._connection(found := parsed(url))
        except NotAdmitted as error:
            raise NotFetched(str(error)) from error
        ended = Event()
        timer = Timer(self.seconds, _cut, (connection, ended))
        timer.daemon = True
        timer.start()
        try:
            connection.request("GET", _target(found), headers=_HEADERS)
            response = connection.getresponse()
            if response.status != 200:
                raise NotFetched(f"It answers {response.status}.")
            content = _read(response)
            # What was cut off may look whole.
            if ended.is_set():
                raise NotFetched("It takes too long.")
            return Fetched(content, _freshness(response.getheader("Cache-Control", "")))
        except (OSError, HTTPException, ValueError) as error:
            raise NotFetched(
                "It takes too long." if ended.is_set() else f"{type(error).__name__}."
            ) from error
        finally:
            timer.cancel()
            connection.close()

    def _connection(self, found: SplitResult) -> "_Plain | _Secure":
        assert found.hostname
        port = found.port or (443 if found.scheme == "https" else 80)
        address = self._guard.admit(found.scheme, _addresses(found.hostname, port))[0]
        if found.scheme == "http":
            return _Plain(address, found.hostname, port, timeout=self.seconds)
        context = self.tls or ssl.create_default_context()
        return _Secure(address, found.hostname, port, timeout=self.seconds, context=context)

    @property
    def _guard(self) -> Guard:
        return Guard(self.networks, self.loopback)


class _Plain(HTTPConnection):
    """Connects to an address that was looked at, and not to what the name says the next time."""

    def __init__(self, address: str, host: str, port: int, **kept: Any) -> None:
        super().__init__(host, port, **kept)
        self._address = address
        self.held: socket.socket | None = None

    def connect(self) -> None:
        self.sock = self.held = socket.create_connection((self._address, self.port), self.timeout)


class _Secure(HTTPSConnection):
    """The same; the certificate is that of the name."""

    def __init__(self, address: str, host: str, port: int, *, context: ssl.SSLContext, **kept: Any) -> None:
        super().__init__(host, port, context=context, **kept)
        self._address, self._tls = address, context
        self.held: socket.socket | None = None

    def connect(self) -> None:
        self.sock = self.held = socket.create_connection((self._address, self.port), self.timeout)
        # The handshake comes after, so that it can be cut off, too.
        self.sock = self.held = self._tls.wrap_socket(
            self.held, server_hostname=self.host, do_handshake_on_connect=False
        )
        self.sock.do_handshake()


_HEADERS = {"Accept": "application/jwk-set+json, application/json", "User-Agent": "childrecord"}


def _target(found: SplitResult) -> str:
    return (found.path or "/") + (f"?{found.query}" if found.query else "")


def _addresses(host: str, port: int) -> list[str]:
    try:
        told = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotFetched("Its host has no address.") from error
    return [str(each[4][0]).partition("%")[0] for each in told]


def _cut(connection: "_Plain | _Secure", ended: Event) -> None:
    """A sender that tells a byte now and then is never late by the clock of one read."""
    ended.set()
    with suppress(OSError):
        if connection.held is not None:
            # Below TLS, whose state is the reader's.
            socket.socket.shutdown(connection.held, socket.SHUT_RDWR)


def _read(response: HTTPResponse) -> bytes:
    content = bytearray()
    while chunk := response.read1(_CHUNK):
        content += chunk
        if len(content) > _LARGEST:
            raise NotFetched(f"It has more than {_LARGEST:,} bytes.")
    return bytes(content)


def _freshness(header: str) -> int | None:
    said = {part.strip().lower() for part in header.split(",")}
    if said & {"no-store", "no-cache"}:
        return 0
    ages = [part.removeprefix("max-age=") for part in said if part.startswith("max-age=")]
    return next((int(age) for age in ages if age.isdecimal() and len(age) < 10), None)
