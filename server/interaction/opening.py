"""The door of this process, put together from its settings; it opens only if all of them are understood."""

from dataclasses import replace
from pathlib import Path

from server import clock
from server.access import check
from server.access.access import Access
from server.access.agency import Agency, agencies, read
from server.access.scope import Scope, parse
from server.access.user import User
from server.child.hooks import hooks
from server.definition.library import Library, library
from server.interaction.publish import publish
from server.operation.registry import operations
from server.record import reindex
from server.record.door import Door
from server.record.sealing.key import Key
from server.search.hash import Hasher
from server.search.registry import Registry
from server.settings import CannotStart, Settings
from server.store import agencies as numbering
from server.store import dictionary, jobs, marks
from server.store.database import Database
from server.subscription import lifecycle, rule, topic
from server.subscription.channel.check import Limits
from server.terminology.elsewhere import Server
from server.terminology.remote import Remote
from server.terminology.table import Tables

_FINGERPRINT = "index-key"


class NotReady(CannotStart):
    """The record cannot be opened; the message says what to do."""


def door(found: Settings, database: Database) -> Door:
    """The door.

    Raises:
        NotReady: rights that cannot be compiled, or an index key that is not this database's.
        WrongDictionary: it holds bodies that cannot be read here.
        NotReadable: a rights file that cannot be understood. Unusable: an operation without a function, or a
            function without an operation.
    """
    definitions = library()
    registry, hasher = Registry(definitions), Hasher(index_key(found))
    contents = read(found.access)
    with database.begin() as connection:
        kept = marks.keep(connection, _FINGERPRINT, hasher.fingerprint)
        if kept != hasher.fingerprint:
            raise NotReady(
                "The index key is not the one that this database was written with: every search would find "
                "nothing. Set CHILDRECORD_INDEX_KEY (or the data folder's index.key) to the right one."
            )
        dictionary.keep(connection)
        known = agencies(contents, numbering.numbers(connection, contents))
    codes = {operation.code for operation, _ in operations()}
    for agency in known.values():
        _kept(agency, registry, codes)
        _known(agency, definitions)
    opened = Door(
        database=database,
        library=definitions,
        registry=registry,
        hasher=hasher,
        base_url=found.public_url,
        agencies=known,
        hooks=replace(
            hooks(known.values(), registry, hasher, found.public_url),
            acting={lifecycle.TYPE: lifecycle.acting(Limits.of(found))},
        ),
        page_key=hasher.derived("page"),
        bundle_limit=found.bundle_limit,
        binary_limit=found.binary_limit,
        delete_limit=found.delete_limit,
        sockets=found.sockets[1],
        explain=frozenset(found.explain),
        slow_query=found.slow_query,
        types=frozenset(definitions.resource_types),
        tables=Tables(database),
        remote=_remote(found),
    )
    for each in topic.topics().values():
        rule.rules(each, opened)
    reindex.prepare(opened)
    publish(opened)
    for job, child in jobs.left(database):
        jobs.restrict_rest(database, job, child)
    return opened


def _remote(found: Settings) -> Remote | None:
    if not found.terminology_server:
        return None
    return Remote(Server(found.terminology_server, found.terminology_timeout), found.terminology_systems)


def access(
    opened: Door,
    client: str,
    agency: str,
    scopes: tuple[Scope, ...],
    *,
    user: User | None = None,
    purpose: str | None = None,
    patient: str | None = None,
) -> Access:
    """What a client of an agency may do with these scopes, for a user, for a purpose, with one child."""
    return Access(
        client,
        opened.agencies[agency],
        scopes,
        opened.registry,
        opened.hasher,
        opened.base_url,
        user,
        purpose,
        patient,
    )


def as_agency(opened: Door, agency: str, client: str) -> Access:
    """An operator acting for an agency: everything that its rights allow, and nothing more."""
    everything = parse("system/*.cruds")
    assert everything is not None
    return access(opened, client, agency, (everything,))


def _kept(agency: Agency, registry: Registry, operations: set[str]) -> None:
    """Refuse rights that the SQL could not keep: fail closed."""
    if found := list(check.faults(agency, registry, operations)):
        raise NotReady(f"The rights of '{agency.code}' cannot be applied: {' '.join(found)}")


def _known(agency: Agency, definitions: Library) -> None:
    """Refuse a policy for a profile that there is not."""
    for profile in agency.policy.named:
        if definitions.definition(profile) is None:
            raise NotReady(
                f"The rights of '{agency.code}' speak of the profile '{profile}', which does not exist."
            )


def index_key(found: Settings) -> bytes:
    """The key that this installation hashes with; made when there is none."""
    return bytes.fromhex(found.index_key) if found.index_key else _kept_key(found.data / "index.key")


def audit_key(found: Settings) -> Key:
    """The key that seals the audit; made when there is none."""
    return Key(bytes.fromhex(found.audit_key) if found.audit_key else _kept_key(found.data / "audit.key"))


def _kept_key(file: Path) -> bytes:
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        made = file.with_suffix(f".{clock.new_id()}")
        made.touch(mode=0o600)
        made.write_text(clock.new_secret())
        try:
            # A link is made once, whoever else is starting at the same moment.
            file.hardlink_to(made)
        except FileExistsError:
            pass
        finally:
            made.unlink()
    return bytes.fromhex(file.read_text())
