"""Whose a subscription is: who made it is told what it tells, and nobody else.

Another client of the same agency may see the resource, if its rights say so. Its events were found by what
its owner may see: their numbers alone would tell another of children whom he does not.
"""

from collections.abc import Iterable

from server.access.access import Access
from server.fhir.issue import Forbidden, NotFound
from server.record.record import Record
from server.record.still import seen
from server.store import subscriptions
from server.store.subscriptions import Subscription

TYPE = "Subscription"


def owns(access: Access, subscription: Subscription) -> bool:
    """Whether the caller made it."""
    account = access.user.id if access.user else None
    return (access.agency.code, access.client, account) == (
        subscription.agency,
        subscription.client,
        subscription.account,
    )


def readable(record: Record, id_: str) -> Subscription:
    """One that the caller may read.

    Raises:
        NotFound, Gone, Forbidden: as a read says it.
    """
    record.read(TYPE, id_)
    found = subscriptions.find(record.connection, id_)
    if found is None:
        raise NotFound(f"{TYPE}/{id_} tells nobody anything.")
    return found


def own(record: Record, id_: str) -> Subscription:
    """One that the caller may read, and made.

    Raises:
        NotFound, Gone, Forbidden.
    """
    found = readable(record, id_)
    if not owns(record.access, found):
        raise Forbidden("A subscription tells what it tells to who made it, and to nobody else.")
    return found


def available(record: Record, ids: Iterable[str]) -> list[Subscription]:
    """Those that the caller made and may read: of these, or of all."""
    wanted = frozenset(ids)
    record.access.view(TYPE, "r")
    every = subscriptions.every(record.connection, agency=record.access.agency.code)
    mine = [each for each in every if owns(record.access, each) and (not wanted or each.id in wanted)]
    known = seen(record, [(TYPE, each.id) for each in mine])
    return [each for each in mine if (TYPE, each.id) in known]
