"""Flags: that there is something to know, since when, and whom to call."""

from datetime import date

from server.child.demonstration.element import concept, extension, period, profile
from server.child.demonstration.submission import Submission


def flag(submission: Submission, code: str, start: date) -> None:
    """A ChildFlag that names the agency which raises it."""
    agency = submission.agency
    submission.add(
        f"flag/{code}",
        {
            "resourceType": "Flag",
            "meta": profile("ChildFlag"),
            "extension": [
                extension(
                    "contact",
                    valueContactDetail={
                        "name": agency.name,
                        "telecom": [{"system": "phone", "value": agency.telephone}],
                    },
                )
            ],
            "status": "active",
            "code": concept("child-flag", code),
            "subject": submission.subject,
            "period": period(start),
            "author": submission.organization,
        },
    )
