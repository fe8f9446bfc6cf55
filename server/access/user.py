"""Who is behind a token, where somebody is: a worker of the agency, a parent, a young person."""

from dataclasses import dataclass

OWN, TEAM, ALL = CASELOADS = ("own", "team", "all")
"""With whom a worker works: with own children; with those of the teams too; with all of the agency."""

WORKER, FAMILY, CHILD = "Practitioner", "RelatedPerson", "Patient"


@dataclass(frozen=True, slots=True)
class User:
    """A person who signed in. `id`: of the account. `reference`: fhirUser, who the person is in the record;
    `references`: further RelatedPersons that are the same person, each of another child. `roles`: in the
    agency, as its rights name them. `teams`: Organizations and CareTeams, as references."""

    id: str
    reference: str
    name: str
    roles: tuple[str, ...]
    caseload: str
    teams: tuple[str, ...] = ()
    references: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """Which type of resource stands for the person."""
        return self.reference.partition("/")[0]

    @property
    def is_family(self) -> bool:
        """Whether the record is about the person: a child, or the family of one."""
        return self.kind in (FAMILY, CHILD)

    @property
    def own(self) -> tuple[str, ...]:
        """The references by which the person may be named in a resource."""
        return tuple(dict.fromkeys((self.reference, *self.references)))
