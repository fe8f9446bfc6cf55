"""Finds a code system by its URL, whatever holds it: a definition, a rule, tables, a server elsewhere."""

from collections.abc import Iterator

from server.fhir import Json
from server.terminology import memory, remote, rule, table
from server.terminology.provider import CannotTell, Source, System

SOURCES: tuple[Source, ...] = (memory, rule, table, remote)


def system(url: str, version: str | None = None) -> System | None:
    """None: it is not known here. A version in the URL (`url|version`) counts as asked for.

    What has only a part of the codes gives way to what has all of them.
    """
    bare, _, named = url.partition("|")
    partial: System | None = None
    for source in SOURCES:
        found = source.system(bare, version or named or None)
        if found is not None and found.complete:
            return found
        partial = partial or found
    return partial


def known(url: str, version: str | None = None) -> System:
    """The same.

    Raises:
        CannotTell: it is not known here.
    """
    found = system(url, version)
    if found is None:
        bare, _, named = url.partition("|")
        raise CannotTell(_unknown(bare, version or named or None), "not-found")
    return found


def implicit(url: str) -> Json | None:
    """A value set that its URL describes: all that is-a SNOMED CT concept, an answer list of LOINC."""
    found = (source.value_set(url) for source in SOURCES)
    return next((each for each in found if each is not None), None)


def held() -> Iterator[tuple[str, str | None]]:
    """URL and version of every code system that is here."""
    for source in SOURCES:
        yield from source.systems()


def _unknown(url: str, version: str | None) -> str:
    if version and (other := system(url)) is not None:
        kept = f"version '{other.version}'" if other.version else "one without a version"
        return f"The code system '{url}' is not held in version '{version}', but in {kept}."
    return f"The code system '{url}' is not held by this server."
