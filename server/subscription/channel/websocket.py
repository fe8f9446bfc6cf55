"""Notifications to who is connected by a WebSocket, and proved by a token which subscriptions are his.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/channels.html#websockets-1

The message `bind-with-token TOKEN` binds the connection to the subscriptions of a token of
`$get-ws-binding-token`; a connection may be bound by several. Nothing else is understood, and nothing is told
before.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from aiohttp import WSCloseCode, WSMsgType, web

from server.definition.xml import to_xml
from server.settings import Settings
from server.subscription.channel.check import XML
from server.subscription.channel.parcel import NO_RESPONSE, NotDelivered, Parcel
from server.subscription.notification import HANDSHAKE

BIND = "bind-with-token"
_LONGEST = 4096
_PATIENCE = 30.0
"""Seconds that a connection may take to bind itself."""

_PING = 20.0
"""Seconds between two pings; who does not answer is gone."""

Greeting = Callable[[str], Awaitable[Sequence[tuple[str, Parcel]]]]
"""From a token to the subscriptions that it binds to, by id, and the handshake of each."""

Arrival = Callable[[Sequence[str]], None]


class WebSockets:
    """The server of the connections. To be started and stopped in its event loop."""

    def __init__(self, found: Settings, greeting: Greeting, arrival: Arrival) -> None:
        self._greeting, self._arrival = greeting, arrival
        self._origins = frozenset(found.origins)
        self._host, (self._port, _) = found.host, found.sockets
        self._tls = _context(found)
        self._bound: dict[str, set[web.WebSocketResponse]] = {}
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen. Raises OSError where somebody else does."""
        app = web.Application()
        app.router.add_get("/{path:.*}", self._connected)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port, ssl_context=self._tls).start()

    async def stop(self) -> None:
        """End every connection, and listen no more."""
        for each in {one for bound in self._bound.values() for one in bound}:
            with suppress(Exception):
                await each.close(code=WSCloseCode.GOING_AWAY)
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def bound(self) -> tuple[str, ...]:
        """The subscriptions that somebody listens for."""
        return tuple(self._bound)

    def is_bound(self, subscription: str) -> bool:
        """Whether anybody listens."""
        return bool(self._bound.get(subscription))

    async def unbind(self, subscription: str) -> None:
        """The subscription has ended: nobody is told of it any more."""
        for each in self._bound.pop(subscription, set()):
            if not any(each in others for others in self._bound.values()):
                with suppress(Exception):
                    await each.close(
                        code=WSCloseCode.POLICY_VIOLATION, message=b"The subscription has ended."
                    )

    async def deliver(self, parcel: Parcel) -> None:
        """To each connection that is bound; raises NotDelivered where none takes it."""
        listeners = tuple(self._bound.get(parcel.subscription, ()))
        taken = await asyncio.gather(*(self._sent(each, parcel) for each in listeners))
        if not any(taken):
            raise NotDelivered(NO_RESPONSE, "Nobody is connected by a WebSocket.")

    async def _sent(self, socket: web.WebSocketResponse, parcel: Parcel) -> bool:
        try:
            async with asyncio.timeout(parcel.seconds):
                await socket.send_str(_text(parcel))
        except (TimeoutError, ConnectionError, RuntimeError):
            # Who reads too slowly is let go: the events wait, and are told once he is back.
            self._forget(socket)
            with suppress(Exception):
                socket.force_close()
            return False
        return True

    async def _connected(self, request: web.Request) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        if origin is not None and "*" not in self._origins and origin not in self._origins:
            return web.Response(status=403, text="No page of this origin may connect.")
        socket = web.WebSocketResponse(heartbeat=_PING, max_msg_size=_LONGEST)
        if not socket.can_prepare(request):
            return web.Response(status=426, headers={"Upgrade": "websocket"}, text="This is a WebSocket.")
        await socket.prepare(request)
        late = asyncio.get_running_loop().call_later(_PATIENCE, self._unbound, socket)
        try:
            async for message in socket:
                if message.type != WSMsgType.TEXT or not await self._bind(socket, message.data):
                    told = b"Send: bind-with-token, and a token that is good."
                    await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=told)
                    break
        except (ConnectionError, RuntimeError):
            # It went away in between.
            return socket
        finally:
            late.cancel()
            self._forget(socket)
        return socket

    async def _bind(self, socket: web.WebSocketResponse, said: str) -> bool:
        word, _, token = said.strip().partition(" ")
        if word.rstrip(":") != BIND or not token.strip():
            return False
        greeted = await self._greeting(token.strip())
        for subscription, parcel in greeted:
            # The handshake comes first, whatever happens meanwhile.
            await socket.send_str(_text(parcel))
            self._bound.setdefault(subscription, set()).add(socket)
        self._arrival([subscription for subscription, _ in greeted])
        return bool(greeted)

    def _unbound(self, socket: web.WebSocketResponse) -> None:
        if not any(socket in bound for bound in self._bound.values()):
            socket.force_close()

    def _forget(self, socket: web.WebSocketResponse) -> None:
        for subscription, bound in list(self._bound.items()):
            bound.discard(socket)
            if not bound:
                del self._bound[subscription]


def _text(parcel: Parcel) -> str:
    if parcel.plain:
        # https://hl7.org/fhir/R4/subscription.html#channels
        return f"{'bound' if parcel.kind == HANDSHAKE else 'ping'} {parcel.subscription}"
    return (to_xml(parcel.bundle) if parcel.mime == XML else parcel.bundle).decode()


def _context(found: Settings) -> ssl.SSLContext | None:
    if found.tls_certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(found.tls_certificate, found.tls_key)
    return context
