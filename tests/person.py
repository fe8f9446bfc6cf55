"""Somebody who signed in: a client of the record that asks for a user."""

import itertools
from datetime import timedelta

from flask import Flask

from server import clock
from server.oauth import secret
from server.oauth.client import OAuthClient
from server.oauth.token import Granted, Tokens
from server.store import accounts, clients, grants
from server.store.liveness import Liveness
from tests.caller import Caller

_numbers = itertools.count(1)


def signed_in(
    app: Flask,
    agency: str,
    scopes: str,
    reference: str,
    *,
    roles: tuple[str, ...] = (),
    caseload: str = "all",
    teams: tuple[str, ...] = (),
    references: tuple[str, ...] = (),
    patient: str | None = None,
    purpose: str | None = None,
    client: str | None = None,
) -> Caller:
    """A caller with a token that a user of an agency granted; `reference`: who that is in the record;
    `client`: the app, where several have the same."""
    at, database = clock.now(), app.extensions["database"]
    id = f"{agency}-app-{next(_numbers)}"
    asking = clients.Client(client or id, agency, id, scopes, secret.hashed("secret"), None, at)
    account = accounts.Account(
        clock.new_id(), agency, id, "Somebody", reference, roles, caseload, at, teams, references
    )
    expires = at + timedelta(hours=1)
    grant = grants.Grant(
        clock.new_id(),
        asking.id,
        agency,
        account.id,
        scopes,
        at,
        at,
        expires,
        patient=patient,
        purpose=purpose,
    )
    with database.begin() as connection:
        assert clients.add(connection, asking) or client
        assert accounts.add(connection, account)
        grants.add(connection, grant)
    tokens = Tokens(app.extensions["settings"], database, Liveness(database))
    given = tokens.response(OAuthClient(asking), scopes, granted=Granted(grant, account))
    return Caller(app, given["access_token"])
