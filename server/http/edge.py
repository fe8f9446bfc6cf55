"""Around every request: its id, the standing headers, a line in the log, a count.

It wraps the application as plain WSGI, because that is cheaper than hooks and sees every answer.
"""

import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, Protocol

from server import clock
from server.http import log, metrics, proxy
from server.http.headers import Headers, Standing
from server.settings import Settings

_SLASHES = re.compile("/{2,}")

REQUEST_ID = "childrecord.request_id"
"""Where the request's environment holds its id."""

CLIENT = "childrecord.client"
"""Where the request's environment names the client, once it is known."""

Environ = dict[str, Any]


class StartResponse(Protocol):
    """What PEP 3333 calls start_response."""

    def __call__(self, status: str, headers: Headers, exc_info: Any = None, /) -> Any: ...


Application = Callable[[Environ, StartResponse], Iterable[bytes]]


class Edge:
    """The outermost layer."""

    def __init__(self, application: Application, found: Settings, name: Callable[[str], str]) -> None:
        self._application = application
        self._standing = Standing(found)
        self._networks = found.trusted_proxies
        self._name = name

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        begun = clock.monotonic()
        request_id = environ[REQUEST_ID] = proxy.request_id(environ, self._networks) or clock.new_id()
        if self._networks:
            environ["REMOTE_ADDR"] = proxy.client_address(environ, self._networks)
        path = environ["PATH_INFO"]
        if path.endswith("/") or "//" in path:
            environ["PATH_INFO"] = _joined(path)
        correlation_id = proxy.correlation_id(environ)
        origin = environ.get("HTTP_ORIGIN")
        if origin and _is_preflight(environ):
            start_response(
                "204 No Content", [("X-Request-Id", request_id), *self._standing.preflight(origin)]
            )
            return []
        status = HTTPStatus.INTERNAL_SERVER_ERROR.value

        def start(line: str, headers: Headers, exc_info: Any = None, /) -> Any:
            nonlocal status
            status = int(line[:3])
            headers.append(("X-Request-Id", request_id))
            if correlation_id is not None and correlation_id != request_id:
                headers.append(("X-Correlation-Id", correlation_id))
            self._standing.extend(headers, origin)
            return start_response(line, headers, exc_info)

        body = _whole(self._application(environ, start))
        self._tell(environ, status, clock.monotonic() - begun)
        return body

    def _tell(self, environ: Environ, status: int, seconds: float) -> None:
        method, route = environ["REQUEST_METHOD"], self._name(environ["PATH_INFO"])
        metrics.observe(method, route, status, seconds)
        log.request(
            method=method,
            route=route,
            status=status,
            ms=round(seconds * 1000, 1),
            client=environ.get(CLIENT),
            request=environ[REQUEST_ID],
        )


def _joined(path: str) -> str:
    """A path without the slashes that a client joined it with once too often."""
    return _SLASHES.sub("/", path).rstrip("/") or "/"


def _is_preflight(environ: Environ) -> bool:
    return environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ


def _whole(body: Iterable[bytes]) -> list[bytes]:
    """The server sends a list in one go, and an iterator piece by piece."""
    try:
        return list(body)
    finally:
        if close := getattr(body, "close", None):
            close()
