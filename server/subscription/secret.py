"""What of a Subscription is for its channel alone: the values of its headers, and the key that signs.

A Subscription is a resource: it is read, searched, kept in history and told to others. So these values never
get into it. They are taken out before it is stored, and a mask stands in their place; they are kept sealed
beside it, and the database alone does not tell them. Who sends the mask back means what was there.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from server.fhir import Json, json

PURPOSE = "subscription"
"""What the key that seals them is derived for."""

MASK = "********"

SIGNING_KEY = "https://w3id.org/single-child-record/StructureDefinition/subscription-signing-key"
"""The extension of `Subscription.channel` by which a client registers the key of its signatures."""

_HEADER = {"alg": "dir", "enc": "A256GCM"}
_FIELD = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
"""A name of a field (RFC 9110, 5.1)."""


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """`headers`: name and value, in order. `signing_key`: as the client gave it."""

    headers: tuple[tuple[str, str], ...] = ()
    signing_key: str | None = None

    def __repr__(self) -> str:
        # Whatever prints it, by mistake or in a traceback, prints nothing.
        return f"Secrets({MASK})"


NONE = Secrets()


def split(resource: Json, known: Secrets = NONE) -> tuple[Json, Secrets]:
    """The Subscription as it may be kept and shown, and what was taken out of it.

    What is not of its form stays as it is: the validator speaks of it, and it is never stored.
    """
    channel = resource.get("channel")
    if not isinstance(channel, dict):
        return resource, NONE
    shown, headers = _headers(channel.get("header"), dict(_lower(known)))
    extensions, key = _key(channel.get("extension"), known.signing_key)
    changed = {
        **({"header": shown} if "header" in channel else {}),
        **({"extension": extensions} if "extension" in channel else {}),
    }
    return {**resource, "channel": {**channel, **changed}}, Secrets(tuple(headers), key)


def before(kept: str | None, endpoint: str, resource: Json, key: bytes) -> Secrets:
    """What a mask in the next version of a Subscription stands for.

    Nothing, once it goes to another endpoint: who may change a Subscription does not learn its secrets by
    having them sent to himself.
    """
    channel = resource.get("channel")
    same = isinstance(channel, dict) and channel.get("endpoint", "") == endpoint
    return opened(kept, key) if same else NONE


def faults(secrets: Secrets) -> list[str]:
    """What is wrong with them, without a word of what they are."""
    found = []
    for name, value in secrets.headers:
        if name.lower() in _OURS:
            found.append(f"The header '{name}' is the server's own to send.")
        if value == MASK:
            found.append(f"The header '{name}' has no value: the mask stands for one that was given before.")
        elif not value.isprintable() or not value.isascii():
            found.append(f"The value of the header '{name}' has characters that no header can have.")
    key = secrets.signing_key
    if key is not None and (key == MASK or len(key) < _SHORTEST):
        found.append(f"A signing key has at least {_SHORTEST} characters; make it of random ones.")
    return found


_SHORTEST = 32
_OURS = frozenset(
    {
        "connection", "content-digest", "content-encoding", "content-length", "content-type", "expect",
        "host", "keep-alive", "proxy-authorization", "proxy-connection", "signature", "signature-input",
        "te", "trailer", "transfer-encoding", "upgrade",
    }
)  # fmt: skip
"""Fields of the connection and of what is signed: https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1"""


def sealed(secrets: Secrets, key: bytes) -> str | None:
    """As they are kept (RFC 7516); None: there are none."""
    if not secrets.headers and secrets.signing_key is None:
        return None
    content = json.encode({"headers": [list(each) for each in secrets.headers], "key": secrets.signing_key})
    return jwe.encrypt_compact(_HEADER, content, OctKey.import_key(key))


def opened(kept: str | None, key: bytes) -> Secrets:
    """What was sealed with this key.

    Raises:
        ValueError: it was not.
    """
    if kept is None:
        return NONE
    try:
        content = jwe.decrypt_compact(
            kept, OctKey.import_key(key), algorithms=list(_HEADER.values())
        ).plaintext
    except JoseError as error:
        raise ValueError("The secrets of a subscription were sealed with another key.") from error
    found: Mapping[str, Any] = json.decode(content or b"{}")
    return Secrets(tuple((name, value) for name, value in found["headers"]), found["key"])


def _lower(known: Secrets) -> list[tuple[str, str]]:
    return [(name.lower(), value) for name, value in known.headers]


def _headers(given: Any, known: Mapping[str, str]) -> tuple[Any, list[tuple[str, str]]]:
    if not isinstance(given, list):
        return given, []
    shown: list[Any] = []
    found: list[tuple[str, str]] = []
    for each in given:
        name, separator, value = each.partition(":") if isinstance(each, str) else ("", "", "")
        name, value = name.strip(), value.strip()
        if not separator or not _FIELD.fullmatch(name):
            # A value that lost its name is no less a secret.
            shown.append(MASK if isinstance(each, str) else each)
            found.append((MASK, MASK))
            continue
        shown.append(f"{name}: {MASK}")
        found.append((name, known.get(name.lower(), MASK) if value == MASK else value))
    return shown, found


def _key(given: Any, known: str | None) -> tuple[Any, str | None]:
    if not isinstance(given, list):
        return given, None
    found: str | None = None
    shown = []
    for each in given:
        if (
            isinstance(each, dict)
            and each.get("url") == SIGNING_KEY
            and isinstance(each.get("valueString"), str)
        ):
            found = (known or MASK) if each["valueString"] == MASK else each["valueString"]
            each = {**each, "valueString": MASK}
        shown.append(each)
    return shown, found
