"""What an agency, or somebody of it, would see of a resource, and by which clauses of the agency's rights.

docs/operation/why.md
"""

from typing import Any

from server.access.access import Access
from server.access.scope import Scope, parse
from server.access.user import User
from server.fhir.issue import Invalid
from server.fhir.json import shown
from server.interaction import opening
from server.operation.call import Call, Result
from server.operation.registry import implements
from server.record import why as work
from server.record.person import user_of
from server.record.record import Record
from server.record.why import Clause
from server.store import accounts

_EVERYTHING = {True: "user/*.cruds", False: "system/*.cruds"}
"""Where no scopes are named, by whether there is a user."""


@implements("Resource-why")
def why(call: Call, record: Record) -> Result:
    """As the rights are now, and as the resource is now."""
    assert call.type is not None
    assert call.id is not None
    asked = _asked(call, record)
    user = f"&user={asked.user.id}" if asked.user else ""
    said = f"{call.id}/$why?agency={asked.agency.code}{user}"
    answer = work.why(record, call.type, call.id, asked, said)
    return Result(
        {
            "version": asked.agency.version,
            "degree": answer.degree,
            "lacking": list(answer.lacking),
            "clause": list(map(_told, answer.clauses)),
        }
    )


def _asked(call: Call, record: Record) -> Access:
    """Who would look."""
    code, door = str(call.one("agency")), record.door
    if code not in door.agencies:
        raise Invalid(f"There is no agency '{shown(code)}'.")
    user = _user(record, code, call.one("user"))
    scopes = _scopes(call.one("scope") or _EVERYTHING[user is not None])
    purpose = call.one("purpose")
    return opening.access(door, record.access.client, code, scopes, user=user, purpose=purpose)


def _user(record: Record, agency: str, id_: str | None) -> User | None:
    """Somebody of the agency, by the id of the account or by the username."""
    if id_ is None:
        return None
    found = accounts.find(record.connection, id_) or accounts.by_username(record.connection, id_)
    if found is None or found.agency != agency:
        raise Invalid(f"'{agency}' has no account '{shown(id_)}'.")
    return user_of(found)


def _scopes(text: str) -> tuple[Scope, ...]:
    found = tuple(parse(each) for each in text.split())
    if not found or None in found:
        raise Invalid("'scope' holds SMART scopes for resources, with spaces between.")
    return tuple(each for each in found if each is not None)


def _told(clause: Clause) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": clause.right.name,
        "degree": clause.degree,
        "hindrance": list(clause.hinders),
    }
    if clause.letters:
        told["interactions"] = clause.letters
    if clause.right.gateway:
        told["gateway"] = clause.right.gateway
    return told
