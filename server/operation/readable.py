"""Operations that answer people too: a page, a document, a picture, where that is asked for.

`output=html` says it, `_format=text/html`, or `Accept`.
"""

from collections.abc import Mapping

from server.fhir.exchange import FhirResponse
from server.fhir.issue import Invalid
from server.fhir.json import shown
from server.operation.call import Call

HTML, PDF, SVG = "html", "pdf", "svg"

_TYPES = {HTML: "text/html", PDF: "application/pdf", SVG: "image/svg+xml"}
_NAMES = {**{name: name for name in _TYPES}, **{type_: name for name, type_ in _TYPES.items()}}

_FORMATS: Mapping[str, tuple[str, ...]] = {
    "$chronology": (HTML, PDF),
    "$team": (HTML,),
    "$family": (HTML, SVG),
}
"""By operation, what it can give to people."""


def wanted(path: str, format_: str | None, accept: str | None) -> str | None:
    """What is asked for in the place of a resource; None: a resource."""
    formats = _FORMATS.get(path.rpartition("/")[2], ())
    if not formats:
        return None
    if format_:
        # A plus that was not escaped arrives as a space.
        found = _NAMES.get(format_.partition(";")[0].strip().lower().replace(" ", "+"))
        return found if found in formats else None
    for type_ in sorted(_ranges(accept or ""), key=lambda each: -each[1]):
        if type_[0] in _RESOURCES:
            return None
        if _NAMES.get(type_[0]) in formats and type_[1] > 0:
            return _NAMES[type_[0]]
    return None


_RESOURCES = frozenset(
    {"application/fhir+json", "application/fhir+xml", "application/json", "application/xml", "*/*"}
)


def of(call: Call) -> str | None:
    """What a call asks for.

    Raises:
        Invalid: something that the operation does not give.
    """
    output = call.one("output")
    formats = _FORMATS[f"${call.operation.code}"]
    if output is not None:
        if output not in formats:
            raise Invalid(f"'output' is {' or '.join(formats)}; '{shown(str(output))}' is not.")
        return str(output)
    format_ = dict(call.request.query).get("_format")
    return wanted(f"${call.operation.code}", format_, call.request.headers.get("accept"))


def answer(content: bytes, kind: str, name: str, policy: str) -> FhirResponse:
    """A file that runs nothing and loads nothing, wherever it is opened."""
    type_ = _TYPES[kind] if kind == PDF else f"{_TYPES[kind]}; charset=utf-8"
    headers = {
        "Content-Type": type_,
        "Content-Disposition": f'inline; filename="{name}.{kind}"',
        "Content-Security-Policy": policy,
    }
    return FhirResponse(200, content, headers)


def _ranges(accept: str) -> list[tuple[str, float]]:
    found = []
    for part in accept.split(","):
        type_, *rest = (each.strip().lower() for each in part.split(";"))
        weight = next((each[2:] for each in rest if each.startswith("q=")), "1")
        try:
            found.append((type_, float(weight)))
        except ValueError:
            continue
    return found
