"""Sends what subscriptions are to be told: each by itself, in order, and none waits for another's listener.

A subscription has one notification on its way at a time. What happens meanwhile is told in the next one; what
was on its way when the process ended is told again, under the same numbers.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from threading import Thread
from typing import TypeVar

from server import clock
from server.fhir.issue import FhirError
from server.record.door import Door
from server.settings import Settings
from server.store import subscriptions, websockets
from server.store.subscriptions import Subscription
from server.subscription.channel.check import EMAIL, MESSAGE, REST_HOOK, WEBSOCKET, Limits
from server.subscription.channel.email import Email
from server.subscription.channel.message import Message
from server.subscription.channel.parcel import NO_RESPONSE, Channel, NotDelivered, Parcel
from server.subscription.channel.rest_hook import RestHook
from server.subscription.channel.websocket import WebSockets
from server.subscription.delivery import Desk, Load, Over, Terms

_log = logging.getLogger(__name__)

T = TypeVar("T")

LOOK = 1.0
"""Seconds between two looks for what nobody has woken it for: retries, handshakes, heartbeats."""

_HANDS = 4
"""Threads that read and write the database for it; each has a connection of the pool."""


class Senders:
    """One a teller: a thread with an event loop of its own, in which the WebSockets are served too."""

    def __init__(self, door: Door, found: Settings) -> None:
        self._door, self._settings = door, found
        terms = Terms(found.listener_timeout, timedelta(seconds=found.listener_patience))
        self._desk = Desk(door, terms)
        self._loop = asyncio.new_event_loop()
        self._woken: set[int] = set()
        self._wake = asyncio.Event()
        self._stopped = False
        self._busy: dict[int, asyncio.Task[None]] = {}
        self._again: set[int] = set()
        self._hands = ThreadPoolExecutor(_HANDS, thread_name_prefix="telling")
        self._thread = Thread(target=self._run, name="senders", daemon=True)

    def start(self) -> None:
        """Begin to send, and to listen for WebSockets."""
        self._thread.start()

    def wake(self, rids: Iterable[int] = ()) -> None:
        """There is something new for these, or else for whom it may concern. From any thread."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._rouse, frozenset(rids))

    def stop(self) -> None:
        """End; what is on its way is told again by the next one."""

        def end() -> None:
            self._stopped = True
            self._wake.set()

        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(end)
        self._thread.join()

    def _rouse(self, rids: frozenset[int]) -> None:
        self._woken |= rids
        self._wake.set()

    # ---- the loop ------------------------------------------------------------------------------------------

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        while not self._stopped:
            try:
                self._loop.run_until_complete(self._serve())
            except Exception:
                _log.exception("unforeseen in the senders")
                self._loop.run_until_complete(asyncio.sleep(LOOK))
        self._hands.shutdown(wait=False, cancel_futures=True)
        self._loop.close()

    async def _serve(self) -> None:
        hook = RestHook(Limits.of(self._settings).guard)
        sockets = WebSockets(self._settings, self._greeting, self._arrived)
        self._sockets = sockets
        self._channels: dict[str, Channel] = {
            REST_HOOK: hook,
            MESSAGE: Message(hook, self._door.base_url),
            EMAIL: Email.of(self._settings),
            WEBSOCKET: sockets,
        }
        try:
            await sockets.start()
        except OSError as error:
            # Who listens by HTTP is told all the same.
            _log.error("no WebSockets: port %s: %s", self._settings.sockets[0], error.strerror)
        try:
            while not self._stopped:
                await self._look()
        finally:
            for each in self._busy.values():
                each.cancel()
            await asyncio.gather(*self._busy.values(), return_exceptions=True)
            await sockets.stop()
            await hook.close()

    async def _look(self) -> None:
        """Begin with everything that is due, then wait to be woken."""
        looked = self._loop.time()
        try:
            for rid in await self._by_hand(self._due):
                self._begin(rid)
            for id_ in await self._by_hand(self._ended_since):
                await self._sockets.unbind(id_)
        except FhirError:
            # The database is away; what is due will be found.
            pass
        except Exception:
            _log.exception("unforeseen while looking for what is due")
        while not self._stopped and (left := looked + LOOK - self._loop.time()) > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), left)
            self._wake.clear()
            woken, self._woken = self._woken, set()
            for rid in woken:
                self._begin(rid)

    def _due(self) -> list[int]:
        at = clock.now()
        with self._door.database.autocommit() as connection:
            waiting = subscriptions.due(connection, at)
            beating = subscriptions.beating(connection, at)
        return [each.rid for each in (*waiting, *beating) if self._listens(each)]

    def _ended_since(self) -> list[str]:
        """The subscriptions that somebody listens for, and that are over."""
        return [each for each in self._sockets.bound if not self._desk.holds(each)]

    def _listens(self, subscription: Subscription) -> bool:
        """Whether there is anybody to tell: who is not connected by a WebSocket is told once he is."""
        return subscription.channel != WEBSOCKET or self._sockets.is_bound(subscription.id)

    def _begin(self, rid: int) -> None:
        if rid in self._busy:
            self._again.add(rid)
            return
        task = self._busy[rid] = self._loop.create_task(self._tell(rid))
        task.add_done_callback(lambda _: self._ended(rid))

    def _ended(self, rid: int) -> None:
        self._busy.pop(rid, None)
        if rid in self._again and not self._stopped:
            self._again.discard(rid)
            self._begin(rid)

    # ---- one subscription ----------------------------------------------------------------------------------

    async def _tell(self, rid: int) -> None:
        """Everything that waits for it, one notification after the other."""
        try:
            load = await self._by_hand(lambda: self._desk.next_load(rid))
            while load is not None and self._listens(load.subscription):
                load = await self._told(load)
        except Over as over:
            await self._sockets.unbind(str(over))
        except FhirError:
            # The database is away, or others write there: it stays due.
            return
        except Exception:
            _log.exception("unforeseen while a subscription was told")

    async def _told(self, load: Load) -> Load | None:
        """Send one; the next, unless it failed."""
        subscription = load.subscription
        try:
            await self._handed_over(load)
        except NotDelivered as error:
            failure = error
            if subscription.channel != WEBSOCKET:
                await self._by_hand(lambda: self._desk.failed(load, failure))
            return None

        def settled() -> Load | None:
            more = self._desk.arrived(load)
            return self._desk.next_load(subscription.rid) if more else None

        return await self._by_hand(settled)

    async def _handed_over(self, load: Load) -> None:
        if load.fault:
            raise load.fault
        if load.parcel.silent:
            return
        channel = load.subscription.channel
        try:
            await self._channels[channel].deliver(load.parcel)
        except NotDelivered:
            raise
        except Exception as error:
            _log.exception("unforeseen in the channel %s", channel)
            raise NotDelivered(NO_RESPONSE, "It could not be sent.") from error

    # ---- WebSockets ----------------------------------------------------------------------------------------

    async def _greeting(self, token: str) -> Sequence[tuple[str, Parcel]]:
        loads = await self._by_hand(lambda: self._bound(token))
        return [(each.subscription.id, each.parcel) for each in loads]

    def _bound(self, token: str) -> list[Load]:
        with self._door.database.autocommit() as connection:
            ids = websockets.use(connection, token, clock.now())
        loads = [load for id_ in ids if (load := self._desk.handshake(id_))]
        for each in loads:
            self._desk.arrived(each)
        return loads

    def _arrived(self, ids: Sequence[str]) -> None:
        """What waited for a listener is told."""
        self._loop.create_task(self._catch_up(ids))

    async def _catch_up(self, ids: Sequence[str]) -> None:
        with suppress(FhirError):
            for rid in await self._by_hand(lambda: self._rids(ids)):
                self._begin(rid)

    def _rids(self, ids: Sequence[str]) -> list[int]:
        with self._door.database.autocommit() as connection:
            found = (subscriptions.find(connection, each) for each in ids)
            return [each.rid for each in found if each is not None]

    async def _by_hand(self, act: Callable[[], T]) -> T:
        return await self._loop.run_in_executor(self._hands, act)
