"""Which addresses may be connected to on somebody's word: a URL must not make this server look into the
network that it stands in.

Whoever connects looks at the address first, and connects to that very address: a name may stand for another
one the next time it is asked for.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from server.settings import Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_SOMEWHERE = "1.1.1.1"
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class NotAdmitted(Exception):
    """A URL or an address that is not to be asked; the message is a sentence for who named it."""


@dataclass(frozen=True, slots=True)
class Guard:
    """`networks`: internal ones that may be reached. `loopback`: so may this machine, and without TLS."""

    networks: tuple[Network, ...] = ()
    loopback: bool = False

    def parsed(self, url: str) -> SplitResult:
        """A URL that may be asked, as far as it can be told before its name is looked up.

        Raises:
            NotAdmitted: it is none, or has to be https://, or names an address that is not to be asked.
        """
        found = parsed(url)
        # A name may stand for anything until it is asked for; but that http:// is for this machine alone.
        self.admit(found.scheme, _literal(found))
        return found

    def admit(self, scheme: str, addresses: Iterable[str]) -> list[str]:
        """The addresses, if every one may be asked.

        Raises:
            NotAdmitted: one may not.
        """
        admitted = list(addresses)
        for text in admitted:
            address = unmapped(ipaddress.ip_address(text))
            if address.is_loopback and self._of_this_machine(address):
                continue
            if scheme != "https":
                raise NotAdmitted("It must begin with https://.")
            inside = any(address in network for network in self.networks)
            if not inside and (not address.is_global or address.is_multicast):
                raise NotAdmitted("It is in a network that is not to be asked.")
        return admitted

    def _of_this_machine(self, address: Address) -> bool:
        return self.loopback or any(address in network for network in self.networks)


def parsed(url: str) -> SplitResult:
    """The parts of an absolute http(s) URL.

    Raises:
        NotAdmitted: it is none that may be asked.
    """
    try:
        found = urlsplit(url)
        # Raises where it is no number.
        _ = found.port
    except ValueError as error:
        raise NotAdmitted("It is no URL.") from error
    if found.scheme not in ("http", "https") or not found.hostname or not url.isascii() or " " in url:
        raise NotAdmitted("It must be an absolute URL that begins with https://.")
    if not url.isprintable() or found.username is not None or found.fragment:
        raise NotAdmitted("It must have no user and no fragment.")
    if found.hostname.replace(".", "").isdigit() and not _is_address(found.hostname):
        # `2130706433` and `127.1` are addresses to whoever connects, and names to whoever looks at them.
        raise NotAdmitted("Its host is written as no address is.")
    return found


def unmapped(address: Address) -> Address:
    """IPv4 that is written as IPv6 is judged as what it is."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    translated = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None
    return address.ipv4_mapped or address.sixtofour or translated or address


def _literal(found: SplitResult) -> list[str]:
    """The address that stands in the place of a host's name: an example where it is a name."""
    host = found.hostname or ""
    if _is_address(host):
        return [host]
    return ["127.0.0.1" if host == "localhost" else _SOMEWHERE]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
