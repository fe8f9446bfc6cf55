"""JSON Merge Patch: what it names takes the place of what was there, and null takes it away.

https://www.rfc-editor.org/rfc/rfc7396
"""

from typing import Any

from server.fhir import Json, json


def patched(document: Json, patch: Json) -> Json:
    """What the patch makes of a document, which stays as it was."""
    found: Json = _merged(document, patch)
    return found


def _merged(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return json.copied(patch)
    kept = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            kept.pop(name, None)
        else:
            kept[name] = _merged(kept.get(name), value)
    return kept
