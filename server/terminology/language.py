"""Language tags: `en`, `en-GB`, `zh-Hant-TW`.

https://www.rfc-editor.org/rfc/rfc5646 · the subtags are IANA's registry
"""

import re
from collections.abc import Mapping
from functools import cache

from server.definition.folder import terminology

SYSTEM = "urn:ietf:bcp:47"

_TAG = re.compile(
    r"(?P<language>[a-z]{2,8})(?P<extlang>(-[a-z]{3}){0,3})(-(?P<script>[a-z]{4}))?(-(?P<region>[a-z]{2}|\d{3}))?"
    r"(?P<variants>(-([a-z\d]{5,8}|\d[a-z\d]{3}))*)(-[a-wyz\d](-[a-z\d]{2,8})+)*(-x(-[a-z\d]{1,8})+)?"
)
_PRIVATE = re.compile(r"x(-[a-z\d]{1,8})+")


def described(tag: str) -> str | None:
    """What a tag says: `English (United Kingdom)`; None: it is no tag, or a part of it is not registered."""
    lower = tag.lower()
    whole = _registry()["grandfathered"].get(lower)
    if whole is not None or _PRIVATE.fullmatch(lower):
        return whole or "Private use"
    found = _TAG.fullmatch(lower)
    if found is None:
        return None
    parts = [(kind, found[kind]) for kind in ("script", "region") if found[kind]]
    parts += [("extlang", each) for each in found["extlang"].split("-")[1:]]
    parts += [("variant", each) for each in found["variants"].split("-")[1:]]
    said = [_registry()[kind].get(subtag) for kind, subtag in parts]
    language = _registry()["language"].get(found["language"])
    if language is None or None in said:
        return None
    return f"{language} ({', '.join(filter(None, said))})" if said else language


@cache
def _registry() -> Mapping[str, Mapping[str, str]]:
    """By type of subtag, then by subtag in lower case."""
    found: dict[str, dict[str, str]] = {}
    lines = (terminology() / "registry" / "language-subtag.tsv").read_text("utf-8").splitlines()
    for line in lines[1:]:
        type_, subtag, description = line.split("\t")
        for each in _range(subtag.lower()):
            found.setdefault(type_, {})[each] = description
    return found


def _range(subtag: str) -> list[str]:
    """`qaa..qtz` stands for all in between."""
    first, dots, last = subtag.partition("..")
    if not dots:
        return [subtag]
    if len(first) == 2:
        return [f"{first[0]}{chr(each)}" for each in range(ord(first[1]), ord(last[1]) + 1)]
    letters = [chr(each) for each in range(ord("a"), ord("z") + 1)]
    start = first[:-2]
    return [
        each for each in (f"{start}{one}{two}" for one in letters for two in letters) if first <= each <= last
    ]
