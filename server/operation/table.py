"""A table for people: who had it made, and rows under headings."""

from collections.abc import Iterable, Sequence
from html import escape

from server.child.chronology.html import listed


def body(
    title: str,
    made: Iterable[tuple[str, str]],
    headings: Sequence[str],
    parts: Iterable[tuple[str, Sequence[Sequence[str]]]],
    drawn: str = "",
) -> str:
    """The body of a page; `drawn`: SVG of ours, that comes before the tables."""
    tables = "".join(_table(name, headings, rows) for name, rows in parts)
    return f"<header><h1>{escape(title)}</h1>{listed(made)}</header><main>{drawn}{tables}</main>"


def _table(name: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return f"<h2>{escape(name)}</h2><p>Nobody whom this reader may see.</p>"
    heads = "".join(f'<th scope="col">{escape(each)}</th>' for each in headings)
    lines = "".join(
        f'<tr><th scope="row">{escape(first)}</th>{"".join(f"<td>{escape(each)}</td>" for each in rest)}</tr>'
        for first, *rest in rows
    )
    return (
        f'<h2>{escape(name)}</h2><table aria-label="{escape(name)}"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{lines}</tbody></table>"
    )
