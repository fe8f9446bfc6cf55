"""A chronology as a page that stands for itself: to be read on a screen, or printed on paper.

It has no script and loads nothing; a browser is told to hold it to that.
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator
from hashlib import sha256
from html import escape

from server.child.chronology.document import Document, Line, Section

STYLE = """
body{font:1rem/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;
color:#1a1a1a;background:#fff}
h1{font-size:1.6rem;margin:0 0 1rem}h2{font-size:1.25rem;margin:2rem 0 .5rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;margin:0 0 1rem}
dt{font-weight:bold}dd{margin:0}
table{border-collapse:collapse;width:100%}
th,td{border-bottom:1px solid #767676;padding:.45rem .6rem;text-align:left;vertical-align:top;
overflow-wrap:anywhere}
thead th{border-bottom:2px solid #1a1a1a}tbody th{font-weight:normal;width:11rem}
.words{font-weight:bold}.major .words::before{content:"\\25A0\\00A0"}.kind{color:#4a4a4a;font-size:.9rem}
ul{margin:.2rem 0;padding-left:1.1rem}.who{width:13rem}.recorded{width:11rem;font-size:.9rem}
.note{border-left:4px solid #1a1a1a;padding-left:.6rem;margin:.3rem 0}
.gap td,.gap th{background:#eee;font-style:italic}
.error .words,.error .details{text-decoration:line-through}
@page{size:A4;margin:18mm 15mm 20mm;@bottom-right{content:"Page " counter(page) " of " counter(pages)}}
@media print{body{margin:0;max-width:none;padding:0;font-size:9.5pt}thead{display:table-header-group}
tr{break-inside:avoid}h2{break-after:avoid}}
"""

_DIGEST = b64encode(sha256(STYLE.encode()).digest()).decode()

NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"
"""A policy that lets nothing run and nothing load."""

POLICY = f"{NOTHING}; style-src 'sha256-{_DIGEST}'"
"""The same, with the one style that is ours."""


def as_html(made: Document) -> bytes:
    """The page."""
    return page(made.title, "".join(_body(made)))


def page(title: str, body: str) -> bytes:
    """A page with our style, and nothing else that a browser would load or run."""
    return (
        '<!doctype html><html lang="en-GB"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>{body}</body></html>"
    ).encode()


def listed(pairs: Iterable[tuple[str, str]]) -> str:
    """Headings with what stands under them."""
    return f"<dl>{''.join(f'<dt>{escape(name)}</dt><dd>{escape(text)}</dd>' for name, text in pairs)}</dl>"


def _body(made: Document) -> Iterator[str]:
    yield f"<header><h1>{escape(made.title)}</h1>{listed(made.child)}"
    yield f'<section aria-label="How this was made">{listed(made.made)}</section>'
    yield f'<section aria-label="How to read this">{"".join(f"<p>{escape(each)}</p>" for each in made.notes)}'
    yield "</section></header><main>"
    if not made.sections:
        yield "<p>There is nothing that this reader may see.</p>"
    for section in made.sections:
        yield from _section(section)
    yield f"</main><footer><p>{escape(made.running)}</p></footer>"


def _section(section: Section) -> Iterator[str]:
    heading = escape(section.heading)
    yield f'<h2>{heading}</h2><table aria-label="{heading}"><thead><tr><th scope="col">When</th>'
    yield '<th scope="col">What happened</th><th scope="col">Who said it</th>'
    yield '<th scope="col">Recorded</th></tr></thead>'
    yield f"<tbody>{''.join(''.join(_row(each)) for each in section.lines)}</tbody></table>"


def _row(line: Line) -> Iterator[str]:
    classes = [line.significance, *(["gap"] if line.gap else []), *(["error"] if line.in_error else [])]
    yield f'<tr class="{" ".join(classes)}"><th scope="row">{escape(line.when)}</th>'
    if line.gap:
        yield f'<td colspan="3">{escape(line.words)}</td></tr>'
        return
    yield f'<td><span class="words">{escape(line.words)}</span> <span class="kind">{escape(line.kind)}</span>'
    if line.details:
        yield f'<ul class="details">{"".join(f"<li>{escape(each)}</li>" for each in line.details)}</ul>'
    yield from (f'<p class="note">{escape(each)}</p>' for each in line.notes)
    yield f'</td><td class="who">{"<br>".join(map(escape, line.who))}</td>'
    yield f'<td class="recorded">{"<br>".join(map(escape, line.recorded))}</td></tr>'
