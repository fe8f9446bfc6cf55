"""A chronology as a PDF: to be printed, filed and read aloud.

It has a title, a language, bookmarks for its headings, and fonts of its own that hold the letters of every
name. Where a name has a letter that none of them holds, its number stands in the place of it.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from fontTools.ttLib import TTFont
from fpdf import FPDF, XPos, YPos

from server.child.chronology.document import Document, Line

_FONTS = Path(__file__).parent / "font"
_BODY, _BOLD = "DejaVuSans.ttf", "DejaVuSans-Bold.ttf"
_LAST = "DroidSansFallback.ttf"
"""The font of Han and Hangul: large, and looked into last."""

_MARGIN, _WHEN, _WIDTH = 15.0, 38.0, 180.0
_SMALL, _PLAIN, _LARGE, _TITLE = 8.0, 9.0, 12.0, 16.0
_LEAD = 1.35
_SHAPED = 0x0590
"""From Hebrew on letters may run to the left, or join."""
_UNJOINED = 0x2E80
_POINT = 25.4 / 72


def as_pdf(made: Document) -> bytes:
    """The file."""
    pages = _Pages(made)
    pages.head()
    for section in made.sections:
        pages.heading(section.heading)
        for line in section.lines:
            pages.entry(line)
    if not made.sections:
        pages.paragraph("There is nothing that this reader may see.", _PLAIN)
    return bytes(pages.output())


class _Pages(FPDF):
    def __init__(self, made: Document) -> None:
        super().__init__(format="A4")
        self._made = made
        said = "".join(_texts(made))
        self._holes = frozenset(map(ord, said)) - _held(_needed(said))
        self.set_margin(_MARGIN)
        self.set_auto_page_break(True, margin=20)
        self.set_title(self._kept(made.title))
        self.set_lang("en-GB")
        self.set_creator("single-child-record")
        self.set_subject(self._kept(made.running))
        self.add_font("body", "", _FONTS / _BODY)
        self.add_font("body", "B", _FONTS / _BOLD)
        others = [each for each in _needed(said) if each not in (_BODY, _BOLD)]
        for name in others:
            self.add_font(name, "", _FONTS / name)
        if others:
            self.set_fallback_fonts(others, exact_match=False)
        if any(_SHAPED <= ord(each) < _UNJOINED for each in said):
            self.set_text_shaping(True)
        self.set_font("body", size=_PLAIN)
        self.alias_nb_pages("{pages}")
        self.add_page()

    def footer(self) -> None:
        """Of whom it is, and which page this is, on every one."""
        self.set_y(-15)
        self.set_font("body", size=_SMALL)
        self.set_text_color(60)
        self.cell(_WIDTH - 40, 5, self._kept(self._made.running)[:110])
        self.cell(40, 5, f"Page {self.page_no()} of {{pages}}", align="R")
        self.set_text_color(0)

    def head(self) -> None:
        """The title, and what it says of itself."""
        self.start_section("About this document", level=0)
        self.paragraph(self._made.title, _TITLE, bold=True)
        self.ln(2)
        for name, said in (*self._made.child, *self._made.made):
            self._pair(name, said)
        self.ln(2)
        for each in self._made.notes:
            self.paragraph(each, _SMALL)
            self.ln(1)

    def heading(self, words: str) -> None:
        """A heading, with a bookmark, and never at the foot of a page."""
        if self.will_page_break(30):
            self.add_page()
        self.ln(4)
        self.start_section(self._kept(words), level=0)
        self.paragraph(words, _LARGE, bold=True)
        self.ln(1)

    def entry(self, line: Line) -> None:
        """One entry: when at the left, the rest beside it."""
        if self.will_page_break(16):
            self.add_page()
        self.set_draw_color(150)
        self.line(_MARGIN, self.get_y(), _MARGIN + _WIDTH, self.get_y())
        top, page = self.get_y() + 1, self.page
        self.set_xy(_MARGIN, top)
        self._write(line.when, _PLAIN, _WHEN - 2, bold=False)
        bottom = (self.page, self.get_y())
        self._back(page, top)
        mark = "■ " if line.significance == "major" else ""
        self._beside(f"{mark}{line.words}", _PLAIN, bold=not line.gap)
        for each in line.details:
            self._beside(f"• {each}", _PLAIN)
        for each in line.notes:
            self._beside(each, _SMALL, bold=True)
        if not line.gap:
            self._beside(_said(line), _SMALL)
        if (self.page, self.get_y()) < bottom:
            self.page, y = bottom
            self.set_y(y)
        self.ln(1)

    def paragraph(self, words: str, size: float, *, bold: bool = False) -> None:
        """A paragraph."""
        self.set_x(_MARGIN)
        self._write(words, size, _WIDTH, bold=bold)

    def _pair(self, name: str, said: str) -> None:
        top, page = self.get_y(), self.page
        self.set_x(_MARGIN)
        self._write(name, _PLAIN, _WHEN - 2, bold=True)
        bottom = self.get_y()
        self._back(page, top)
        self._beside(said, _PLAIN)
        if self.page == page:
            self.set_y(max(bottom, self.get_y()))

    def _back(self, page: int, y: float) -> None:
        self.page = page
        self.set_y(y)

    def _beside(self, words: str, size: float, *, bold: bool = False) -> None:
        self.set_x(_MARGIN + _WHEN)
        self._write(words, size, _WIDTH - _WHEN, bold=bold)

    def _write(self, words: str, size: float, width: float, *, bold: bool) -> None:
        self.set_font("body", "B" if bold else "", size)
        height = size * _POINT * _LEAD
        self.multi_cell(width, height, self._kept(words), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _kept(self, words: str) -> str:
        """With the number of each letter that no font holds."""
        if not self._holes:
            return words
        return "".join(f"[U+{ord(each):04X}]" if ord(each) in self._holes else each for each in words)


def _said(line: Line) -> str:
    who = f"Said by {', '.join(line.who)}. " if line.who else ""
    recorded = f"Recorded {'; '.join(line.recorded)}." if line.recorded else ""
    return f"{line.kind}. {who}{recorded}"


def _texts(made: Document) -> Iterator[str]:
    yield made.title
    yield made.running
    yield from (text for pair in (*made.child, *made.made) for text in pair)
    for section in made.sections:
        for line in section.lines:
            yield from (line.when, line.words, *line.details, *line.notes, *line.who)


def _needed(said: str) -> list[str]:
    """The fonts that hold these letters, as few as there need be."""
    wanted = {each for each in map(ord, said) if each > 0x20} - _covered(_BODY)
    found = [_BODY, _BOLD]
    for name in _others():
        if not wanted:
            break
        if held := wanted & _covered(name):
            found.append(name)
            wanted -= held
    return found


def _held(names: Iterable[str]) -> frozenset[int]:
    return frozenset(range(0x20)) | {0x20} | frozenset().union(*(_covered(each) for each in names))


@cache
def _others() -> tuple[str, ...]:
    names = sorted(each.name for each in _FONTS.glob("*.ttf"))
    return (*(each for each in names if each not in (_BODY, _BOLD, _LAST)), _LAST)


@cache
def _covered(name: str) -> frozenset[int]:
    """The letters of a font."""
    with TTFont(_FONTS / name, lazy=True) as font:
        found: Any = font.getBestCmap()
        return frozenset(found)
