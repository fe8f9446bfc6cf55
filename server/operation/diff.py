"""What changed between two versions of a resource, as the patch that makes the one into the other.

The patch is FHIRPath Patch: http://hl7.org/fhir/R4/fhirpatch.html
"""

from server.fhir import Json, json
from server.fhir.issue import Invalid
from server.fhir.patch.difference import difference
from server.operation.call import Call, Result
from server.operation.registry import implements
from server.record.record import Record
from server.store.row import Stored

_KEPT_BY_THE_SERVER = ("versionId", "lastUpdated")


@implements("Resource-diff")
def diff(call: Call, record: Record) -> Result:
    """Both versions as a vread of them would show them."""
    assert call.type is not None
    assert call.id is not None
    wanted = call.one("toVersion")
    after = record.vread(call.type, call.id, wanted) if wanted else record.read(call.type, call.id)
    first = call.one("fromVersion") or _before(after)
    before = record.vread(call.type, call.id, first)
    whole = call.one("includeMeta") is True
    told = difference(_content(before, whole), _content(after, whole), record.door.library.children)
    return Result({"return": told})


def _before(after: Stored) -> str:
    if after.version == 1:
        raise Invalid("Version 1 has none before it: name another by 'fromVersion' or 'toVersion'.")
    return str(after.version - 1)


def _content(stored: Stored, whole: bool) -> Json:
    resource: Json = json.decode(stored.body.encode())
    if whole:
        return resource
    meta = {name: value for name, value in resource["meta"].items() if name not in _KEPT_BY_THE_SERVER}
    rest = {name: value for name, value in resource.items() if name != "meta"}
    return {**rest, "meta": meta} if meta else rest
