"""Changes to a resource as a document: four formats, each a pure function of a resource and a patch."""

from collections.abc import Iterator
from contextlib import contextmanager

from server.fhir.issue import Inapplicable, Issue
from server.fhir.json import shown

MOST = 1000
"""Operations that one patch may have."""


class Failed(Exception):
    """Why an operation cannot be carried out: a sentence that begins small and ends without a point."""


@contextmanager
def operation(at: int, name: str, path: str, expression: str = "") -> Iterator[None]:
    """Says which operation failed, counted from 0.

    Raises:
        Inapplicable: in the place of `Failed`.
    """
    try:
        yield
    except Failed as failed:
        told = f"Operation {at} of the patch, '{shown(name)}' at '{shown(path)}', failed: {failed}."
        where = (expression,) if expression else ()
        raise Inapplicable(issues=(Issue(Inapplicable.code, told, where),)) from None
