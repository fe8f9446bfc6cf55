"""A child of the demonstration: the facts that its records are written from."""

from dataclasses import dataclass
from datetime import date
from random import Random

from server.child.demonstration import number
from server.child.demonstration.agencies import Agency
from server.child.demonstration.households import Household

SEED = 20260902

_SOCIAL_CARE = ("looked-after", "was-looked-after", "child-protection", "child-in-need", "referral")


@dataclass(frozen=True, slots=True)
class Child:
    """`setting` is the school or early-years setting on whose roll the child is since `entry`.

    `circumstance` says what the services are in touch about, `attendance` what the register looks like, and
    `story` is set for the children of docs/stories.md, whose Patient has it as its id.
    """

    serial: int
    household: Household
    sex: str
    given: str
    middle: str
    birth: date
    year_group: int
    unborn: bool = False
    upn: str = ""
    uln: str = ""
    setting: Agency | None = None
    entry: date | None = None
    left: date | None = None
    sen: str = "N"
    sen_type: str = ""
    circumstance: str = ""
    attendance: str = "good"
    suspensions: int = 0
    missing: int = 0
    injuries: int = 0
    restricted: str = ""
    story: str = ""

    @property
    def key(self) -> str:
        return self.story or f"child-{self.serial:03d}"

    @property
    def family(self) -> str:
        return self.household.family

    @property
    def authority(self) -> str:
        return self.household.authority

    @property
    def on_roll(self) -> bool:
        return self.setting is not None and self.left is None

    @property
    def known_to_social_care(self) -> bool:
        return self.circumstance in _SOCIAL_CARE

    @property
    def nhs_number(self) -> str:
        return "" if self.unborn else number.nhs_number(self.serial)

    @property
    def local_id(self) -> str:
        """The child's id in the social care system of its authority."""
        return f"{self.serial + 100_000}"

    def dice(self, about: str) -> Random:
        """Dice of the child's own for each matter: what is added later changes nothing drawn before."""
        return Random(f"{SEED}/{self.key}/{about}")  # noqa: S311 - the same every time is the point
