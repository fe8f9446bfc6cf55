"""A name as it is compared: folded, in Latin letters, and how far one resembles another."""

import re
from collections import defaultdict
from enum import IntEnum
from functools import cache, lru_cache

from server.child.likeness.lexicon import frequency, lexicon
from server.fhir.name import fold

_HYPHEN = re.compile(r"[-\u2010-\u2015\u2212/]+")
_DOUBLED = re.compile(r"(.)\1+")
_SILENT = re.compile(r"[aeiouhy]")
_NONE: frozenset[str] = frozenset()

# A name that as many bear is a name, not a slip of the pen.
_WELL_KNOWN = 1e-4


class Resemblance(IntEnum):
    """How two names agree, the nearest first."""

    SAME = 0
    VARIANT = 1
    """Two spellings of one name."""
    SHORT = 2
    """A name, and what those who bear it are called."""
    SOUND = 3
    SLIP = 4
    INITIAL = 5
    """An initial, a name cut short, one part of a double name."""
    DIFFER = 6


def given_words(text: str) -> tuple[str, ...]:
    """Given names, one by one; two joined by a hyphen are one name. What stands for no name is left out."""
    none = lexicon().placeholders
    found = ("-".join(part for part in _parts(word) if part not in none) for word in text.split())
    return tuple(word for word in found if word and not any(map(str.isdigit, word)))


def family_words(text: str) -> tuple[str, ...]:
    """The parts of a family name: what is written apart, joined or left out makes no difference."""
    known = lexicon()
    words = [part for word in text.split() for part in _parts(word)]
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] in known.joined:
            joined[-1] += word
        else:
            joined.append(word)
    left = tuple(word for word in joined if word not in known.dropped and word not in known.placeholders)
    return left or tuple(word for word in joined if word not in known.placeholders)


