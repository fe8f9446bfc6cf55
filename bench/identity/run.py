"""`make identity`: judges the comparison on authorities that no weight was fitted to, and rewrites docs/identity.md's figures.

The page has a part between two marks that belongs to this command; the drawings are beside it.
"""

import argparse
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from tempfile import TemporaryDirectory
from time import perf_counter, sleep

import judge
import psutil
from extract import SYSTEMS, write
from judge import Outcome

from server.child.likeness.model import Model, model, read
from server.child.linkage import chart

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "identity.md"
DRAWING = ROOT / "docs" / "identity-{}.svg"
BEGIN, END = "<!-- figures: make identity -->", "<!-- end of figures -->"
SEEDS = (21, 22, 23)
"""Seed 101 trained the weights; 1, 7, 11, 12, 13 were looked at while the comparisons were made, and 31 and 32
with nothing but twins in them: none of them is judged on."""
_STYLE = (
    "<style>text{font:12px sans-serif;fill:#333}polyline{fill:none;stroke-width:2}polyline.same{stroke:#00703c}"
    "polyline.other{stroke:#b58840}text.same{fill:#00703c}text.other{fill:#b58840}.axis{stroke:#333}.grid{stroke:#ddd}"
    ".mark{stroke:#333;stroke-dasharray:3 3}</style>"
)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--children", type=int, default=100_000)
    asked.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    asked.add_argument("--model", type=Path, help="Other weights than the shipped.")
    asked.add_argument("--page", type=Path, default=PAGE)
    told = asked.parse_args()
    weights = read(told.model.read_bytes()) if told.model else model()
    rows, drawn = [], False
    with TemporaryDirectory() as temporary:
        for seed in told.seeds:
            folder = Path(temporary) / str(seed)
            write(folder, told.children, seed)
            for name, outcome in (
                ("the record's comparison", judge.ours(folder, weights)),
                ("Splink's defaults", judge.theirs(folder, weights)),
            ):
                rows.append(_row(seed, name, outcome))
                print(rows[-1], flush=True)
                if not drawn:
                    _draw(
                        DRAWING.with_name(DRAWING.name.format("defaults" if "Splink" in name else "curve")),
                        outcome,
                        weights,
                    )
            drawn = True
            rows.append(_linked(folder, seed))
            print(rows[-1], flush=True)
            _rewrite(told.page, told.children, rows, weights)


def _row(seed: int, name: str, outcome: Outcome) -> str:
    judged = outcome.judged
    return (
        f"| {seed} | {name} | {judged.precision:.4%} | {judged.recall:.2%} | {judged.review:.2%} | {judged.twins} "
        f"| {outcome.seconds:.0f} s | | |"
    )


def _linked(folder: Path, seed: int) -> str:
    """`childrecord identity link` as a process of its own: its time, that of the processors, and the memory of it and
    of those it starts."""
    files = [str(folder / f"{system}.csv") for system in SYSTEMS]
    command = [
        sys.executable,
        "-m",
        "server.cli.main",
        "identity",
        "link",
        *files,
        "--truth",
        str(folder / "truth.csv"),
    ]
    began, most, used = perf_counter(), 0, _processors()
    running = subprocess.Popen(
        [*command, "--out", str(folder / "linked")], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    while running.poll() is None:
        most = max(most, _memory(psutil.Process(running.pid)))
        sleep(0.5)
    seconds = perf_counter() - began
    told = running.stdout.read() if running.stdout else ""
    found = re.search(r"Precision ([\d.]+%), recall ([\d.]+%), to decide ([\d.]+%).*child (\d+)", told)
    assert found, told
    return (
        f"| {seed} | `childrecord identity link` | {found[1]} | {found[2]} | {found[3]} | {found[4]} "
        f"| {seconds:.0f} s | {_processors() - used:.0f} s | {most / 1e9:.1f} GB |"
    )


def _processors() -> float:
    """What the processes have used that this one has waited for, and theirs."""
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _memory(process: psutil.Process) -> int:
    """What the processes have between them; what they share is counted once."""
    total = 0
    for each in (process, *process.children(recursive=True)):
        with suppress(psutil.Error):
            total += each.memory_full_info().pss
    return total


def _draw(path: Path, outcome: Outcome, weights: Model) -> None:
    threshold = weights.parameters.threshold
    lines = [
        chart.Line("precision", "same", [(point.threshold, point.precision) for point in outcome.points]),
        chart.Line("recall", "other", [(point.threshold, point.recall) for point in outcome.points]),
    ]
    marks = (("review", threshold.review), ("match", threshold.match))
    drawn = chart.curves(lines, "threshold, bits", 0.8, marks)
    path.write_text(
        drawn.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1).replace(">", f">{_STYLE}", 1)
        + "\n"
    )


def _rewrite(page: Path, children: int, rows: list[str], weights: Model) -> None:
    threshold = weights.parameters.threshold
    figures = "\n".join(
        [
            BEGIN,
            f"{children:,} children; a match from {threshold.match:g} bits, a review from {threshold.review:g}. "
            f"Weights: {weights.parameters.trained}",
            "",
            "| seed | | precision | recall | left to people, of children | twins made one | time | of processors | memory |",
            "|---|---|---|---|---|---|---|---|---|",
            *rows,
            "",
            "![Precision and recall of the record's comparison](identity-curve.svg)",
            "",
            "The same of Splink's defaults:",
            "",
            "![Precision and recall of Splink's defaults](identity-defaults.svg)",
            END,
        ]
    )
    text = page.read_text() if page.exists() else f"# Identity\n\n{BEGIN}\n{END}\n"
    before, _, rest = text.partition(BEGIN)
    page.write_text(before + figures + rest.partition(END)[2])


if __name__ == "__main__":
    main()
