"""What invariants may ask of the world: references, codes, profiles, narratives, units."""

from decimal import Decimal
from functools import partial
from typing import Any

from server.clock import now
from server.definition.library import library
from server.fhir import Json
from server.fhir.fhirpath import Environment
from server.terminology import systems, ucum
from server.terminology.provider import CannotTell
from server.terminology.validate_code import validate_code
from server.validation import binding, narrative, target
from server.validation.compiled import compiled
from server.validation.occurrence import Occurrence
from server.validation.profile import conforms
from server.validation.visit import Visit


def environment(visit: Visit) -> Environment:
    """For the invariants of one resource."""
    return Environment(
        resource=visit.resource,
        root=visit.root,
        resolve=partial(_resolve, visit),
        member_of=partial(_member_of, visit),
        conforms_to=partial(_conforms_to, visit),
        subsumes=_subsumes,
        html_checks=lambda text: narrative.check(text, {}) is None,
        base_units=_base_units,
        now=now(),
    )


def _resolve(visit: Visit, reference: str) -> Any:
    found = target.found(reference, visit)
    return found.resource if isinstance(found, Visit) else found


def _member_of(visit: Visit, value: Any, type: str, value_set: str) -> bool | None:
    """Whether one of the codes of an element is in a value set."""
    codings = binding.codings(value, type) or ()
    told = {validate_code(value_set, *coding, at=visit.context.at).result for coding in codings}
    return True if True in told else None if None in told else False


def _conforms_to(visit: Visit, value: Any, url: str) -> bool | None:
    """Whether a resource conforms to a profile."""
    if type(value) is not dict or library().definition(url) is None:
        return None
    inside = visit if value is visit.resource else visit.inside(value)
    found = Occurrence(value, None, "", str(value.get("resourceType")))
    return conforms(found, inside, url, compiled(visit.context.full))


def _subsumes(above: Json, below: Json) -> bool | None:
    url = above.get("system")
    if url is None or below.get("system") != url:
        return False
    system = systems.system(url)
    try:
        return None if system is None else system.subsumes(above["code"], below["code"])
    except (CannotTell, KeyError):
        return None


def _base_units(value: Decimal, code: str) -> tuple[Decimal, str] | None:
    measure = ucum.measure(code)
    return (measure.amount(value), measure.base) if measure else None
