"""The keys that clients publish at their `jwks_uri`: fetched when they are needed, and kept for a while.

https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html
"""

import logging
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock

import msgspec

from server import clock
from server.fhir import Json
from server.oauth.fetch import Fetcher, NotFetched
from server.oauth.keyset import BadKeys, usable_keys
from server.store.clients import Client

_log = logging.getLogger(__name__)

KEPT = 300.0
"""Seconds for which keys are kept whose sender says nothing of it."""

PAUSE = 30.0
"""Seconds between two fetches because of a key that is not there, or of keys that could not be had."""

_LONGEST = 3600.0
"""The most, whatever it says."""

_MOST = 1000


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a URL had, when, and until when it may be used. No keys: it could not be had."""

    keys: Json | None
    at: float
    until: float


@dataclass(slots=True)
class Published:
    """One a process."""

    fetcher: Fetcher
    _kept: OrderedDict[str, _Kept] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def keys(self, client: Client, kid: str | None) -> Json | None:
        """The keys of a client: those that it registered, or those that it publishes; None if it has none.

        Published keys without this `kid` are fetched once more: the client may have made a new one since.
        """
        if client.jwks is not None or client.jwks_uri is None:
            return client.jwks
        return self._published(client.id, client.jwks_uri, kid)

    def _published(self, client: str, url: str, kid: str | None) -> Json | None:
        at = clock.monotonic()
        with self._lock:
            known = self._kept.get(url)
        if known is not None and (_has(known.keys, kid) or at - known.at < PAUSE) and at < known.until:
            return known.keys
        found = self._fetched(client, url, at)
        with self._lock:
            self._kept[url] = found
            self._kept.move_to_end(url)
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        return found.keys

    def _fetched(self, client: str, url: str, at: float) -> _Kept:
        try:
            fetched = self.fetcher.fetch(url)
            keys = usable_keys(msgspec.json.decode(fetched.content))
        except (NotFetched, BadKeys, msgspec.MsgspecError, UnicodeDecodeError) as error:
            _log.warning("the keys of client %s could not be had: %s", client, error)
            # Not asked again at once: who sends assertions in its name must not make us ask and ask.
            return _Kept(None, at, at + PAUSE)
        return _Kept(keys, at, at + min(KEPT if fetched.fresh is None else fetched.fresh, _LONGEST))


def _has(keys: Json | None, kid: str | None) -> bool:
    return keys is not None and any(each.get("kid") == kid for each in keys["keys"])
