"""The report of a linkage: one HTML page, with its charts in it, that fetches nothing and names no child."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import floor

from server.child.linkage import chart
from server.child.linkage.cluster import Gathered, Pair
from server.child.linkage.truth import Judged, Point, Truth

_BIN = 1.0
_LOWEST, _HIGHEST = -20.0, 60.0
_STYLE = """
:root{color-scheme:light dark;--ink:#1d2327;--paper:#fff;--same:#00703c;--other:#b58840;--grid:#dcdfe1}
@media(prefers-color-scheme:dark){:root{--ink:#e8eaec;--paper:#15181a;--same:#4cb584;--other:#d0a561;--grid:#373c40}}
body{font:16px/1.5
system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:760px;margin:2rem auto;
padding:0 1rem}h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2.5rem}table{border-collapse:collapse}
td,th{padding:.2rem .9rem .2rem 0;text-align:left;border-bottom:1px solid var(--grid)}
td.n{text-align:right;font-variant-numeric:tabular-nums}svg{width:100%;height:auto}svg
text{font-size:12px;fill:var(--ink)}
rect.same,text.same{fill:var(--same)}rect.other,text.other{fill:var(--other)}
polyline{fill:none;stroke-width:2}polyline.same{stroke:var(--same)}polyline.other{stroke:var(--other)}
svg text.same{fill:var(--same)}svg text.other{fill:var(--other)}
.axis{stroke:var(--ink)}.grid{stroke:var(--grid)}.mark{stroke:var(--ink);stroke-dasharray:3 3}
"""


@dataclass(frozen=True)
class Example:
    """A pair taken apart: who, why it is shown, and what each comparison gave."""

    title: str
    bars: Sequence[chart.Bar]


@dataclass(frozen=True)
class Told:
    """All that the page says."""

    sources: Sequence[tuple[str, int]]
    facts: Sequence[tuple[str, str]]
    pairs: Sequence[Pair]
    gathered: Gathered
    match: float
    review: float
    examples: Sequence[Example]
    truth: Truth | None = None
    judged: Judged | None = None
    points: Sequence[Point] = ()


def page(told: Told) -> str:
    marks = (("review", told.review), ("match", told.match))
    parts = [
        "<h1>Which records are of one child</h1>",
        _table([*((f"records of {source}", f"{count:,}") for source, count in told.sources), *_found(told)]),
        "<h2>Match weights</h2><p>How many pairs have which weight, on a scale of tens. Above "
        "<em>match</em> a pair is one child; between <em>review</em> and <em>match</em> a person decides."
        + (
            " Green: pairs that are one child indeed; the rest of the bar: pairs that are not."
            if told.truth
            else ""
        )
        + "</p>",
        chart.histogram(_bins(told.pairs, told.truth), _BIN, marks),
        *_against_truth(told, marks),
        "<h2>Examples</h2><p>From the chance that any two records are of one child, bit by bit: each "
        "comparison doubles or halves the odds as often as it says.</p>",
        *(
            f"<h3>{escape(example.title)}</h3>{chart.waterfall(example.bars, told.review, told.match)}"
            for example in told.examples
        ),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>Which records are of one child</title>'
        f"<style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _found(told: Told) -> Iterator[tuple[str, str]]:
    children = len(set(told.gathered.child))
    yield "children", f"{children:,}"
    yield "pairs of one child", f"{len(told.gathered.same):,}"
    yield (
        "pairs for people to decide",
        f"{len(told.gathered.open):,} ({len(told.gathered.open) / children:.2%})",
    )
    yield from told.facts


def _against_truth(told: Told, marks: Sequence[tuple[str, float]]) -> Iterator[str]:
    if not told.judged:
        return
    judged = told.judged
    yield "<h2>Against the truth</h2>"
    yield _table(
        [
            ("precision", f"{judged.precision:.4%}"),
            ("recall", f"{judged.recall:.3%}"),
            ("pairs found, right, true", f"{judged.found:,} · {judged.right:,} · {judged.true:,}"),
            ("births of twins made one child", str(judged.twins)),
            ("left to people, of the children", f"{judged.review:.2%}"),
        ]
    )
    yield chart.curves(
        [
            chart.Line("precision", "same", [(point.threshold, point.precision) for point in told.points]),
            chart.Line("recall", "other", [(point.threshold, point.recall) for point in told.points]),
        ],
        "threshold, bits",
        _floor(told.points),
        marks,
    )


def _floor(points: Iterable[Point]) -> float:
    """Where the scale of shares begins: a tenth below what matters."""
    least = min((min(point.precision, point.recall) for point in points), default=0.0)
    return max(0.0, floor(least * 10) / 10)


def _bins(pairs: Iterable[Pair], truth: Truth | None) -> list[tuple[float, int, int]]:
    """(from, pairs of one child, pairs of two); without a truth, all are the second."""
    held: dict[int, list[int]] = {}
    for pair in pairs:
        at = floor(min(max(pair.weight, _LOWEST), _HIGHEST) / _BIN)
        held.setdefault(at, [0, 0])[not (truth and truth.same(pair.a, pair.b))] += 1
    low, high = min(held, default=0), max(held, default=1)
    return [(at * _BIN, *(held.get(at) or (0, 0))) for at in range(low, high + 1)]


def _table(rows: Iterable[tuple[str, str]]) -> str:
    return (
        "<table>"
        + "".join(f'<tr><td>{escape(a)}</td><td class="n">{escape(b)}</td></tr>' for a, b in rows)
        + "</table>"
    )
