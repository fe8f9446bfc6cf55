"""Resources that are their maker's alone: of a Subscription another client, or another user, sees nothing.

Whose one is stands in it as a tag, which the server alone puts on; the criterion that asks for it is part of
every view of the type.
"""

from hashlib import blake2b

from server.fhir import Json

SYSTEM = "https://w3id.org/single-child-record/sid/subscriber"

TYPES = frozenset({"Subscription"})


def criterion(owner: str) -> str:
    """What a search for the resources of an owner asks."""
    return f"_tag={SYSTEM}|{_code(owner)}"


def marked(resource: Json, owner: str) -> Json:
    """The resource as one of the owner's."""
    meta = resource.get("meta", {})
    tags = [tag for tag in meta.get("tag", ()) if tag.get("system") != SYSTEM]
    return {**resource, "meta": {**meta, "tag": [*tags, {"system": SYSTEM, "code": _code(owner)}]}}


def _code(owner: str) -> str:
    # Of one length, and without a character that a search would read otherwise.
    return blake2b(owner.encode(), digest_size=16).hexdigest()
