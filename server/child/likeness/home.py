"""An address as it is compared: its postcode, its house, its street."""

import re
from functools import lru_cache

from server.child.likeness.lexicon import lexicon
from server.fhir import Json
from server.fhir.name import fold

Home = tuple[str, str, str]

_NUMBER = re.compile(r"[0-9]+|[a-z]+")
_POSTCODE = re.compile(r"[A-Z]{1,2}[0-9][A-Z0-9]?[0-9][A-Z]{2}")


def home(address: Json) -> Home:
    """Postcode without a space, house (numbers and letters, in order of the alphabet), street."""
    lines = tuple(line for line in address.get("line", ()) if line)
    return (_postcode(address.get("postalCode") or ""), *_place(lines or _first(address.get("text"))))


def district(postcode: str) -> str:
    """The outward part of a postcode: the town's, or a part of it."""
    return postcode[:-3] if _POSTCODE.fullmatch(postcode) else ""


def _postcode(text: str) -> str:
    bare = "".join(filter(str.isalnum, text)).upper()
    return "" if bare in lexicon().nowhere else bare


def _first(text: str | None) -> tuple[str, ...]:
    return (text.partition(",")[0],) if text else ()


@lru_cache(maxsize=1 << 14)
def _place(lines: tuple[str, ...]) -> tuple[str, str]:
    """House and street: from the first line, and the next where the first is a flat or a house's name."""
    at = next((at for at, line in enumerate(lines) if _is_numbered(line)), None)
    if at is None:
        return (_words(lines[0]), _words(lines[1])) if len(lines) > 1 else ("", _words("".join(lines)))
    through = at + 1 if _words(lines[at]) else at + 2
    return _house(lines[:through]), _words(" ".join(lines[at:through]))


def _is_numbered(line: str) -> bool:
    return any(map(str.isdigit, line))


def _house(lines: tuple[str, ...]) -> str:
    words = fold(" ".join(lines)).split()
    found: set[str] = set()
    for before, word in zip(["", *words], words, strict=False):
        if any(map(str.isdigit, word)):
            found.update(_NUMBER.findall(word))
        # Flat A, and 12 A.
        elif len(word) == 1 and (before in lexicon().units or before.isdigit()):
            found.add(word)
    return " ".join(sorted(found))


def _words(line: str) -> str:
    """The words of a line that are no number, letter or unit, written out."""
    known = lexicon()
    words = (word for word in fold(line).split() if len(word) > 1 and not any(map(str.isdigit, word)))
    return " ".join(known.streets.get(word, word) for word in words if word not in known.units)
