"""Whether a search parameter finds every resource there is: one that was added does when all are indexed.

https://hl7.org/fhir/R4/search.html#errors
"""

from server.definition.added import WHOLE, added
from server.definition.searchparameter import SearchParameter
from server.fhir.issue import Incomplete

INDEX = 4
"""The version of what is kept beside a resource: what `extract` makes of it, and who sees the child by it.
Rows of an older one are indexed anew by a job."""

FINDING = 2
"""The version since which everything is found that can be searched by."""

SEEING = 3
"""The version since which workers and families see their children."""

_SINCE_2 = frozenset({"composite", "number", "quantity"})
_CODES_SINCE_2 = frozenset({"_content", "_text", "near"})
_MODIFIERS_SINCE_2 = frozenset({"of-type", "text"})
_URI_MODIFIERS_SINCE_2 = frozenset({"above", "below"})
"""What rows of the first version are not found by."""


def is_complete(parameter: SearchParameter, modifier: str | None = None) -> bool:
    """Whether nothing is missing from what it finds."""
    return _indexed(parameter, modifier) is None


def require_complete(type_: str, parameter: SearchParameter, modifier: str | None = None) -> None:
    """Refuse to search by what would find less than there is.

    Raises:
        Incomplete: not every resource is indexed yet.
    """
    percent = _indexed(parameter, modifier)
    if percent is not None:
        name = f"{parameter.code}:{modifier}" if modifier in _MODIFIERS_SINCE_2 else parameter.code
        raise Incomplete(
            f"'{name}' of {type_} cannot be searched by yet: {percent} % of the resources are indexed. "
            "GET [base]/$reindex-status tells how far it is."
        )


def require_index() -> None:
    """Refuse what rests on all references that there are.

    Raises:
        Incomplete: not every resource is indexed yet.
    """
    if added().outdated:
        percent = added().progress.get(WHOLE, 0)
        raise Incomplete(
            "What refers to a resource is not known yet, and so none is deleted: the index of an older "
            f"release is being renewed ({percent} % is done). GET [base]/$reindex-status tells how far it is."
        )


def _indexed(parameter: SearchParameter, modifier: str | None) -> int | None:
    """In percent, how much is; None: all."""
    known = added()
    if known.outdated and (
        parameter.type in _SINCE_2
        or parameter.code in _CODES_SINCE_2
        or modifier in _MODIFIERS_SINCE_2
        or (parameter.type == "uri" and modifier in _URI_MODIFIERS_SINCE_2)
    ):
        return known.progress.get(WHOLE, 0)
    return known.progress.get(parameter.url, 0) if parameter.url in known.incomplete else None
