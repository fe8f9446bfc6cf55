"""What typical invariants cost, in microseconds each: a table in Markdown. `python bench/fhirpath.py`"""

import timeit
from time import process_time
from typing import Any

from server.definition.library import library
from server.fhir.fhirpath import Environment, compile

Json = dict[str, Any]

OBSERVATION: Json = {
    "resourceType": "Observation",
    "status": "final",
    "category": [{"coding": [{"system": "urn:category", "code": "attendance"}]}],
    "code": {"coding": [{"system": "urn:code", "code": "session"}]},
    "subject": {"reference": "Patient/1"},
    "effectiveDateTime": "2024-05-01T09:00:00+01:00",
    "valueCodeableConcept": {"coding": [{"system": "urn:mark", "code": "N"}]},
    "component": [{"code": {"coding": [{"system": "urn:code", "code": "minutes"}]}, "valueInteger": 5}],
}
CASES: tuple[tuple[str, str, Json], ...] = (
    ("Observation", "dataAbsentReason.empty() or value.empty()", OBSERVATION),
    ("ContactPoint", "value.empty() or system.exists()", {"system": "phone", "value": "1"}),
    ("Extension", "extension.exists() != value.exists()", {"url": "urn:e", "valueString": "a"}),
    ("Observation", "status in ('final' | 'amended')", OBSERVATION),
    ("Observation", "contained.contained.empty()", OBSERVATION),
    (
        "Period",
        "start.hasValue().not() or end.hasValue().not() or (start <= end)",
        {"start": "2024-01-01", "end": "2024-02-01"},
    ),
    (
        "Reference",
        "reference.startsWith('#').not() or "
        "(reference.substring(1).trace('url') in %rootResource.contained.id.trace('ids'))",
        {"reference": "Patient/1"},
    ),
    ("Observation", "category.coding.exists(system = 'urn:category' and code = 'attendance')", OBSERVATION),
    ("Observation", "component.all(value.exists() or dataAbsentReason.exists())", OBSERVATION),
    ("Observation", "subject.resolve() is Patient", OBSERVATION),
    ("Observation", "value.coding.code.first() != 'H' or note.exists()", OBSERVATION),
    ("Observation", "effective.ofType(dateTime) <= today()", OBSERVATION),
    (
        "Observation",
        "value.empty() or component.code.where(coding.intersect(%resource.code.coding).exists()).empty()",
        OBSERVATION,
    ),
)


def main() -> None:
    environment = Environment(resource=OBSERVATION)
    print("| of a | invariant | µs |\n|---|---|---|")
    for type, text, node in CASES:
        expression = compile(text, type, library().children)
        runs = timeit.repeat(
            lambda: expression.holds(node, environment), timer=process_time, number=10_000, repeat=7
        )
        written = text.replace("|", "\\|")
        print(f"| {type} | `{written}` | {min(runs) * 100:.2f} |")


if __name__ == "__main__":
    main()
