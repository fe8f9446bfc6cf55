"""How a search was carried out: the plan in the terms of the query, its SQL, its rows, and what would help.

Only for whom the settings name: a plan counts rows that nobody is shown.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from server.store.database import Prepared

_BEGINS: Mapping[str, str] = {
    "rows": "a few rows, found by id, identifier, child, string or date, and sorted afterwards",
    "child": "one child, along an index in the order of the result",
    "facet": "the rarest code or reference that is listed across children, newest first",
    "merge": "several codes, references or children, each along its own index, merged",
    "prefix": "the strings that begin so, in their order",
    "sight": "the children in the caller's sight",
    "walk": "all resources of the type, newest first, within a budget",
}
_HELPS: Mapping[str, str] = {
    "walk": "A child (patient=…), an identifier, a code that is not everywhere, or a range of the date would "
    "be a better beginning. A code that profiles/facet.json leaves out has no index of its own.",
    "sight": "A child (patient=…) or an identifier would be a better beginning.",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One statement of a search: how it reads (`compile`), and from where (`drive`)."""

    type: str
    how: str
    kind: str
    shape: Hashable
    statement: Prepared
    values: Mapping[str, Any]


Watch = Callable[[Step], object]


def told(connection: Connection, step: Step, *, values: bool = True) -> str:
    """What one statement did, measured by doing it once more. `values`: with those that it was given."""
    plan, parameters = step.statement.explained(connection, **step.values)
    every = list(nodes(plan["Plan"]))
    indexes = sorted({node["Index Name"] for node in every if "Index Name" in node})
    given = (f"${at} {name} = {value}" for at, (name, value) in enumerate(parameters, 1))
    lines = [
        f"{step.type}, {step.how}: begins with {_BEGINS[step.kind]}.",
        f"Estimated rows {plan['Plan']['Plan Rows']}, true rows {plan['Plan']['Actual Rows']}, "
        f"rows read {sum(map(read, every))}.",
        f"It took {plan['Execution Time']} ms, and planning {plan['Planning Time']} ms.",
        f"Indexes: {', '.join(indexes) or 'none'}.",
        *([_HELPS[step.kind]] if step.kind in _HELPS else []),
        f"SQL: {step.statement.sql}",
        *([f"Parameters: {'; '.join(given)}"] if values else []),
    ]
    return "\n".join(lines)


def nodes(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A node of a plan and all below it."""
    yield node
    for each in node.get("Plans", ()):
        yield from nodes(each)


def read(node: Mapping[str, Any]) -> int:
    """Rows that a node took from a table or an index, those it then threw away included."""
    if "Scan" not in node["Node Type"] or "Relation Name" not in node:
        return 0
    thrown = sum(value for name, value in node.items() if name.startswith("Rows Removed"))
    return int((node["Actual Rows"] + thrown) * node["Actual Loops"])
