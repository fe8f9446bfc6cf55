"""What is known of names and addresses before any two are compared: `profiles/identity/`."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import msgspec

from server.definition.folder import profiles

T = TypeVar("T")


class Frequency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The share of the children that bear a name; `rest` is that of one that is not listed."""

    source: str
    rest: float
    frequency: dict[str, float]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """All that the data say of names and addresses, as it is looked up."""

    formal: Mapping[str, frozenset[str]]
    """The formal names that a diminutive stands for; a formal name stands for itself."""
    spellings: Mapping[str, frozenset[str]]
    """The names, each by its first spelling, that a word is a spelling of."""
    sounds: tuple[tuple[str, str], ...]
    """What is put for what, in this order, before two names are held to sound alike."""
    letterings: tuple[tuple[str, str], ...]
    """The same for names that are spelt alike but for a habit of English spelling."""
    letters: Mapping[int, str]
    """Letters of other scripts as Latin ones."""
    joined: frozenset[str]
    dropped: frozenset[str]
    shared: frozenset[str]
    """Given names that stand before the one a child is called by."""
    placeholders: frozenset[str]
    known: frozenset[str]
    """Names that are names, and no slip of another."""
    streets: Mapping[str, str]
    units: frozenset[str]
    nowhere: frozenset[str]
    """Postcodes that stand for none."""


class _Diminutive(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    source: str
    meaning: str
    diminutive: dict[str, list[str]]


class _Spelling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    source: str
    meaning: str
    spelling: list[list[str]]


class _Sound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    source: str
    meaning: str
    sound: list[tuple[str, str]]
    spelling: list[tuple[str, str]]


class _Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    source: str
    letter: dict[str, str]


class _Shared(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    meaning: str
    names: frozenset[str]


class _Particle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    source: str
    joined: frozenset[str]
    dropped: frozenset[str]
    shared: _Shared


class _Placeholder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    source: str
    words: frozenset[str]


class _Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    source: str
    meaning: str
    names: str


class _Address(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    source: str
    street: dict[str, str]
    unit: frozenset[str]
    unknown: frozenset[str]


@cache
def lexicon() -> Lexicon:
    """The shipped data, read once."""
    particle, address = _read("name/particle", _Particle), _read("address", _Address)
    heard = _read("name/sound", _Sound)
    return Lexicon(
        formal=_formal(_read("name/diminutive", _Diminutive).diminutive),
        spellings=_by_word((each[0], each) for each in _read("name/spelling", _Spelling).spelling),
        sounds=tuple(heard.sound),
        letterings=tuple(heard.spelling),
        letters=str.maketrans(_read("name/script", _Script).letter),
        joined=particle.joined,
        dropped=particle.dropped,
        shared=particle.shared.names,
        placeholders=_read("name/placeholder", _Placeholder).words,
        known=frozenset(_read("name/known", _Known).names.split()),
        streets=address.street,
        units=address.unit,
        nowhere=address.unknown,
    )


@cache
def frequency(name: str) -> Frequency:
    """How many bear a name: `given` or `family`."""
    return _read(f"frequency/{name}", Frequency)


def _read(name: str, type: type[T]) -> T:
    return msgspec.json.decode((profiles() / "identity" / f"{name}.json").read_bytes(), type=type)


def _formal(diminutives: Mapping[str, list[str]]) -> Mapping[str, frozenset[str]]:
    return _by_word((formal, [formal, *short]) for formal, short in diminutives.items())


def _by_word(groups: Iterable[tuple[str, list[str]]]) -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for group, words in groups:
        for word in words:
            found[word].add(group)
    return {word: frozenset(names) for word, names in found.items()}
