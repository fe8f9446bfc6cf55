"""Full text: `_text` looks at the narrative, `_content` at all that people read in a resource.

https://hl7.org/fhir/R4/search.html#text
"""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

from tests.differential.naive.path import Node, children, elements_of
from tests.differential.naive.value import fold

_READ = ("string", "markdown")
_UNREAD = ("Meta", "Narrative")
_MACHINES = (("Reference", "reference"), ("Identifier", "value"))
_CRITERION = re.compile(r'(-?)(?:"([^"]*)"|(\S+))')


def says(resource: Any, asked: str, *, narrative: bool) -> bool:
    """Words must all be there, -words must not, "words" follow one another; `or` stands between either."""
    texts = list(_narrative(resource)) if narrative else [*_narrative(resource), *_texts(resource)]
    lines = [fold(text).split() for text in texts]
    return any(
        all(_is_met(lines, *criterion) for criterion in _CRITERION.findall(way))
        for way in re.split(r"\s+or\s+", asked)
    )


def _is_met(lines: list[list[str]], minus: str, phrase: str, word: str) -> bool:
    text = phrase or word
    wanted, open_ended = fold(text).split(), text.endswith("*")
    there = any(
        _begins(line[at : at + len(wanted)], wanted, open_ended=open_ended)
        for line in lines
        for at in range(len(line))
    )
    return there != bool(minus)


def _begins(found: list[str], wanted: list[str], *, open_ended: bool) -> bool:
    if len(found) < len(wanted) or found[:-1] != wanted[:-1]:
        return False
    return found[-1].startswith(wanted[-1]) if open_ended else found[-1] == wanted[-1]


def _narrative(resource: Any) -> Iterator[str]:
    if "text" in resource and "div" in resource["text"]:
        yield unescape(re.sub(r"<[^>]*>", " ", resource["text"]["div"]))


def _texts(resource: Any) -> Iterator[str]:
    """Every string and markdown, save what machines read."""
    todo = [Node(resource, resource["resourceType"])]
    while todo:
        node = todo.pop()
        for name in elements_of(node.type):
            for child in children(node, name):
                if child.type in _READ and (node.type, name) not in _MACHINES:
                    yield child.value
                elif isinstance(child.value, dict) and child.type not in _UNREAD:
                    todo.append(child)
