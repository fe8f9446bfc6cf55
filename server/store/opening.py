"""How a body begins: nearly always with what the columns beside it say, and then it is kept without that.

`{"resourceType":"…","id":"…","meta":{"versionId":"…","lastUpdated":"…"` is a sixth of a small resource.
A body that is kept whole begins with `{`, and no other does. What is left is compressed.
"""

from datetime import datetime

from server.fhir.meta import instant
from server.store import packing

_TYPE = '{"resourceType":"'


def kept(body: str, id_: str, version: int, at: datetime) -> bytes:
    """The body as the store keeps it."""
    return packing.packed(unopened(body, id_, version, at).encode())


def unopened(body: str, id_: str, version: int, at: datetime) -> str:
    """The body without what the columns say."""
    after = _after_type(id_, version, at)
    end = body.find('"', len(_TYPE)) if body.startswith(_TYPE) else -1
    return body[end + len(after) :] if end > 0 and body.startswith(after, end) else body


def whole(type_: str, id_: str, version: int, at: datetime, kept: bytes | memoryview) -> str:
    """The body as it was given to `kept`; "" if there is none."""
    rest = packing.unpacked(kept).decode()
    if not rest or rest[0] == "{":
        return rest
    return f"{_TYPE}{type_}{_after_type(id_, version, at)}{rest}"


def _after_type(id_: str, version: int, at: datetime) -> str:
    return f'","id":"{id_}","meta":{{"versionId":"{version}","lastUpdated":"{instant(at)}"'
