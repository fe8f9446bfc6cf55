"""What a process needs before it lets anybody in: definitions, keys, rights, and the way to the database."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from threading import Event
from typing import Any

from server.access.agency import Agency
from server.definition.library import Library
from server.record.added import Parameters
from server.record.hook import Hooks
from server.search.hash import Hasher
from server.search.registry import Registry
from server.store import sight
from server.store.database import Database
from server.store.locator import RidSource
from server.terminology import remote, table
from server.terminology.remote import Remote
from server.terminology.table import Tables


@dataclass(frozen=True)
class Door:
    """One a process. `base_url`: the public one, without a slash at its end."""

    database: Database
    library: Library
    registry: Registry
    hasher: Hasher
    base_url: str
    agencies: dict[str, Agency]
    hooks: Hooks
    page_key: bytes
    bundle_limit: int = 5000
    binary_limit: int = 16 * 1024 * 1024
    delete_limit: int = 100
    sockets: str = ""
    """The URL of the WebSockets of subscriptions, as clients see it."""
    explain: frozenset[str] = frozenset()
    """The clients that may be told how a search was carried out."""
    slow_query: float = 0
    """Seconds after which a statement of a search is logged; 0: never."""
    rids: RidSource = field(default_factory=RidSource)
    types: frozenset[str] = frozenset()
    parameters: Parameters = field(default_factory=Parameters)
    """The search parameters that were added while the server runs."""
    tables: Tables | None = None
    """The code systems in the tables of the database."""
    remote: Remote | None = None
    """The terminology server that is asked about code systems which are not here."""
    woken: Event = field(default_factory=Event)
    """Set when a request was left to be answered later (`job.worker`)."""
    statement: Callable[[str], bytes] | None = None
    """The CapabilityStatement in one of its modes, where requests come in."""

    @cached_property
    def likeness_key(self) -> bytes:
        """What the keys are hashed with by which the alike are found."""
        return self.hasher.derived("blocking")

    def hold_code_systems(self) -> None:
        """Let what is at hand find the codes that no definition lists."""
        table.hold(self.tables)
        remote.hold(self.remote)

    def traced(self, connection: Any, agency: int, children: Iterable[int]) -> set[int]:
        """Those of the children whose existence the agency has learned by tracing."""
        return sight.traced(connection, agency, children)
