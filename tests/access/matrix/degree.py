"""Every reason why a caller may see nothing, or only a part, of a resource that is there."""

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from server.definition.folder import profiles
from tests import make
from tests.access.matrix.world import World
from tests.access.test_decision import consent, not_shared
from tests.access.test_sealed import SEAL
from tests.make import TEST

Change = Callable[[World], dict]


def nothing(world: World) -> dict:
    return {}


def nobody(world: World) -> list[dict]:
    return []


@dataclass(frozen=True)
class Degree:
    """A reason why `agency` may not see a resource of `type`, or may see no more of it than a part.

    `known`: the child is one that the agency sees, and its Patient is in both worlds. `hidden`: what the
    resource has beside what it has anyway. `child`: what the Patient has. `around`: what else is there.
    `gone`: the elements that are held back where a part is seen; `None` where nothing is.
    """

    agency: str
    type: str = "Observation"
    scopes: str = "system/*.cruds"
    known: bool = True
    hidden: Change = nothing
    child: Change = nothing
    around: Callable[[World], list[dict]] = nobody
    gone: Callable[[str], bool] | None = None
    user: dict = field(default_factory=dict)
    """The account of who uses the client, where somebody does."""
    writer: str = "suite"
    """Who writes the resource."""
    shown: str = "inspector"
    """Who sees it."""

    @property
    def writes(self) -> bool:
        """Whether the caller may write resources of the type at all."""
        return self.user != _IS_PARENT

    def bare(self, resource: dict) -> dict:
        """The resource as it would be if nothing had been said of what is held back."""
        assert self.gone
        said = {name: value for name, value in resource.items() if not self.gone(name)}
        mandatory = {"code": make.concept(TEST, "nothing")} if self.type == "Observation" else {}
        return said | {name: value for name, value in mandatory.items() if name not in said}


_REDACTION = msgspec.json.decode((profiles() / "redaction.json").read_bytes())


def by_existence(type_: str) -> Callable[[str], bool]:
    """What existence does not show."""
    lists = _REDACTION["existence"]
    shown = {"resourceType", "id", *lists.get(type_, lists["*"])}
    return lambda name: name not in shown


def withheld(type_: str) -> Callable[[str], bool]:
    """What is withheld of a restricted child."""
    lists = _REDACTION["withheld"]
    return lambda name: name in lists.get(type_, lists["*"])


def _attendance(world):
    """Of the category that schools have a right to."""
    return {"category": [make.concept(make.CATEGORY, "attendance")]}


def _labelled(label, change=nothing):
    """A child with a label."""
    return lambda world: {"meta": make.labelled(label), **change(world)}


def _labelled_itself(label):
    """The resource's own `meta`, with a label."""
    security = {"security": [label]} if isinstance(label, dict) else make.labelled(label)
    return lambda world: {"meta": {**world.traits["meta"], **security}}


def _another_child(world):
    return {**_attendance(world), "focus": [make.reference(f"Patient/other-{world.word}")]}


def _left(world):
    ended = make.episode(world.about, "school", start="2019-01-01") | {"status": "finished"}
    return [ended | {"period": {"start": "2019-01-01", "end": "2019-06-01"}}]


def _with(*agencies):
    """Episodes by which these work with the child."""
    kinds = {"school": "registration", "social-care": "child-in-need", "health": "health-service"}
    return lambda world: [
        make.episode(world.about, agency, kinds.get(agency, "registration")) for agency in agencies
    ]


_BOTH = _with("school", "social-care")
_BOROUGH = _with("borough")


def _decided(world):
    """School and social care work with the child, and the school is not to be told of its Observations."""
    observations = {"system": "http://hl7.org/fhir/resource-types", "code": "Observation"}
    return [*_BOTH(world), not_shared(world.about, "school", **{"class": [observations]})]


def _agreed(world):
    """The family agreed to the borough's service, and objected to it later."""
    types = ("permit", "deny")
    return [
        *_BOROUGH(world),
        *(consent(world.about, "agreement-to-service", "borough", type=each) for each in types),
    ]


WORKER = "matrix-worker"
"""The Practitioner who works with `ours` of every world, and for whom the borough's app asks."""

CHILD = "matrix-child"
"""A child whom the worker works with: the one that an app with patient/ scopes was opened for."""

_WORKS = {"fhir_user": f"Practitioner/{WORKER}", "roles": ("worker",), "caseload": "all"}
_EVERYTHING = "user/*.cruds"

PARENT = "matrix-parent"
"""The RelatedPerson who has parental responsibility for that child."""

_IS_PARENT = {"fhir_user": f"RelatedPerson/{PARENT}"}


def _of(category, system="http://terminology.hl7.org/CodeSystem/observation-category"):
    return lambda world: {"category": [make.concept(system, category)]}


def _not_shared(world, agency):
    """A family's decision that an agency sees no Observation of the child."""
    role = make.concept("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP")
    return {
        "resourceType": "Consent",
        "status": "active",
        "scope": make.concept("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy"),
        "category": [make.concept(f"{make.B}/CodeSystem/sharing-category", "decision-not-to-share")],
        "patient": make.reference(f"Patient/{world.about}"),
        "policyRule": make.concept(f"{make.B}/CodeSystem/lawful-basis", "public-task"),
        "provision": {
            "type": "deny",
            "actor": [{"role": role, "reference": make.reference(f"Organization/{agency}")}],
            "class": [{"system": "http://hl7.org/fhir/resource-types", "code": "Observation"}],
        },
    }


