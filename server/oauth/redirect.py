"""Where a browser may be sent back to: exactly what the client registered.

https://www.rfc-editor.org/rfc/rfc9700#section-2.1 and https://www.rfc-editor.org/rfc/rfc8252#section-7
"""

import re
from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

from server.settings import is_loopback

_LOOPBACK = frozenset({"127.0.0.1", "::1"})
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")
"""What a host is made of: what it is not would say something to the policy of a page that names it."""


def is_registered(uri: str, registered: Iterable[str]) -> bool:
    """Whether it is one of them, to the letter; but an app on a device may listen on any loopback port."""
    return any(uri == each or _is_portless(uri, each) for each in registered)


def fault(uri: str) -> str | None:
    """What is wrong with a URI that is to be registered, in a sentence."""
    found = _split(uri)
    if found is None or not found.scheme:
        return f"'{uri}' is not an absolute URI."
    if "#" in uri:
        return f"'{uri}' has a fragment."
    if found.scheme in ("http", "https"):
        return _web_fault(uri, found)
    # A reversed domain name is somebody's; `myapp:` is anybody's, and `javascript:` has none.
    if "." not in found.scheme:
        return f"'{uri}' must have a scheme of its own, such as org.example.app:/callback, or https."
    return None


def web_fault(uri: str) -> str | None:
    """What is wrong with the address of a page, in a sentence."""
    found = _split(uri)
    if found is None or found.scheme not in ("http", "https"):
        return f"'{uri}' must begin with https://."
    return _web_fault(uri, found)


def _web_fault(uri: str, found: SplitResult) -> str | None:
    if not found.hostname or found.username is not None or "\\" in uri:
        return f"'{uri}' must name a host, and no user."
    if not _HOST.fullmatch(found.hostname):
        return f"'{uri}' must name its host in full."
    if found.scheme == "http" and not is_loopback(found.hostname):
        return f"'{uri}' must begin with https:// (http:// only on the person's own device)."
    return None


def _is_portless(uri: str, registered: str) -> bool:
    """RFC 8252, 7.3: the port of a loopback address is not known before the app runs."""
    left, right = _split(uri), _split(registered)
    if left is None or right is None or right.scheme != "http" or right.hostname not in _LOOPBACK:
        return False
    return _is_sound(left) and _but_port(left, uri) == _but_port(right, registered)


def _is_sound(found: SplitResult) -> bool:
    return found.username is None and found.hostname is not None


def _but_port(found: SplitResult, uri: str) -> tuple[object, ...]:
    return found.scheme, found.hostname, found.path, found.query, "?" in uri, "#" in uri


def _split(uri: str) -> SplitResult | None:
    if not uri.isascii() or not uri.isprintable() or " " in uri:
        return None
    try:
        found = urlsplit(uri)
        # Raises where it is no number.
        _ = found.port
    except ValueError:
        return None
    return found
