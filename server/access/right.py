"""A right: what may be done with which resources of which children, by whom, what for and until when.

`docs/access.md` tells what each part means.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from server.access.user import CHILD, FAMILY

ALL, INVOLVED, OWN = CHILDREN = ("all", "involved", "own")
"""Of which children: of all; with whom the agency works; with whom the user works, or whom the user is."""

SYSTEM = "system"
"""The role of a client that nobody signed in to."""

PRIVATE = {FAMILY: "family", CHILD: "child"}
"""The role of a user whom the record is about, by what stands for the user: no claim gives it to another."""

RESERVED = frozenset({SYSTEM, *PRIVATE.values()})

CONSENT = "consent"

ADULT = 18


@dataclass(frozen=True, slots=True)
class Right:
    """What may be done with which resources of which children.

    `name`: its clause. `roles`: none means every worker, and every system. `purposes`: none means any. It
    holds from the day `since` to the day `until`, both included. `ages`: from the first, before the second
    birthday. `hidden` and `read_only`: paths of elements. `operations`: those it opens beside its
    interactions. `requires`: "consent", where the family's agreement is the basis.
    """

    types: tuple[str, ...]
    interactions: str
    criteria: tuple[str, ...] = ()
    children: str = INVOLVED
    months_after: int = 0
    degree: str = "content"
    change: str = OWN
    name: str = ""
    roles: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    ages: tuple[int, int] | None = None
    hidden: tuple[str, ...] = ()
    read_only: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    requires: str = ""
    unseals: bool = False
    gateway: str = ""
    basis: str = ""

    def speaks_of(self, type_: str) -> bool:
        """Whether it is about this type at all."""
        return type_ in self.types or "*" in self.types

    def grants(self, type_: str, letter: str) -> bool:
        """Whether it speaks of this interaction with this type at all."""
        return letter in self.interactions and self.speaks_of(type_)

    def holds(self, roles: Collection[str], purpose: str | None, day: date) -> bool:
        """Whether it is a right of somebody with these roles, for this purpose, on this day."""
        return (
            self._is_of(roles)
            and (not self.purposes or purpose in self.purposes)
            and (self.since or day) <= day <= (self.until or day)
        )

    def _is_of(self, roles: Collection[str]) -> bool:
        # What is said of nobody in particular is said of those who work here, never of families.
        return (
            not set(self.roles).isdisjoint(roles) if self.roles else set(PRIVATE.values()).isdisjoint(roles)
        )


class _AgesSchema(Schema):
    since = fields.Integer(data_key="from", validate=validate.Range(0, ADULT), load_default=0)
    until = fields.Integer(validate=validate.Range(1, 120), load_default=ADULT)


_words = fields.String(validate=validate.Length(min=1))
_path = fields.String(
    validate=validate.Regexp(r"[a-zA-Z]\w*(\('[^'\s]+'\))?(\.[a-zA-Z]\w*(\('[^'\s]+'\))?)*")
)


class RightSchema(Schema):
    """A right as the file has it."""

    types = fields.List(fields.String(validate=validate.Regexp(r"\*|[A-Z][A-Za-z]+")), required=True,
                        validate=validate.Length(min=1))  # fmt: skip
    interactions = fields.String(validate=validate.Regexp(r"c?r?u?d?s?\Z"), load_default="")
    criteria = fields.List(fields.String(validate=validate.Length(min=3)), load_default=list)
    children = fields.String(validate=validate.OneOf(CHILDREN), load_default=INVOLVED)
    monthsAfter = fields.Integer(validate=validate.Range(0, 1200), load_default=0)  # noqa: N815
    degree = fields.String(validate=validate.OneOf(("content", "existence")), load_default="content")
    change = fields.String(validate=validate.OneOf(("own", "any")), load_default="own")
    name = fields.String(validate=validate.Regexp(r"[\w .,:;()/&'-]{1,80}"), load_default="")
    roles = fields.List(_words, validate=validate.Length(min=1), load_default=list)
    purposes = fields.List(_words, validate=validate.Length(min=1), load_default=list)
    since = fields.Date(data_key="from", load_default=None)
    until = fields.Date(load_default=None)
    ages = fields.Nested(_AgesSchema, load_default=None)
    hidden = fields.List(_path, load_default=list)
    readOnly = fields.List(_path, load_default=list)  # noqa: N815
    operations = fields.List(fields.String(validate=validate.Regexp(r"[a-z][a-z-]*")), load_default=list)
    requires = fields.String(validate=validate.OneOf((CONSENT,)), load_default="")
    unseals = fields.Boolean(load_default=False)
    gateway = fields.String(load_default="")
    basis = fields.String(load_default="")
    note = fields.String()

    @validates_schema
    def means_something(self, data: dict[str, Any], **_: Any) -> None:
        """A right that gives nothing, or to families what is for workers, was not meant so."""
        if not (data["interactions"] or data["operations"]):
            raise ValidationError("It gives nothing: name interactions or operations.", "interactions")
        private = set(data["roles"]) & set(PRIVATE.values())
        if private and set(data["roles"]) != private:
            raise ValidationError("Families' rights are theirs alone: workers have others.", "roles")
        if private and not set(data["interactions"]) <= set("rs"):
            raise ValidationError("Families read and search; they change nothing here.", "interactions")
        if data["children"] == OWN and SYSTEM in data["roles"]:
            raise ValidationError("A system has no children of its own.", "children")


def right(content: dict[str, Any], name: str) -> Right:
    """From what the schema read; `name` is for a right that has none."""
    ages = content["ages"]
    return Right(
        types=tuple(content["types"]),
        interactions=content["interactions"],
        criteria=tuple(content["criteria"]),
        children=content["children"],
        months_after=content["monthsAfter"],
        degree=content["degree"],
        change=content["change"],
        name=content["name"] or name,
        roles=tuple(content["roles"]),
        purposes=tuple(content["purposes"]),
        since=content["since"],
        until=content["until"],
        ages=(ages["since"], ages["until"]) if ages else None,
        hidden=tuple(content["hidden"]),
        read_only=tuple(content["readOnly"]),
        operations=tuple(content["operations"]),
        requires=content["requires"],
        unseals=content["unseals"],
        gateway=content["gateway"],
        basis=content["basis"],
    )
