"""XML on and off the wire: the same resource as in JSON, by the definitions of its type.

https://hl7.org/fhir/R4/xml.html

Inside the server a resource is JSON; XML is read into it and written from it at the edge, and nothing between
knows of it. `xml_writer` and `xml_reader` compile what they need of a type when they first meet it.
"""

from server.definition.xml_layout import indented
from server.definition.xml_reader import read
from server.definition.xml_writer import write
from server.fhir import Json, json

_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>'


def to_xml(resource: bytes | Json, pretty: bool = False) -> bytes:
    """The XML document of a resource, given as the UTF-8 JSON that the server answers with, or decoded.

    It is for what the server itself holds or makes: what is no element of its type raises KeyError.
    """
    text = write(resource if isinstance(resource, bytes) else json.encode(resource))
    if pretty:
        return _DECLARATION + b"\n" + indented(text) + b"\n"
    return _DECLARATION + text


def from_xml(body: bytes, *, remarks: bool = False) -> Json:
    """The resource that an XML document holds, as JSON would hold it.

    What is read to be kept may have no comments and processing instructions; with `remarks` they are passed
    over.

    Raises:
        Malformed: it is not XML, or not of the form that FHIR gives it; the sentence names line and column.
    """
    return read(body, remarks=remarks)
