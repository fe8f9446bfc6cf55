"""A notification posted to a URL.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/channels.html#rest-hook-1

Each name is looked up when it is connected to, every address of it is judged, and that address is connected
to. No redirect is followed: where it leads has not been registered. Of the answer only the status is read.
"""

import asyncio
import socket
from collections.abc import Mapping
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from server import clock
from server.address import Guard, NotAdmitted
from server.definition.xml import to_xml
from server.subscription.channel.check import JSON, XML
from server.subscription.channel.parcel import ERROR_RESPONSE, NO_ADDRESS, NO_RESPONSE, NotDelivered, Parcel
from server.subscription.signature import signed

_SCHEMES = ("https", "http")


class RestHook:
    """Connections to listeners, kept open between notifications. To be made and closed in its event loop."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._sessions = {scheme: _session(guard, scheme) for scheme in _SCHEMES}

    async def close(self) -> None:
        """End every connection."""
        for each in self._sessions.values():
            await each.close()

    async def deliver(self, parcel: Parcel) -> None:
        """Post the notification; raises NotDelivered."""
        if not parcel.plain:
            await self.send("POST", parcel.endpoint, parcel, parcel.mime or JSON, parcel.bundle)
        elif parcel.resource is None:
            # Of a subscription by criteria without a payload: that something happened, and no more.
            await self.send("POST", parcel.endpoint, parcel, "", b"")
        else:
            place, body = parcel.resource
            url = f"{parcel.endpoint.rstrip('/')}/{place}"
            await self.send("PUT", url, parcel, parcel.mime, body)

    async def send(self, method: str, url: str, parcel: Parcel, mime: str, content: bytes) -> None:
        """One request, signed where there is a key for it; raises NotDelivered."""
        try:
            scheme = self._guard.parsed(url).scheme
        except NotAdmitted as error:
            raise NotDelivered(NO_ADDRESS, f"The endpoint may not be asked: {error}") from error
        body = to_xml(content) if mime == XML and content else content
        headers = _headers(method, url, parcel, mime, body)
        limit = aiohttp.ClientTimeout(total=parcel.seconds)
        try:
            status = await self._status(scheme, method, url, data=body, headers=headers, timeout=limit)
        except NotAdmitted as error:
            raise NotDelivered(NO_ADDRESS, f"The endpoint may not be asked: {error}") from error
        except aiohttp.ClientConnectorDNSError as error:
            raise NotDelivered(NO_ADDRESS, "The host of the endpoint has no address.") from error
        except (aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch) as error:
            raise NotDelivered(NO_RESPONSE, "No secure connection to the endpoint could be made.") from error
        except TimeoutError as error:
            told = f"The endpoint did not answer within {parcel.seconds:g} s."
            raise NotDelivered(NO_RESPONSE, told) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NotDelivered(NO_RESPONSE, "The endpoint could not be reached.") from error
        if not 200 <= status < 300:
            raise NotDelivered(ERROR_RESPONSE, f"The endpoint answered {status}.")

    async def _status(self, scheme: str, method: str, url: str, **sent: Any) -> int:
        for is_last in (False, True):
            try:
                async with self._sessions[scheme].request(
                    method, url, allow_redirects=False, **sent
                ) as response:
                    return response.status
            except (aiohttp.ServerDisconnectedError, ConnectionResetError):
                # A connection that was kept open, and that the listener had closed meanwhile.
                if is_last:
                    raise
        raise AssertionError


def _headers(method: str, url: str, parcel: Parcel, mime: str, body: bytes) -> list[tuple[str, str]]:
    kind = mime if not mime or "charset" in mime else f"{mime}; charset=utf-8"
    own: Mapping[str, str] = {"Content-Type": kind} if kind else {}
    key = parcel.secrets.signing_key
    if key is not None:
        own = {
            **own,
            **signed(method, url, kind, body, key=key, key_id=parcel.subscription, at=clock.now()),
        }
    return [*parcel.secrets.headers, *own.items()]


def _session(guard: Guard, scheme: str) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        resolver=_Admitting(guard, scheme),
        use_dns_cache=False,
        # Each subscription sends one at a time: no listener takes another one's connection.
        limit=0,
        limit_per_host=0,
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "childrecord"},
        skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type"),
        trust_env=False,
    )


class _Admitting(AbstractResolver):
    """Looks a name up, and refuses it if any of its addresses may not be asked."""

    def __init__(self, guard: Guard, scheme: str) -> None:
        self._guard, self._scheme = guard, scheme

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, family=family, flags=socket.AI_ADDRCONFIG
        )
        addresses = [str(each[4][0]).partition("%")[0] for each in found]
        self._guard.admit(self._scheme, addresses)
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=of[0], proto=of[2],
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address, of in zip(addresses, found, strict=True)
        ]  # fmt: skip

    async def close(self) -> None:
        return None
