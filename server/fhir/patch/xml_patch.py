"""XML Patch: operations at the nodes that selectors name, in the XML form of a resource.

https://www.rfc-editor.org/rfc/rfc5261
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from lxml import etree

from server.fhir.issue import Malformed
from server.fhir.patch import MOST, Failed, operation
from server.fhir.patch.selector import Attribute, Element, Node, Text, select

_NAMESPACE = "namespace::"


def patched(document: bytes, patch: bytes) -> bytes:
    """What the operations make of a document.

    Raises:
        Malformed: the patch is none. Inapplicable: an operation does not fit the document.
    """
    steps = _steps(patch)
    root = _parsed(document)
    for at, step in enumerate(steps):
        name = etree.QName(step).localname
        with operation(at, name, step.get("sel", "")):
            root = _OPERATIONS[name](root, step)
    return etree.tostring(root, encoding="utf-8")


def _parsed(text: bytes) -> Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    return etree.fromstring(text, parser)


def _steps(patch: bytes) -> list[Element]:
    """The operations, whatever the element around them is called."""
    try:
        root = _parsed(patch)
    except etree.XMLSyntaxError as error:
        raise Malformed(f"The patch is not XML: {error.msg}.") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise Malformed("The patch must not have a document type.")
    steps = [each for each in root if isinstance(each.tag, str)]
    if not steps:
        raise Malformed("The patch has no operations.")
    if len(steps) > MOST:
        raise Malformed(f"The patch has {len(steps)} operations; at most {MOST} are taken.")
    for at, step in enumerate(steps):
        if etree.QName(step).localname not in _OPERATIONS or "sel" not in step.attrib:
            known = ", ".join(_OPERATIONS)
            raise Malformed(f"Operation {at} of the patch must be one of {known}, and have a 'sel'.")
    return steps


def _add(root: Element, step: Element) -> Element:
    found = select(root, step)
    if not isinstance(found, etree._Element):
        raise Failed("the selector must name an element to add to")
    kind = step.get("type", "")
    if kind.startswith("@"):
        return _with_attribute(root, found, kind[1:], step)
    if kind.startswith(_NAMESPACE):
        return _with_namespace(root, found, kind.removeprefix(_NAMESPACE), step)
    if kind:
        raise Failed("the type of an addition is an attribute ('@name') or a namespace")
    match step.get("pos"):
        case None:
            _insert(found, len(found), step)
        case "prepend":
            behind, found.text = found.text, None
            _insert(found, 0, step)
            _append_text(found, len(step), behind)
        case "before" | "after" as side:
            above = found.getparent()
            if above is None:
                raise Failed("nothing can stand beside the resource itself")
            _insert(above, above.index(found) + (side == "after"), step)
        case _:
            raise Failed("the position of an addition is 'before', 'after' or 'prepend'")
    return root


def _replace(root: Element, step: Element) -> Element:
    match select(root, step):
        case Attribute(element, name):
            element.set(name, step.text or "")
        case Text() as text:
            text.set(step.text or "")
        case found if len(step) == 1 and not (step.text or "").strip() and _alike(found, step[0]):
            new = _copied(step[0])
            new.tail = found.tail
            above = found.getparent()
            if above is None:
                return new
            above.replace(found, new)
        case _:
            raise Failed("one node of the same kind must be given in the place of the one that is selected")
    return root


def _remove(root: Element, step: Element) -> Element:
    match select(root, step):
        case Attribute(element, name):
            del element.attrib[name]
        case Text() as text:
            text.set("")
        case found:
            above = found.getparent()
            if above is None:
                raise Failed("the resource itself cannot be removed")
            for side in _SPACES.get(step.get("ws", ""), ()):
                _strip(found, side)
            _append_text(above, above.index(found), found.tail)
            found.tail = None
            above.remove(found)
    return root


_OPERATIONS: dict[str, Callable[[Element, Element], Element]] = {
    "add": _add,
    "replace": _replace,
    "remove": _remove,
}
_SPACES = {"before": ("before",), "after": ("after",), "both": ("before", "after")}


def _with_attribute(root: Element, found: Element, name: str, step: Element) -> Element:
    prefix, _, local = name.rpartition(":")
    namespace = step.nsmap.get(prefix) if prefix else None
    if prefix and namespace is None:
        raise Failed("the prefix of the attribute stands for no namespace")
    try:
        key = str(etree.QName(namespace, local))
        if key in found.attrib:
            raise Failed(f"there is an attribute '{local[:40]}' already")
        found.set(key, step.text or "")
    except ValueError:
        raise Failed("the type is not the name of an attribute, or its value not a text") from None
    return root


def _with_namespace(root: Element, found: Element, prefix: str, step: Element) -> Element:
    """The same element with one prefix more: lxml cannot give an element one later."""
    try:
        spaces: dict[Any, str] = {**found.nsmap, prefix: step.text or ""}
        attributes = {str(name): str(value) for name, value in found.attrib.items()}
        new = etree.Element(found.tag, attributes, spaces)
    except ValueError:
        raise Failed("the type is not the prefix of a namespace") from None
    new.text, new.tail = found.text, found.tail
    new.extend(list(found))
    above = found.getparent()
    if above is None:
        return new
    above.replace(found, new)
    return root


def _insert(above: Element, at: int, step: Element) -> None:
    """The content of an addition, text and nodes, before the child number `at`."""
    _append_text(above, at, step.text)
    for each in step:
        new = _copied(each)
        above.insert(at, new)
        at += 1


def _append_text(above: Element, at: int, text: str | None) -> None:
    """Text before the child number `at`: it belongs to the node before."""
    if not text:
        return
    if at:
        above[at - 1].tail = (above[at - 1].tail or "") + text
    else:
        above.text = (above.text or "") + text


def _copied(node: Element) -> Element:
    return deepcopy(node)


def _alike(found: Node, new: Element) -> bool:
    """An element for an element, a comment for a comment."""
    return isinstance(found, etree._Element) and isinstance(found.tag, str) == isinstance(new.tag, str)


def _strip(found: Element, side: str) -> None:
    """Take away the white space on one side of an element, where there is nothing else."""
    before, above = found.getprevious(), found.getparent()
    assert above is not None
    text = found.tail if side == "after" else above.text if before is None else before.tail
    if not text or text.strip():
        raise Failed(f"there is no white space {side} what is removed")
    if side == "after":
        found.tail = None
    elif before is None:
        above.text = None
    else:
        before.tail = None
