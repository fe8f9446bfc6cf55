"""What a write compiles when it first meets it, compiled before anyone waits for it.

The examples of the profiles have all that a resource of the domain commonly has.
"""

from server.definition.folder import profiles
from server.fhir import Json, json
from server.record.door import Door
from server.search.extract import extract
from server.validation.context import Context
from server.validation.validate import validate


def warm(door: Door) -> None:
    """Meet every example as a write would meet it, and keep nothing of it."""
    hooks = door.hooks
    for path in sorted((profiles() / "example").glob("*.json")):
        resource = json.decode(path.read_bytes())
        kept = hooks.profiles(resource)
        validate(resource, kept, Context(at=hooks.day(resource, kept)))
        hooks.statutes.around(resource, kept, False)
        extract(resource, door.hasher, door.base_url)
        if resource["resourceType"] == "Patient":
            _compare(door, resource)


def _compare(door: Door, patient: Json) -> None:
    """What is known of names and addresses is read once."""
    how = door.hooks.likeness
    whole = how.whole([how.said(patient)])
    how.keys(whole, door.likeness_key)
    how.compare(whole, whole)
