"""Blocking keys: two records of one child have one in common, so that an index finds the one by the other.

A key is a hash of a rule's name and of what the two must agree in, under a secret: whoever has the index and
not the secret cannot try names and birth dates on it. Each slip spoils a few of a child's keys and leaves the
others.
"""

from collections.abc import Iterator
from hashlib import blake2b

from server.child.likeness.feature import Features
from server.child.likeness.home import district
from server.child.likeness.name import called, name_keys, sound

MOST = 48
"""Keys of one child; who has more names and homes than this is found by the first of them."""


def keys(child: Features, secret: bytes = b"") -> frozenset[int]:
    """The keys as signed numbers of 64 bits."""
    return frozenset(_hash(f"{rule}\0{text}", secret) for rule, text in rule_keys(child)[:MOST])


def rule_keys(child: Features) -> list[tuple[str, str]]:
    """Each key as the rule and the text it is made of, in order of how much they tell."""
    return list(dict.fromkeys(_keys(child)))


def _keys(child: Features) -> Iterator[tuple[str, str]]:
    firsts = [sound(called(names)[0]) for names in child.given]
    families = [sound("".join(each)) for each in child.family] + [
        sound(part) for each in child.family if len(each) > 1 for part in each
    ]
    pairs = sorted({"+".join(sorted((one, other))) for one in firsts for other in families if one and other})
    postcodes = [postcode for postcode, _, _ in child.homes if postcode]
    names = [*_names(child), *families]
    for day in _days(child):
        yield from (("birth+name", f"{day}+{name}") for name in names if name)
        yield from (("postcode+birth", f"{postcode}+{day}") for postcode in postcodes)
    for year in _years(child):
        yield from (("names+year", f"{year}+{pair}") for pair in pairs)
    if len(child.born) == 10:
        yield from (("names+day", f"{child.born[5:]}+{pair}") for pair in pairs)
    yield from (("identifier", f"{system.rpartition('-')[2]}+{value}") for system, value in child.identifiers)
    yield from (
        ("postcode+name", f"{postcode}+{name}") for postcode in postcodes for name in [*firsts, *families]
    )
    for day in _days(child):
        yield from (("parent+birth", f"{sound(given[0])}+{day}") for given, _ in child.parents)
    districts = dict.fromkeys(filter(None, map(district, postcodes)))
    yield from (("names+district", f"{each}+{pair}") for each in districts for pair in pairs)


def _names(child: Features) -> Iterator[str]:
    """The given names: by all the names they may stand for, the later ones by their sound alone."""
    for names in child.given:
        first = called(names)[0]
        yield from name_keys(first)
        yield from (sound(word) for word in names[:3] if word != first)


def _days(child: Features) -> list[str]:
    """The birth date with month and day in order of size: exchanged, they are the same."""
    if len(child.born) != 10:
        return []
    year, month, day = child.born.split("-")
    return ["-".join((year, *sorted((month, day))))]


def _years(child: Features) -> list[str]:
    year = (child.born or child.expected)[:4]
    return [year] if year else []


def _hash(text: str, secret: bytes) -> int:
    return int.from_bytes(blake2b(text.encode(), key=secret, digest_size=8).digest(), signed=True)
