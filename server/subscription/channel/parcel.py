"""What is handed to a channel, and how it tells that it could not deliver it."""

from dataclasses import dataclass
from typing import Protocol

from server.subscription.secret import NONE, Secrets

NO_RESPONSE, ERROR_RESPONSE, NO_ADDRESS = "no-response", "error-response", "dns-resolution-error"
"""https://terminology.hl7.org/CodeSystem-subscription-error.html"""


class NotDelivered(Exception):
    """Nobody took it. `code`: of the subscription-error code system; the message is a sentence for who owns
    the subscription, without anything that the listener said."""

    def __init__(self, code: str, told: str) -> None:
        super().__init__(told)
        self.code = code


@dataclass(frozen=True, slots=True)
class Parcel:
    """One notification on its way. `subscription`: the id. `bundle`: the JSON of the notification; `plain`:
    of a subscription by criteria, whose `resource`, its place and its JSON, is sent instead. `silent`:
    nothing is."""

    subscription: str
    kind: str
    endpoint: str
    mime: str
    attached: str
    bundle: bytes
    secrets: Secrets = NONE
    plain: bool = False
    silent: bool = False
    resource: tuple[str, bytes] | None = None
    seconds: float = 10.0


class Channel(Protocol):
    """A way out."""

    async def deliver(self, parcel: Parcel) -> None:
        """Hand it over.

        Raises:
            NotDelivered: nobody took it.
        """
