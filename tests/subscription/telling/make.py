"""Subscriptions as clients write them."""

from typing import Any

TOPIC = "https://w3id.org/single-child-record/SubscriptionTopic/"
_BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-"
JSON = "application/fhir+json"


def subscription(
    topic: str,
    endpoint: str | None = None,
    *filters: str,
    content: str | None = "id-only",
    type: str = "rest-hook",
    payload: str | None = JSON,
    header: tuple[str, ...] = (),
    key: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    """To a topic, by the last word of its URL, or by criteria. `more`: of the channel, or elements."""
    extensions = [
        {"url": f"{_BACKPORT}{name.replace('_', '-')}", _TYPES[name]: more.pop(name)}
        for name in ("heartbeat_period", "timeout", "max_count")
        if name in more
    ]
    if key:
        url = "https://w3id.org/single-child-record/StructureDefinition/subscription-signing-key"
        extensions.append({"url": url, "valueString": key})
    channel: dict[str, Any] = {
        **({"extension": extensions} if extensions else {}),
        "type": type,
        **({"endpoint": endpoint} if endpoint else {}),
        **({"payload": payload} if payload else {}),
        **({"header": list(header)} if header else {}),
    }
    if content:
        channel["_payload"] = {"extension": [{"url": f"{_BACKPORT}payload-content", "valueCode": content}]}
    named = [{"url": f"{_BACKPORT}filter-criteria", "valueString": each} for each in filters]
    return {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "To know",
        "criteria": topic if "?" in topic else f"{TOPIC}{topic}",
        **({"_criteria": {"extension": named}} if named else {}),
        "channel": channel,
        **more,
    }


_TYPES = {
    "heartbeat_period": "valueUnsignedInt",
    "timeout": "valueUnsignedInt",
    "max_count": "valuePositiveInt",
}
