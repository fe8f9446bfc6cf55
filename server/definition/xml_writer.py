"""A resource written as XML: a template for each shape of object, filled in at one stroke.

https://hl7.org/fhir/R4/xml.html

What XML has to escape is escaped in the text of the JSON before that is taken apart: a few replacements over
the whole text, where a look at each string would cost more than all the rest. Objects of one type mostly have
one of few shapes (the names of their properties, in order); of each a template is made once, in the order of
the definition, and an object is its template with its values put in.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec

from server.definition.structure import Element, ElementType, Structure, structure
from server.fhir import Json, json
from server.fhir.primitive import PRIMITIVES

NAMESPACE = "http://hl7.org/fhir"

_SHAPES_LIMIT = 500
"""So many shapes of one type are an accident or an attack; they are made again rather than kept."""

Write = Callable[[Any], str]
"""From a value of JSON to its text in XML; of an object, and of an array, all its elements."""


def write(text: bytes) -> bytes:
    """The root element of a resource in JSON, in UTF-8, without a declaration."""
    tree = _decoder.decode(_escaped(text))
    return _resource(tree["resourceType"], root=True)(tree).encode()


# Numbers stay the text that they are: nothing is exacter, or cheaper.
_decoder = msgspec.json.Decoder(float_hook=str)

# JSON's escapes that stand for what XML has, each as XML says it. A raw NUL cannot be in JSON, and so keeps
# the place of a backslash meanwhile.
_BACKSLASH = b"\0"
_ESCAPES = (
    (b"\\\\", _BACKSLASH),
    (b'\\"', b"&quot;"),
    (b"\\n", b"&#10;"),
    (b"\\t", b"&#9;"),
    (b"\\r", b"&#13;"),
)
# XML has no other control characters, not even escaped.
_CONTROL = re.compile(rb"\\(?:[bf]|u00[01][0-9a-f])")
_NO_CHARACTER = "\N{REPLACEMENT CHARACTER}".encode()


def _escaped(text: bytes) -> bytes:
    """The JSON with every string in it as an XML attribute says it."""
    if b"\\u" in text or b"\\/" in text:
        # Others may escape what they like; our own encoder escapes what it has to, and in lower case.
        text = json.encode(json.decode(text))
    text = text.replace(b"&", b"&amp;").replace(b"<", b"&lt;")
    if b"\\" in text:
        for json_form, xml_form in _ESCAPES:
            text = text.replace(json_form, xml_form)
        text = _CONTROL.sub(_NO_CHARACTER, text).replace(_BACKSLASH, b"\\\\")
    return text


@cache
def _resource(type: str, *, root: bool = False) -> Write:
    """A resource, with its type as the name of its element."""
    known = _known(type)
    return _object(known, known.root, type, f' xmlns="{NAMESPACE}"' if root else "")


def _object(within: Structure, parent: Element, tag: str, attributes: str = "") -> Write:
    """An object with the children of `parent`, as an element of that name."""
    shapes: dict[tuple[str, ...], _Template] = {}

    def write(value: Json) -> str:
        shape = tuple(value)
        known = shapes.get(shape)
        if known is None:
            if len(shapes) >= _SHAPES_LIMIT:
                shapes.clear()
            known = shapes[shape] = _template(within, parent, shape, tag, attributes)
        template, values, writes = known
        found = values(value)
        if len(writes) == 1:
            found = writes[0](found) if writes[0] else found
        elif writes:
            found = tuple([write(each) if write else each for write, each in zip(writes, found, strict=True)])
        text: str = template % found
        return text

    return write


_Template = tuple[str, Callable[[Json], Any], tuple[Write | None, ...]]
"""A text with gaps, the values to be put in (one alone is no tuple), and how each is written: None for
those that are put in as they are, and nothing at all if all are."""


def _template(
    within: Structure, parent: Element, shape: tuple[str, ...], tag: str, attributes: str
) -> _Template:
    """What an object of that shape is written as."""
    parts = sorted(_parts(within, parent, shape), key=lambda part: not part.attribute)
    inside = "".join(part.template for part in parts if not part.attribute)
    attributes += "".join(part.template for part in parts if part.attribute)
    template = f"<{tag}{attributes}>{inside}</{tag}>" if inside else f"<{tag}{attributes}/>"
    writes = tuple(part.write for part in parts)
    return template, _values(parts), writes if any(writes) else ()


def _values(parts: list["_Part"]) -> Callable[[Json], Any]:
    if any(part.beside for part in parts):
        return _with_the_whole([None if part.beside else part.key for part in parts])
    if not parts:
        return lambda _: ()
    return itemgetter(*[part.key for part in parts])


def _with_the_whole(keys: list[str | None]) -> Callable[[Json], Any]:
    """The values of these properties, and the object itself where there is None."""
    if len(keys) == 1:
        return lambda value: value
    return lambda value: [value if key is None else value[key] for key in keys]


class _Part(NamedTuple):
    """What one element (or attribute) of an object is written as; `write` is None where it is the value
    itself. `beside`: a primitive is written together with its companion, out of the whole object."""

    key: str
    template: str
    write: Write | None
    attribute: bool = False
    beside: bool = False


def _parts(within: Structure, parent: Element, shape: tuple[str, ...]) -> Iterator[_Part]:
    """The elements that the shape has, in the order of the definition."""
    left = {*shape} - {"resourceType"}
    for child in parent.children:
        for name, type in child.properties():
            found = left & {name, f"_{name}"}
            if found:
                left -= found
                yield _part(within, child, type, name, with_companion=f"_{name}" in found)
    if left:
        raise KeyError(f"{parent.path} has no element '{min(left)}'.")


def _part(within: Structure, child: Element, type: ElementType, name: str, *, with_companion: bool) -> _Part:
    if type.attribute:
        return _Part(name, f' {name}="%s"', None, attribute=True)
    if type.code == "xhtml":
        return _Part(name, "%s", _narrative)
    if type.code not in PRIMITIVES:
        return _Part(name, "%s", _complex(within, child, type, name))
    text = _TEXT.get(type.code)
    if with_companion:
        write = (_with_companions if child.repeats else _with_companion)(name, text)
        return _Part(name, "%s", write, beside=True)
    if child.repeats:
        return _Part(name, "%s", _many_primitives(name, text))
    return _Part(name, f'<{name} value="%s"/>', text)


# Every other primitive is a string, or a number that is text already.
_TEXT: dict[str, Write] = {"boolean": {True: "true", False: "false"}.__getitem__}


def _complex(within: Structure, child: Element, type: ElementType, name: str) -> Write:
    write = _element(within, child, type, name)
    if not child.repeats:
        return write
    return lambda values: write(values[0]) if len(values) == 1 else "".join(map(write, values))


def _element(within: Structure, child: Element, type: ElementType, name: str) -> Write:
    if child.children or child.content:
        return _part_of(within.url, child.content or child.path, name)
    if type.code == "Resource":
        return lambda value: f"<{name}>{_resource(value['resourceType'])(value)}</{name}>"
    return _datatype(type.code, name)


@cache
def _datatype(code: str, tag: str) -> Write:
    known = _known(code)
    return _object(known, known.root, tag)


@cache
def _part_of(url: str, path: str, tag: str) -> Write:
    """An element that is defined in place, as Patient.contact is."""
    known = _known(url)
    return _object(known, known.elements[path], tag)


def _many_primitives(name: str, text: Write | None) -> Write:
    first, between, last = f'<{name} value="', f'"/><{name} value="', '"/>'

    def write(values: list[Any]) -> str:
        return first + between.join(map(text or str, values)) + last

    return write


def _with_companion(name: str, text: Write | None) -> Write:
    one, beside = _primitive(name, text), f"_{name}"
    return lambda value: one(value.get(name), value.get(beside))


def _with_companions(name: str, text: Write | None) -> Write:
    """A primitive that repeats, and the array of companions beside it; either may be the shorter."""
    one, beside = _primitive(name, text), f"_{name}"

    def write(value: Json) -> str:
        values, companions = value.get(name, []), value.get(beside, [])
        length = max(len(values), len(companions))
        values = values + [None] * (length - len(values))
        companions = companions + [None] * (length - len(companions))
        return "".join(map(one, values, companions))

    return write


def _primitive(name: str, text: Write | None) -> Callable[[Any, Json | None], str]:
    """A primitive with its id and extensions."""
    said = text or str

    def write(value: Any, companion: Json | None) -> str:
        companion = companion or {}
        id = f' id="{companion["id"]}"' if "id" in companion else ""
        attributes = id if value is None else f'{id} value="{said(value)}"'
        inside = "".join(map(_datatype("Extension", "extension"), companion.get("extension", ())))
        return f"<{name}{attributes}>{inside}</{name}>" if inside else f"<{name}{attributes}/>"

    return write


# In the reverse order of escaping: an ampersand is the last. A carriage return stays escaped, for a reader of
# XML would take it for the end of a line.
_UNESCAPES = (("&lt;", "<"), ("&quot;", '"'), ("&#10;", "\n"), ("&#9;", "\t"), ("&amp;", "&"))


def _narrative(text: str) -> str:
    """The markup itself, which was validated when it came."""
    for xml_form, character in _UNESCAPES:
        text = text.replace(xml_form, character)
    return text


def _known(type: str) -> Structure:
    known = structure(type)
    if known is None:
        raise KeyError(f"The library has no definition of {type}.")
    return known
