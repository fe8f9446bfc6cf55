"""Functions of texts.

http://hl7.org/fhirpath/N1/#string-manipulation
"""

import base64
import binascii
import html
import json
import re
from collections.abc import Callable, Mapping

from server.fhir.fhirpath.environment import Environment, Item, Misused
from server.fhir.fhirpath.function.define import Function, integer_of, on_text, pattern, text_of
from server.fhir.fhirpath.step import INTEGER, STRING
from server.fhir.issue import TooCostly

_LONGEST = 1_000_000
"""Characters that FHIR lets a text have."""


def _substring(text: str, start: int, length: int | None = None) -> str | None:
    if not 0 <= start < len(text):
        return None
    return text[start:] if length is None else text[start : start + max(length, 0)]


def _replaced(text: str, part: str, by: str) -> str:
    if text.count(part) * len(by) > _LONGEST:
        raise TooCostly(f"A text of more than {_LONGEST} characters would come of 'replace'.")
    return text.replace(part, by)


def _replaced_matches(text: str, regex: str, replacement: str) -> str:
    if not regex:
        return text
    # `$1` is a group in FHIRPath, a backslash nothing special.
    groups = re.sub(r"\$(\d+)|\$\{(\w+)\}", r"\\g<\1\2>", replacement.replace("\\", "\\\\"))
    return pattern(regex).sub(groups, text)


_ENCODINGS: Mapping[str, tuple[Callable[[bytes], str], Callable[[str], bytes]]] = {
    "hex": (lambda data: data.hex(), bytes.fromhex),
    "base64": (lambda data: base64.b64encode(data).decode(), base64.b64decode),
    "urlbase64": (lambda data: base64.urlsafe_b64encode(data).decode(), base64.urlsafe_b64decode),
}


def _encoded(text: str, form: str) -> str | None:
    return _ENCODINGS[form][0](text.encode()) if form in _ENCODINGS else None


def _decoded(text: str, form: str) -> str | None:
    try:
        return _ENCODINGS[form][1](text).decode() if form in _ENCODINGS else None
    except (binascii.Error, ValueError):
        return None


def _escaped(text: str, target: str) -> str | None:
    match target:
        case "html":
            return html.escape(text)
        case "json":
            return json.dumps(text, ensure_ascii=False)[1:-1]
    return None


def _unescaped(text: str, target: str) -> str | None:
    match target:
        case "html":
            return html.unescape(text)
        case "json":
            return _from_json(text)
    return None


def _from_json(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return text


def _join(items: list[Item], _: Environment, separator: list[Item] | None = None) -> str | None:
    texts = [value for value, _, _ in items if value is not None]
    if not all(type(each) is str for each in texts):
        raise Misused("Only texts are joined.")
    return ((text_of(separator) if separator else None) or "").join(texts) if items else None


def _split(items: list[Item], _: Environment, separator: list[Item]) -> list[Item]:
    text, between = text_of(items), text_of(separator)
    if text is None or between is None:
        return []
    return [(each, "System.String", None) for each in (text.split(between) if between else text)]


def _characters(items: list[Item], _: Environment) -> list[Item]:
    return [(each, "System.String", None) for each in text_of(items) or ""]


TEXT: Mapping[str, Function] = {
    "startsWith": Function(on_text(str.startswith, text_of), "truth", 1, 1),
    "endsWith": Function(on_text(str.endswith, text_of), "truth", 1, 1),
    "contains": Function(on_text(lambda text, part: part in text, text_of), "truth", 1, 1),
    "matches": Function(on_text(lambda text, regex: pattern(regex).search(text), text_of), "truth", 1, 1),
    "matchesFull": Function(
        on_text(lambda text, regex: pattern(regex).fullmatch(text), text_of), "truth", 1, 1
    ),
    "indexOf": Function(on_text(str.find, text_of), "value", 1, 1, INTEGER),
    "lastIndexOf": Function(on_text(str.rfind, text_of), "value", 1, 1, INTEGER),
    "substring": Function(on_text(_substring, integer_of, integer_of), "value", 1, 2, STRING),
    "upper": Function(on_text(str.upper), "value", types=STRING),
    "lower": Function(on_text(str.lower), "value", types=STRING),
    "trim": Function(on_text(str.strip), "value", types=STRING),
    "length": Function(on_text(len), "value", types=INTEGER),
    "replace": Function(on_text(_replaced, text_of, text_of), "value", 2, 2, STRING),
    "replaceMatches": Function(on_text(_replaced_matches, text_of, text_of), "value", 2, 2, STRING),
    "encode": Function(on_text(_encoded, text_of), "value", 1, 1, STRING),
    "decode": Function(on_text(_decoded, text_of), "value", 1, 1, STRING),
    "escape": Function(on_text(_escaped, text_of), "value", 1, 1, STRING),
    "unescape": Function(on_text(_unescaped, text_of), "value", 1, 1, STRING),
    "join": Function(_join, "value", 0, 1, STRING),
    "split": Function(_split, "items", 1, 1, STRING),
    "toChars": Function(_characters, "items", types=STRING),
}
