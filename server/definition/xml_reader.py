"""A resource read from XML, in one pass of the parser, straight into JSON.

https://hl7.org/fhir/R4/xml.html

What has two readings, or none, is refused with its line and column: a document type and with it every entity,
comments and processing instructions (the record could not keep them), text where none belongs, elements that
are unknown, out of order or once too often. A narrative is kept letter by letter.
"""

import re
from collections.abc import Callable
from typing import Any, NoReturn
from xml.parsers import expat

from server.definition import xml_form, xml_narrative
from server.definition.xml_form import Child
from server.definition.xml_place import element_at
from server.definition.xml_writer import NAMESPACE
from server.fhir import Json
from server.fhir.issue import Malformed
from server.fhir.json import DEPTH_LIMIT

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,59}")
_SCHEMA_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_UTF_8 = ("utf-8", "utf8", "us-ascii")
_SPACE = " \t\r\n"


def read(body: bytes, *, remarks: bool = False) -> Json:
    """The resource. `remarks`: comments and processing instructions are passed over, where nothing is kept.

    Raises:
        Malformed: it is not XML, or not of the form that FHIR gives it.
    """
    body = body.removeprefix(_BYTE_ORDER_MARK)
    if not body.strip():
        raise Malformed("The body is empty; an XML document was expected.")
    if b"\0" in body:
        raise Malformed("The body is not UTF-8: it holds a zero byte, as UTF-16 does, and no XML may.")
    return _Reading(body, remarks).resource()


