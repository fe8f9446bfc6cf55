"""What a token is to be used at: this server, by whichever parameter says so.

https://www.rfc-editor.org/rfc/rfc8707; SMART calls the parameter `aud`.
"""

from collections.abc import Iterable

from authlib.oauth2 import OAuth2Error

from server.settings import Settings


class InvalidTargetError(OAuth2Error):  # type: ignore[misc]
    """RFC 8707, section 2."""

    error = "invalid_target"


def is_ours(url: str, found: Settings) -> bool:
    """Whether it is this server's base URL."""
    return url.removesuffix("/") == found.public_url


def require_ours(resources: Iterable[str], found: Settings) -> None:
    """Raises InvalidTargetError if one is elsewhere."""
    if not all(is_ours(each, found) for each in resources):
        raise InvalidTargetError(description=f"resource must be {found.public_url}.")
