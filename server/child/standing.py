"""What the statutory rules find in all that is known of a child, as it stands now."""

from collections.abc import Iterable, Iterator, Mapping

from server.child import statutory
from server.child.codeday import code_day
from server.child.kind import profiles
from server.child.rulebook import entries
from server.definition.library import library
from server.fhir import Json
from server.fhir.issue import Issue
from server.fhir.meta import REDACTED
from server.record.hook import Others
from server.validation.context import Context
from server.validation.validate import validate


def broken(known: Iterable[Json]) -> Iterator[tuple[Json, list[Issue]]]:
    """The resources of a child that break a rule, each with what it breaks.

    What is shown in part only is neither held against a rule nor against another.
    """
    whole = [each for each in known if not _is_redacted(each)]
    by_profile: dict[str, list[Json]] = {}
    for each in whole:
        for profile in profiles(each):
            by_profile.setdefault(profile, []).append(each)
    for each in whole:
        issues = list(_issues(each, by_profile))
        if issues:
            yield each, issues


def _issues(resource: Json, by_profile: Mapping[str, list[Json]]) -> Iterator[Issue]:
    given = profiles(resource)
    if not given:
        return
    context = Context(at=code_day(resource, given), full=True)
    invariants = validate(resource, given, context)
    yield from (each for each in invariants if each.rule in _keys())
    around = statutory.around(resource, given, full=True)
    others: Others = {
        profile: [each for each in by_profile.get(profile, ()) if each is not resource] for profile in around
    }
    yield from statutory.issues(resource, given, others, context)


def _keys() -> frozenset[str]:
    known: frozenset[str] | None = library().memo.get(_keys)
    if known is None:
        known = library().memo[_keys] = frozenset(each.key for each in entries())
    return known


def _is_redacted(resource: Json) -> bool:
    marks = resource.get("meta", {}).get("security", ())
    return any(each.get("code") == REDACTED["code"] for each in marks)
