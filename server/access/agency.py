"""An agency's rights: a file that an information-governance officer can read, loaded whole or not at all.

`docs/access.md` tells what each part means.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from marshmallow import Schema, ValidationError, fields, validate

from server.access.policy import MARK, REFUSE, Policy, policy
from server.settings import CannotStart


class NotReadable(CannotStart):
    """A rights file that cannot be understood: the server must not start."""


@dataclass(frozen=True, slots=True)
class Right:
    """What may be done with which resources of which children."""

    types: tuple[str, ...]
    interactions: str
    criteria: tuple[str, ...] = ()
    children: str = "involved"
    months_after: int = 0
    degree: str = "content"
    change: str = "own"

    def grants(self, type_: str, letter: str) -> bool:
        """Whether it speaks of this interaction with this type at all."""
        return letter in self.interactions and (type_ in self.types or "*" in self.types)


@dataclass(frozen=True, slots=True)
class Agency:
    """One party to the record. `number` names it in rows; `organization` is its Organization's reference."""

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
    integrity: bool = True
    demonstration: bool = False
    policy: Policy = field(default_factory=Policy)


def _a_policy(said: Any) -> None:
    """`true` or `false`; `refuse` or `mark` for every profile; or which for which, `*` being the others."""
    given = said.values() if isinstance(said, dict) else (said,)
    if not (isinstance(said, bool) or (said != {} and all(each in (REFUSE, MARK) for each in given))):
        raise ValidationError("Not true, false, 'refuse', 'mark', nor an object of these two by profile.")


class _RightSchema(Schema):
    types = fields.List(fields.String(validate=validate.Regexp(r"\*|[A-Z][A-Za-z]+")), required=True,
                        validate=validate.Length(min=1))  # fmt: skip
    interactions = fields.String(required=True, validate=validate.Regexp(r"(?=.)c?r?u?d?s?\Z"))
    criteria = fields.List(fields.String(validate=validate.Length(min=3)), load_default=list)
    children = fields.String(validate=validate.OneOf(("all", "involved")), load_default="involved")
    monthsAfter = fields.Integer(validate=validate.Range(0, 1200), load_default=0)  # noqa: N815
    degree = fields.String(validate=validate.OneOf(("content", "existence")), load_default="content")
    change = fields.String(validate=validate.OneOf(("own", "any")), load_default="own")
    note = fields.String()


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
    likeness = fields.Boolean(load_default=True)
    profiles = fields.Raw(validate=_a_policy, load_default=True)
    rights = fields.List(fields.Nested(_RightSchema), required=True)


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


def agencies(contents: Mapping[str, dict[str, Any]], numbers: Mapping[str, int]) -> dict[str, Agency]:
    """The agencies by code, from what `read` found and the numbers that the store knows them by."""
    return {code: _agency(content, numbers[code]) for code, content in contents.items()}


def _content(file: Path) -> dict[str, Any]:
    try:
        return dict(_AgencySchema().load(msgspec.json.decode(file.read_bytes())))
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
        rights=tuple(_right(right) for right in content["rights"]),
        trace=content["trace"],
        traces_per_hour=content["tracesPerHour"],
        marks_identifiers=content["identifiers"] == "mark",
        integrity=content["integrity"],
        demonstration=content["demonstration"],
        policy=policy(content["profiles"]),
    )


def _right(right: dict[str, Any]) -> Right:
    return Right(
        types=tuple(right["types"]),
        interactions=right["interactions"],
        criteria=tuple(right["criteria"]),
        children=right["children"],
        months_after=right["monthsAfter"],
        degree=right["degree"],
        change=right["change"],
    )
