"""The searches that lead to a resource of a world: one for each search parameter that the registry has.

One that is added to the registry is searched by here the same day: by its value if a world has one for it,
else by there being none.
"""

from collections.abc import Iterator

from server.search.registry import Registry
from tests.make import TEST

MISSING = ":missing=true"
"""How is asked by what a world has no value for."""

VALUES = {
    "*": {
        "_content": "{word}",
        "_filter": "_tag eq {word}",
        "_id": "{id}",
        "_lastUpdated": "gt2020",
        "_profile": "https://example.org/{word}",
        "_source": "https://example.org/{word}",
        "_tag": "{word}",
        "_text": "{word}",
        "identifier": f"{TEST}|value-{{word}}",
    },
    "EpisodeOfCare": {
        "care-manager": "Practitioner/{organization}",
        "date": "le{date}",
        "organization": "Organization/{organization}",
        "patient": "Patient/{about}",
        "status": "active",
        "type": "child-protection-plan",
    },
    "Observation": {
        "code": f"{TEST}|{{word}}",
        "code-value-string": "{word}${word}",
        "combo-code": "part-{word}",
        "combo-code-value-quantity": "part-{word}${number}",
        "combo-value-quantity": "{number}||marks",
        "component-code": "part-{word}",
        "component-code-value-quantity": "part-{word}${number}",
        "component-value-quantity": "{number}",
        "date": "{date}",
        "patient": "{about}",
        "performer": "Organization/{organization}",
        "status": "final",
        "subject": "Patient/{about}",
        "value-string": "{word}",
        "word": "{word}",
    },
    "Patient": {
        "address": "{word}",
        "address-city": "{word}",
        "birthdate": "{date}",
        "email": "{word}@example.org",
        "family": "{word}",
        "general-practitioner": "Practitioner/{organization}",
        "name": "{word}",
        "organization": "Organization/{organization}",
        "phonetic": "{word}",
        "telecom": "{word}@example.org",
        "word": "{word}",
    },
    "RiskAssessment": {
        "date": "{date}",
        "patient": "{about}",
        "performer": "Practitioner/{organization}",
        "probability": "{share}",
        "subject": "Patient/{about}",
    },
}
"""What a world's resource is found by, by type and code."""

SHARED = {
    "*": {"_lastUpdated", "status", "type"},
    "EpisodeOfCare": {"date"},
}
"""Codes that say the same of the resources of others: these are told apart by the tag."""

FURTHER = {
    "*": [
        "_tag={word}&_lastUpdated=gt2020",
        "_id={id},nobody&_sort=_lastUpdated",
        "_tag={word}&_total=accurate&_count=1",
        "_tag={word}&_count=0",
        "_tag={word}&_count=0&_total=estimate",
        "_tag={word}&_summary=count",
        "_tag={word}&_summary=text",
        "_tag={word}&_elements=id",
        "_content={word}&_total=accurate",
        "_content={word}&_sort=-_score&_maxresults=01",
        "_tag={word}&_tag:not=nonsense",
        "_tag:text={word}",
        "identifier=value-{word}",
        f"identifier:of-type={TEST}|kind-{{word}}|value-{{word}}",
        "_profile:below=https://example.org/{word}",
        "_source:above=https://example.org/{word}/further",
        "_security:not-in=http://hl7.org/fhir/ValueSet/data-absent-reason&_tag={word}",
        "_list=list-{word}",
    ],
    "EpisodeOfCare": [
        "_query=open-on&on={date}&_tag={word}",
        "_tag={word}&_sort=-date",
        "_tag={word}&_sort=organization,-care-manager",
        "patient={about}&type=child-protection-plan&identifier=value-{word}&_total=accurate",
    ],
    "Observation": [
        "value-string:exact={word}",
        "value-string:contains={word}",
        "date=ge{date}&date=le{date}",
        "patient=Patient/{about}&code={word}",
        "subject:Patient={about}&_tag={word}",
        "performer=Organization/{organization}&_sort=date",
        "performer:identifier=value-{word}",
        "code={word}&performer:missing=false",
        "code={word}&code:not=nonsense",
        "code:not=nonsense&_tag={word}",
        "code:text={word}",
        "_tag={word}&_sort=code,-value-string",
        "_tag={word}&_sort=-date",
        "_tag={word}&_sort=-component-value-quantity",
        "_tag={word}&_sort=-word&_total=accurate",
        "component-value-quantity={number}&_count=0",
        "component-value-quantity=ge{number}&component-value-quantity=le{number}",
        "_tag={word}&component-data-absent-reason:in=http://hl7.org/fhir/ValueSet/data-absent-reason",
        "_tag={word}&component-data-absent-reason:below="
        "http://terminology.hl7.org/CodeSystem/data-absent-reason|unknown",
        "_tag={word}&combo-data-absent-reason:above="
        "http://terminology.hl7.org/CodeSystem/data-absent-reason|asked-unknown",
        "_filter=code eq {word}",
        "_filter=code eq nonsense or value-string eq {word}",
        "_filter=not (code ne {word})",
    ],
    "Patient": [
        "family:exact={word}",
        "family:contains={word}",
        "name={word}&gender:missing=true",
        "identifier=value-{word}&birthdate={date}",
        "general-practitioner:identifier=value-{word}",
        "name={word}&_sort=birthdate",
        "_tag={word}&_sort=family",
        "_tag={word}&_sort=-organization,address",
        "_tag={word}&word:missing=false&_count=0",
        "_filter=family eq {word}",
        "_filter=birthdate po {date} and name sw {word}",
        "_filter=name eq nonsense or name eq {word}",
    ],
    "RiskAssessment": ["_tag={word}&_sort=probability", "probability=ge{share}&probability=le{share}"],
}
"""Searches with modifiers, an order, a total, or a part of what is found."""

