"""The kinds of query whose time must not grow with the record: each for every caller that it makes sense for.

`{n}` is a child's number, `{day}` a day of the term, `{name}` the beginning of a family name.
"""

from dataclasses import dataclass

from population import BASE, CODES, LOCAL

SESSION = f"{BASE}/CodeSystem/session"
MARK = f"{BASE}/CodeSystem/attendance-code"
KIND = f"{BASE}/CodeSystem/episode-type"

EVERYONE = "everyone"
ALL = ("school-0", "school-1", "school-30", "school-333", "service-5000", "service-all", EVERYONE)
SERVICES = ("service-5000", "service-all", EVERYONE)


@dataclass(frozen=True)
class Family:
    """`grows`: why it may take longer in a larger record, where it may. `reads`: rows read for one that is shown,
    at most, by who sees nearly everything; the row after the page counts as shown."""

    name: str
    url: str
    callers: tuple[str, ...] = ALL
    grows: str = ""
    reads: int = 8


FAMILIES = (
    Family("read", "Patient/c{n}"),
    Family("identifier", "Patient?identifier=" + LOCAL + "|L{n}"),
    Family(
        "child, code and date",
        f"Observation?patient=c{{n}}&code={SESSION}|am&date=ge2025-09-15&_sort=-date&_count=50",
    ),
    Family("child, newest", "Observation?patient=c{n}&_count=20"),
    Family("everything by date", "Observation?_sort=-date&_count=20"),
    Family("everything, last changed", "Observation?_sort=-_lastUpdated&_count=20"),
    Family("a mark of 1 %, by date", f"Observation?value-concept={MARK}|U&_sort=-date&_count=20"),
    Family("a token of 3 %, by date", f"Observation?code={CODES}|weight&_sort=-date&_count=20", SERVICES),
    Family(
        "a token of 3 %, last changed",
        f"Observation?code={CODES}|weight&_sort=-_lastUpdated&_count=20",
        SERVICES,
        reads=500,
    ),
    Family("a token of 0.002 %", f"Observation?code={CODES}|rare&_sort=-date&_count=20"),
    Family(
        "a mark and a week",
        f"Observation?value-concept={MARK}|U&date=ge2025-10-06&date=lt2025-10-13&_count=20",
    ),
    Family(
        "a token and a week",
        f"Observation?code={CODES}|weight&date=ge2025-10-06&date=lt2025-10-13&_count=20",
        SERVICES,
    ),
    Family("a school's day", "Observation?performer=Organization/school-333&date=2025-10-01&_count=50"),
    Family(
        "a school and a mark",
        f"Observation?performer=Organization/school-333&value-concept={MARK}|U&_sort=-date&_count=20",
        reads=150,
    ),
    Family("a kind of episode", f"EpisodeOfCare?type={KIND}|child-in-need&_count=20"),
    Family("everybody by name", "Patient?_sort=family&_count=20"),
    Family("nobody has any", "Observation?code=http://example.org|nobody-has-it&_count=20"),
    Family("the beginning of a name", "Patient?family={name}&_count=20", reads=20),
    Family(
        "a name, sorted",
        "Patient?family={name}&_sort=family,birthdate&_count=20",
        grows="with the matches, which are sorted",
        reads=40,
    ),
    Family("chain: patient.identifier", "Observation?patient.identifier=" + LOCAL + "|L{n}&_count=20"),
    Family(
        "chain: patient.family and mark",
        f"Observation?patient.family={{name}}&value-concept={MARK}|U&_count=20",
        grows="with the children of that name",
        reads=200,
    ),
    Family(
        "chain: encounter.type",
        f"Observation?encounter.type={BASE}/CodeSystem/contact-type|conference&code={CODES}|weight&_count=20",
        SERVICES,
        "with the matches",
        reads=120,
    ),
    Family(
        "_has",
        f"Patient?_has:EpisodeOfCare:patient:type={KIND}|child-in-need&family={{name}}&_count=20",
        reads=120,
    ),
    Family(
        "include",
        f"Observation?patient=c{{n}}&code={CODES}|weight&_include=Observation:encounter&_include=Observation:patient",
    ),
    Family("revinclude", "Patient?_id=c{n}&_revinclude=EpisodeOfCare:patient&_revinclude=Encounter:patient"),
    Family("capped count", f"Observation?code={CODES}|weight&_total=estimate&_count=1", SERVICES, reads=1500),
    Family("quantity", f"Observation?code={CODES}|weight&value-quantity=gt45&_count=20", SERVICES, reads=80),
    Family("a merge of values", f"Observation?value-concept={MARK}|U,{MARK}|O&_sort=-date&_count=20"),
    Family(
        "two keys to sort by",
        f"EpisodeOfCare?type={KIND}|child-in-need&_sort=status,-date&_count=20",
        reads=1000,
    ),
    Family(
        "missing",
        "Observation?encounter:missing=true&date=lt2025-10-18&_sort=-date&_count=20",
        SERVICES,
        reads=60,
    ),
    Family("not", f"Observation?code:not={SESSION}|am&_sort=-date&_count=20", SERVICES),
)
