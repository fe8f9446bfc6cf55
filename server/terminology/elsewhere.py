"""Questions to a terminology server elsewhere: soon answered, remembered, or given up.

https://hl7.org/fhir/R4/terminology-service.html
"""

import logging
from collections import OrderedDict
from http.client import HTTPException
from threading import Lock
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

import msgspec

from server import clock
from server.definition.archive import decode
from server.fhir import Json
from server.terminology.provider import CannotTell

log = logging.getLogger(__name__)

KEPT = 24 * 3600.0
"""Seconds for which an answer is believed."""

AWAY = 30.0
"""Seconds for which a server that failed is not asked again."""

_MOST = 20_000
_LARGEST = 16 * 1024 * 1024
_FHIR = "application/fhir+json"
# A server that was asked for something that does not exist says so by one of these.
_REFUSALS = frozenset({400, 404, 410, 422})
_ENCODER = msgspec.json.Encoder(order="deterministic", decimal_format="number")


class Refused(Exception):
    """It understood, and says no; the answer is an OperationOutcome, if it is any."""


class _NoRedirect(HTTPRedirectHandler):
    """What is asked goes to the server that the operator named, and to no other."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Server:
    """One a process. `base` is its FHIR base, `timeout` how many seconds it may take."""

    def __init__(self, base: str, timeout: float) -> None:
        self.base = base
        self._timeout = timeout
        # By no proxy that the environment names: what is asked is sent to the server alone.
        self._opener = build_opener(ProxyHandler({}), _NoRedirect)
        self._lock = Lock()
        self._answers: OrderedDict[bytes, tuple[float, Json | None]] = OrderedDict()
        self._away_until = 0.0

    def search(self, query: str) -> Json:
        """The Bundle of a search.

        Raises:
            Refused: it says no. CannotTell: it was not reached, or not understood.
        """
        return self._asked(query, None)

    def operation(self, name: str, **parameters: Json) -> Json:
        """The answer of `CodeSystem/$lookup` and the like; a parameter is its value, as `{"valueCode": …}`.

        Raises:
            Refused: it says no. CannotTell: it was not reached, or not understood.
        """
        given = [{"name": key, **value} for key, value in parameters.items()]
        return self._asked(name, {"resourceType": "Parameters", "parameter": given})

    def _asked(self, path: str, body: Json | None) -> Json:
        key = b"\n".join((path.encode(), _ENCODER.encode(body)))
        now = clock.monotonic()
        with self._lock:
            known = self._answers.get(key)
            if known is not None and known[0] > now:
                self._answers.move_to_end(key)
                return _told(known[1])
            if self._away_until > now:
                raise _unreachable()
        answer = self._fetch(path, body)
        with self._lock:
            self._answers[key] = (now + KEPT, answer)
            if len(self._answers) > _MOST:
                self._answers.popitem(last=False)
        return _told(answer)

    def _fetch(self, path: str, body: Json | None) -> Json | None:
        """None: it says no."""
        headers = {"Accept": _FHIR, "User-Agent": "childrecord"}
        data = None
        if body is not None:
            data, headers["Content-Type"] = _ENCODER.encode(body), _FHIR
        # The operator named the server, with http:// or https:// (`settings`).
        request = Request(f"{self.base}/{path}", data, headers)  # noqa: S310
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                return _read(response)
        except HTTPError as error:
            with error:
                if error.code in _REFUSALS:
                    return None
            why: object = error.code
        except (URLError, OSError, HTTPException, _Unreadable) as error:
            why = type(error).__name__
        self._away_until = clock.monotonic() + AWAY
        log.warning("the terminology server could not be asked: %s", why)
        raise _unreachable()


class _Unreadable(Exception):
    """An answer that is too large, or no resource."""


def _read(response: IO[bytes]) -> Json:
    text = response.read(_LARGEST + 1)
    if len(text) > _LARGEST:
        raise _Unreadable
    try:
        found: Any = decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _Unreadable from error
    if not isinstance(found, dict) or "resourceType" not in found:
        raise _Unreadable
    return found


def _told(answer: Json | None) -> Json:
    if answer is None:
        raise Refused
    return answer


def _unreachable() -> CannotTell:
    return CannotTell("The terminology server cannot be asked at the moment.", "timeout")
