"""What becomes of a resource that breaks a rule of a profile: the agreement with its agency says, for each.

`docs/access.md` has it in words.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

REFUSE, MARK = "refuse", "mark"
OTHERS = "*"
"""Stands for every profile that is not named."""

_OURS = "https://w3id.org/single-child-record/StructureDefinition/"


@dataclass(frozen=True, slots=True)
class Policy:
    """`applied`: whether a resource has to keep the domain's profiles, though it does not name them.

    `others` holds for each profile that `named` says nothing of. What R4 says of a type is never up to this.
    """

    applied: bool = True
    others: str = REFUSE
    named: Mapping[str, str] = field(default_factory=dict)

    def marks(self, profile: str) -> bool:
        """Whether what breaks a rule of this profile is accepted, and marked."""
        return self.named.get(profile.partition("|")[0], self.others) == MARK

    def of_imports(self) -> "Policy":
        """The policy for what a file brings: what has happened cannot be refused, only be corrected."""
        return Policy(applied=self.applied, others=MARK)


def policy(said: bool | str | Mapping[str, str]) -> Policy:
    """The policy that `profiles` of a rights file speaks of."""
    match said:
        case bool():
            return Policy(applied=said)
        case str():
            return Policy(others=said)
    named = {canonical(name): what for name, what in said.items() if name != OTHERS}
    return Policy(others=said.get(OTHERS, REFUSE), named=named)


def canonical(name: str) -> str:
    """The canonical of a profile; ours may go by their bare names."""
    return name if ":" in name else f"{_OURS}{name}"
