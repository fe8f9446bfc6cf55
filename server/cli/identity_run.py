"""What `childrecord identity` does once it is known what is asked."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from time import perf_counter

import msgspec

from server.child.likeness.lexicon import Frequency
from server.child.likeness.model import Model, model, read
from server.child.linkage import extract, report, truth
from server.child.linkage.cluster import Gathered, Pair
from server.child.linkage.examples import examples
from server.child.linkage.extract import Held
from server.child.linkage.learn import frequencies, learned
from server.child.linkage.link import gathered, weighed
from server.child.linkage.mapping import MappingError
from server.cli.say import step

_STEPS = [at / 2 for at in range(-20, 61)]
"""The thresholds that precision and recall are told for."""
_NAMES = ("given", "family")


def link(
    files: Sequence[Path], mappings: Sequence[Path], model: Path | None, memory: str, *, out: Path,
    truth: Path | None, backend: str,
) -> None:  # fmt: skip
    """`childrecord identity link`."""
    began = perf_counter()
    weights = _model(model)
    held = _read(files, mappings)
    children = [record.features for record in held]
    pairs = weighed(children, weights, backend, memory, step)
    found = gathered(children, weights, pairs)
    out.mkdir(parents=True, exist_ok=True)
    _pairs(out / "pairs.csv", held, found, weights)
    _clusters(out / "clusters.csv", held, found)
    told = _told(held, weights, pairs, found, truth, examples(children, weights, pairs, found))
    (out / "report.html").write_text(report.page(told), encoding="utf-8")
    step(f"{len(set(found.child)):,} children in {len(held):,} records, {len(found.open):,} pairs to decide.")
    if told.judged:
        step(
            f"Precision {told.judged.precision:.4%}, recall {told.judged.recall:.3%}, to decide "
            f"{told.judged.review:.2%} of the children, births of twins made one child {told.judged.twins}."
        )
    step(f"{out / 'report.html'}, after {perf_counter() - began:.0f} s.")


def train(
    files: Sequence[Path], mappings: Sequence[Path], model: Path | None, memory: str, out: Path, note: str
) -> None:
    """`childrecord identity train`."""
    held = _read(files, mappings)
    children = [record.features for record in held]
    source = note or f"{len(held):,} records of {', '.join(dict.fromkeys(record.source for record in held))}"
    shares = frequencies(children, source)
    trained = learned(children, _model(model).parameters, shares, memory, step)
    out.write_bytes(_json(msgspec.structs.replace(trained, trained=source)))
    for name in _NAMES:
        (out.parent / f"{name}.json").write_bytes(_json(shares[name]))
    step(f"{out}, with given.json and family.json beside it.")


def _model(path: Path | None) -> Model:
    """The shipped weights, or those of a file with the frequencies beside it."""
    if path is None:
        return model()
    beside = [path.parent / f"{name}.json" for name in _NAMES]
    shares = [
        msgspec.json.decode(each.read_bytes(), type=Frequency) if each.exists() else None for each in beside
    ]
    return read(path.read_bytes(), *shares)


def _read(files: Sequence[Path], mappings: Sequence[Path]) -> list[Held]:
    """All records; the mappings are given out to the CSV files in order."""
    given, held = iter(mappings), list[Held]()
    for path in files:
        plain = extract.is_ndjson(path)
        records = extract.read(path, None if plain else next(given, None))
        source = records[0].source if records else path.stem
        if any(record.source == source for record in held):
            raise MappingError(
                f"Two files are called '{source}': the source of each mapping must be its own."
            )
        step(f"{path}: {len(records):,} children of {source}.")
        held += records
    return held


def _pairs(path: Path, held: Sequence[Held], found: Gathered, weights: Model) -> None:
    def rows() -> Iterable[Sequence[object]]:
        for decided, pairs in (("same", found.same), ("review", found.open)):
            for pair in pairs:
                one, other = held[pair.a], held[pair.b]
                weight = round(pair.weight, 2)
                probability = round(1 / (1 + 2.0**-pair.weight), 6)
                yield (
                    decided,
                    one.source,
                    one.id,
                    other.source,
                    other.id,
                    weight,
                    probability,
                    weights.grade(pair.weight),
                )

    _csv(path, ("decided", "source_a", "id_a", "source_b", "id_b", "weight", "probability", "grade"), rows())


def _clusters(path: Path, held: Sequence[Held], found: Gathered) -> None:
    rows = sorted((child, record.source, record.id) for child, record in zip(found.child, held, strict=True))
    _csv(path, ("child", "source", "id"), rows)


def _told(
    held: Sequence[Held], weights: Model, pairs: Sequence[Pair], found: Gathered, known: Path | None,
    shown: Sequence[report.Example],
) -> report.Told:  # fmt: skip
    threshold = weights.parameters.threshold
    counts: dict[str, int] = {}
    for record in held:
        counts[record.source] = counts.get(record.source, 0) + 1
    true = truth.read(known, ((record.source, record.id) for record in held)) if known else None
    return report.Told(
        sources=list(counts.items()),
        facts=[("weights", weights.parameters.trained)],
        pairs=pairs,
        gathered=found,
        match=threshold.match,
        review=threshold.review,
        examples=shown,
        truth=true,
        judged=truth.judge(true, found) if true else None,
        points=truth.curve(true, pairs, _STEPS) if true else (),
    )


def _csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def _json(told: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(told), indent=1) + b"\n"
