"""Headers that every answer carries: for browsers, and for the applications that run in them."""

from server.settings import Settings

_SECURITY = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
)
_STRICT_TRANSPORT = ("Strict-Transport-Security", "max-age=31536000")
# Nothing on the way may keep what is about a child.
_NOT_KEPT = ("Cache-Control", "no-store")

_ALLOWED_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
_ALLOWED_HEADERS = (
    "Authorization, Accept, Content-Encoding, Content-Type, DPoP, Idempotency-Key, If-Match, "
    "If-Modified-Since, If-None-Exist, If-None-Match, Prefer, X-Cascade, X-Correlation-Id, X-Provenance, "
    "X-Purpose-Of-Use, X-Request-Id, X-Security-Context"
)
_EXPOSED_HEADERS = (
    "Allow, Content-Disposition, Content-Location, DPoP-Nonce, ETag, Expires, Last-Modified, Location, "
    "Preference-Applied, Retry-After, WWW-Authenticate, X-Correlation-Id, X-Progress, X-Request-Id, "
    "X-Security-Context"
)

Headers = list[tuple[str, str]]


class Standing:
    """The headers of this server, made once."""

    def __init__(self, found: Settings) -> None:
        strict = [_STRICT_TRANSPORT] if found.public_url.startswith("https:") else []
        self._always = [*_SECURITY, *strict, _NOT_KEPT]
        self._origins = frozenset(found.origins)

    def extend(self, headers: Headers, origin: str | None) -> None:
        """Add them to an answer's own."""
        own = {name.lower() for name, _ in headers}
        headers += [each for each in self._always if each[0].lower() not in own]
        if origin is not None:
            headers += self._sharing(origin)

    def preflight(self, origin: str) -> Headers:
        """The answer to a browser that asks whether a page may call."""
        sharing = self._sharing(origin)
        if not sharing:
            return list(self._always)
        return [
            *self._always,
            *sharing,
            ("Access-Control-Allow-Methods", _ALLOWED_METHODS),
            ("Access-Control-Allow-Headers", _ALLOWED_HEADERS),
            ("Access-Control-Max-Age", "86400"),
        ]

    def _sharing(self, origin: str) -> Headers:
        # Never with credentials: a token is sent by a page on purpose, a cookie without its knowing.
        if "*" in self._origins:
            return [("Access-Control-Allow-Origin", "*"), ("Access-Control-Expose-Headers", _EXPOSED_HEADERS)]
        if origin in self._origins:
            return [
                ("Access-Control-Allow-Origin", origin),
                ("Access-Control-Expose-Headers", _EXPOSED_HEADERS),
                ("Vary", "Origin"),
            ]
        return []
