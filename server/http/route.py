"""The route of a request without what identifies anyone: `/fhir/Patient/[id]`."""

import re
from collections.abc import Callable

_OPERATION = re.compile(r"\$[a-z-]{1,40}")
_WORDS = frozenset({"_async", "_history", "_search", "metadata", ".well-known", "smart-configuration"})
_OUTSIDE = frozenset(
    {"/healthz", "/readyz", "/metrics", "/auth/token", "/auth/jwks", "/docs", "/openapi.json"}
)


def namer(base_path: str, types: frozenset[str]) -> Callable[[str], str]:
    """A function from a path to its route. Of a path only words that we know are kept."""
    prefix = base_path + "/"

    def word(part: str) -> str:
        return part if part in types or part in _WORDS or _OPERATION.fullmatch(part) else "[id]"

    def name(path: str) -> str:
        if path.startswith(prefix):
            parts = path[len(prefix) :].split("/", 5)
            return prefix + "/".join([word(part) for part in parts])
        return path if path == base_path or path in _OUTSIDE else "other"

    return name
