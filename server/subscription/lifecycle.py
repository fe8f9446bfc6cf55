"""A Subscription inside the record: what may be asked for, whose it is, the state that it is put into.

https://hl7.org/fhir/R4/subscription.html,
https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/workflow.html
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from server.access.owner import marked
from server.fhir import Json, json
from server.fhir.issue import Forbidden, Invalid, Issue, Unprocessable
from server.fhir.meta import stamped
from server.fhir.period import interval
from server.record import ourselves
from server.record.door import Door
from server.record.hook import Acting
from server.record.record import Record
from server.record.staging import Slot
from server.store import locator, resources, subscriptions
from server.store.row import Stored
from server.store.subscriptions import ACTIVE, ERROR, OFF, REQUESTED, Subscription
from server.subscription import secret
from server.subscription.channel.check import Limits, channel_of, check, is_of_topic
from server.subscription.plan import Plan, plan
from server.subscription.right import Sight, views

TYPE = "Subscription"
FILTER = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-filter-criteria"

MOST = 1000
"""Subscriptions that one client, or one user of it, may have."""

_OURS = ("status", "error", "meta")
"""What of a Subscription the server says."""


_ENDED = "It had ended when it was written."


def acting(limits: Limits) -> Acting:
    """What is done when one is written."""

    def prepared(record: Record, resource: Json, slot: Slot) -> Json:
        return _prepared(record, resource, slot, limits)

    return Acting(prepared, gone)


def gone(record: Record, held: Stored) -> None:
    """It is deleted, and its events with it."""
    subscriptions.forget(record.connection, held.rid)


def _prepared(record: Record, resource: Json, slot: Slot, limits: Limits) -> Json:
    """As it is to be kept: with the state that it is in, whose it is, and without its secrets.

    Raises:
        Unprocessable: it asks for what there is not. Forbidden: for what its maker may not.
    """
    door, access = record.door, record.access
    check(resource, limits)
    key = door.hasher.derived("subscription")
    known = subscriptions.of(record.connection, [slot.rid])
    kept = (secret.before(each.secrets, each.endpoint, resource, key) for each in known)
    shown, secrets = secret.split(resource, next(kept, secret.NONE))
    if faults := secret.faults(secrets):
        raise Unprocessable(
            issues=tuple(Issue("invalid", told, expression=("Subscription.channel",)) for told in faults)
        )
    ends = _end(resource)
    if ends is not None and ends <= record.at:
        stated = {**shown, "status": OFF, "error": _ENDED}
    else:
        stated = _with_state(shown, slot, renewed=bool(known))
    made = marked(stated, access.owner)
    row = replace(_row(record, made, slot, ends), secrets=secret.sealed(secrets, key))
    if not known and subscriptions.count(record.connection, row.client, row.account) >= MOST:
        raise Forbidden(f"This client has {MOST} subscriptions, and can have no more.")
    may_ask(record, plan(row, door))
    # What is kept beside the resource is written with it or not at all.
    record.begin()
    subscriptions.keep(record.connection, row)
    return made


def _with_state(resource: Json, slot: Slot, *, renewed: bool) -> Json:
    """It begins as requested, and again so when it says anything else; but for one that is switched off."""
    rest = {name: value for name, value in resource.items() if name != "error"}
    if resource.get("status") == OFF:
        return {**rest, "status": OFF}
    was: Json | None = json.decode(slot.was.body.encode()) if slot.was and renewed else None
    if (
        was is not None
        and resource.get("status") == was["status"] == ACTIVE
        and _asks_the_same(resource, was)
    ):
        return {**rest, "status": ACTIVE}
    return {**rest, "status": REQUESTED}


def _asks_the_same(resource: Json, was: Json) -> bool:
    return json.identical(*({n: v for n, v in each.items() if n not in _OURS} for each in (resource, was)))


def _row(record: Record, resource: Json, slot: Slot, ends: datetime | None) -> Subscription:
    access, channel = record.access, channel_of(resource)
    of_topic = is_of_topic(resource)
    return Subscription(
        rid=slot.rid,
        id=slot.id,
        agency=access.agency.code,
        client=access.client,
        account=access.user.id if access.user else None,
        scopes=tuple(map(str, access.scopes)),
        patient=access.patient,
        purpose=access.purpose,
        granted=record.at,
        started=record.at,
        topic=resource["criteria"] if of_topic else "",
        criteria="" if of_topic else resource["criteria"],
        filters=_filters(resource) if of_topic else (),
        channel=channel.type,
        endpoint=channel.endpoint,
        secrets=None,
        mime=f"{channel.mime}; attach={channel.attached}" if channel.attached else channel.mime,
        content=channel.content,
        heartbeat=channel.heartbeat,
        timeout=channel.timeout,
        max_count=channel.max_count,
        ends=ends,
        state=resource["status"],
    )


def _filters(resource: Json) -> tuple[str, ...]:
    extensions = (resource.get("_criteria") or {}).get("extension", ())
    return tuple(
        each["valueString"] for each in extensions if each.get("url") == FILTER and "valueString" in each
    )


def _end(resource: Json) -> datetime | None:
    text = resource.get("end")
    return None if text is None else interval(text)[0]


def may_ask(record: Record, made: Plan) -> None:
    """Refuse what its maker could not search for.

    Raises:
        Forbidden: its scopes, or the rights of its agency, do not let it.
    """
    for rule in made.rules:
        views(record.access, Sight(rule.type, made.codes(rule), rule.expression is not None))


# ---- what the server says of it ----------------------------------------------------------------------------


def become(door: Door, id_: str, state: str, error: str | None = None) -> bool:
    """Put a subscription into a state, with the reason, here and in the resource. False: there is none."""
    if state not in (REQUESTED, ACTIVE, ERROR, OFF):
        raise Invalid(f"A subscription cannot be '{state}'.")
    with door.database.transaction() as transaction:
        transaction.begin()
        record = Record(door, transaction, ourselves.access(door))
        number = door.library.type_number(TYPE)
        place = locator.lock(record.connection, number, id_)
        held = resources.present(record.connection, TYPE, number, *place) if place else None
        if held is None:
            return False
        resource: Json = json.decode(held.body.encode())
        subscriptions.become(record.connection, held.rid, state, error)
        said: dict[str, Any] = {"status": state, **({"error": error} if error else {})}
        if (resource.get("status"), resource.get("error")) == (state, error):
            return True
        record.after(held.last_updated)
        rest = {name: value for name, value in resource.items() if name not in ("status", "error")}
        slot = Slot(held.id, held.rid, held.version + 1, held.author, home=held.child, was=held)
        record.stage_ours("update", stamped({**rest, **said}, slot.id, slot.version, record.at), slot)
        record.flush()
    return True
