"""The route of a request without what identifies anyone: `/fhir/Patient/[id]`."""

import re
from collections.abc import Callable

_OPERATION = re.compile(r"\$[a-z-]{1,40}")
_WORDS = frozenset({"_async", "_history", "_search", "metadata", ".well-known", "smart-configuration"})
_AUTH = (
    "apps/end", "authorize", "callback", "choose", "code", "code/new", "consent", "introspect", "jwks",
    "launch", "password", "register", "revoke", "sessions", "sessions/end", "sign-in", "sign-out", "token",
    "userinfo",
)  # fmt: skip
_DISCOVERY = ("oauth-authorization-server", "openid-configuration")
_OUTSIDE = frozenset(
    {
        *("/healthz", "/readyz", "/metrics", "/docs", "/openapi.json"),
        *(f"/auth/{each}" for each in _AUTH),
        *(f"/.well-known/{each}" for each in _DISCOVERY),
    }
)
_WITH_IDS = {
    "/admin/": frozenset(
        {
            *("clients", "agencies", "accounts", "tokens", "registration-tokens"),
            *("rotate", "suspend", "resume", "revoke"),
        }
    ),
    "/auth/register/": frozenset[str](),
    "/auth/provider/": frozenset[str](),
    "/auth/static/": frozenset({"page.css"}),
}
"""What stands before an id, and the words around one."""


def namer(base_path: str, types: frozenset[str]) -> Callable[[str], str]:
    """A function from a path to its route. Of a path only words that we know are kept."""
    prefix = base_path + "/"

    def word(part: str) -> str:
        return part if part in types or part in _WORDS or _OPERATION.fullmatch(part) else "[id]"

    def name(path: str) -> str:
        if path.startswith(prefix):
            parts = path[len(prefix) :].split("/", 5)
            return prefix + "/".join([word(part) for part in parts])
        for outside, words in _WITH_IDS.items():
            if path.startswith(outside):
                parts = path[len(outside) :].split("/", 3)
                return outside + "/".join([part if part in words else "[id]" for part in parts])
        return path if path == base_path or path in _OUTSIDE else "other"

    return name
