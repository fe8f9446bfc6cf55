"""What it costs to validate each of our examples, in microseconds: a table. `python bench/validation.py`"""

import statistics
import timeit
from pathlib import Path
from time import process_time

from server.fhir.json import decode
from server.validation.validate import validate

EXAMPLES = Path(__file__).parents[1] / "profiles" / "example"
PROFILES = "https://w3id.org/single-child-record/StructureDefinition"


def main() -> None:
    print("| example | type alone | with its profile |\n|---|---:|---:|")
    for path in sorted(EXAMPLES.glob("*.json")):
        resource = decode(path.read_bytes())
        profile = f"{PROFILES}/{path.stem.partition('-')[0]}"
        alone, with_profile = (
            statistics.median(
                timeit.repeat(
                    lambda claims=claims: validate(resource, claims),  # type: ignore[misc]
                    timer=process_time,
                    number=200,
                    repeat=5,
                )
            )
            / 200
            * 1e6
            for claims in ((), (profile,))
        )
        print(f"| {path.stem} | {alone:.0f} | {with_profile:.0f} |")


if __name__ == "__main__":
    main()
