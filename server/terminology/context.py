"""The value set that an element is bound to, for who knows the element and not the set.

https://hl7.org/fhir/R4/valueset-operation-expand.html
"""

from server.definition.library import library
from server.terminology.provider import CannotTell


def bound(context: str) -> str:
    """The canonical for `[profile]#[element]` or `[type].[element]`: `Observation.status`.

    Raises:
        CannotTell: there is no such element, or it has no binding.
    """
    url, _, path = context.partition("#")
    definition = library().definition(url if path else url.partition(".")[0])
    for element in (definition or {}).get("snapshot", {}).get("element", ()):
        if (path or url) in (element.get("id"), element["path"]) and "valueSet" in element.get("binding", {}):
            canonical: str = element["binding"]["valueSet"]
            return canonical
    raise CannotTell(f"The context '{context}' names no element that is bound to a value set.", "not-found")
