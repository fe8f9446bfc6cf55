"""How fast a client may ask: a bucket of requests that fills steadily, one for each client.

It is the worker's own, so that it costs no round trip: a client whose connections reach several workers may
ask of each. Kept as the one number of the generic cell rate algorithm, the instant at which the bucket will
be full again.
"""

from math import ceil

from server import clock
from server.fhir.issue import Throttled

BURST = 10
"""Seconds' worth of requests that may come at once."""

_REMEMBERED = 10_000
"""Buckets that are kept before those that are full are forgotten."""


class Rate:
    """Counts the requests of every client."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._interval = 1 / per_second if per_second else 0.0
        self._full_at: dict[str, float] = {}

    def admit(self, client: str) -> None:
        """Take one request out of the client's bucket.

        Raises:
            Throttled: it is empty; with the `Retry-After` that says in how many seconds it is not.
        """
        if not self._interval:
            return
        now = clock.monotonic()
        full_at = max(now, self._full_at.get(client, 0.0)) + self._interval
        wait = full_at - now - BURST
        if wait > 0:
            raise Throttled(
                f"A client may send {self._per_second} requests a second; this one has sent more.",
                headers={"Retry-After": str(ceil(wait))},
            )
        self._full_at[client] = full_at
        if len(self._full_at) > _REMEMBERED:
            # A bucket that is full again is like one that nobody has drawn from.
            self._full_at = {each: at for each, at in self._full_at.items() if at > now}
