"""What a client says of itself when it is registered: checked, and as it is told again.

https://www.rfc-editor.org/rfc/rfc7591#section-2
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields
from marshmallow.validate import Length, OneOf

from server.fhir import Json
from server.oauth import redirect
from server.oauth import scope as scopes
from server.oauth.client import RESPONSE_TYPES
from server.oauth.fetch import Fetcher
from server.oauth.keyset import BadKeys, public_keys
from server.store import clients
from server.store.clients import CODE, CONFIDENTIAL, CREDENTIALS, KEYS, NONE, PUBLIC, REFRESH, Client

Values = dict[str, Any]

_OFFLINE = ("offline_access", "online_access")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: where it stands, what stands there, why it cannot stay."""

    where: str
    what: str
    why: str


class BadMetadata(Exception):
    """Metadata that no client can be registered with."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = faults
        super().__init__(" ".join(f"{each.where}: {each.why}" for each in faults))


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms: for which agency (none: an app of nobody's), with which scopes at most.

    No `most`: whoever registers it answers for its scopes, and is told which are wrong; else they are
    narrowed.
    """

    agency: str
    fetcher: Fetcher
    most: str | None = None


class _Metadata(Schema):
    """What is not known is ignored, as RFC 7591 wants it; so is a software statement, which nobody here
    trusts more than the client itself."""

    class Meta:
        unknown = EXCLUDE

    redirect_uris = fields.List(
        fields.String(validate=Length(1, 2000)), load_default=list, validate=Length(max=20)
    )
    token_endpoint_auth_method = fields.String(
        validate=OneOf(clients.AUTH_METHODS), load_default=clients.BASIC
    )
    grant_types = fields.List(
        fields.String(validate=OneOf(clients.GRANT_TYPES)), load_default=lambda: [CODE], validate=Length(1, 3)
    )
    response_types = fields.List(
        fields.String(validate=OneOf(list(RESPONSE_TYPES.values()))), load_default=None
    )
    scope = fields.String(load_default="", validate=Length(max=8000))
    client_name = fields.String(load_default="", validate=Length(max=100))
    client_uri = fields.String(load_default=None, allow_none=True, validate=Length(max=2000))
    logo_uri = fields.String(load_default=None, allow_none=True, validate=Length(max=2000))
    policy_uri = fields.String(load_default=None, allow_none=True, validate=Length(max=2000))
    tos_uri = fields.String(load_default=None, allow_none=True, validate=Length(max=2000))
    launch_url = fields.String(load_default=None, allow_none=True, validate=Length(max=2000))
    contacts = fields.List(
        fields.String(validate=Length(max=200)), load_default=list, validate=Length(max=10)
    )
    jwks_uri = fields.String(load_default=None, allow_none=True, validate=Length(max=2000))
    jwks = fields.Raw(load_default=None, allow_none=True)
    software_id = fields.String(load_default=None, allow_none=True, validate=Length(max=200))
    software_version = fields.String(load_default=None, allow_none=True, validate=Length(max=200))
    dpop_bound_access_tokens = fields.Boolean(load_default=False)


_SCHEMA = _Metadata()
_URIS = ("client_uri", "logo_uri", "policy_uri", "tos_uri", "launch_url")


def read(given: object, terms: Terms) -> Values:
    """What of a `Client` the metadata says: all but its id, its agency, its secrets and its dates.

    Raises:
        BadMetadata: with everything that is wrong with it.
    """
    if not isinstance(given, dict):
        raise BadMetadata((Fault("", type(given).__name__, "A client is described by a JSON object."),))
    try:
        said = dict(_SCHEMA.load(given))
    except ValidationError as error:
        raise BadMetadata(faults_of(error, given)) from error
    if terms.most is not None:
        said["scope"] = scopes.registrable(said["scope"], terms.most, said["grant_types"])
    if faults := tuple(fault for check in _CHECKS for fault in check(said, terms)):
        raise BadMetadata(faults)
    return _values(said)


def faults_of(error: ValidationError, given: Mapping[str, Any]) -> tuple[Fault, ...]:
    """What marshmallow found, fault by fault."""
    messages: Mapping[str, Any] = error.messages_dict
    return tuple(
        fault for name, why in messages.items() for fault in _told_of(str(name), why, given.get(name))
    )


def information(client: Client) -> Json:
    """The client as its registration tells it: https://www.rfc-editor.org/rfc/rfc7591#section-3.2.1"""
    told: Json = {
        "client_id": client.id,
        "client_id_issued_at": int(client.created.timestamp()),
        "client_name": client.name,
        "token_endpoint_auth_method": client.auth_method,
        "grant_types": list(client.grant_types),
        "response_types": [RESPONSE_TYPES[each] for each in client.grant_types if each in RESPONSE_TYPES],
        "redirect_uris": list(client.redirect_uris),
        "scope": client.scope,
        "contacts": list(client.contacts),
        "dpop_bound_access_tokens": client.dpop_bound,
        "jwks": client.jwks,
        **{name: getattr(client, name) for name in (*_URIS, "jwks_uri", "software_id", "software_version")},
    }
    return {name: value for name, value in told.items() if value not in (None, [])}


