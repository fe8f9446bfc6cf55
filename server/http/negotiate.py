"""Media types: what a client sends, and what it wants back, by `_format` or by `Accept` with its weights.

https://hl7.org/fhir/R4/http.html#mime-type and https://www.rfc-editor.org/rfc/rfc9110#name-accept
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, NamedTuple

from server.fhir.issue import NotAcceptable, UnsupportedMediaType

FHIR_VERSIONS = ("4.0", "4.0.1")
"""What the parameter `fhirVersion` of a media type may say."""

FORM = "application/x-www-form-urlencoded"

_CHARSETS = ("utf-8", "utf8", "us-ascii")
_REMEMBERED = 512
_WEIGHT = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")


@dataclass(frozen=True, slots=True)
class Format:
    """One of the two ways to write a resource; `content_type` is the header of an answer."""

    code: Literal["json", "xml"]
    content_type: str


JSON = Format("json", "application/fhir+json;charset=utf-8")
XML = Format("xml", "application/fhir+xml;charset=utf-8")

_OWN: Mapping[str, Format] = {
    "application/fhir+json": JSON,
    "application/json+fhir": JSON,
    "application/fhir+xml": XML,
    "application/xml+fhir": XML,
}
"""FHIR's own types, with the names that they had before R4."""

FHIR_TYPES = "application/fhir+json or application/fhir+xml"
"""For messages."""

_NAMES: Mapping[str, Format] = {
    **_OWN,
    "application/json": JSON,
    "text/json": JSON,
    "application/xml": XML,
    "text/xml": XML,
}
_SHORT: Mapping[str, Format] = {"json": JSON, "xml": XML}
_WIDE: Mapping[str, int] = {"application/*": 1, "text/*": 1, "*/*": 0}
"""Ranges that hold both formats, each with how closely it speaks of them."""

_EXACT = 2


@dataclass(frozen=True, slots=True)
class Sent:
    """What a body is said to be: `format` if a resource may be written so, `own` if nothing else may."""

    type: str
    format: Format | None
    own: bool


class _Range(NamedTuple):
    """What one media range of an `Accept` says of one format; `at` is its place from the end."""

    format: Format
    weight: float
    closeness: int
    at: int


@lru_cache(_REMEMBERED)
def sent(content_type: str) -> Sent:
    """The `Content-Type` of a request.

    Raises:
        UnsupportedMediaType: FHIR in another version or in another encoding than UTF-8.
    """
    type_, parameters = _parsed(content_type)
    format_ = _NAMES.get(type_)
    if format_ is not None:
        version, charset = parameters.get("fhirversion"), parameters.get("charset", "utf-8")
        if version is not None and version not in FHIR_VERSIONS:
            raise UnsupportedMediaType("The body is said to be of a version of FHIR other than 4.0.")
        if charset.lower() not in _CHARSETS:
            raise UnsupportedMediaType(
                "The body is said to be in an encoding other than UTF-8, which FHIR asks for."
            )
    return Sent(type_, format_, type_ in _OWN)


def wanted(format_: str | None, accept: str | None) -> Format:
    """The format of the answer.

    Raises:
        NotAcceptable: the client takes none of ours.
    """
    if format_:
        found = _named(format_)
        if found is None:
            raise NotAcceptable(f"'_format' is one of {', '.join((*_SHORT, *_NAMES))}, of fhirVersion 4.0.")
        return found
    if not accept:
        return JSON
    found = _accepted(accept)
    if found is None:
        raise NotAcceptable(f"None of the formats in 'Accept' is {FHIR_TYPES}, of fhirVersion 4.0.")
    return found


def best(format_: str | None, accept: str | None) -> Format:
    """The format for an answer that has to be given: the nearest to what the client wants."""
    return (format_ and _named(format_)) or (accept and _accepted(accept)) or JSON


@lru_cache(_REMEMBERED)
def _named(text: str) -> Format | None:
    # A plus that was not escaped arrives as a space.
    type_, parameters = _parsed(text)
    type_ = type_.replace(" ", "+")
    return _of_version(_SHORT.get(type_) or _NAMES.get(type_), parameters)


@lru_cache(_REMEMBERED)
def _accepted(accept: str) -> Format | None:
    said: dict[str, list[_Range]] = {}
    for range_ in _ranges(accept):
        said.setdefault(range_.format.code, []).append(range_)
    # Of what is said of a format the closest counts: `*/*;q=0.1, application/fhir+json;q=0` wants XML.
    counted = [
        max(ranges, key=lambda each: (each.closeness, each.weight, each.at)) for ranges in said.values()
    ]
    liked = max(counted, key=lambda each: (each.weight, each.closeness, each.at), default=None)
    return liked.format if liked and liked.weight > 0 else None


def _ranges(accept: str) -> Iterator[_Range]:
    parts = accept.split(",")
    for at, part in enumerate(parts):
        type_, parameters = _parsed(part)
        weight = parameters.get("q", "1")
        if not _WEIGHT.fullmatch(weight):
            continue
        one = _NAMES.get(type_) or _SHORT.get(type_)
        # JSON first: it is what is sent to who takes either.
        formats = (one,) if one else (JSON, XML) if type_ in _WIDE else ()
        for format_ in formats:
            told = _of_version(format_, parameters)
            if told is not None:
                yield _Range(told, float(weight), _WIDE.get(type_, _EXACT), len(parts) - at)


def _of_version(format_: Format | None, parameters: Mapping[str, str]) -> Format | None:
    """The format as it answers one who asks for a version: with the version, or not at all."""
    version = parameters.get("fhirversion")
    if format_ is None or version is None:
        return format_
    if version not in FHIR_VERSIONS:
        return None
    return replace(format_, content_type=f"{format_.content_type};fhirVersion=4.0")


def _parsed(text: str) -> tuple[str, dict[str, str]]:
    type_, *rest = text.split(";")
    parameters = (each.partition("=") for each in rest)
    return type_.strip().lower(), {
        name.strip().lower(): value.strip().strip('"') for name, _, value in parameters
    }
