"""A resource as bytes of the format that is asked for, and an answer made of it.

https://hl7.org/fhir/R4/http.html#mime-type
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from server.definition.xml import from_xml, to_xml
from server.fhir import Json, json
from server.http import compress, negotiate
from server.http.negotiate import Format

Pairs = list[tuple[str, str]]
Environ = dict[str, Any]

_WANTED = "childrecord.wanted"
"""Where the request's environment holds what was found to be wanted."""

# What a cache on the way would have to know, were anything to be kept.
_VARY = ("Vary", "Accept, Accept-Encoding")
_PACKED = ("Content-Encoding", "gzip")

# The statement and the document, for those who ask for them in the ways that are usual.
_MADE = 8


class Answer(NamedTuple):
    """What goes onto the wire: the headers as they are to be sent, nothing is left to be looked up."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How the client wants to read the answer."""

    format: Format
    pretty: bool


def query(environ: Environ) -> Pairs:
    """The parameters of the URL. What was sent without percent-encoding is UTF-8."""
    text = environ.get("QUERY_STRING", "")
    return parse_qsl(as_text(text), keep_blank_values=True) if text else []


def as_text(text: str) -> str:
    """What WSGI hands over as Latin-1, as the UTF-8 that it is."""
    return text if text.isascii() else text.encode("latin-1").decode(errors="replace")


def wanted(environ: Environ, pairs: Pairs, *, anything: bool = False) -> Wanted:
    """How to answer, kept for the answer that an error has; `anything`: the answer may be no resource.

    Raises:
        NotAcceptable: the client takes none of our formats.
    """
    format_, pretty = _asked(pairs) if pairs else ("", False)
    accept = environ.get("HTTP_ACCEPT", "")
    choice = negotiate.best if anything else negotiate.wanted
    found = environ[_WANTED] = Wanted(choice(format_, accept), pretty)
    return found


def best(environ: Environ) -> Wanted:
    """How to answer when there has to be an answer, however little was understood of the request."""
    known: Wanted | None = environ.get(_WANTED)
    if known is not None:
        return known
    format_, pretty = _asked(query(environ))
    return Wanted(negotiate.best(format_, environ.get("HTTP_ACCEPT", "")), pretty)


def _asked(pairs: Iterable[tuple[str, str]]) -> tuple[str, bool]:
    asked = dict(pairs)
    return asked.get("_format", ""), asked.get("_pretty") == "true"


def read(body: bytes, format_: Format) -> Json:
    """The resource of a body.

    Raises:
        Malformed: it holds none.
    """
    content: Json = from_xml(body) if format_.code == "xml" else json.decode(body)
    return content


def written(body: bytes, asked: Wanted) -> bytes:
    """A resource that is at hand as JSON."""
    if asked.format.code == "xml":
        return to_xml(body, asked.pretty)
    return msgspec.json.format(body, indent=2) if asked.pretty else body


def lasting(body: bytes, asked: Wanted, environ: Environ) -> Answer:
    """An answer that is the same for everybody as long as the server runs: made once, however large."""
    packed = compress.is_taken(environ.get("HTTP_ACCEPT_ENCODING", ""))
    made = _made(body, asked, packed)
    headers = [_VARY, ("Content-Type", asked.format.content_type), ("Content-Length", str(len(made)))]
    return Answer(200, [*headers, *([_PACKED] if packed else ())], made)


@lru_cache(_MADE)
def _made(body: bytes, asked: Wanted, packed: bool) -> bytes:
    text = written(body, asked)
    return compress.compressed(text, lasting=True) if packed else text


def response(
    status: int, body: bytes | None, headers: Mapping[str, str], asked: Wanted, environ: Environ
) -> Answer:
    """An answer; `body` is a resource as JSON, or whatever the header `Content-Type` says."""
    found = [*headers.items(), _VARY]
    if body is None:
        return Answer(status, found)
    if "Content-Type" not in headers:
        body = written(body, asked)
        found.append(("Content-Type", asked.format.content_type))
        encoding = environ.get("HTTP_ACCEPT_ENCODING")
        if encoding and len(body) >= compress.WORTH_IT and compress.is_taken(encoding):
            body = compress.compressed(body)
            found.append(_PACKED)
    found.append(("Content-Length", str(len(body))))
    return Answer(status, found, body)
