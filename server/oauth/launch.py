"""A launch: an agency's system tells which record it has open, and gets what an app begins with.

https://hl7.org/fhir/smart-app-launch/app-launch.html#launch-app-ehr-launch
"""

from typing import Any
from urllib.parse import urlencode

from marshmallow import RAISE, Schema, ValidationError, fields, validates_schema
from marshmallow.validate import URL, Length, Regexp

from server import clock
from server.fhir import Json
from server.fhir.exchange import FhirRequest
from server.fhir.issue import FhirError, Forbidden, Invalid
from server.http.bearer import Holder
from server.interaction.router import answered
from server.oauth.metadata import faults_of
from server.oauth.scope import LAUNCH_CONTEXT
from server.record.door import Door
from server.settings import Settings
from server.store import accounts, audit, clients, launches
from server.store.clients import Client
from server.store.launches import Launch

_ID = Regexp(r"[A-Za-z0-9.-]{1,64}")
_ACCOUNT = "user"


class _Reference(Schema):
    """An element of `fhirContext`."""

    class Meta:
        unknown = RAISE

    reference = fields.String(validate=Length(1, 500))
    canonical = fields.String(validate=Length(1, 500))
    identifier = fields.Dict(keys=fields.String())
    type = fields.String(validate=Regexp(r"[A-Z][A-Za-z]{1,63}"))
    # What SMART does not define itself is named by a URI.
    role = fields.String(validate=Regexp(r"launch|[A-Za-z][A-Za-z0-9+.-]{0,30}:\S{1,450}"))

    @validates_schema
    def check(self, data: Json, **ignored: object) -> None:
        if not data.keys() & {"reference", "canonical", "identifier"}:
            raise ValidationError("It must have a reference, a canonical or an identifier.")
        named = {str(data.get("reference", "")).rpartition("/")[0].rpartition("/")[2], data.get("type")}
        if named & {"Patient", "Encounter"} and data.get("role", "launch") == "launch":
            # They have a place of their own, which apps read.
            raise ValidationError("A Patient or an Encounter needs a role other than 'launch'.")


class _Context(Schema):
    """The body of the request: SMART's launch context, the app and the user it is for."""

    class Meta:
        unknown = RAISE

    client_id = fields.String(validate=Length(1, 200))
    user = fields.String(validate=Length(1, 200))
    patient = fields.String(validate=_ID)
    encounter = fields.String(validate=_ID)
    fhirContext = fields.List(fields.Nested(_Reference), validate=Length(max=20))  # noqa: N815
    need_patient_banner = fields.Boolean(truthy={True}, falsy={False})
    intent = fields.String(validate=Length(1, 200))
    smart_style_url = fields.String(validate=URL(schemes={"https", "http"}, require_tld=False))
    tenant = fields.String(validate=Length(1, 200))


def launched(body: object, holder: Holder, door: Door, found: Settings) -> Json:
    """Keep what is told, and tell what the app asks for it by: `launch`; and the URL to open, if it is known.

    Raises:
        Forbidden: the token has not the scope `launch-context`.
        Invalid: the body is not a launch context, or speaks of what is not there.
    """
    if LAUNCH_CONTEXT not in holder.standing.scopes:
        raise Forbidden(f"The token has not the scope {LAUNCH_CONTEXT}.")
    told = _read(body)
    agency = holder.standing.claims["agency"]
    app = _app(door, told.pop("client_id", None), agency)
    account = _account(door, told.pop(_ACCOUNT, None), holder, agency)
    for type_, name in (("Patient", "patient"), ("Encounter", "encounter")):
        _check_seen(door, holder, type_, told.get(name))
    id = clock.new_secret()
    with door.database.begin() as connection:
        expires = clock.now() + launches.LIFETIME
        launches.add(connection, id, Launch(agency, app.id if app else None, account, told, expires))
        audit.record_act(
            connection,
            clock.now(),
            "launch",
            agency=door.agencies[agency].number,
            client=holder.standing.client.id,
            account=account,
            query=app.id if app else None,
        )
    lasts = int(launches.LIFETIME.total_seconds())
    return {"launch": id, "expires_in": lasts, **_to_open(app, id, found)}


def _read(body: object) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise Invalid("A launch is a JSON object, such as {'patient': '123'}.")
    try:
        return dict(_Context().load(body))
    except ValidationError as error:
        told = "; ".join(f"{each.where}: {each.why}" for each in faults_of(error, body))
        raise Invalid(f"The launch cannot be understood: {told}") from error


def _app(door: Door, id: str | None, agency: str) -> Client | None:
    if id is None:
        return None
    with door.database.autocommit() as connection:
        found = None if "\0" in id else clients.find(connection, id)
    if found is None or not found.is_live or found.agency not in ("", agency):
        raise Invalid(f"There is no app '{id}' that this agency may open.")
    return found


def _account(door: Door, username: str | None, holder: Holder, agency: str) -> str | None:
    """The account of the user it is for: who asks, or whom a system names by the name for signing in."""
    if holder.standing.account is not None:
        return holder.standing.account.id
    if username is None:
        return None
    with door.database.autocommit() as connection:
        found = None if "\0" in username else accounts.by_username(connection, username)
    if found is None or found.agency != agency or found.suspended is not None:
        raise Invalid(f"There is no user '{username}' of this agency.")
    return found.id


def _check_seen(door: Door, holder: Holder, type_: str, id: str | None) -> None:
    """Who cannot see a resource cannot open an app about it, nor learn that it is there."""
    if id is None:
        return
    try:
        answered(FhirRequest("GET", f"{type_}/{id}"), door, holder.access)
    except FhirError as error:
        raise Invalid(f"There is no {type_}/{id} that the caller may read.") from error


def _to_open(app: Client | None, id: str, found: Settings) -> Json:
    if app is None or not app.launch_url:
        return {}
    separator = "&" if "?" in app.launch_url else "?"
    return {"url": app.launch_url + separator + urlencode({"iss": found.public_url, "launch": id})}
