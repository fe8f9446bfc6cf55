"""The definitions that ship with the server, put into the record so that they are found like anything else.

They are written by the server itself, and no client may change them.
"""

from functools import cache
from hashlib import blake2b
from pathlib import Path

from server.definition.folder import profiles, terminology
from server.fhir.exchange import FhirRequest
from server.interaction import write
from server.record import ourselves
from server.record.door import Door
from server.record.record import Record
from server.store import locator, marks
from server.subscription import topic

_MARK = "definitions"


def publish(door: Door) -> int:
    """Write what is new or changed since the last start; how many definitions that was."""
    digest = _digest(profiles(), terminology())
    with door.database.autocommit() as connection:
        if marks.get(connection, _MARK) == digest:
            return 0
    access = ourselves.access(door)
    with door.database.transaction() as transaction:
        transaction.begin()
        connection = transaction.connection
        # Of several workers that start at once one publishes, and the others wait and find it done.
        locator.alone(connection, _MARK)
        if marks.get(connection, _MARK) == digest:
            return 0
        record = Record(door, transaction, access)
        # It takes long, and other servers of this record may be asked for history meanwhile.
        record.hold()
        count = 0
        for resource in (*door.library.ours(), *map(topic.basic, topic.topics().values())):
            type_, id_ = resource["resourceType"], resource["id"]
            write.update(FhirRequest("PUT", f"{type_}/{id_}", content=resource), record, type_, id_)
            count += 1
        record.flush()
        marks.put(connection, _MARK, digest)
    return count


@cache
def _digest(*folders: Path) -> str:
    """Of all that ships; worked out once, in the process that the workers are forked from."""
    found = blake2b(digest_size=16)
    for folder in folders:
        for file in sorted(folder.rglob("*.json")):
            found.update(file.read_bytes())
    return found.hexdigest()
