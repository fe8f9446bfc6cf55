"""Who is asking, when a proxy asks on their behalf: believed only of proxies that we were told of."""

import ipaddress
import re
from typing import Any

from server.settings import Network

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def is_trusted(address: str, networks: tuple[Network, ...]) -> bool:
    """Whether an address is one of our proxies."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in networks)


def client_address(environ: dict[str, Any], networks: tuple[Network, ...]) -> str:
    """The last address in X-Forwarded-For that is no proxy of ours: what stands before may be invented."""
    hops = [hop.strip() for hop in environ.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    address: str = environ.get("REMOTE_ADDR", "")
    while hops and is_trusted(address, networks):
        address = hops.pop()
    return address


def correlation_id(environ: dict[str, Any]) -> str | None:
    """What the client calls its request, for it to know the answer by; it goes back, and nowhere else.

    https://hl7.org/fhir/R4/http.html#custom
    """
    given: str = environ.get("HTTP_X_CORRELATION_ID") or environ.get("HTTP_X_REQUEST_ID", "")
    return given if _REQUEST_ID.fullmatch(given) else None


def request_id(environ: dict[str, Any], networks: tuple[Network, ...]) -> str | None:
    """The id that a proxy of ours gave the request; a client could write anything there, and it is logged."""
    given: str = environ.get("HTTP_X_REQUEST_ID", "")
    if _REQUEST_ID.fullmatch(given) and is_trusted(environ.get("REMOTE_ADDR", ""), networks):
        return given
    return None
