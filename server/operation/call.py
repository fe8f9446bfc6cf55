"""A call of an operation: on what, with which values, and what comes of it.

https://hl7.org/fhir/R4/operations.html
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from server.definition.operation import Operation
from server.fhir.exchange import FhirRequest, FhirResponse
from server.record.record import Record

Route = Callable[[FhirRequest, Record], FhirResponse]


@dataclass(frozen=True, slots=True)
class Call:
    """`values`: what each parameter was given. `route` answers a request inside the same transaction."""

    request: FhirRequest
    operation: Operation
    values: Mapping[str, tuple[Any, ...]]
    route: Route
    type: str | None = None
    id: str | None = None
    vid: str | None = None

    def one(self, name: str) -> Any:
        """The value of a parameter, None where it was not given."""
        return next(iter(self.values.get(name, ())), None)

    def every(self, name: str) -> tuple[Any, ...]:
        """The values of a parameter that repeats."""
        return self.values.get(name, ())


@dataclass(frozen=True, slots=True)
class Result:
    """What an operation gives back, by the names of its definition."""

    values: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


Function = Callable[[Call, Record], Result | FhirResponse]
"""An operation whose answer is put together from stored text answers for itself."""
