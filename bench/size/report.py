"""docs/performance.md: a table of every family and caller at every size, and a curve for each caller."""

from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
PAGE, CURVE = DOCS / "performance.md", DOCS / "performance.svg"
BOUND = 5.0
"""Milliseconds of work that a first page may take at the median."""
GROWTH = 1.3
"""How many times the rows may be that are read of a larger record, unless they are a few more."""
FEW = 100
_MARK = "<!-- measured: all below is written by `make scale` -->"
_COLOURS = ("#1d70b8", "#d4351c", "#00703c", "#4c2c92", "#f47738", "#28a197", "#b58840")


def write(found):
    """Rewrite the measured part of the page, and the picture."""
    sizes = sorted(found, key=int)
    lines = [_MARK, "", *_table(found, sizes), "", *_disk(found, sizes), ""]
    written = PAGE.read_text() if PAGE.exists() else f"# Performance\n\n{_MARK}\n"
    PAGE.write_text(written.partition(_MARK)[0] + "\n".join(lines))
    CURVE.write_text(_picture(found, sizes))


def _table(found, sizes):
    titles = [f"{int(size) / 1e6:g} million" for size in sizes]
    parts = [f"{title}, {part}" for title in titles for part in ("work", "clock", "rows")]
    yield f"| query | caller | {' | '.join(parts)} | growth | entries | |"
    yield "|" + "---|" * (len(parts) + 5)
    for first in found[sizes[0]]["families"]:
        points = [_of(found[size], first) for size in sizes]
        # Of rows: the time of the same work differs more from one hour to the next than from size to size.
        growth = points[-1]["read"] / max(first["read"], 1)
        cells = (f"{p['work']:.2f} | {p['median']:.2f} | {p['read']}" for p in points)
        yield (
            f"| {first['family']} | {first['caller']} | {' | '.join(cells)} | {growth:.2f} | "
            f"{points[-1]['entries']} | {', '.join(_flags(points, growth))} |"
        )


def _flags(points, growth):
    """What is worth a second look."""
    first, last = points[0], points[-1]
    more = last["read"] - first["read"]
    if last["work"] > BOUND:
        yield f"over {BOUND:g} ms"
    if growth > GROWTH and more > FEW:
        yield first["grows"] or "reads more"
    yield from (told for told in last["told"] if told != "200")


def _of(run, line):
    return next(
        each
        for each in run["families"]
        if (each["family"], each["caller"]) == (line["family"], line["caller"])
    )


def _disk(found, sizes):
    last = found[sizes[-1]]["bytes"]
    yield f"Bytes a resource, indexes included, at the last size: {sum(last.values()):.0f}"
    yield ""
    yield "| table | bytes |"
    yield "|---|---|"
    for name, size in sorted(last.items(), key=lambda pair: -pair[1]):
        yield f"| {name} | {size:.0f} |"


def _picture(found, sizes):
    """The median over the size, a line for each caller (the worst family of each size)."""
    callers = list(dict.fromkeys(line["caller"] for line in found[sizes[0]]["families"]))
    width, height, left, bottom = 720, 320, 50, 40
    most = max(max(l["work"] for l in found[size]["families"]) for size in sizes) * 1.1

    def x(at):
        return left + (width - left - 150) * (at / max(len(sizes) - 1, 1))

    def y(value):
        return height - bottom - (height - bottom - 20) * value / most

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="{left}" y="14">work of the heaviest family, ms, by caller</text>',
    ]
    for at, size in enumerate(sizes):
        parts.append(
            f'<text x="{x(at):.0f}" y="{height - 18}" text-anchor="middle">{int(size) / 1e6:g} M</text>'
        )
    for tick in range(0, int(most) + 1, max(1, int(most / 5))):
        parts.append(f'<text x="{left - 8}" y="{y(tick) + 4:.0f}" text-anchor="end">{tick}</text>')
        parts.append(f'<path d="M{left} {y(tick):.1f}H{width - 150}" stroke="#ddd"/>')
    for caller, colour in zip(callers, _COLOURS, strict=False):
        worst = [max(l["work"] for l in found[size]["families"] if l["caller"] == caller) for size in sizes]
        points = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in enumerate(worst))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        at = callers.index(caller)
        parts.append(f'<text x="{width - 140}" y="{40 + 16 * at}" fill="{colour}">{caller}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
