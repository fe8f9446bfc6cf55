"""Features as columns: what a database needs to compare records by itself, without asking Python of each
pair."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from server.child.likeness.block import keys
from server.child.likeness.feature import Features, Words
from server.child.likeness.home import district
from server.child.likeness.lexicon import lexicon
from server.child.likeness.name import called, name_keys, sound

Column = list[Any]

LISTS = frozenset(
    [
        "given_spelling",
        "given_group",
        "given_every",
        "middle",
        "middle_key",
        "family_part",
        "family_key",
        "family_sound",
        "home",
        "place",
        "postcode",
        "district",
        "parent_family",
        "parent_given",
        "parent_first",
        "sibling",
        "school",
        "identifier",
    ]
)
"""The columns of lists of words; `key` is one of numbers."""
MOST = 60
"""A key that more records have than this leads to nobody: other keys of the same children are rarer."""


def table(children: Sequence[Features], most: int = MOST) -> dict[str, Column]:
    """A column each, in the order of `children`; the number of a child is its place. Unknown is NULL."""
    blocked = _blocked([keys(child) for child in children], most)
    rows = [_row(child) for child in children]
    return {
        "unique_id": list(range(len(children))),
        "key": blocked,
        **{name: [row[name] for row in rows] for name in _row(Features())},
    }


def _blocked(keys: Sequence[frozenset[int]], most: int) -> list[list[int]]:
    held = Counter(key for child in keys for key in child)
    return [[key for key in child if 1 < held[key] <= most] for child in keys]


def _row(child: Features) -> dict[str, Any]:
    names = [_bare(called(words)[0]) for words in child.given]
    known = lexicon()
    families = [part for words in child.family for part in words]
    return {
        "given": names[0] if names else None,
        "given_spelling": _unique(key for name in names for key in (name, *known.spellings.get(name, ())))
        or None,
        "given_group": _unique(key for name in names for key in (name, *name_keys(name)[1:])) or None,
        "given_every": _unique(word for words in child.given for word in words) or None,
        "given_sound": sound(names[0]) if names else None,
        "given_known": bool(names) and (names[0] in known.known or len(name_keys(names[0])) > 1),
        "middle": _unique(_others(child.given)) or None,
        "middle_key": _unique(key for word in _others(child.given) for key in name_keys(word)) or None,
        "family": "".join(child.family[0]) if child.family else None,
        "family_part": _unique([*families, *("".join(words) for words in child.family)]) or None,
        "family_key": _unique(key for part in families for key in name_keys(part) if key[0] == "=") or None,
        "family_sound": _unique(map(sound, families)) or None,
        "born": child.born or child.expected or None,
        "born_year": child.born[:4] or None,
        "born_swapped": f"{child.born[:4]}-{child.born[8:]}-{child.born[5:7]}"
        if len(child.born) == 10
        else None,
        "sex": child.sex or None,
        "home": _unique(f"{code} {one}" for code, house, _ in child.homes if code for one in house.split())
        or None,
        "place": _unique(f"{house} {street}" for _, house, street in child.homes if street) or None,
        "postcode": _unique(code for code, _, _ in child.homes if code) or None,
        "district": _unique(filter(None, (district(code) for code, _, _ in child.homes))) or None,
        "parent_first": _unique(sound(given[0]) for given, _ in child.parents) or None,
        "parent_family": _unique(_parents(child)) or None,
        "parent_given": _unique(key for given, _ in child.parents for key in name_keys(given[0])) or None,
        "sibling": _unique(_siblings(child)) or None,
        "school": list(child.schools) or None,
        "identifier": [f"{_system(system)} {value}" for system, value in child.identifiers] or None,
    }


def _unique(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))


def _bare(word: str) -> str:
    return word.replace("-", "")


def _others(given: Sequence[Words]) -> Words:
    return called(given[0])[1:] if given else ()


def _parents(child: Features) -> Iterable[str]:
    """A parent by all that the given name goes by, with each part of a family name that is not the child's
    own."""
    own = {part for words in child.family for part in words}
    for given, family in child.parents:
        for key in name_keys(given[0]):
            yield from (f"{key} {sound(part)}" for part in family if part not in own)


def _siblings(child: Features) -> Iterable[str]:
    for given, born, id in child.siblings:
        if id:
            yield id
        if given and born:
            yield f"{sound(given)} {born}"


def _system(word: str) -> str:
    return word.removeprefix("unverified-").removeprefix("former-")
