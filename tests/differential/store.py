"""A store made up of what is hard to search: a few hundred resources, the same for the same seed.

Dates of every precision, open periods, schedules, accents, several codes and none, texts without a code,
amounts in several units, what separates values inside of values, and references of every form.
"""

from collections.abc import Callable, Iterator

from tests import make
from tests.differential.parts import TIMES, Parts, make_number
from tests.make import EPISODE, Resource

_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
_ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"

AGENCIES = ("suite", "school", "social-care", "health", "glimpse", "inspector", "keeper")


class Made(Parts):
    """Makes resources."""

    def all(self) -> list[Resource]:
        """In an order in which every label is set before what it hides is written."""
        counts: dict[Callable[[int], Resource], int] = {
            self.organization: 6,
            self.location: 12,
            self.patient: 32,
            self.related: 10,
            self.team: 10,
            self.episode: 40,
            self.encounter: 36,
            self.observation: 100,
            self.condition: 26,
            self.risk: 16,
            self.list: 8,
            self.library: 14,
            self.document: 14,
            self.linkage: 6,
        }
        agencies = [make.organization(agency) for agency in AGENCIES]
        return agencies + [kind(at) for kind, count in counts.items() for at in range(count)]

    def organization(self, at: int) -> Resource:
        return self.of(
            "Organization",
            at,
            name=self.words(),
            **self.sometimes(
                0.6,
                identifier=lambda: self.some(self.identifier),
                # org-2: no organization is at home anywhere.
                address=lambda: [self.address() | {"use": "work"}],
                active=lambda: self.one(True, False),
                type=lambda: [self.concept()],
            ),
            **({"partOf": {"reference": f"Organization/o{at // 2}"}} if at % 3 else {}),
        )

    def location(self, at: int) -> Resource:
        place = {
            "latitude": self.one(51.5, 51.6, 52.48, -33.9, 0),
            "longitude": self.one(-0.12, 0, -1.9, 151.2, 179.9),
        }
        return self.of(
            "Location",
            at,
            **self.sometimes(
                0.6,
                name=self.words,
                status=lambda: self.one("active", "inactive"),
                position=place,
                address=self.address,
                type=lambda: [self.concept()],
                alias=lambda: [self.words()],
            ),
            **(
                {
                    "partOf": self.one(
                        {"reference": f"Location/l{at // 2}"},
                        {"reference": f"{self.base}/Location/l{at - 1}"},
                    )
                }
                if at % 4
                else {}
            ),
        )

    def patient(self, at: int) -> Resource:
        found = self.of(
            "Patient",
            at,
            **self.sometimes(
                0.7,
                name=lambda: self.some(self.name, 2),
                gender=lambda: self.one("male", "female", "unknown", "other"),
                birthDate=lambda: self.one("2014-03-14", "2014-03", "2014", "2013-12-31", "2015-01-01"),
            ),
            **self.sometimes(
                0.4,
                identifier=lambda: self.some(self.identifier),
                telecom=lambda: self.some(self.contact),
                address=lambda: self.some(self.address, 2),
                active=lambda: self.one(True, False),
                generalPractitioner=lambda: [self.reference("Organization", 5)],
                managingOrganization=lambda: self.reference("Organization", 5),
            ),
            **self.one(
                {},
                {},
                {"deceasedBoolean": True},
                {"deceasedBoolean": False},
                {"deceasedDateTime": self.time()},
            ),
            **self.sometimes(
                0.1,
                link=lambda: [{"other": self.to_patient(), "type": "seealso"}],
                communication=lambda: [{"language": self.concept()}],
            ),
        )
        if "birthDate" not in found and at % 5 == 0:
            found["_birthDate"] = {
                "extension": [{"url": "http://x.example/e", "valueString": "unknown word"}]
            }
        if at in (3, 4, 5):
            found.setdefault("meta", {})["security"] = [
                {"system": make.CONFIDENTIALITY, "code": "V" if at == 5 else "R"}
            ]
        return found

    def related(self, at: int) -> Resource:
        return self.of(
            "RelatedPerson",
            at,
            patient=self.to_patient(),
            **self.sometimes(
                0.6,
                name=lambda: [self.name()],
                telecom=lambda: self.some(self.contact),
                relationship=lambda: [self.concept()],
                gender=lambda: self.one("male", "female"),
                birthDate=self.date,
                active=True,
            ),
        )

    def team(self, at: int) -> Resource:
        members = [
            {
                "member": make.reference(f"Organization/{self.one(*AGENCIES[1:5])}"),
                **self.sometimes(0.4, period=self.period),
            }
        ]
        return self.of(
            "CareTeam",
            at,
            subject=make.reference(f"Patient/p{at}"),
            status=self.one("active", "inactive"),
            participant=members,
            **self.sometimes(0.4, name=self.words, category=lambda: self.some(self.concept, 2)),
        )

    def episode(self, at: int) -> Resource:
        agency, kind = self.one(
            ("school", "registration"),
            ("school", "registration"),
            ("social-care", "child-in-need"),
            ("health", "health-service"),
            ("glimpse", "registration"),
            ("social-care", "child-protection-plan"),
            ("o1", "registration"),
        )
        return self.of(
            "EpisodeOfCare",
            at,
            status=self.one("active", "active", "active", "finished", "entered-in-error"),
            type=[make.concept(EPISODE, kind)],
            patient=make.reference(f"Patient/p{self.random.randint(0, 31)}"),
            **self.sometimes(0.92, managingOrganization=make.reference(f"Organization/{agency}")),
            **self.sometimes(
                0.8, period=lambda: self.one({"start": "2020-01-01"}, self.period(), {"end": "2026-06-01"})
            ),
        )

    def encounter(self, at: int) -> Resource:
        return self.of(
            "Encounter",
            at,
            status=self.one("finished", "planned", "in-progress", "cancelled"),
            **{"class": {"system": _ACT, "code": self.one("AMB", "IMP", "EMER", "ACUTE", "NONAC")}},
            **self.sometimes(0.9, subject=self.to_patient),
            **self.sometimes(
                0.5,
                period=self.period,
                serviceProvider=lambda: make.reference(f"Organization/{self.one('school', 'health', 'o1')}"),
                type=lambda: self.some(self.concept, 2),
                reasonCode=lambda: [self.concept()],
                location=lambda: [
                    {"location": self.reference("Location", 12)} for _ in range(self.random.randint(1, 2))
                ],
                episodeOfCare=lambda: [self.reference("EpisodeOfCare", 40)],
                length=lambda: {
                    "value": self.amount(),
                    "system": "http://unitsofmeasure.org",
                    "code": self.one("s", "mo", "a"),
                },
                partOf=lambda: make.reference(f"Encounter/e{at // 2}"),
            ),
        )

    def observation(self, at: int) -> Resource:
        when = self.one(
            {"effectiveDateTime": self.time()},
            {"effectivePeriod": self.period()},
            {"effectiveTiming": self.timing()},
            {"effectiveInstant": self.one(*TIMES)},
            {"effectiveDateTime": self.time()},
            {},
        )
        category = self.one(
            make.concept(make.CATEGORY, "attendance"),
            make.concept(make.HL7_CATEGORY, "vital-signs"),
            make.concept(make.HL7_CATEGORY, "survey"),
            self.concept(),
        )
        interpretation = {
            "coding": [{"system": _INTERPRETATION, "code": self.one("H", "HH", "HU", "L", "LL", "N", "A")}]
        }
        code, observed = self.concept(), self.observed()
        found = self.of(
            "Observation",
            at,
            status=self.one("final", "preliminary", "amended"),
            code=code,
            **observed,
            **when,
            **self.sometimes(0.9, subject=self.to_patient, category=[category]),
            **self.sometimes(
                0.3,
                encounter=lambda: self.reference("Encounter", 36),
                component=lambda: self.some(self.component),
                performer=lambda: [
                    self.reference(*self.one(("Organization", 6), ("Patient", 32))) for _ in range(2)
                ],
                interpretation=lambda: [interpretation],
                note=lambda: [{"text": self.words()}],
                hasMember=lambda: [self.reference("Observation", 100)],
                identifier=lambda: [self.identifier()],
                method=self.concept,
                **({} if observed else {"dataAbsentReason": self.concept}),
            ),
        )
        if self.sometimes(0.05, contained=True):
            found["contained"] = [{"resourceType": "Patient", "id": "in", "name": [self.name()]}]
            found["focus"] = [{"reference": "#in"}]
        if observed and "component" in found:
            # obs-7: the value of the Observation's own code stands in no component.
            found["component"] = [each for each in found["component"] if not _alike(each["code"], code)]
        return {name: value for name, value in found.items() if value != []}

    def condition(self, at: int) -> Resource:
        onset = self.one(
            {"onsetDateTime": self.time()},
            {"onsetPeriod": self.period()},
            {"onsetString": self.words()},
            {"onsetRange": self.range()},
            {
                "onsetAge": {
                    "value": self.one(5, 10.5),
                    "system": "http://unitsofmeasure.org",
                    "code": self.one("a", "mo"),
                }
            },
            {},
        )
        return self.of(
            "Condition",
            at,
            subject=self.to_patient(),
            **onset,
            **self.sometimes(
                0.7,
                code=self.concept,
                recordedDate=self.time,
                clinicalStatus=lambda: make.concept(
                    _CLINICAL,
                    self.one("active", "relapse", "recurrence", "inactive", "remission", "resolved"),
                ),
            ),
            **self.sometimes(
                0.4,
                category=lambda: self.some(self.concept, 2),
                encounter=lambda: self.reference("Encounter", 36),
                identifier=lambda: self.some(self.identifier),
                severity=self.concept,
                bodySite=lambda: self.some(self.concept),
                evidence=lambda: [{"code": [self.concept()], "detail": [self.reference("Observation", 100)]}],
            ),
        )

    def risk(self, at: int) -> Resource:
        percent = {"system": "http://unitsofmeasure.org", "code": "%"}

        def prediction() -> Resource:
            return self.one(
                {
                    "probabilityDecimal": make_number(
                        self.one("0.1", "0.10", "0.15", "0.05", "0.2", "1e-1", "100")
                    )
                },
                {"probabilityRange": {"low": {"value": 0.05, **percent}, "high": {"value": 0.2, **percent}}},
                {"probabilityRange": {"low": {"value": 0.15, **percent}}},
                {"qualitativeRisk": self.concept()},
            )

        return self.of(
            "RiskAssessment",
            at,
            status="final",
            subject=self.to_patient(),
            **self.sometimes(0.8, prediction=lambda: self.some(prediction, 2), occurrenceDateTime=self.time),
            **self.sometimes(0.4, method=self.concept, condition=lambda: self.reference("Condition", 26)),
        )

    def list(self, at: int) -> Resource:
        kinds = (("Patient", 32), ("Observation", 100), ("Condition", 26), ("List", 8))
        return self.of(
            "List",
            at,
            status="current",
            mode="working",
            **self.sometimes(
                0.8,
                entry=lambda: [
                    {"item": self.reference(*self.one(*kinds))} for _ in range(self.random.randint(1, 5))
                ],
            ),
            **self.sometimes(
                0.5, title=self.words, code=self.concept, date=self.time, subject=self.to_patient
            ),
        )

    def library(self, at: int) -> Resource:
        urls = (
            "http://a.example",
            "http://a.example/",
            "http://a.example/v",
            "http://a.example/v/1",
            "http://a.example/v-1",
            "urn:oid:1.2.3",
            "http://A.example/v",
            "urn:x:a,b",
            "http://a.example/v|x",
        )

        def related() -> Resource:
            canonical = self.one(
                "http://a.example/v",
                "http://a.example/v|1",
                "http://a.example/v|2",
                "Library/l1",
                f"{self.base}/Library/l2",
            )
            return {"type": self.one("depends-on", "derived-from"), "resource": canonical}

        return self.of(
            "Library",
            at,
            status=self.one("draft", "active"),
            type=self.concept(),
            **self.sometimes(0.8, url=lambda: self.one(*urls)),
            **self.sometimes(
                0.5,
                name=self.words,
                title=self.words,
                version=lambda: self.one("1", "2"),
                date=self.time,
                jurisdiction=lambda: self.some(self.concept, 2),
                description=self.words,
                relatedArtifact=lambda: self.some(related, 2),
            ),
            **self.sometimes(0.4, useContext=lambda: self.some(self.context, 2)),
        )

    def document(self, at: int) -> Resource:
        def relation() -> Resource:
            return {
                "code": self.one("replaces", "appends"),
                "target": self.reference("DocumentReference", 14),
            }

        return self.of(
            "DocumentReference",
            at,
            status="current",
            content=[
                {
                    "attachment": self.sometimes(0.6, url="http://a.example/doc", contentType="text/plain")
                    or {"title": self.words()}
                }
            ],
            **self.sometimes(
                0.6,
                subject=self.to_patient,
                date=lambda: self.one(*TIMES),
                type=self.concept,
                relatesTo=lambda: self.some(relation, 2),
                description=self.words,
                author=lambda: [self.reference("Organization", 6)],
            ),
        )

    def linkage(self, at: int) -> Resource:
        return {
            **make.linkage("Patient/p1"),
            **self.of(
                "Linkage",
                at,
                item=[
                    {"type": "source", "resource": self.to_patient()},
                    {"type": "alternate", "resource": self.reference("Observation", 100)},
                ],
            ),
        }


def _alike(one: Resource, other: Resource) -> bool:
    codings = [coding for coding in one.get("coding", ()) if coding in other.get("coding", ())]
    return bool(codings) or one == other


def bundles(resources: list[Resource]) -> Iterator[Resource]:
    """Transactions that write them, in their order."""
    for start in range(0, len(resources), 50):
        yield make.bundle("transaction", *map(make.put, resources[start : start + 50]))
