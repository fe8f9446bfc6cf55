"""A family drawn as a genogram, in SVG: generations below one another, and the same in words beside it.

Squares for men, circles for women, diamonds where it is not known, a triangle for who is not born yet.

It is drawn from what the reader may see, and it runs nothing.
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from html import escape

from server.child.chronology import wording
from server.child.chronology.html import POLICY as POLICY_OF_PAGES
from server.child.family.people import BROTHER_OR_SISTER, CARER, CHILD, GRANDPARENT, OTHER, PARENT, Person

_WIDE, _HIGH, _SIZE, _EDGE = 170, 190, 26, 30
_LETTERS = 22
"""Letters of a line under a symbol."""

_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#1a1a1a;text-anchor:middle}.t{font-weight:bold}"
    ".s{fill:#fff;stroke:#1a1a1a;stroke-width:2}.l{stroke:#1a1a1a;stroke-width:2;fill:none}"
    ".p{stroke-dasharray:5 4}.n{stroke:#a00000;stroke-width:2;stroke-dasharray:2 4;fill:none}"
    ".k{text-anchor:start}.h{fill:none;stroke:#4a4a4a;stroke-width:1.5;stroke-dasharray:8 5}.w{fill:#ddd}"
)

POLICY = f"{POLICY_OF_PAGES} 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'"
"""What a browser is to hold the picture to, and a page that it stands in."""

_LEVELS: tuple[tuple[str, ...], ...] = ((GRANDPARENT,), (PARENT, CARER), (CHILD, BROTHER_OR_SISTER), (OTHER,))

Place = tuple[float, float]


def as_svg(people: Sequence[Person]) -> str:
    """The picture, with its title and what it shows in words."""
    levels = [level for level in map(list, _levels(people)) if level]
    widest = max(len(level) for level in levels)
    width, height = 2 * _EDGE + widest * _WIDE, 2 * _EDGE + len(levels) * _HIGH + 60
    places = dict(_placed(levels, width))
    child = next(each for each in people if each.stands == CHILD)
    title = f"Genogram of {child.name or 'a child'}"
    body = "".join((*_household(people, places), *_lines(people, places), *_symbols(people, places)))
    legend = "".join(_legend(height))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="g-title g-desc" lang="en-GB" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f'<title id="g-title">{escape(title)}</title><desc id="g-desc">{escape(described(people))}</desc>'
        f"<style>{_STYLE}</style>{body}{legend}</svg>"
    )


def described(people: Iterable[Person]) -> str:
    """What the picture shows, in words."""
    return " ".join(f"{sentence(each)}." for each in people)


def sentence(person: Person) -> str:
    """One person in words."""
    name = person.name or (
        "somebody whose name is not shown" if person.withheld else "somebody without a name here"
    )
    related = person.relationship or "relationship not known"
    said = [f"{name}: {'the child' if person.stands == CHILD else related}"]
    if person.born:
        said.append(f"{'expected' if person.expected else 'born'} {wording.when(person.born)}")
    facts = (
        (person.died, "died"),
        (person.responsible is True, "has parental responsibility"),
        (person.responsible is False, "has no parental responsibility"),
        (person.no_contact, "may have no contact with the child"),
        (person.household is True and person.stands != CHILD, "lives with the child"),
        (
            not person.current,
            f"no longer so{f', until {wording.when(person.until)}' if person.until else ''}",
        ),
    )
    return ", ".join((*said, *(words for holds, words in facts if holds)))


def _levels(people: Sequence[Person]) -> Iterator[list[Person]]:
    for stands in _LEVELS:
        level = [each for each in people if each.stands in stands]
        if CHILD in stands:
            # Brothers and sisters stand from the eldest to the youngest, the child among them.
            level.sort(key=lambda each: each.born or "9999")
        yield level


def _placed(levels: Sequence[Sequence[Person]], width: int) -> Iterator[tuple[str, Place]]:
    for number, level in enumerate(levels):
        left = (width - len(level) * _WIDE) / 2
        for at, each in enumerate(level):
            yield each.because, (left + (at + 0.5) * _WIDE, _EDGE + _SIZE + number * _HIGH)


def _lines(people: Sequence[Person], places: dict[str, Place]) -> Iterator[str]:
    """From the parents to the children; of who may have no contact, across it."""
    child = next(each for each in people if each.stands == CHILD)
    parents = [each for each in people if each.stands == PARENT]
    below = [each for each in people if each.stands in (CHILD, BROTHER_OR_SISTER)]
    if parents:
        xs, y = [places[each.because][0] for each in parents], places[parents[0].because][1]
        line, bar = y + _SIZE + 74, y + _SIZE + 86
        for each in parents:
            x = places[each.because][0]
            yield _path(f"M{x:g} {y + _SIZE:g}V{line:g}", "l" if each.current else "l p")
        middle = places[child.because][0]
        yield _path(f"M{min(*xs, middle):g} {line:g}H{max(*xs, middle):g}", "l")
        ends = [places[each.because][0] for each in below]
        yield _path(f"M{middle:g} {line:g}V{bar:g}M{min(ends):g} {bar:g}H{max(ends):g}", "l")
        for each in below:
            x, top = places[each.because]
            known = each.stands == CHILD
            yield _path(f"M{x:g} {bar:g}V{top - _SIZE:g}", "l" if known else "l p")
    for each in people:
        if each.stands in (CARER, OTHER, GRANDPARENT) or (each.stands == BROTHER_OR_SISTER and not parents):
            yield _between(places[each.because], places[child.because], "l p")
        if each.no_contact:
            yield _between(places[each.because], places[child.because], "n")


def _between(one: Place, other: Place, kind: str) -> str:
    (x, y), (to_x, to_y) = one, other
    if y == to_y:
        return _path(
            f"M{x:g} {y - _SIZE:g}Q{(x + to_x) / 2:g} {y - 2 * _SIZE:g} {to_x:g} {to_y - _SIZE:g}", kind
        )
    down = 1 if y < to_y else -1
    return _path(f"M{x + 8:g} {y + down * _SIZE:g}L{to_x + 8:g} {to_y - down * _SIZE:g}", kind)


def _path(said: str, kind: str) -> str:
    return f'<path class="{kind}" d="{said}"/>'


def _household(people: Iterable[Person], places: dict[str, Place]) -> Iterator[str]:
    """A line around each who lives with the child, and the child."""
    for each in people:
        if each.household:
            x, y = places[each.because]
            yield (
                f'<rect class="h" x="{x - _WIDE / 2 + 5:g}" y="{y - _SIZE - 12:g}" width="{_WIDE - 10}" '
                f'height="{2 * _SIZE + 84}" rx="10"/>'
            )


def _symbols(people: Iterable[Person], places: dict[str, Place]) -> Iterator[str]:
    for each in people:
        x, y = places[each.because]
        yield f"<g>{''.join(_symbol(each, x, y))}{''.join(_words(each, x, y))}</g>"


def _symbol(person: Person, x: float, y: float) -> Iterator[str]:
    sizes = (_SIZE, _SIZE - 6) if person.stands == CHILD else (_SIZE,)
    kind = "s w" if person.withheld else "s"
    for size in sizes:
        if person.expected:
            yield f'<path class="{kind}" d="M{x:g} {y - size:g}L{x + size:g} {y + size:g}H{x - size:g}Z"/>'
        elif person.sex == "male":
            side = 2 * size
            yield f'<rect class="{kind}" x="{x - size:g}" y="{y - size:g}" width="{side}" height="{side}"/>'
        elif person.sex == "female":
            yield f'<circle class="{kind}" cx="{x:g}" cy="{y:g}" r="{size}"/>'
        else:
            points = f"M{x:g} {y - size:g}L{x + size:g} {y:g}L{x:g} {y + size:g}L{x - size:g} {y:g}Z"
            yield f'<path class="{kind}" d="{points}"/>'
    if person.died:
        s = _SIZE
        yield _path(f"M{x - s:g} {y - s:g}L{x + s:g} {y + s:g}M{x + s:g} {y - s:g}L{x - s:g} {y + s:g}", "l")


def _words(person: Person, x: float, y: float) -> Iterator[str]:
    name = person.name or ("name not shown" if person.withheld else "?")
    born = f"{'exp.' if person.expected else 'b.'} {person.born}" if person.born else ""
    marks = ", ".join(
        words
        for holds, words in (
            (person.responsible is True, "PR"), (person.no_contact, "no contact"),
            (not person.current, "former"),
        )
        if holds
    )  # fmt: skip
    said = ((name, "t"), ("" if person.stands == CHILD else person.relationship, ""), (born, ""), (marks, ""))
    for at, (words, kind) in enumerate(each for each in said if each[0]):
        short = words if len(words) <= _LETTERS else f"{words[: _LETTERS - 1]}…"
        attribute = f' class="{kind}"' if kind else ""
        yield f'<text{attribute} x="{x:g}" y="{y + _SIZE + 16 + 15 * at:g}">{escape(short)}</text>'


def _legend(height: int) -> Iterator[str]:
    said = (
        "Square: male. Circle: female. Diamond: not known. Triangle: not born yet. Double: the child.",
        "Crossed: died. Grey: not all is shown. Dashed line: not of birth, or former. Red dots: no contact.",
        "Dashed frame: household. PR: parental responsibility.",
    )
    for at, words in enumerate(said):
        yield f'<text class="k" x="{_EDGE}" y="{height - 44 + 16 * at}">{escape(words)}</text>'
