"""Charts as SVG, for a page that fetches nothing."""

from collections.abc import Sequence
from html import escape
from math import log10
from typing import NamedTuple

_WIDE, _HIGH = 720, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 16, 40


class Line(NamedTuple):
    name: str
    style: str
    points: Sequence[tuple[float, float]]


class Bar(NamedTuple):
    """A step of a waterfall."""

    words: str
    by: float


class _Scale(NamedTuple):
    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low or 1)
        return round(self.start + share * (self.end - self.start), 1)


def histogram(
    counts: Sequence[tuple[float, int, int]], width: float, marks: Sequence[tuple[str, float]]
) -> str:
    """Bars of (from, pairs of one child or all, pairs of two children), on a scale of tens: they differ
    that much."""
    low, high = counts[0][0], counts[-1][0] + width
    x = _Scale(low, high, _LEFT, _WIDE - _RIGHT)
    tall = max(1.0, *(log10(1 + same + other) for _, same, other in counts))
    y = _Scale(0, tall, _HIGH - _BOTTOM, _TOP)
    bars = "".join(
        _bar(x, y, at, width, same + other, "other") + _bar(x, y, at, width, same, "same")
        for at, same, other in counts
    )
    tens = [(log10(1 + 10**n), f"{10**n:,}") for n in range(int(tall) + 1)]
    return _svg(_across(x, _round(low, high)) + _up(y, tens) + bars + _marks(x, marks), "match weight, bits")


def curves(lines: Sequence[Line], across: str, low: float, marks: Sequence[tuple[str, float]]) -> str:
    """Shares from `low` to 1 over a threshold."""
    every = [at for line in lines for at, _ in line.points]
    x = _Scale(min(every), max(every), _LEFT, _WIDE - _RIGHT)
    y = _Scale(low, 1, _HIGH - _BOTTOM, _TOP)
    drawn = "".join(
        f'<polyline class="{line.style}" points="'
        + " ".join(f"{x(at)},{y(max(low, share))}" for at, share in line.points)
        + '"/>'
        for line in lines
    )
    names = "".join(
        f'<text class="{line.style}" x="{_WIDE - _RIGHT - 8}" y="{_HIGH - _BOTTOM - 12 - 16 * n}" '
        f'text-anchor="end">{escape(line.name)}</text>'
        for n, line in enumerate(lines)
    )
    shares = [(low + (1 - low) * n / 5, f"{(low + (1 - low) * n / 5) * 100:.4g} %") for n in range(6)]
    return _svg(_across(x, _round(x.low, x.high)) + _up(y, shares) + drawn + names + _marks(x, marks), across)


def waterfall(bars: Sequence[Bar], review: float, match: float) -> str:
    """How one pair came to its weight: from the chance that any two are one child, comparison by
    comparison."""
    row, wide = 22, _WIDE
    at, ends = 0.0, []
    for bar in bars:
        ends.append((at, at := at + bar.by))
    spots = [0.0, match, *(end for pair in ends for end in pair)]
    x = _Scale(min(spots) - 1, max(spots) + 1, 300, wide - 56)
    rows = []
    for n, (bar, (start, end)) in enumerate(zip(bars, ends, strict=True)):
        top = _TOP + n * row
        left, right = sorted((x(start), x(end)))
        rows.append(
            f'<text x="292" y="{top + 14}" text-anchor="end">{escape(bar.words)}</text>'
            f'<rect class="{"same" if bar.by >= 0 else "other"}" x="{left}" y="{top + 3}" '
            f'width="{max(1, round(right - left, 1))}" height="{row - 7}"/>'
            f'<text x="{right + 4}" y="{top + 14}">{bar.by:+.1f}</text>'
        )
    high = _TOP + row * len(bars) + 24
    lines = "".join(
        f'<line class="mark" x1="{x(value)}" x2="{x(value)}" y1="{_TOP}" y2="{high - 20}"/>'
        f'<text x="{x(value)}" y="{high - 6}" text-anchor="middle">{name}</text>'
        for name, value in (("review", review), ("match", match))
    )
    return f'<svg viewBox="0 0 {wide} {high}" role="img">{"".join(rows)}{lines}</svg>'


def _bar(x: _Scale, y: _Scale, at: float, width: float, count: int, style: str) -> str:
    if not count:
        return ""
    top, foot = y(log10(1 + count)), y(0)
    left, right = x(at), x(at + width)
    return (
        f'<rect class="{style}" x="{left}" y="{top}" width="{max(0.5, round(right - left - 0.6, 1))}" '
        f'height="{round(foot - top, 1)}"><title>{at:g}: {count:,}</title></rect>'
    )


def _across(x: _Scale, steps: Sequence[float]) -> str:
    foot = _HIGH - _BOTTOM
    return f'<line class="axis" x1="{_LEFT}" x2="{_WIDE - _RIGHT}" y1="{foot}" y2="{foot}"/>' + "".join(
        f'<text x="{x(step)}" y="{foot + 16}" text-anchor="middle">{step:g}</text>' for step in steps
    )


def _up(y: _Scale, steps: Sequence[tuple[float, str]]) -> str:
    return "".join(
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDE - _RIGHT}" y1="{y(value)}" y2="{y(value)}"/>'
        f'<text x="{_LEFT - 6}" y="{y(value) + 4}" text-anchor="end">{name}</text>'
        for value, name in steps
    )


def _marks(x: _Scale, marks: Sequence[tuple[str, float]]) -> str:
    return "".join(
        f'<line class="mark" x1="{x(value)}" x2="{x(value)}" y1="{_TOP}" y2="{_HIGH - _BOTTOM}"/>'
        f'<text x="{x(value) + 4}" y="{_TOP + 10}">{escape(name)}</text>'
        for name, value in marks
    )


def _round(low: float, high: float) -> list[float]:
    """About eight round numbers between two."""
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 1000) if (high - low) / step <= 9)
    first = int(low // step + (low % step > 0)) * step
    return [first + n * step for n in range(int((high - first) // step) + 1)]


def _svg(inside: str, across: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDE} {_HIGH}" role="img">{inside}'
        f'<text x="{(_LEFT + _WIDE - _RIGHT) / 2}" y="{_HIGH - 6}" text-anchor="middle">'
        f"{escape(across)}</text></svg>"
    )
