"""The patch interaction: changes to a resource instead of the resource.

https://hl7.org/fhir/R4/http.html#patch
"""

from base64 import b64decode
from collections.abc import Callable, Mapping

from server.definition.library import Library
from server.definition.xml import from_xml, to_xml
from server.fhir import Json, json
from server.fhir.exchange import FhirRequest, FhirResponse
from server.fhir.issue import Inapplicable, Malformed, NotFound, UnsupportedMediaType
from server.fhir.patch import fhirpath_patch, json_patch, merge_patch, xml_patch
from server.interaction import condition, write
from server.record.change import Patch
from server.record.record import Record


def patch(request: FhirRequest, record: Record, type_: str, id_: str | None = None) -> FhirResponse:
    """PATCH [base]/[type]/[id], or PATCH [base]/[type]?…: the one that the search finds."""
    change = _change(request, type_, record.door.library)
    if id_ is None:
        record.access.view(type_, "u")
        found = condition.held(record, type_, request.query)
        if not found:
            raise NotFound(f"The condition finds no {type_}.")
        id_ = found[0].id
    stored, what = record.patch(type_, id_, change, if_match=request.headers.get("if-match"))
    return write.answered(request, record, stored, what)


def _json_patch(text: bytes) -> Patch:
    operations = json.decode_array(text)
    return lambda resource: json_patch.patched(resource, operations)


def _merge_patch(text: bytes) -> Patch:
    wanted: Json = json.decode(text)
    return lambda resource: merge_patch.patched(resource, wanted)


def _xml_patch(text: bytes) -> Patch:
    return lambda resource: _as_json(xml_patch.patched(to_xml(resource), text))


def _as_json(document: bytes) -> Json:
    try:
        return from_xml(document)
    except Malformed as error:
        # The place that it speaks of is in a document which the client has never seen.
        told = f"What the patch leaves is no resource in FHIR's XML. {error.issues[0].diagnostics}"
        raise Inapplicable(told) from None


_OF_TEXT: Mapping[str, Callable[[bytes], Patch]] = {
    "application/json-patch+json": _json_patch,
    "application/xml-patch+xml": _xml_patch,
    "application/merge-patch+json": _merge_patch,
}

_JSON = "application/json"

FORMATS = (*_OF_TEXT, "application/fhir+json", "application/fhir+xml")
"""Media types of patches, for `CapabilityStatement.patchFormat`: FHIRPath Patch is in those of resources."""


def _change(request: FhirRequest, type_: str, library: Library) -> Patch:
    """The patch that a request carries, understood as far as that is possible without the resource.

    Raises:
        UnsupportedMediaType: it is in none of the formats. Malformed: it is not what its format says.
    """
    content, text = request.content, request.raw or b""
    if content is None:
        said = request.headers.get("content-type", "")
        if _media_type(said) != _JSON:
            return _of_text(said, text)
        # So say clients that know no more exact name: an array can be nothing but operations.
        if text.lstrip().startswith(b"["):
            return _json_patch(text)
        content = json.decode(text)
    match content.get("resourceType"):
        case "Parameters":
            return lambda resource: fhirpath_patch.patched(resource, content, library.children)
        case "Binary" if _media_type(content.get("contentType")) in _OF_TEXT:
            # So it travels in a Bundle, whose entries hold resources and nothing else.
            return _of_text(str(content["contentType"]), _data(content))
        case None | str() as named if named in (None, type_):
            return lambda resource: merge_patch.patched(resource, content)
    raise Malformed(f"A patch is a Parameters resource, or in one of the formats {', '.join(_OF_TEXT)}.")


def _of_text(media_type: str, text: bytes) -> Patch:
    read = _OF_TEXT.get(_media_type(media_type))
    if read is None:
        raise UnsupportedMediaType(f"A patch is sent as one of {', '.join(FORMATS)}.")
    if not text:
        raise Malformed("The request must carry a patch.")
    return read(text)


def _media_type(text: object) -> str:
    return text.partition(";")[0].strip().lower() if isinstance(text, str) else ""


def _data(binary: Json) -> bytes:
    try:
        return b64decode(binary.get("data", ""), validate=True)
    except (ValueError, TypeError):
        raise Malformed("The data of the Binary is not base64.", expression="Binary.data") from None
