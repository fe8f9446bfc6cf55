"""Who works with a child now, and who did, with how to reach them."""

from server.child import team as work
from server.child.chronology import document, html
from server.child.team import HEADINGS, Member
from server.fhir.exchange import FhirResponse
from server.operation import readable, table
from server.operation.call import Call, Result
from server.operation.registry import implements
from server.record.record import Record


@implements("Patient-team")
def team(call: Call, record: Record) -> Result | FhirResponse:
    """As far as the caller may see what says so."""
    assert call.id is not None
    members = work.team(record, call.id, f"{call.id}/$team")
    if readable.of(call) is not None:
        groups = (("Now", True), ("Before", False))
        parts = [
            (name, [work.row(each) for each in members if each.current is current])
            for name, current in groups
        ]
        content = html.page("Who works with this child", table.body("Who works with this child",
                            document.made_for(record), HEADINGS, parts))  # fmt: skip
        return readable.answer(content, readable.HTML, "team", html.POLICY)
    return Result({"member": list(map(_told, members))})


def _told(member: Member) -> dict[str, object]:
    said = {
        "who": {"reference": member.who} if member.who else None,
        "name": member.name or None,
        "organization": {"reference": member.organization} if member.organization else None,
        "agency": member.agency or None,
        "since": member.since,
        "until": member.until,
    }
    return {
        "role": list(member.roles),
        **{name: value for name, value in said.items() if value is not None},
        "telecom": list(member.telecom),
        "current": member.current,
        "lead": member.lead,
        "withheld": member.withheld,
        "because": {"reference": member.because},
    }
