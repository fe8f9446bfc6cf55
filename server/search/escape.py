r"""The escapes of a search value: `\,` `\|` `\$` and `\\` stand for the character itself.

https://hl7.org/fhir/R4/search.html#escaping
"""

import re

_ESCAPE = re.compile(r"\\([,|$\\])")


def split(text: str, separator: str, limit: int = -1) -> list[str]:
    """The text cut at each separator that is not escaped, at most `limit` times; the escapes stay."""
    if "\\" not in text:
        return text.split(separator, limit)
    parts: list[str] = []
    start = position = 0
    while position < len(text) and len(parts) != limit:
        if text[position] == "\\":
            position += 2
            continue
        if text[position] == separator:
            parts.append(text[start:position])
            start = position + 1
        position += 1
    parts.append(text[start:])
    return parts


def unescape(text: str) -> str:
    """The text meant; a backslash before any other character is itself."""
    return _ESCAPE.sub(r"\1", text) if "\\" in text else text
