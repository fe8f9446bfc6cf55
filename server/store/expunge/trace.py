"""Traces of resources elsewhere: answers that are kept or to be fetched, apps that were opened for them."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    SmallInteger,
    Text,
    and_,
    any_,
    bindparam,
    cast,
    delete,
    func,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY

from server import clock
from server.definition.library import library
from server.store import asynchronous, recordset
from server.store import tables as t
from server.store.database import Prepared
from server.store.expunge.find import Place

_NAME = '([A-Z][A-Za-z]+)(?:/|","|", ")([A-Za-z0-9.-]{1,64})'
"""Type and id, as a reference has them, or in a list of JSON."""

_ID = r'"id\\?": ?\\?"([A-Za-z0-9.-]{1,64})'
"""The id of a resource, also where its text stands in another."""

_names = cast(bindparam("names"), ARRAY(Text))
_ids = cast(bindparam("ids"), ARRAY(Text))
_patients = cast(bindparam("patients"), ARRAY(Text))
_now = cast(bindparam("now"), t.account.c.created.type)


def _any_of(text: ColumnElement[Any], pattern: str, values: Any) -> ColumnElement[bool]:
    """Whether one of the values is among what a pattern finds in a text: its groups, with a slash between."""
    found = func.regexp_matches(text, pattern, "g").table_valued("parts", name="found").render_derived()
    said = func.array_to_string(cast(found.c.parts, ARRAY(Text)), "/")
    return select(literal(1)).select_from(found).where(said == any_(values)).exists()


def _in_context(table: Any) -> ColumnElement[bool]:
    """What an app is opened with: https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html"""
    context = table.c.context
    return or_(
        context["patient"].astext == any_(_patients),
        context["encounter"].astext == any_(_ids),
        _any_of(cast(context, Text), _NAME, _names),
    )


_job_text = cast(t.job.c.detail, Text)
# A request that takes something out names it, and its own answer is still to be given.
_other = or_(t.job.c.detail["path"].astext.is_(None), ~t.job.c.detail["path"].astext.contains("$expunge"))
_jobs = and_(
    t.job.c.kind == asynchronous.KIND,
    _other,
    or_(_any_of(_job_text, _NAME, _names), _any_of(_job_text, _ID, _ids)),
)
_request, _grant = t.authorization_request, t.app_grant
_granted = or_(_grant.c.patient == any_(_patients), _in_context(_grant))
_of_grants = [
    delete(table).where(table.c.grant.in_(select(_grant.c.id).where(_granted)))
    for table in (t.authorization_code, t.refresh_token)
]
_gone: Sequence[Prepared] = (
    Prepared(delete(t.idempotency).where(_any_of(t.idempotency.c.answer, _NAME, _names))),
    Prepared(delete(t.job).where(_jobs)),
    Prepared(delete(_request).where(or_(_request.c.patient == any_(_patients), _in_context(_request)))),
    *map(Prepared, _of_grants),
    # An access token is asked after its grant.
    Prepared(delete(_grant).where(_granted)),
    Prepared(delete(t.launch).where(_in_context(t.launch))),
)


def _without(names: Any) -> Select[Any]:
    each = func.unnest(t.account.c.references).table_valued("one", name="each").render_derived()
    kept = select(each.c.one).where(~(each.c.one == any_(names)))
    return kept.correlate(t.account)


_accounts = Prepared(
    update(t.account)
    .where(t.account.c.references.overlap(_names))
    .values({"references": func.array(_without(_names).scalar_subquery(), type_=ARRAY(Text))})
)
_suspended = Prepared(
    update(t.account)
    .where(t.account.c.fhir_user == any_(_names))
    .values(suspended=func.coalesce(t.account.c.suspended, _now))
)


_named = recordset.recordset("named", {"type": SmallInteger(), "id": Text()})
_E, _S = t.subscription_event, t.subscription
_untold = Prepared(update(_E).where(_E.c.type == _named.c.type, _E.c.id == _named.c.id).values(id=null()))
_over = or_(_S.c.id == any_(cast(bindparam("subscriptions"), ARRAY(Text))), _S.c.patient == any_(_patients))
_unsubscribed = (
    Prepared(delete(_E).where(_E.c.subscription.in_(select(_S.c.rid).where(_over)))),
    Prepared(delete(_S).where(_over)),
)


def remove(connection: Connection, gone: Collection[Place]) -> None:
    """All that would tell of resources that are gone."""
    if not gone:
        return
    by_name = [(library().type_name(each.type), each.id) for each in gone]
    given: dict[str, Any] = {
        "names": [f"{type_}/{id_}" for type_, id_ in by_name],
        "ids": [id_ for _, id_ in by_name],
        "patients": [id_ for type_, id_ in by_name if type_ == "Patient"],
        "now": clock.now(),
    }
    for statement in (*_gone, _accounts, _suspended):
        statement(connection, **given)
    # What was told of it keeps its number.
    _untold(connection, named=recordset.text({"type": each.type, "id": each.id} for each in gone))
    own = [id_ for type_, id_ in by_name if type_ == "Subscription"]
    for statement in _unsubscribed:
        statement(connection, subscriptions=own, patients=given["patients"])