def _hides(*names):
    return lambda name: name in names


DEGREES = {
    "a child it does not work with": Degree(
        "school", known=False, hidden=_attendance, around=_with("social-care")
    ),
    "the record of a child it does not work with": Degree(
        "school", "Patient", known=False, around=_with("social-care")
    ),
    "a plan of a child it does not work with": Degree(
        "social-care", "EpisodeOfCare", known=False, around=_with("school")
    ),
    "an assessment of a child it does not work with": Degree(
        "social-care", "RiskAssessment", known=False, around=_with("school")
    ),
    "a child it works with no more": Degree("school", known=False, hidden=_attendance, around=_left),
    "the record of a child it works with no more": Degree("school", "Patient", known=False, around=_left),
    "a category it has no right to": Degree("school", around=_BOTH),
    "criteria that its scope leaves out": Degree(
        "social-care",
        scopes="system/Observation.cruds?category=vital-signs system/Linkage.cruds "
        "system/Organization.rs system/Patient.rs",
        hidden=_attendance,
        around=_BOTH,
    ),
    "a child absent to all but the named": Degree(
        "social-care", known=False, child=_labelled("V"), around=_BOTH
    ),
    "the record of a child absent to all but the named": Degree(
        "social-care", "Patient", known=False, hidden=_labelled_itself("V"), around=_BOTH
    ),
    "one of two children it does not work with": Degree("school", hidden=_another_child, around=_BOTH),
    "that there is something, and not what": Degree(
        "glimpse", around=_with("glimpse"), gone=by_existence("Observation")
    ),
    "that there is a plan, and not what": Degree(
        "glimpse", "EpisodeOfCare", around=_with("glimpse"), gone=by_existence("EpisodeOfCare")
    ),
    "where a child is": Degree(
        "social-care", child=_labelled("R"), around=_BOTH, gone=withheld("Observation")
    ),
    "where a child is, in its own record": Degree(
        "school", "Patient", hidden=_labelled_itself("R"), around=_BOTH, gone=withheld("Patient")
    ),
    "a right of another role": Degree(
        "borough", scopes=_EVERYTHING, hidden=_of("vital-signs"), around=_BOROUGH, user=_WORKS
    ),
    "a right of a role that a system has not": Degree("borough", hidden=_of("vital-signs"), around=_BOROUGH),
    "a right for another purpose": Degree("borough", hidden=_of("exam"), around=_BOROUGH),
    "a right that has ended": Degree("borough", hidden=_of("laboratory"), around=_BOROUGH),
    "a right that has not begun": Degree("borough", hidden=_of("imaging"), around=_BOROUGH),
    "a child of a colleague": Degree(
        "borough",
        scopes=_EVERYTHING,
        known=False,
        hidden=_attendance,
        around=_BOROUGH,
        user=_WORKS | {"caseload": "own"},
    ),
    "the record of a child of another team": Degree(
        "borough",
        "Patient",
        scopes=_EVERYTHING,
        known=False,
        around=_BOROUGH,
        user=_WORKS | {"caseload": "team"},
    ),
    "a plan that the scopes of its user leave out": Degree(
        "borough",
        "EpisodeOfCare",
        scopes="user/EpisodeOfCare.cruds?type=registration user/Patient.cruds user/Organization.rs "
        "user/Linkage.cruds",
        around=_BOROUGH,
        user=_WORKS,
    ),
    "another child than the app was opened for": Degree(
        "borough", scopes="patient/*.cruds", known=False, hidden=_attendance, around=_BOROUGH, user=_WORKS
    ),
    "the record of another child than the app was opened for": Degree(
        "borough", "Patient", scopes="patient/*.cruds", known=False, around=_BOROUGH, user=_WORKS
    ),
    "another child than a parent's": Degree(
        "borough", scopes="patient/*.cruds", known=False, hidden=_attendance, around=_BOROUGH, user=_IS_PARENT
    ),
    "the record of another child than a parent's": Degree(
        "borough", "Patient", scopes="user/*.cruds", known=False, around=_BOROUGH, user=_IS_PARENT
    ),
    "a service that the family did not agree to": Degree("borough", hidden=_of("therapy"), around=_BOROUGH),
    "a service that the family objected to": Degree("borough", hidden=_of("therapy"), around=_agreed),
    "what is sealed": Degree(
        "inspector", hidden=_labelled_itself(SEAL), around=_BOTH, writer="vault", shown="vault"
    ),
    "elements that a right hides": Degree(
        "borough",
        hidden=_of("procedure"),
        around=_BOROUGH,
        gone=_hides("valueString", "component", "identifier", "performer", "bodySite", "text", "contained"),
    ),
    "what was decided not to be shared": Degree("school", hidden=_attendance, around=_decided),
    "what was decided not to be shared with it": Degree(
        "school", hidden=_attendance, around=lambda world: [*_BOTH(world), _not_shared(world, "school")]
    ),
    "where a child is placed": Degree(
        "social-care", "EpisodeOfCare", child=_labelled("R"), around=_BOTH, gone=withheld("EpisodeOfCare")
    ),
}
