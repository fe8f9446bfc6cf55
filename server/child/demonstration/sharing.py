"""Decisions on sharing: on what basis an agency shares what it knows, or why it does not."""

from datetime import date

from server.child.demonstration.element import coding, concept, extension, profile
from server.child.demonstration.submission import Submission
from server.fhir import Json

_SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope"
_RECIPIENT = {
    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}]
}


def lawful_basis(submission: Submission, day: date) -> None:
    """A public task: consent is not the basis on which a child is protected."""
    provision = {"type": "permit", "purpose": [coding("sharing-purpose", "safeguarding")]}
    submission.add("sharing", _decision(submission, "lawful-basis", day, provision))


def agreement_to_service(submission: Submission, day: date) -> None:
    """The family agreed to a service; that it is shared rests on a public task all the same."""
    provision = {"type": "permit", "purpose": [coding("sharing-purpose", "early-help")]}
    submission.add("agreement", _decision(submission, "agreement-to-service", day, provision))


def decision_not_to_share(submission: Submission, day: date) -> None:
    """The reason is recorded when something is kept back, too."""
    provision = {"type": "deny", "purpose": [coding("sharing-purpose", "safeguarding")]}
    father = next(parent for parent in submission.child.household.parents if not parent.contact)
    provision["actor"] = [{"role": _RECIPIENT, "reference": {"display": f"{father.given} {father.family}"}}]
    reason = extension("decision-reason", valueString="Where mother and child live must not become known.")
    decision = _decision(submission, "decision-not-to-share", day, provision)
    submission.add("not-shared", decision | {"extension": [reason]})


def _decision(submission: Submission, category: str, day: date, provision: Json) -> Json:
    return {
        "resourceType": "Consent",
        "meta": profile("SharingDecision"),
        "status": "active",
        "scope": {"coding": [{"system": _SCOPE, "code": "patient-privacy"}]},
        "category": [concept("sharing-category", category)],
        "patient": submission.subject,
        "dateTime": day.isoformat(),
        "organization": [submission.organization],
        "policyRule": concept("lawful-basis", "public-task"),
        "provision": provision,
    }
