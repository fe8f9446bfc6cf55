"""Queries made up at random from what the children of `population` have, from what few have, and nobody."""

from random import Random

from families import CODES, KIND, MARK, SESSION
from population import BASE, LOCAL

_CATEGORY = f"{BASE}/CodeSystem/observation-category"
_CONTACT = f"{BASE}/CodeSystem/contact-type"
_DAYS = ("2025-09-01", "2025-09-15", "2025-10-01", "2025-10-31", "2026-01-01", "1990-01-01")
_FEWER = "gt", "lt", "ge", "le", "ap", "ne", ""
_NOBODY = "http://example.org|nobody-has-it"
_CHILDREN = (5, 340, 363, 1200, 4000)
_SCHOOLS = ("school-333", "school-30", "school-1", "school-0", "school-other-0", "school-nowhere")

_CRITERIA: dict[str, tuple[str, ...]] = {
    "Observation": (
        f"code={SESSION}|am",
        f"code={SESSION}|am,{SESSION}|pm",
        f"code={CODES}|weight",
        f"code={CODES}|weight,{CODES}|rare",
        f"code={CODES}|rare",
        f"code={_NOBODY}",
        f"code:not={SESSION}|am",
        f"code:not={CODES}|weight",
        "code:text=measure",
        "code:missing=true",
        f"category={_CATEGORY}|attendance",
        f"category={_CATEGORY}|missing",
        "category=vital-signs",
        "status=final",
        "status=cancelled",
        "status:not=final",
        f"value-concept={MARK}|U",
        f"value-concept={MARK}|U,{MARK}|O",
        f"value-concept={MARK}|/",
        f"value-concept={MARK}|N,{MARK}|H,{MARK}|L,{MARK}|I,{MARK}|U",
        f"combo-value-concept={MARK}|U",
        "value-quantity={compare}45",
        "value-quantity={compare}49.9|http://unitsofmeasure.org|kg",
        "value-quantity=gt1000",
        f"code-value-quantity={CODES}|weight$gt49",
        "date={compare}{day}",
        "date={day}",
        "date=ge2025-10-06&date=lt2025-10-13",
        "_lastUpdated={compare}{day}",
        "patient=c{n}",
        "patient=c{n},c{m}",
        "patient=nobody",
        "performer=Organization/{school}",
        "performer=Organization/{school},Organization/school-333",
        "performer:missing=true",
        "encounter:missing=true",
        "encounter:missing=false",
        "encounter=Encounter/c{n}-e0",
        "patient.identifier=" + LOCAL + "|L{n}",
        "patient.family={name}",
        "patient.family=Nobody",
        "patient.gender=female",
        "patient.birthdate=ge2020-01-01",
        f"encounter.type={_CONTACT}|conference",
        "encounter.status=planned",
        "encounter.date={compare}{day}",
        "performer.name=school-1",
        "_has:Observation:encounter:code=rare",
        "_id=c{n}-a3",
        "_id=nothing",
        "_content=weight",
        "_tag=http://example.org|none",
        f"_filter=code eq {CODES}|rare or value-concept eq {MARK}|U",
    ),
    "Patient": (
        "family={name}",
        "family={letter}",
        "family:exact={name}",
        "family:contains=ord",
        "name={letter}",
        "given=Ada",
        "given=Nobody",
        "gender=female",
        "gender:missing=true",
        "birthdate={compare}2020-01-01",
        "birthdate=2015-03",
        "death-date:missing=true",
        "address-postalcode=ZZ{n}",
        "address=High",
        "organization=Organization/{school}",
        "organization.name=school-333",
        "identifier=" + LOCAL + "|L{n}",
        "identifier=" + LOCAL + "|",
        "_has:EpisodeOfCare:patient:type=" + KIND + "|child-in-need",
        "_has:Observation:patient:code=" + CODES + "|rare",
        "_has:Observation:patient:value-concept=" + MARK + "|U",
        "_has:Encounter:patient:status=planned",
        "_lastUpdated={compare}{day}",
        "_content=street",
    ),
    "Encounter": (
        f"type={_CONTACT}|conference",
        f"type={_CONTACT}|home-visit,{_CONTACT}|conference",
        f"type={_NOBODY}",
        "status=finished",
        "status=planned",
        "date={compare}{day}",
        "patient=c{n}",
        "service-provider=Organization/service-all",
        "episode-of-care=EpisodeOfCare/c{n}-h",
        "episode-of-care.type=" + KIND + "|health-service",
        "patient.family={name}",
        "_has:Observation:encounter:code=" + CODES + "|rare",
        "class=HH",
        "location:missing=true",
    ),
    "EpisodeOfCare": (
        f"type={KIND}|child-in-need",
        f"type={KIND}|registration,{KIND}|health-service",
        f"type={_NOBODY}",
        "status=active",
        "status=cancelled",
        "date={compare}{day}",
        "organization=Organization/{school}",
        "organization:missing=true",
        "patient.family={name}",
        "patient=c{n}",
    ),
    "RelatedPerson": ("name={name}", "name={letter}", "patient=c{n}", "gender:missing=true", "active=true"),
    "Organization": ("name=school", "name:contains=9", "active=true", "active=false"),
}

_SORTS: dict[str, tuple[str, ...]] = {
    "Observation": ("date", "-date", "-_lastUpdated", "code", "value-quantity,-date", "-status"),
    "Patient": ("family", "-family", "birthdate", "family,given", "-_lastUpdated", "_id"),
    "Encounter": ("-date", "date", "status,-date", "_lastUpdated"),
    "EpisodeOfCare": ("-date", "status,-date", "type"),
    "RelatedPerson": ("name", "-_lastUpdated"),
    "Organization": ("name", "_lastUpdated"),
}


def query(order: Random, names: tuple[str, ...]) -> str:
    """One more, from the beginning of its path on."""
    type_ = order.choice(("Observation", "Observation", "Observation", *_CRITERIA))
    parts = order.sample(_CRITERIA[type_], order.choice((0, 1, 1, 1, 2, 2, 2, 3)))
    if order.random() < 0.5:
        parts.append(f"_sort={order.choice(_SORTS[type_])}")
    if order.random() < 0.15:
        parts.append("_total=estimate")
    parts.append(f"_count={order.choice((1, 10, 20, 50))}")
    name = order.choice(names)
    return f"{type_}?{'&'.join(parts)}".format(
        n=order.choice(_CHILDREN),
        m=order.choice(_CHILDREN),
        day=order.choice(_DAYS),
        compare=order.choice(_FEWER),
        school=order.choice(_SCHOOLS),
        name=name,
        letter=name[0],
    )
