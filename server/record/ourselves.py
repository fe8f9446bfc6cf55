"""The server as a caller: what it writes of its own accord, it writes as author 0, with every right."""

from server.access.access import Access
from server.access.agency import Agency
from server.access.policy import Policy
from server.access.right import Right
from server.access.scope import Scope
from server.record.added import OURSELVES
from server.record.door import Door

AGENCY = Agency(
    code="single-child-record",
    name="Single Child Record",
    kind="server",
    number=OURSELVES,
    authority="",
    organization="",
    rights=(Right(("*",), "cruds", children="all", change="any"),),
    integrity=False,
    policy=Policy(applied=False),
)


def access(door: Door, client: str = "server") -> Access:
    """`client`: which part of the server it is, for the account of who did what."""
    everything = (Scope("system", "*", "cruds"),)
    return Access(client, AGENCY, everything, door.registry, door.hasher, door.base_url)