JOINED = {
    "*": [
        "Linkage?_id=link-{word}&item:{type}._tag={word}",
        "Linkage?_id=link-{word}&item:{type}._id={id}&_count=0",
        "Linkage?item:{type}.identifier=value-{word}",
        "Linkage?_id=link-{word}&_include=Linkage:item",
        "Linkage?_id=link-{word}&_include=Linkage:item:{type}",
        "Linkage?_id=link-{word}&_include=*",
        "Linkage?_id=link-{word}&_include:iterate=*",
        "Patient/{about}/{type}",
        "Patient/{about}/{type}?_count=0",
        "Patient/{about}/*",
        "?_tag={word}",
        "?_id={id}&_count=0",
        "?_type={type}&_tag={word}&_total=accurate",
        "?_type={type},Linkage&_tag={word}&_sort=_id",
    ],
    "EpisodeOfCare": [
        "Linkage?_id=link-{word}&item:EpisodeOfCare.type=child-protection-plan",
        "Organization?_has:EpisodeOfCare:organization:_tag={word}",
        "Practitioner?_id={organization}&_has:EpisodeOfCare:care-manager:patient={about}",
        "Practitioner?_id={organization}&_revinclude=EpisodeOfCare:care-manager",
        "Organization?_id={organization}&_revinclude=EpisodeOfCare:organization&_total=accurate",
        "Practitioner/{organization}/EpisodeOfCare",
        "EpisodeOfCare?organization._id={organization}",
        "EpisodeOfCare?_tag={word}&_include=EpisodeOfCare:care-manager",
    ],
    "Observation": [
        "Linkage?_id=link-{word}&item:Observation.code={word}&_total=accurate",
        "Linkage?_id=link-{word}&item:Observation.performer:Organization._id={organization}",
        "Organization?_has:Observation:performer:_tag={word}",
        "Organization?_id={organization}&_has:Observation:performer:code={word}&_total=accurate",
        "Organization?_id={organization}&_has:Observation:performer:date={date}&_count=0",
        "Organization?_has:Observation:performer:_has:Linkage:item:_id=link-{word}",
        "Organization?_id={organization}&_revinclude=Observation:performer",
        "Organization?_id={organization}&_revinclude=Observation:performer:Organization&_total=accurate",
        "Organization?_id={organization}&_revinclude=Observation:*",
        "Organization?_id={organization}&_revinclude=*",
        "Observation?performer:Organization._id={organization}",
        "Observation?_tag={word}&_include=Observation:performer",
        "Practitioner?family={word}&_contained=true",
        "Practitioner?name={word}&_contained=both&_containedType=contained&_total=accurate",
        "Practitioner?family={word}&_contained=true&_count=0",
    ],
    "Patient": [
        "Linkage?_id=link-{word}&item:Patient.name={word}&_total=accurate",
        "Linkage?_id=link-{word}&item:Patient.organization:Organization._id={organization}",
        "Organization?_has:Patient:organization:_tag={word}",
        "Organization?_id={organization}&_has:Patient:organization:name={word}&_count=0",
        "Organization?_id={organization}&_revinclude=Patient:organization",
        "Organization?_id={organization}&_revinclude=*",
        "Practitioner?family={word}&_contained=true",
        "Practitioner?name={word}&_contained=both&_containedType=contained&_total=accurate",
        "Practitioner?family={word}&_contained=true&_count=0",
    ],
    "RiskAssessment": ["Practitioner?_has:RiskAssessment:performer:_tag={word}"],
}
"""Searches that come from another resource, or look for several types."""


def searches(type_: str, registry: Registry) -> Iterator[str]:
    """Every search, as templates of a URL."""
    values, shared = VALUES["*"] | VALUES[type_], SHARED["*"] | SHARED.get(type_, set())
    for code in sorted(registry.supported(type_)):
        asked = f"{code}={values[code]}" if code in values else f"{code}{MISSING}"
        yield f"{type_}?{asked}" + ("&_tag={word}" if code in shared or code not in values else "")
    yield from (f"{type_}?{query}" for query in (*FURTHER["*"], *FURTHER[type_]))
    yield from (*JOINED["*"], *JOINED[type_])
