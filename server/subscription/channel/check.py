"""Whether a Subscription asks for what can be done: its channel, its endpoint, what it is to be sent.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/components.html#accepting-subscription-requests
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from server.address import Guard, NotAdmitted
from server.fhir import Json
from server.fhir.issue import Issue, Unprocessable
from server.fhir.json import shown
from server.settings import Settings
from server.subscription.notification import CONTENTS, EMPTY, FULL_RESOURCE

REST_HOOK, WEBSOCKET, EMAIL, MESSAGE = CHANNELS = ("rest-hook", "websocket", "email", "message")

_PROFILES = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-"
CONTENT = f"{_PROFILES}payload-content"
CHANNEL_TYPE = f"{_PROFILES}channel-type"
HEARTBEAT, TIMEOUT, MAX_COUNT = (
    f"{_PROFILES}{name}" for name in ("heartbeat-period", "timeout", "max-count")
)

JSON, XML, TEXT = "application/fhir+json", "application/fhir+xml", "text/plain"
_ALIASES = {"application/json": JSON, "application/xml": XML, "text/xml": XML}
_VERSIONS = ("4.0", "4.0.1")

MOST = 1000
"""Events that one notification tells of at most."""

_RANGES = {HEARTBEAT: (5, 31 * 86_400), TIMEOUT: (1, 120), MAX_COUNT: (1, MOST)}
_ADDRESS = re.compile(r"mailto:([A-Za-z0-9.!#$&'*+/=^_`{|}~-]{1,64})@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)")


@dataclass(frozen=True, slots=True)
class Limits:
    """What the operator lets a notification do. `domains`: of addresses that mails may go to."""

    guard: Guard = Guard()  # noqa: RUF009  (it is frozen)
    domains: tuple[str, ...] = ()

    @classmethod
    def of(cls, found: Settings) -> "Limits":
        """As the settings have it."""
        guard = Guard(found.listener_networks, found.demonstration)
        return cls(guard, tuple(each.lower() for each in found.mail_domains))


@dataclass(frozen=True, slots=True)
class Channel:
    """What a Subscription says of how it is told. `mime`: '' for nothing but that something happened."""

    type: str
    endpoint: str
    mime: str
    attached: str
    content: str
    heartbeat: int | None
    timeout: int | None
    max_count: int | None


def channel_of(resource: Json) -> Channel:
    """The channel, in a form to work with; of a Subscription that `check` accepts."""
    channel = resource["channel"]
    payload = channel.get("payload", "")
    mime, parameters = _mime(payload)
    return Channel(
        channel["type"],
        channel.get("endpoint", ""),
        mime,
        _known(parameters.get("attach", "")),
        _content(resource),
        *(_number(channel, url) for url in (HEARTBEAT, TIMEOUT, MAX_COUNT)),
    )


def check(resource: Json, limits: Limits) -> None:
    """Raise Unprocessable with everything that this server cannot do, or will not."""
    faults = tuple(
        Issue("not-supported", told, expression=(where,)) for where, told in _faults(resource, limits)
    )
    if faults:
        raise Unprocessable(issues=faults)


def is_of_topic(resource: Json) -> bool:
    """Whether its criteria name a topic, and are no search."""
    return "://" in str(resource.get("criteria", "")).partition("?")[0]


Fault = tuple[str, str]
"""Where in the Subscription, and what is wrong."""


def _faults(resource: Json, limits: Limits) -> Iterator[Fault]:
    channel = resource.get("channel")
    if not isinstance(channel, dict) or channel.get("type") not in CHANNELS:
        # `sms`, or none at all.
        yield "Subscription.channel.type", f"This server tells by {', '.join(CHANNELS)}."
        return
    for coding in _extended(channel, "_type", CHANNEL_TYPE):
        code = coding.get("code") if isinstance(coding, dict) else coding
        yield (
            "Subscription.channel.type",
            f"'{shown(str(code))}' is a channel that this server does not have.",
        )
    for url, (least, most) in _RANGES.items():
        value = _number(channel, url)
        if value is not None and not least <= value <= most:
            name = url.removeprefix(_PROFILES)
            yield "Subscription.channel", f"'{name}' is from {least} to {most}, and not {value}."
    yield from _payload_faults(resource, channel)
    yield from _OF_CHANNEL[channel["type"]](channel, limits)


def _payload_faults(resource: Json, channel: Json) -> Iterator[Fault]:
    where = "Subscription.channel.payload"
    mime, parameters = _mime(channel.get("payload", ""))
    version = parameters.get("fhirversion")
    if version is not None and version not in _VERSIONS:
        yield where, f"Notifications are of FHIR 4.0, and not of '{shown(version)}'."
    allowed = (TEXT,) if channel["type"] == EMAIL else (JSON, XML)
    if mime and mime not in allowed:
        yield where, f"By {channel['type']} the payload is {' or '.join(allowed)}, and not '{shown(mime)}'."
    said = list(_extended(channel, "_payload", CONTENT))
    if is_of_topic(resource) and not mime:
        yield where, "A subscription to a topic says the type of its payload."
    if is_of_topic(resource) and not said:
        yield where, f"How much is told has to be said by the extension {CONTENT}: {', '.join(CONTENTS)}."
    for code in said:
        if code not in CONTENTS:
            yield where, f"'{shown(str(code))}' is no content that this server sends: {', '.join(CONTENTS)}."


def _hook_faults(channel: Json, limits: Limits) -> Iterator[Fault]:
    try:
        found = limits.guard.parsed(str(channel.get("endpoint", "")))
    except NotAdmitted as error:
        yield "Subscription.channel.endpoint", f"The endpoint cannot be told anything: {error}"
        return
    if channel["type"] == MESSAGE and found.query:
        yield "Subscription.channel.endpoint", "Messages go to the base URL of a server, which has no query."


def _socket_faults(channel: Json, limits: Limits) -> Iterator[Fault]:
    del limits
    if channel.get("endpoint"):
        yield "Subscription.channel.endpoint", "Who listens by a WebSocket comes here: there is no endpoint."
    if channel.get("header"):
        yield "Subscription.channel.header", "A WebSocket has no headers."


def _mail_faults(channel: Json, limits: Limits) -> Iterator[Fault]:
    where = "Subscription.channel.endpoint"
    found = _ADDRESS.fullmatch(str(channel.get("endpoint", "")))
    if not limits.domains:
        yield "Subscription.channel.type", "This server sends no mails."
    elif found is None:
        yield where, "The endpoint of a mail is an address: mailto:name@domain."
    elif not any(_is_in(found[2].lower(), each) for each in limits.domains):
        yield where, "Nothing is mailed to addresses of this domain."
    if channel.get("header"):
        yield "Subscription.channel.header", "The headers of a mail are this server's to write."
    if FULL_RESOURCE in _extended(channel, "_payload", CONTENT):
        yield "Subscription.channel.payload", "What is known of a child is not mailed: empty, or id-only."
    _, parameters = _mime(channel.get("payload", ""))
    if _known(parameters.get("attach", JSON)) not in (JSON, XML):
        yield "Subscription.channel.payload", f"What is attached is {JSON} or {XML}."


_OF_CHANNEL = {
    REST_HOOK: _hook_faults,
    MESSAGE: _hook_faults,
    WEBSOCKET: _socket_faults,
    EMAIL: _mail_faults,
}


# ---- what it says ------------------------------------------------------------------------------------------


def _content(resource: Json) -> str:
    channel = resource["channel"]
    said = next(iter(_extended(channel, "_payload", CONTENT)), None)
    if said is not None:
        return str(said)
    # https://hl7.org/fhir/R4/subscription-definitions.html#Subscription.channel.payload
    plain = FULL_RESOURCE if channel["type"] != EMAIL else EMPTY
    return plain if channel.get("payload") else EMPTY


def _mime(payload: Any) -> tuple[str, dict[str, str]]:
    """A media type and its parameters, by small names."""
    type_, *rest = str(payload).split(";")
    pairs = (each.partition("=") for each in rest)
    return _known(type_), {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}


def _known(type_: str) -> str:
    plain = type_.strip().lower()
    return _ALIASES.get(plain, plain)


def _number(channel: Json, url: str) -> int | None:
    for value in _values(channel.get("extension"), url):
        return value if isinstance(value, int) else None
    return None


def _extended(channel: Json, name: str, url: str) -> list[Any]:
    """What the extensions of a primitive say."""
    beside = channel.get(name)
    return list(_values(beside.get("extension"), url)) if isinstance(beside, dict) else []


def _values(extensions: Any, url: str) -> Iterator[Any]:
    for each in extensions if isinstance(extensions, list) else ():
        if isinstance(each, dict) and each.get("url") == url:
            yield next((value for name, value in each.items() if name.startswith("value")), None)


def _is_in(domain: str, of: str) -> bool:
    return domain == of or domain.endswith(f".{of}")
