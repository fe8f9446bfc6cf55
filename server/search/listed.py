"""`_list`: what a List names.

https://hl7.org/fhir/R4/search.html#list
"""

from server.fhir.issue import NotSupported
from server.search.chain import join
from server.search.registry import Registry
from server.search.types import Chain, Has

LIST = "_list"


def of_list(type_: str, value: str, registry: Registry) -> Chain | Has:
    """The same as asking for what a List with this id points at: seen by who may see the List.

    Raises:
        NotSupported: a list that the server would have to work out (`$current-problems`).
    """
    if value.startswith("$"):
        raise NotSupported(
            f"'_list' takes the id of a List: '{value}', which a server works out, is not built."
        )
    return join(type_, "_has:List:item:_id", value, registry)