def _values(said: Values) -> Values:
    public, signs = said["token_endpoint_auth_method"] == NONE, said["token_endpoint_auth_method"] == KEYS
    return {
        "name": said["client_name"].strip(),
        "scope": said["scope"],
        "kind": PUBLIC if public else CONFIDENTIAL,
        "auth_method": said["token_endpoint_auth_method"],
        "grant_types": _grant_types(said),
        "redirect_uris": tuple(dict.fromkeys(said["redirect_uris"])),
        "jwks": public_keys(said["jwks"]) if signs and said["jwks"] is not None else None,
        "jwks_uri": said["jwks_uri"] if signs else None,
        "contacts": tuple(said["contacts"]),
        "dpop_bound": said["dpop_bound_access_tokens"],
        **{name: said[name] for name in (*_URIS, "software_id", "software_version")},
    }


def _grant_types(said: Values) -> tuple[str, ...]:
    """In one order; who may go on without the user gets what that needs."""
    wanted = set(said["grant_types"])
    if CODE in wanted and set(_OFFLINE) & set(said["scope"].split()):
        wanted.add(REFRESH)
    return tuple(each for each in clients.GRANT_TYPES if each in wanted)


# ---- what must be true of it, one rule a function ----------------------------------------------------------


def _grants(said: Values, terms: Terms) -> Iterator[Fault]:
    grants = said["grant_types"]
    if CREDENTIALS in grants and said["token_endpoint_auth_method"] == NONE:
        yield Fault("grant_types", CREDENTIALS, "A public client has no credentials.")
    if CREDENTIALS in grants and not terms.agency:
        yield Fault("grant_types", CREDENTIALS, "Only an agency's own system acts without a user.")
    if REFRESH in grants and CODE not in grants:
        yield Fault("grant_types", REFRESH, f"What is refreshed is had by {CODE}.")
    needed = [RESPONSE_TYPES[each] for each in grants if each in RESPONSE_TYPES]
    if said["response_types"] is not None and set(said["response_types"]) != set(needed):
        yield Fault("response_types", " ".join(said["response_types"]), "They do not go with grant_types.")


def _redirects(said: Values, terms: Terms) -> Iterator[Fault]:
    if CODE in said["grant_types"] and not said["redirect_uris"]:
        yield Fault("redirect_uris", "", "An app that people sign in to says where they come back to.")
    for at, uri in enumerate(said["redirect_uris"]):
        if told := redirect.fault(uri):
            yield Fault(f"redirect_uris[{at}]", uri, told)


def _links(said: Values, terms: Terms) -> Iterator[Fault]:
    for name in _URIS:
        if said[name] and (told := redirect.web_fault(said[name])):
            yield Fault(name, said[name], told)


def _keys(said: Values, terms: Terms) -> Iterator[Fault]:
    jwks, uri = said["jwks"], said["jwks_uri"]
    if jwks is not None and uri:
        yield Fault("jwks", "", "Keys are registered, or published at jwks_uri: not both.")
    if said["token_endpoint_auth_method"] == KEYS and jwks is None and not uri:
        yield Fault("jwks", "", f"{KEYS} needs keys: jwks_uri or jwks.")
    if uri and (told := terms.fetcher.fault(uri)):
        yield Fault("jwks_uri", uri, told)
    if jwks is not None:
        try:
            public_keys(jwks)
        except BadKeys as error:
            yield Fault("jwks", "", str(error))


def _scopes(said: Values, terms: Terms) -> Iterator[Fault]:
    if told := scopes.fault(said["scope"], said["grant_types"]):
        yield Fault("scope", said["scope"], told)


def _words(said: Values, terms: Terms) -> Iterator[Fault]:
    """What people read on the page on which they approve of it: nothing that is not what it looks like."""
    for name in ("client_name", "software_id", "software_version"):
        if said[name] and not said[name].isprintable():
            yield Fault(name, "", "It must be one line of letters that can be seen.")
    for at, contact in enumerate(said["contacts"]):
        if not contact.isprintable():
            yield Fault(f"contacts[{at}]", "", "It must be one line of letters that can be seen.")


_CHECKS = (_grants, _redirects, _links, _keys, _scopes, _words)


def _told_of(where: str, why: Any, what: Any) -> Iterator[Fault]:
    if isinstance(why, Mapping):
        for at, inner in why.items():
            of = what[at] if isinstance(what, list) and isinstance(at, int) and at < len(what) else None
            yield from _told_of(f"{where}[{at}]", inner, of)
    else:
        yield Fault(where, what if isinstance(what, str) else "", " ".join(why))
