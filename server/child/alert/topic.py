"""Each alert is a topic of its own: it is told of when it is raised, when it is closed, and when it is raised
again."""

from collections.abc import Iterator

from server.child.alert.definition import ALERTS, BASE, FLAGS, Compiled, alerts
from server.fhir import Json

_TURNED = "%previous.empty() or %previous.status != %current.status"


def topics() -> Iterator[Json]:
    """As SubscriptionTopics of R5.

    Raises:
        BadAlert: an alert cannot be understood.
    """
    return map(_topic, alerts())


def _topic(alert: Compiled) -> Json:
    said = alert.alert
    told: list[tuple[str, str, tuple[str, ...]]] = []
    if said.task is not None:
        told.append(("Task", f"code={ALERTS}|{said.name}", ("patient", "owner", "status", "priority")))
    if said.flag is not None:
        told.append(("Flag", f"code={FLAGS}|{said.flag.code}", ("patient", "status")))
    return {
        "resourceType": "SubscriptionTopic",
        "id": f"alert-{said.name}",
        "url": f"{BASE}/SubscriptionTopic/alert-{said.name}",
        "version": "1.0.0",
        "title": said.title,
        "status": "active",
        "description": said.description,
        "resourceTrigger": [
            {
                "description": "It is raised, closed, or raised again.",
                "resource": type_,
                "supportedInteraction": ["create", "update"],
                "queryCriteria": {"current": criteria, "requireBoth": False},
                "fhirPathCriteria": _TURNED,
            }
            for type_, criteria, _ in told
        ],
        "canFilterBy": [
            {"resource": type_, "filterParameter": parameter}
            for type_, _, parameters in told
            for parameter in parameters
        ],
        "notificationShape": [{"resource": type_, "include": [f"{type_}:patient"]} for type_, _, _ in told],
    }
