"""An agency's rights: a file that an information-governance officer can read, loaded whole or not at all.

`docs/access.md` tells what each part means.
"""

from collections import Counter
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import date
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from server.access.policy import MARK, REFUSE, Policy, policy
from server.access.provider import Provider, ProviderSchema
from server.access.right import RESERVED, Right, RightSchema, right
from server.settings import CannotStart

REVIEW = "review"
"""A new child who resembles a known one is stored, and people decide whether the two are one; to `REFUSE` it
is the other way."""


class NotReadable(CannotStart):
    """A rights file that cannot be understood: the server must not start."""


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """Who may break the glass, for which purposes (none: any), and for how many minutes, at most."""

    roles: tuple[str, ...]
    purposes: tuple[str, ...]
    minutes: int
    most: int


@dataclass(frozen=True, slots=True)
class Agency:
    """One party to the record. `number` names it in rows; `organization` is its Organization's reference.

    `version` is that of the file, which holds from the day `since` to the day `until`. `roles`: those that
    workers may have, in words. `idp`: the agency's own identity provider, as the file has it.
    `likeness`: what becomes of a new child who resembles a known one, `REVIEW` or `REFUSE`; none: it is not
    compared.
    """

    code: str
    name: str
    kind: str
    number: int
    authority: str
    organization: str
    rights: tuple[Right, ...]
    trace: bool = False
    traces_per_hour: int = 0
    marks_identifiers: bool = False
    likeness: str = ""
    integrity: bool = True
    demonstration: bool = False
    policy: Policy = field(default_factory=Policy)
    idp: Provider | None = None
    version: str = "1"
    since: date | None = None
    until: date | None = None
    roles: Mapping[str, str] = field(default_factory=dict)
    break_glass: BreakGlass | None = None
    memo: dict[Hashable, Any] = field(default_factory=dict, repr=False, compare=False)
    """What is worked out of its rights: it is right for as long as they are."""

    @property
    def dated(self) -> bool:
        """Whether anything here begins or ends on a day."""
        rights = any(each.since or each.until for each in self.rights)
        return rights or bool(self.since or self.until)

    def holding(self, roles: Collection[str], purpose: str | None, day: date) -> tuple[Right, ...]:
        """The rights of somebody with these roles, for this purpose, on this day."""
        if not (self.since or day) <= day <= (self.until or day):
            return ()
        return tuple(right for right in self.rights if right.holds(roles, purpose, day))


def _a_policy(said: Any) -> None:
    """`true` or `false`; `refuse` or `mark` for every profile; or which for which, `*` being the others."""
    given = said.values() if isinstance(said, dict) else (said,)
    if not (isinstance(said, bool) or (said != {} and all(each in (REFUSE, MARK) for each in given))):
        raise ValidationError("Not true, false, 'refuse', 'mark', nor an object of these two by profile.")


class _BreakGlassSchema(Schema):
    roles = fields.List(fields.String(), required=True, validate=validate.Length(min=1))
    purposes = fields.List(fields.String(), load_default=list)
    minutes = fields.Integer(validate=validate.Range(1, 1440), load_default=60)
    most = fields.Integer(validate=validate.Range(1, 1440), load_default=240)


