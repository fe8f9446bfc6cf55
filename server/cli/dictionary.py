"""`childrecord dictionary`: make what the bodies of resources are compressed with."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import click

from server import clock
from server.cli.say import step
from server.definition.folder import profiles
from server.fhir import Json, json
from server.fhir.meta import stamped
from server.store import dictionary as known
from server.store.opening import unopened

_OWN = ("example", "example/rule")
_MOST_OF_A_TYPE = 150
_LONGEST = 20_000
"""What there is most of leaves no room for the rest, and what is long repeats itself."""

_URN = re.compile(r"urn:uuid:[0-9a-f-]{36}")
_CONDITIONAL = re.compile(r'(?<="reference":")(\w+)\?[^"]*')


@click.group()
def dictionary() -> None:
    """What the bodies of resources are compressed with."""


@dictionary.command()
@click.argument("folders", nargs=-1, type=click.Path(exists=True, file_okay=False, path_type=Path))
def build(folders: tuple[Path, ...]) -> None:
    """Make the next dictionary, of the demonstration, our own examples, and the JSON files in FOLDERS.

    A dictionary that was ever released is never changed or taken away: there may be bodies that need it.
    """
    number = max(known.shipped(), default=0) + 1
    if number > known.MOST:
        raise click.ClickException(f"There are {known.MOST} dictionaries, and there can be no more.")
    samples = list(_samples([*(profiles() / name for name in _OWN), *folders]))
    target = known.folder() / f"{number}.dict"
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(known.trained(samples, number))
    step(f"Dictionary {number}, made of {len(samples):,} resources, written to {target}.")


def _samples(folders: Iterable[Path]) -> Iterator[bytes]:
    """Bodies as they are compressed, of no type more than some, from all over the demonstration."""
    by_type: dict[str, list[str]] = defaultdict(list)
    for resource, text in (*_demonstration(), *_examples(folders)):
        if len(text) <= _LONGEST:
            by_type[resource["resourceType"]].append(text)
    for texts in by_type.values():
        yield from (text.encode() for text in texts[:: len(texts) // _MOST_OF_A_TYPE + 1])


def _demonstration() -> Iterator[tuple[Json, str]]:
    from server.child.demonstration.batches import batches

    for _, bundle in batches(clock.now().date()):
        types = {each["fullUrl"]: each["resource"]["resourceType"] for each in _posted(bundle)}
        for entry in bundle["entry"]:
            yield entry["resource"], _resolved(_kept(entry["resource"]), types)


def _posted(bundle: Json) -> Sequence[Json]:
    return [entry for entry in bundle["entry"] if "fullUrl" in entry]


def _examples(folders: Iterable[Path]) -> Iterator[tuple[Json, str]]:
    for file in sorted(file for folder in folders for file in folder.glob("*.json")):
        resource = json.decode(file.read_bytes())
        if isinstance(resource, dict) and isinstance(resource.get("resourceType"), str):
            yield resource, _kept(resource)


def _kept(resource: Json) -> str:
    id_, at = resource.get("id", clock.new_id()), clock.now()
    return unopened(json.encode(stamped(resource, id_, 1, at)).decode(), id_, 1, at)


def _resolved(text: str, types: Mapping[str, str]) -> str:
    """With the references that the store makes of those of a transaction: to ids that no other has."""
    text = _URN.sub(lambda urn: f"{types[urn[0]]}/{clock.new_id()}" if urn[0] in types else urn[0], text)
    return _CONDITIONAL.sub(lambda found: f"{found[1]}/{clock.new_id()}", text)
