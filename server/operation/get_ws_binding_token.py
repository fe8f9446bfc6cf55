"""`$get-ws-binding-token`: what binds a WebSocket to subscriptions, for a minute and once.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/OperationDefinition-backport-subscription-get-ws-binding-token.html
"""

from collections.abc import Sequence
from datetime import timedelta

from server import clock
from server.fhir.issue import Invalid, NotFound
from server.fhir.json import shown
from server.fhir.meta import instant
from server.operation.call import Call, Result
from server.operation.registry import implements
from server.record.event import act
from server.record.record import Record
from server.store import audit, websockets
from server.store.subscriptions import OFF, Subscription
from server.subscription import owner
from server.subscription.channel.check import WEBSOCKET

LIFETIME = timedelta(minutes=1)


@implements("backport-subscription-get-ws-binding-token")
def get_ws_binding_token(call: Call, record: Record) -> Result:
    """For the caller's own subscriptions alone. Of the token only a hash is kept."""
    found = _asked(call, record)
    ids = [each.id for each in found]
    token, expires = clock.new_secret(), record.at + LIFETIME
    record.begin()
    websockets.keep(record.connection, token, ids, expires)
    line = act(
        record.access, record.at, "websocket-token", query=" ".join(f"Subscription/{id_}" for id_ in ids)
    )
    audit.record(record.connection, line)
    return Result(
        {
            "token": token,
            "expiration": instant(expires),
            "subscription": [f"{record.door.base_url}/Subscription/{id_}" for id_ in ids],
            "websocket-url": record.door.sockets,
        },
        {"Cache-Control": "no-store"},
    )


def _asked(call: Call, record: Record) -> Sequence[Subscription]:
    if call.id is not None:
        named = [owner.own(record, call.id)]
    else:
        named = owner.available(record, call.every("id"))
        missing = set(call.every("id")) - {each.id for each in named}
        if missing:
            raise NotFound(f"Subscription/{shown(min(missing))} was not found.")
    by_socket = [each for each in named if each.channel == WEBSOCKET and each.state != OFF]
    if not by_socket or (len(by_socket) < len(named) and (call.id or call.every("id"))):
        raise Invalid(
            "A WebSocket is bound to subscriptions whose channel is websocket, and that are not off."
        )
    return by_socket