class _AgencySchema(Schema):
    agency = fields.String(required=True, validate=validate.Regexp(r"[a-z0-9][a-z0-9-]{0,63}"))
    name = fields.String(required=True)
    kind = fields.String(required=True)
    authority = fields.String(required=True)
    organization = fields.String(required=True, validate=validate.Regexp(r"Organization/[A-Za-z0-9.-]{1,64}"))
    demonstration = fields.Boolean(load_default=False)
    gateway = fields.String(required=True)
    trace = fields.Boolean(load_default=False)
    tracesPerHour = fields.Integer(validate=validate.Range(0), load_default=60)  # noqa: N815
    identifiers = fields.String(validate=validate.OneOf(("refuse", "mark")), load_default="refuse")
    integrity = fields.Boolean(load_default=True)
    likeness = fields.Raw(validate=lambda said: said in (True, False, REVIEW, REFUSE), load_default=True)
    profiles = fields.Raw(validate=_a_policy, load_default=True)
    idp = fields.Nested(ProviderSchema, load_default=None)
    version = fields.String(validate=validate.Regexp(r"[\w.-]{1,40}"), load_default="")
    since = fields.Date(data_key="from", load_default=None)
    until = fields.Date(load_default=None)
    roles = fields.Dict(
        keys=fields.String(validate=validate.Regexp(r"[a-z][a-z0-9-]{0,39}")),
        values=fields.String(validate=validate.Length(min=1)),
        load_default=dict,
    )
    breakGlass = fields.Nested(_BreakGlassSchema, load_default=None)  # noqa: N815
    rights = fields.List(fields.Nested(RightSchema), required=True)

    @validates_schema
    def agrees_with_itself(self, data: dict[str, Any], **_: Any) -> None:
        """A role that is not explained, or a clause that is named twice, would be read in two ways."""
        if reserved := RESERVED & data["roles"].keys():
            raise ValidationError(f"{sorted(reserved)} mean something already.", "roles")
        known = RESERVED | data["roles"].keys()
        for given in (data["breakGlass"] or {}, *data["rights"]):
            if unknown := set(given.get("roles", ())) - known:
                raise ValidationError(f"{sorted(unknown)} are no roles that it explains.", "roles")
        names = Counter(right["name"] for right in data["rights"] if right["name"])
        if twice := [name for name, count in names.items() if count > 1]:
            raise ValidationError(f"{twice}: a clause has a name of its own.", "rights")
        glass = data["breakGlass"]
        if glass and glass["minutes"] > glass["most"]:
            raise ValidationError("It lasts no longer than it may at most.", "breakGlass")


def read(folder: Path) -> dict[str, dict[str, Any]]:
    """Every rights file of a folder, by agency code.

    Raises:
        NotReadable: a file that is not JSON, has an unknown or a missing part, or names its agency otherwise.
    """
    found: dict[str, dict[str, Any]] = {}
    for file in sorted(folder.glob("*.json")):
        content = _content(file)
        if content["agency"] != file.stem:
            raise NotReadable(
                f"{file.name} speaks of agency '{content['agency']}': file and agency must agree."
            )
        found[file.stem] = content
    return found


def of_file(file: Path, number: int) -> Agency:
    """The agency that one rights file speaks of, whatever the file is called.

    Raises:
        NotReadable: as `read`.
    """
    return _agency(_content(file), number)


def agencies(contents: Mapping[str, dict[str, Any]], numbers: Mapping[str, int]) -> dict[str, Agency]:
    """The agencies by code, from what `read` found and the numbers that the store knows them by."""
    return {code: _agency(content, numbers[code]) for code, content in contents.items()}


def _content(file: Path) -> dict[str, Any]:
    try:
        content = file.read_bytes()
        read = dict(_AgencySchema().load(msgspec.json.decode(content)))
        # Who gives a version no name can tell it from others all the same.
        return read | {"version": read["version"] or blake2b(content, digest_size=6).hexdigest()}
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotReadable(f"{file.name} is not JSON: {error}.") from error
    except ValidationError as error:
        raise NotReadable(f"{file.name} cannot be read: {error.messages}.") from error


def _agency(content: dict[str, Any], number: int) -> Agency:
    return Agency(
        code=content["agency"],
        name=content["name"],
        kind=content["kind"],
        number=number,
        authority=content["authority"],
        organization=content["organization"],
        rights=tuple(right(each, f"#{place}") for place, each in enumerate(content["rights"], 1)),
        trace=content["trace"],
        traces_per_hour=content["tracesPerHour"],
        marks_identifiers=content["identifiers"] == "mark",
        likeness=_likeness(content["likeness"]),
        integrity=content["integrity"],
        demonstration=content["demonstration"],
        policy=policy(content["profiles"]),
        idp=content["idp"],
        version=content["version"],
        since=content["since"],
        until=content["until"],
        roles=dict(content["roles"]),
        break_glass=_break_glass(content["breakGlass"]),
    )


def _likeness(said: bool | str) -> str:
    return said if isinstance(said, str) else REVIEW if said else ""


def _break_glass(content: dict[str, Any] | None) -> BreakGlass | None:
    if content is None:
        return None
    roles, purposes = tuple(content["roles"]), tuple(content["purposes"])
    return BreakGlass(roles, purposes, content["minutes"], content["most"])
