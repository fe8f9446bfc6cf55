"""What must hold before a write: `If-Match`.

https://hl7.org/fhir/R4/http.html#concurrency
"""

import re

from server.fhir.issue import Invalid, PreconditionFailed

_TAG = re.compile(r'(?:W/)?"([^"]*)"|([^"\s,]+)')


def expected_version(if_match: str | None) -> str | None:
    """The version that `If-Match` names (weak, strong or bare), or None where it names none."""
    if if_match is None or if_match.strip() == "*":
        return None
    match = _TAG.fullmatch(if_match.strip())
    if match is None:
        raise Invalid('If-Match must name one version, as W/"3".')
    return match[1] if match[1] is not None else match[2]


def hold(if_match: str | None, version: int | None) -> None:
    """Refuse unless the present version (None: there is none) is the one that `If-Match` names."""
    if if_match is None:
        return
    wanted = expected_version(if_match)
    if version is None:
        raise PreconditionFailed("If-Match names a version, and there is no such resource.")
    if wanted is not None and wanted != str(version):
        raise PreconditionFailed(
            f"If-Match names version '{wanted}', and the present version is '{version}'."
        )
