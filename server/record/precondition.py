"""What must hold before a write, or before a version is sent again: `If-Match`, `If-None-Match`,
`If-Modified-Since`.

https://hl7.org/fhir/R4/http.html#concurrency, https://hl7.org/fhir/R4/http.html#cread
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from server.fhir.issue import Invalid, PreconditionFailed

ANY = "*"

_TAG = re.compile(r'(?:W/)?"([^"]*)"|([^"\s,]+)')


def versions(header: str, name: str) -> frozenset[str]:
    """The versions that a header names (weak, strong or bare), or `ANY`.

    Raises:
        Invalid: it names none.
    """
    tags = [_TAG.fullmatch(part.strip()) for part in header.split(",")]
    found = [tag[1] if tag[1] is not None else tag[2] for tag in tags if tag]
    if len(found) < len(tags):
        raise Invalid(f'{name} must name a version, as W/"3".')
    return frozenset(found)


def hold(if_match: str | None, version: int | None, if_none_match: str | None = None) -> None:
    """Refuse unless the present version (None: there is none) is one that `If-Match` names, and none that
    `If-None-Match` names."""
    if if_match is not None:
        wanted = versions(if_match, "If-Match")
        if version is None:
            raise PreconditionFailed("If-Match names a version, and there is no such resource.")
        if ANY not in wanted and str(version) not in wanted:
            raise PreconditionFailed(
                f"If-Match names version '{min(wanted)[:60]}', and the present version is '{version}'."
            )
    if if_none_match is not None and version is not None:
        unwanted = versions(if_none_match, "If-None-Match")
        if ANY in unwanted or str(version) in unwanted:
            raise PreconditionFailed(f"If-None-Match was sent, and there is version '{version}'.")


def is_known(headers: Mapping[str, str], version: int, last_updated: datetime) -> bool:
    """Whether who reads has this version already. A date counts only where no version is named."""
    tags = headers.get("if-none-match")
    if tags is not None:
        known = versions(tags, "If-None-Match")
        return ANY in known or str(version) in known
    since = _instant(headers.get("if-modified-since", ""))
    # A date of HTTP has no fraction of a second.
    return since is not None and last_updated.replace(microsecond=0) <= since


def _instant(text: str) -> datetime | None:
    """A date as HTTP writes it or, in an entry of a Bundle, FHIR; None for what is none, as HTTP demands."""
    found = None
    with suppress(ValueError, OverflowError):
        found = parsedate_to_datetime(text)
    if found is None:
        with suppress(ValueError):
            found = datetime.fromisoformat(text)
    return None if found is None else found.replace(tzinfo=found.tzinfo or UTC)