class _Reading:
    """One pass over a document.

    Of the element that is open there are its `children`, its object in JSON (`target`) and the rank of its
    newest child (`last`). A primitive with nothing but a value opens nothing: it is a `leaf` until it ends.
    """

    __slots__ = (
        "body",
        "children",
        "hollow",
        "last",
        "leaf",
        "open",
        "parser",
        "prefixed",
        "remarks",
        "target",
    )

    def __init__(self, body: bytes, remarks: bool) -> None:
        self.body = body
        self.remarks = remarks
        self.parser = parser = expat.ParserCreate("utf-8", namespace_separator=" ")
        parser.ordered_attributes = parser.buffer_text = True
        parser.XmlDeclHandler = self._declaration
        parser.StartDoctypeDeclHandler = self._document_type
        parser.ProcessingInstructionHandler = None if remarks else self._instruction
        parser.StartNamespaceDeclHandler = self._namespace
        self.prefixed = False
        self.children = xml_form.resources().children
        self.target: Json = {}
        self.last = -1
        self.leaf: Child | None = None
        # What was open around: children, target, last, and what is left to do when the inner one ends.
        self.open: list[tuple[Any, Json, int, Callable[[], None] | None]] = []
        # Where an array holds a null, and in the end perhaps nothing else.
        self.hollow: list[tuple[Json, str]] = []
        self.listen()

    def listen(self) -> None:
        """Take the elements of FHIR (and no longer those of a narrative)."""
        self.parser.StartElementHandler, self.parser.EndElementHandler = self._start, self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.CommentHandler = None if self.remarks else self._comment

    def resource(self) -> Json:
        holder = self.target
        try:
            self.parser.Parse(self.body, True)
        except expat.ExpatError as error:
            what = expat.ErrorString(error.code)
            raise Malformed(
                f"The body is not XML: {what} at line {error.lineno}, column {error.offset + 1}."
            ) from None
        for target, key in self.hollow:
            if key in target and all(value is None for value in target[key]):
                del target[key]
        found: Json = holder[""]
        return found

    # ---- elements ------------------------------------------------------------------------------------------

    def _start(self, name: str, attributes: list[str]) -> None:
        if self.leaf is not None:
            self._unfold()
        child = self.children.get(name)
        if child is None:
            self._refuse_element(name)
        if child.rank <= self.last and (child.rank < self.last or not child.repeats):
            self._refuse_order(child)
        self.last = child.rank
        if child.convert is None:
            self._enter(child, attributes)
        elif len(attributes) == 2 and attributes[0] == "value":
            self._keep(child, self._converted(child, attributes[1]))
            self.leaf = child
        else:
            self._primitive(child, attributes)

    def _end(self, _: str) -> None:
        if self.leaf is not None:
            self.leaf = None
            return
        self.children, self.target, self.last, finish = self.open.pop()
        if finish is not None:
            finish()

    def _enter(self, child: Child, attributes: list[str]) -> None:
        """Everything that is no primitive."""
        if child.narrative:
            self._narrative(child, attributes)
            return
        if child.form is xml_form.resources:
            self._holder(child, attributes)
            return
        assert child.form is not None
        form = child.form()
        inside: Json = {} if child.type is None else {"resourceType": child.type}
        for name, value in zip(attributes[::2], attributes[1::2], strict=True):
            if name in form.attributes:
                inside[name] = self._some(value, name)
            elif child.type is None or name != f"{_SCHEMA_INSTANCE} schemaLocation":
                self._refuse_attribute(name)
        self._keep(child, inside)
        self._push(form.children, inside)

    def _holder(self, child: Child, attributes: list[str]) -> None:
        """An element with one resource in it, as `contained`."""
        if attributes:
            self._refuse_attribute(attributes[0])
        holder: Json = {}

        def finish() -> None:
            if "" not in holder:
                self.refuse(f"the element '{child.key}' holds no resource")
            self._keep(child, holder[""])

        self._push(xml_form.resources().children, holder, finish)

    def _push(self, children: Any, target: Json, finish: Callable[[], None] | None = None) -> None:
        if len(self.open) >= DEPTH_LIMIT:
            self.refuse(f"elements nest more than {DEPTH_LIMIT} deep")
        self.open.append((self.children, self.target, self.last, finish))
        self.children, self.target, self.last = children, target, -1

    def _keep(self, child: Child, value: Any) -> None:
        if not child.repeats:
            self.target[child.key] = value
        elif child.key in self.target:
            self.target[child.key].append(value)
        else:
            self.target[child.key] = [value]

    def _narrative(self, child: Child, attributes: list[str]) -> None:
        target = self.target

        def finish(text: str) -> None:
            target[child.key] = text
            self.listen()

        xml_narrative.take(self.parser, self.body, attributes, self.prefixed, finish)

    # ---- primitives ----------------------------------------------------------------------------------------

    def _primitive(self, child: Child, attributes: list[str]) -> None:
        """A primitive with more than a value, or with none."""
        said = dict(zip(attributes[::2], attributes[1::2], strict=True))
        value = self._converted(child, said.pop("value")) if "value" in said else None
        companion = {"id": self._some(said.pop("id"), "id")} if "id" in said else {}
        if said:
            self._refuse_attribute(next(iter(said)))
        if value is not None or child.repeats:
            self._keep(child, value)
        self._open_primitive(child, companion, has_value=value is not None)

    def _unfold(self) -> None:
        """The primitive that was taken for a leaf has an element inside it."""
        child, self.leaf = self.leaf, None
        assert child is not None
        self._open_primitive(child, {}, has_value=True)

    def _open_primitive(self, child: Child, companion: Json, *, has_value: bool) -> None:
        target, key = self.target, f"_{child.key}"

        def finish() -> None:
            if not has_value and "extension" not in companion:
                self.refuse(f"the element '{child.key}' has neither a value nor an extension")
            if not child.repeats:
                target[key] = companion
                return
            if not has_value:
                self.hollow.append((target, child.key))
            beside = target.setdefault(key, [])
            beside += [None] * (len(target[child.key]) - len(beside) - 1)
            beside.append(companion)

        self._push(xml_form.beside().children, companion, finish)

    def _converted(self, child: Child, text: str) -> Any:
        assert child.convert is not None
        try:
            return child.convert(self._some(text, child.key))
        except ValueError as wanted:
            self.refuse(f"the value of '{child.key}' has to be {wanted}")

    def _some(self, text: str, name: str) -> str:
        if not text:
            self.refuse(f"'{name}' is empty, which no attribute may be; leave it out")
        return text

    # ---- what is refused -----------------------------------------------------------------------------------

    def _declaration(self, version: str, encoding: str | None, _: int) -> None:
        if encoding is not None and encoding.lower() not in _UTF_8:
            self.refuse("the declaration names an encoding other than UTF-8")

    def _document_type(self, *_: Any) -> NoReturn:
        self.refuse("a document type (and with it any entity) may not be declared")

    def _instruction(self, *_: Any) -> NoReturn:
        self.refuse("a processing instruction has no place in a resource")

    def _comment(self, _: str) -> NoReturn:
        self.refuse("a comment has no place in a resource, which could not keep it")

    def _text(self, text: str) -> None:
        if text.strip(_SPACE):
            self.refuse("text stands between elements; a value is written in the attribute 'value'")

    def _namespace(self, prefix: str | None, uri: str) -> None:
        if prefix is not None and uri != _SCHEMA_INSTANCE:
            self.prefixed = True

    def _refuse_element(self, name: str) -> NoReturn:
        namespace, _, local = name.rpartition(" ")
        shown = f"'{local}'" if _NAME.fullmatch(local) else "with that name"
        if namespace != NAMESPACE:
            self.refuse(f"the element {shown} is not in the namespace {NAMESPACE}")
        if not self.open:
            self.refuse(f"the element {shown} is no resource type of R4")
        self.refuse(f"an element {shown} does not belong here")

    def _refuse_order(self, child: Child) -> NoReturn:
        if child.rank == self.last:
            self.refuse(f"the element '{child.key}' stands there once already, or with another type")
        self.refuse(f"the element '{child.key}' comes after one that it has to come before")

    def _refuse_attribute(self, name: str) -> NoReturn:
        shown = f"'{name}'" if _NAME.fullmatch(name) else "with that name"
        self.refuse(f"an attribute {shown} does not belong here")

    def refuse(self, what: str) -> NoReturn:
        """Say what is wrong at the place that the parser has reached."""
        line, column = self.parser.CurrentLineNumber, self.parser.CurrentColumnNumber + 1
        raise Malformed(
            f"The XML is not that of a FHIR resource: {what} (line {line}, column {column}).",
            expression=element_at(self.body, self.parser.CurrentByteIndex),
        )
