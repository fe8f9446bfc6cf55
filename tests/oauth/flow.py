"""A user's browser and an app, as the authorization server sees them: what is asked, and what comes back."""

import base64
import hashlib
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

from flask import Flask

from server import clock
from server.store import accounts, approvals, clients, liveness, requests, sessions
from server.store.accounts import Account
from server.store.clients import Client
from server.store.fingerprint import fingerprint
from server.store.sessions import Session
from tests.oauth.parties import SECRET, registered

REDIRECT = "https://app.example/callback"
VERIFIER = "v" * 50
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
SCOPE = "openid fhirUser profile launch launch/patient offline_access online_access patient/*.rs user/*.cruds"


def app_of(app: Flask, agency: str = "school", **differences: object) -> Client:
    """An app that is registered: public, unless it is told otherwise."""
    plain = {
        "agency": agency,
        "scope": SCOPE,
        "kind": "public",
        "auth_method": "none",
        "secret_hash": None,
        "grant_types": ("authorization_code", "refresh_token"),
        "redirect_uris": (REDIRECT,),
    }
    if differences.get("auth_method", "none") != "none":
        plain["kind"] = "confidential"
        plain["secret_hash"] = registered("x").secret_hash
    made = registered(f"app-{clock.new_id()}", **{**plain, **differences})
    with app.extensions["database"].begin() as connection:
        assert clients.add(connection, made)
    return made


def account_of(app: Flask, agency: str = "school", **differences: object) -> Account:
    """A worker of an agency."""
    id = clock.new_id()
    plain = Account(
        id=id,
        agency=agency,
        username=f"user-{id}",
        name="Ada Example",
        fhir_user=f"Practitioner/{id}",
        roles=(),
        caseload="all",
        created=clock.now(),
    )
    made = replace(plain, **differences)
    with app.extensions["database"].begin() as connection:
        assert accounts.add(connection, made)
    return made


class Browser:
    """A browser in which somebody is signed in, or nobody."""

    def __init__(self, app: Flask, account: Account | None = None) -> None:
        self.app, self.account = app, account
        self.database = app.extensions["database"]
        self.issuer = app.extensions["settings"].issuer
        self.aud = app.extensions["settings"].public_url
        self.client = app.test_client()
        self.session: Session | None = None
        if account is not None:
            self.sign_in(account)

    def sign_in(self, account: Account) -> None:
        """As the page does, when everything is proven."""
        now, secret = clock.now(), clock.new_secret()
        self.account = account
        self.session = Session(
            clock.new_id(), account.id, now, now, now + timedelta(hours=1), now, "a browser", "127.0.0.1"
        )
        with self.database.begin() as connection:
            sessions.start(connection, self.session, fingerprint(secret))
        self.client.set_cookie("childrecord-session", secret)

    def sign_out(self) -> None:
        with self.database.begin() as connection:
            sessions.end(connection, self.session.id)
        liveness.ended(self.database)

    def ask(self, app: Client, **given: str | None):
        """Send an app's authorization request; what is None is left out."""
        plain = {
            "response_type": "code",
            "client_id": app.id,
            "redirect_uri": REDIRECT,
            "scope": "openid fhirUser launch/patient patient/*.rs",
            "state": "a state",
            "aud": self.aud,
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        query = {name: value for name, value in {**plain, **given}.items() if value is not None}
        return self.client.get("/auth/authorize", query_string=query)

    def go_on(self, response, *, child: str | None = None, scope: str | None = None):
        """Do on each page what it is for, until the app has its answer."""
        for _ in range(5):
            url = urlsplit(response.headers["Location"])
            if url.netloc:
                return response
            id = parse_qs(url.query)["request"][0]
            with self.database.begin() as connection:
                if url.path == "/auth/choose":
                    assert child is not None
                    requests.set_patient(connection, id, child)
                elif url.path == "/auth/consent":
                    self._consent(connection, id, scope)
                else:
                    raise AssertionError(url.path)
            response = self.client.get("/auth/authorize", query_string={"request": id})
        raise AssertionError("The pages do not end.")

    def _consent(self, connection, id: str, scope: str | None) -> None:
        [asked] = connection.execute(requests._request.select().where(requests._request.c.id == id)).all()
        given = scope or asked.scope
        requests.set_scopes(connection, id, given)
        approvals.keep(connection, asked.account, asked.client, asked.scope, given)

    def code(self, app: Client, *, child: str | None = None, consented: str | None = None, **given) -> str:
        """The code that an app gets in the end."""
        answer = told(self.go_on(self.ask(app, **given), child=child, scope=consented))
        assert "code" in answer, answer
        return answer["code"]

    def tokens(self, app: Client, code: str, **given: str):
        """Trade a code in."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
        }
        return post(self.client, app, **{**form, **given})

    def refresh(self, app: Client, token: str, **given: str):
        return post(self.client, app, grant_type="refresh_token", refresh_token=token, **given)


def post(client, app: Client, path: str = "/auth/token", headers: dict[str, str] | None = None, **form):
    """A request of an app that proves itself as it is registered."""
    if app.auth_method == "client_secret_basic":
        raw = f"{app.id}:{SECRET_ENCODED}".encode()
        headers = {"Authorization": f"Basic {base64.b64encode(raw).decode()}", **(headers or {})}
    else:
        form = {"client_id": app.id, **form}
    if app.auth_method == "client_secret_post":
        form = {"client_secret": SECRET, **form}
    form = {name: value for name, value in form.items() if value is not None}
    return client.post(path, data=form, headers=headers)


def told(response) -> dict[str, str]:
    """What an app is told by a redirect."""
    assert response.status_code in (302, 303), response.text
    query = parse_qs(urlsplit(response.headers["Location"]).query, keep_blank_values=True)
    assert all(len(values) == 1 for values in query.values())
    return {name: values[0] for name, values in query.items()}


def _encoded(secret: str) -> str:
    from urllib.parse import quote_plus

    return quote_plus(secret)


SECRET_ENCODED = _encoded(SECRET)
