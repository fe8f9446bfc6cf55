"""An agency's own identity provider, as its rights file tells of it, and what a person's claims mean here.

https://openid.net/specs/openid-connect-core-1_0.html
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from marshmallow import Schema, ValidationError, fields, post_load, validate

from server.access.right import RESERVED
from server.access.user import ALL, CASELOADS, OWN
from server.settings import is_loopback

_RANK = {caseload: rank for rank, caseload in enumerate(CASELOADS)}


class NotMapped(Exception):
    """Claims that say too little of a person; the message is for the agency's operator."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Where something is told: in the claim at a dotted path. `values`: what its values are called here, and
    what is not named there counts for nothing; None: they are taken as they are."""

    claim: str
    values: Mapping[str, str] | None = None
    otherwise: str = ""

    def of(self, claims: Mapping[str, Any]) -> tuple[str, ...]:
        """What the claims tell, in our words."""
        told = _strings(_at(claims, self.claim.split(".")))
        if self.values is not None:
            told = tuple(self.values[each] for each in told if each in self.values)
        return tuple(dict.fromkeys(told)) or ((self.otherwise,) if self.otherwise else ())


@dataclass(frozen=True, slots=True)
class Person:
    """Who somebody is: a claim holds a Practitioner's reference, or its identifier in a system."""

    claim: str
    identifier: str = ""


@dataclass(frozen=True, slots=True)
class Provider:
    """Where the people of an agency sign in, and how their claims are read."""

    issuer: str
    client_id: str
    name: str
    person: Person
    scope: str = "openid profile"
    roles: Claim = field(default_factory=lambda: Claim(""))
    caseload: Claim = field(default_factory=lambda: Claim("", otherwise=OWN))
    teams: Claim = field(default_factory=lambda: Claim(""))


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a provider said of a person, in our words. `person` is the search that finds its Practitioner."""

    subject: str
    name: str
    person: tuple[str, str]
    roles: tuple[str, ...]
    caseload: str
    teams: tuple[str, ...]


def claimed(provider: Provider, claims: Mapping[str, Any]) -> Claimed:
    """A person's claims in our words.

    Raises:
        NotMapped: they do not say who it is.
    """
    who = _strings(_at(claims, provider.person.claim.split(".")))
    if len(who) != 1 or not who[0].strip():
        raise NotMapped(f"The claim '{provider.person.claim}' does not name one person.")
    name = claims.get("name") or claims.get("preferred_username") or who[0]
    return Claimed(
        subject=str(claims["sub"]),
        name=str(name),
        person=_search(provider.person, who[0].strip()),
        roles=provider.roles.of(claims),
        # Who belongs to several groups has the widest caseload of these.
        caseload=max(
            (each for each in provider.caseload.of(claims) if each in _RANK),
            key=_RANK.__getitem__,
            default=OWN,
        ),
        teams=provider.teams.of(claims),
    )


def _search(person: Person, value: str) -> tuple[str, str]:
    if person.identifier:
        # A bar, a comma or a backslash would say something to the search, and an identifier has none.
        if set(value) & set("|,\\$"):
            raise NotMapped(f"The claim '{person.claim}' holds no identifier.")
        return "identifier", f"{person.identifier}|{value}"
    type_, _, id_ = value.rpartition("Practitioner/")
    if type_ or not id_ or "/" in id_ or "," in id_:
        raise NotMapped(f"The claim '{person.claim}' does not refer to a Practitioner.")
    return "_id", id_


def _at(found: Any, path: Iterable[str]) -> Any:
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _strings(found: Any) -> tuple[str, ...]:
    several = found if isinstance(found, list) else [found]
    return tuple(str(each) for each in several if isinstance(each, str | int) and not isinstance(each, bool))


def fault(url: str) -> str | None:
    """Why a URL of a provider cannot be used, in a sentence: what goes there must not travel in the clear."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        return "It must begin with https://."
    return None if parts.hostname and not parts.fragment else "It must be a URL without a fragment."


def _safe(url: str) -> None:
    if told := fault(url):
        raise ValidationError(told)


def _mapping(to: validate.Validator) -> fields.Dict:
    return fields.Dict(fields.String(), fields.String(validate=to), load_default=None)


class _PersonSchema(Schema):
    claim = fields.String(required=True, validate=validate.Length(min=1))
    identifier = fields.String(load_default="", validate=validate.Regexp(r"([a-z]+:\S+)?\Z"))


class _RolesSchema(Schema):
    claim = fields.String(required=True, validate=validate.Length(min=1))
    values = _mapping(validate.NoneOf(["", *RESERVED]))
    otherwise = fields.String(load_default="", validate=validate.NoneOf(list(RESERVED)))


class _CaseloadSchema(_RolesSchema):
    values = _mapping(validate.OneOf(CASELOADS))
    otherwise = fields.String(
        load_default=OWN, validate=validate.OneOf([each for each in CASELOADS if each != ALL])
    )


class _TeamsSchema(_RolesSchema):
    values = _mapping(validate.Regexp(r"(Organization|CareTeam)/[A-Za-z0-9.-]{1,64}\Z"))


class ProviderSchema(Schema):
    """`idp` in a rights file."""

    issuer = fields.String(required=True, validate=_safe)
    clientId = fields.String(required=True, validate=validate.Length(min=1))  # noqa: N815
    name = fields.String(required=True, validate=validate.Length(min=1))
    scope = fields.String(load_default="openid profile", validate=validate.Regexp(r"openid( \S+)*\Z"))
    person = fields.Nested(_PersonSchema, required=True)
    roles = fields.Nested(_RolesSchema)
    caseload = fields.Nested(_CaseloadSchema)
    teams = fields.Nested(_TeamsSchema)

    @post_load
    def _provider(self, said: dict[str, Any], **_: Any) -> Provider:
        claims = {name: Claim(**said[name]) for name in ("roles", "caseload", "teams") if name in said}
        return Provider(
            issuer=said["issuer"].rstrip("/"),
            client_id=said["clientId"],
            name=said["name"],
            scope=said["scope"],
            person=Person(**said["person"]),
            **claims,
        )