def called(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names without those that brothers share: Muhammad Hassan is called Hassan, and Muhammad is not."""
    shared = lexicon().shared
    if names[0] not in shared:
        return names
    return tuple(word for word in names if word not in shared) or names


@lru_cache(maxsize=1 << 16)
def sound(word: str) -> str:
    """How a name sounds to an English ear: its consonants, with those that are heard alike written alike."""
    heard = _replaced(word, lexicon().sounds)
    return _first(heard[:1]) + _SILENT.sub("", heard[1:])


@lru_cache(maxsize=1 << 16)
def name_keys(word: str) -> tuple[str, ...]:
    """What a name has in common with all the ways of writing it: its sound, and the names it stands for."""
    known = lexicon()
    spelt = known.spellings.get(word, _NONE)
    formal = known.formal.get(word, _NONE).union(*(known.formal.get(each, _NONE) for each in spelt))
    # The spellings of a formal name meet under the first of them.
    groups = spelt.union(formal, *(known.spellings.get(each, _NONE) for each in formal))
    return (sound(word), *(f"={group}" for group in sorted(groups)))


@lru_cache(maxsize=1 << 17)
def given_resemblance(one: str, other: str) -> Resemblance:
    """How far two given names agree; two names that are both well known are no slip of each other."""
    if one.replace("-", "") == other.replace("-", ""):
        return Resemblance.SAME
    if _is_spelling(one, other):
        # Amina and Aminah are one name, and yet have been the names of two sisters.
        return Resemblance.SHORT if one.rstrip("h") == other.rstrip("h") else Resemblance.VARIANT
    if _is_short(one, other):
        return Resemblance.SHORT
    if (one[0] == other[0] and min(len(one), len(other)) == 1) or _is_part(one, other):
        return Resemblance.INITIAL
    if is_well_known(one) and is_well_known(other):
        return Resemblance.DIFFER
    # Husain with a slip is still no Hassan: given names have to be nearer than family names.
    near = _near(one, other, 3)
    return Resemblance.INITIAL if near == Resemblance.DIFFER and _is_cut(one, other) else near


@lru_cache(maxsize=1 << 17)
def family_resemblance(one: str, other: str) -> Resemblance:
    """How far two family names agree, each in one word."""
    if one == other:
        return Resemblance.SAME
    known = lexicon().spellings
    if not known.get(one, _NONE).isdisjoint(known.get(other, _NONE)):
        return Resemblance.VARIANT
    return _near(one, other, 2)


@lru_cache(maxsize=1 << 16)
def differs_plainly(one: str, other: str) -> bool:
    """Whether nobody would write one of two given names for the other, however carelessly."""
    shared = lexicon().shared
    if given_resemblance(one, other) < Resemblance.DIFFER or (one in shared) != (other in shared):
        return False
    most = 2 if min(len(one), len(other)) > 3 else 1
    return (is_well_known(one) and is_well_known(other)) or distance(one, other, most) > most


def distance(one: str, other: str, most: int) -> int:
    """Letters left out, put in, put for another, exchanged with their neighbour; over `most` is `most` + 1.

    Damerau-Levenshtein, in the form that edits no letter twice.
    """
    one, other = _apart(one, other)
    if not one or not other or abs(len(one) - len(other)) > most:
        return min(max(len(one), len(other)), most + 1)
    before: list[int] = []
    last = list(range(len(other) + 1))
    for at, letter in enumerate(one, 1):
        row = [at]
        for there, facing in enumerate(other, 1):
            cost = min(last[there] + 1, row[-1] + 1, last[there - 1] + (letter != facing))
            if at > 1 and there > 1 and letter == other[there - 2] and one[at - 2] == facing:
                cost = min(cost, before[there - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
        before, last = last, row
    return min(last[-1], most + 1)


@lru_cache(maxsize=1 << 14)
def known_near(word: str) -> frozenset[str]:
    """The well-known given names that are a letter away."""
    near = {name for short in _shortened(word) for name in _by_shortened().get(short, ())}
    return frozenset(name for name in near if name != word and distance(word, name, 1) == 1)


@cache
def _by_shortened() -> dict[str, list[str]]:
    """The well-known names by what is left of them without a letter: what is a letter away has that in
    common."""
    known, found = lexicon(), defaultdict[str, list[str]](list)
    for name in {*known.known, *known.spellings, *known.formal, *frequency("given").frequency}:
        if is_well_known(name):
            for short in _shortened(name):
                found[short].append(name)
    return found


def _shortened(word: str) -> set[str]:
    return {word, *(word[:at] + word[at + 1 :] for at in range(len(word)))}


@lru_cache(maxsize=1 << 14)
def _parts(word: str) -> tuple[str, ...]:
    """The parts of a word between hyphens, folded, in Latin letters."""
    letters = lexicon().letters
    folded = (fold(part).replace(" ", "") for part in _HYPHEN.split(word))
    return tuple(part if part.isascii() else part.translate(letters) for part in folded if part)


def _first(letter: str) -> str:
    return "a" if letter in "aeiouy" else letter


def _is_spelling(one: str, other: str) -> bool:
    return not _spelt(one).isdisjoint(_spelt(other)) or _lettering(one) == _lettering(other)


@lru_cache(maxsize=1 << 14)
def _lettering(word: str) -> str:
    return _replaced(word, lexicon().letterings)


def _replaced(word: str, table: tuple[tuple[str, str], ...]) -> str:
    """The word with what the table has put in place, and no letter doubled."""
    for old, new in table:
        if old[0] == "^":
            if word.startswith(old[1:]):
                word = new + word[len(old) - 1 :]
        elif old[-1] == "$":
            if word.endswith(old[:-1]):
                word = word[: 1 - len(old)] + new
        elif old in word:
            word = word.replace(old, new)
    return _DOUBLED.sub(r"\1", word.replace("-", ""))


def _is_short(one: str, other: str) -> bool:
    """Whether the two are a name and what those who bear it are called, or two such."""
    known = lexicon()
    left, right = known.formal.get(one, _NONE), known.formal.get(other, _NONE)
    if _meet(right, one) or _meet(left, other):
        return True
    # Kate and Katie are both Katherine; Beth and Elsie, both Elizabeth, are as a rule two children.
    return not left.isdisjoint(right) and one[:3] == other[:3]


@lru_cache(maxsize=1 << 16)
def _spelt(word: str) -> frozenset[str]:
    return lexicon().spellings.get(word, _NONE) | {word}


def _meet(formal: frozenset[str], word: str) -> bool:
    spelt = _spelt(word)
    return any(not _spelt(each).isdisjoint(spelt) for each in formal)


def _is_part(one: str, other: str) -> bool:
    """Whether one is a part of the other, which a hyphen joins."""
    short, long = sorted((one, other), key=len)
    return "-" in long and "-" not in short and short in long.split("-")


def _is_cut(one: str, other: str) -> bool:
    """Whether one is the other cut short."""
    short, long = sorted((one, other), key=len)
    return len(short) >= 3 and long.startswith(short) and not is_well_known(short)


def is_well_known(word: str) -> bool:
    """Whether a given name is a name, and no slip of another."""
    known = lexicon()
    share = frequency("given").frequency.get(word, 0.0)
    return share >= _WELL_KNOWN or word in known.known or word in known.spellings or word in known.formal


def _near(one: str, other: str, part: int) -> Resemblance:
    """Resemblance by letters and sound; what sounds alike may differ in one letter of `part`."""
    shorter, longer = sorted((len(one), len(other)))
    most = longer // part if longer > 5 else max(1, longer // 3)
    # Each letter put for another takes one from the letters of the word and brings one.
    if longer - shorter > most or len(set(one) ^ set(other)) > 2 * most:
        return Resemblance.DIFFER
    apart = distance(one, other, most)
    if apart <= most and sound(one) == sound(other):
        return Resemblance.SOUND
    # Of three letters one is a third: it takes longer names for a slip to be told from another name.
    if shorter >= 3 and apart <= (2 if shorter >= 7 else 1):
        return Resemblance.SLIP
    return Resemblance.DIFFER


def _apart(one: str, other: str) -> tuple[str, str]:
    """What is left of both without what they begin and end with alike."""
    start, most = 0, min(len(one), len(other))
    while start < most and one[start] == other[start]:
        start += 1
    end = 0
    while end < most - start and one[-1 - end] == other[-1 - end]:
        end += 1
    return one[start : len(one) - end], other[start : len(other) - end]
