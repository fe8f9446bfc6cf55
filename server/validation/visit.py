"""Where in a resource a validation stands: what every check is handed beside the value that it checks."""

from collections.abc import Callable
from typing import Any

from server.fhir import Json
from server.fhir.fhirpath import Environment
from server.validation.context import Context


class Visit:
    """One resource on its way through the checks.

    `outer` is the visit of the resource that this one stands in: its container if it is `contained`, else the
    Bundle, or Parameters, that carries it. `claims` are the profiles that were asked for beside those of its
    own `meta`. `sound`: everything in it has the kind of JSON that it should have. `identified`: some of its
    elements have ids. `entries`: those of a
    Bundle by what references call them, kept by whoever needs them first. `conformity`: which resources met
    which profiles, of this visit and all that it led to; each is kept beside its answer, or another could be
    given its place in memory.
    """

    __slots__ = (
        "_environment",
        "_world",
        "claims",
        "conformity",
        "contained",
        "context",
        "entries",
        "identified",
        "outer",
        "resource",
        "sound",
    )

    def __init__(
        self,
        resource: Json,
        context: Context,
        world: "Callable[[Visit], Environment]",
        claims: tuple[str, ...] = (),
    ) -> None:
        self.resource = resource
        self.context = context
        self.claims = claims
        self.outer: Visit | None = None
        self.contained = False
        self.sound = True
        self.identified = False
        self.entries: dict[str, Any] | None = None
        self.conformity: dict[tuple[int, str], tuple[bool, Any]] = {}
        self._world = world
        self._environment: Environment | None = None

    @property
    def carries(self) -> bool:
        """Whether its values are for another resource, as those of a patch are: what they are good for is
        known there."""
        return self.resource.get("resourceType") == "Parameters"

    @property
    def environment(self) -> Environment:
        """What the invariants of the resource may ask; most resources have some, few ask much."""
        if self._environment is None:
            self._environment = self._world(self)
        return self._environment

    @property
    def container(self) -> "Visit":
        """The visit of the resource that references with nothing but a fragment speak of."""
        return self.outer if self.contained and self.outer is not None else self

    @property
    def root(self) -> Json:
        """`%rootResource`: the container of a contained resource, else the resource itself."""
        return self.container.resource

    def inside(self, resource: Json, *, contained: bool = False) -> "Visit":
        """The visit of a resource that stands in this one."""
        visit = self.beyond(resource)
        visit.outer = self
        visit.contained = contained
        return visit

    def beyond(self, resource: Json) -> "Visit":
        """The visit of a resource that a reference leads to, outside of all that is validated."""
        visit = Visit(resource, self.context, self._world)
        visit.conformity = self.conformity
        return visit
