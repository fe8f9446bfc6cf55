"""The numbers by which `sight` knows a user, and the child that an app was opened for.

They are looked up when a record is opened for the user, and again when some seconds have passed: a worker may
have got a new post. Which children these numbers see is asked with every row, and never remembered.
"""

from collections.abc import Iterable
from typing import Any

from server import clock
from server.access.access import Access
from server.access.user import WORKER
from server.record.door import Door
from server.search.hash import form
from server.store import locator, principals

_AGAIN = 10.0
"""Seconds for which they are known."""

_ROLE = "PractitionerRole"


def look_up(door: Door, connection: Any, access: Access) -> None:
    """Let the views of the caller know who it is."""
    who, user = access.who, access.user
    at = clock.monotonic()
    if who is None or user is None or (who.looked_up is not None and at - who.looked_up < _AGAIN):
        return
    organizations = {agency.organization: agency.number for agency in door.agencies.values()}
    agencies = [organizations[team] for team in user.teams if team in organizations]
    teams = [team for team in user.teams if team not in organizations]
    patient = [f"Patient/{access.patient}"] if access.patient else []
    rids = _rids(door, connection, (*user.own, *teams, *patient))
    own = [-rids[text] for text in user.own if text in rids]
    who.own = (*own, *(-rid for rid in _roles(door, connection, user.own)))
    who.team = (*agencies, *(-rids[text] for text in teams if text in rids))
    who.patient = next((rids[text] for text in patient if text in rids), None)
    who.looked_up = at


def _rids(door: Door, connection: Any, references: Iterable[str]) -> dict[str, int]:
    """By reference, as far as it leads to anything."""
    parts = {text: text.partition("/") for text in references}
    number = door.library.type_number
    keys = {text: (number(type_), id_) for text, (type_, _, id_) in parts.items() if type_ in door.types}
    places = locator.places(connection, set(keys.values()))
    # A Patient stands for the child that it is, also where it was merged into another.
    at = {text: 0 if text.startswith("Patient/") else 1 for text in keys}
    return {text: places[key][at[text]] for text, key in keys.items() if key in places}


def _roles(door: Door, connection: Any, own: Iterable[str]) -> tuple[int, ...]:
    """Of the posts in which a worker works, those that are held now."""
    practitioners = [text for text in own if text.startswith(f"{WORKER}/")]
    if not practitioners:
        return ()
    token = door.hasher.token
    hashes = [token(_ROLE, "practitioner", text) for text in practitioners]
    inactive = token(_ROLE, "active", form(None, "false"))
    return principals.roles(connection, door.library.type_number(_ROLE), hashes, inactive)
