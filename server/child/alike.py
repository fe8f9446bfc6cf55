"""What of a child's resources is compared with other children's, kept resource by resource.

What a Patient, a parent or a registration says is kept beside it and goes with it; put together it is what
`child.likeness` compares.
"""

from collections.abc import Callable, Sequence

import msgspec

from server.child.likeness import block, model
from server.child.likeness.feature import Features, features
from server.fhir import Json
from server.record.hook import Compared, Likeness

_NOBODY: Json = {"resourceType": "Patient"}
_NOTHING = Features()

_SAID: dict[str, Callable[[Json], Features]] = {
    "Patient": features,
    "RelatedPerson": lambda person: features(_NOBODY, (person,)),
    "EpisodeOfCare": lambda episode: features(_NOBODY, (), (episode,)),
}

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Features).decode


def likeness() -> Likeness:
    """By the model that ships with the server."""
    return Likeness(
        types=frozenset(_SAID),
        # Where a child goes to school, many do.
        keyed=frozenset({"Patient", "RelatedPerson"}),
        said=_said,
        whole=_whole,
        keys=block.keys,
        weigh=model.model().weigh,
        compare=_compared,
        review=model.model().parameters.threshold.review,
    )


def _said(resource: Json) -> str:
    found = _SAID[resource["resourceType"]](resource)
    if resource["resourceType"] == "RelatedPerson" and resource.get("active") is False:
        found = _NOTHING
    # What is empty finds nobody; of a Patient that is kept too, for others speak of the child.
    if found == _NOTHING and resource["resourceType"] != "Patient":
        return ""
    return _encode(found).decode()


def _whole(texts: Sequence[str]) -> Features:
    patient, *others = (_decode(text) for text in texts)
    if not others:
        return patient
    every = (patient, *others)
    return msgspec.structs.replace(
        patient,
        # A record that was found to be of the same child tells what its Patient is called too.
        given=tuple(dict.fromkeys(each for one in every for each in one.given)),
        family=tuple(dict.fromkeys(each for one in every for each in one.family)),
        homes=tuple(dict.fromkeys(each for one in every for each in one.homes)),
        identifiers=tuple(dict.fromkeys(each for one in every for each in one.identifiers)),
        parents=tuple(dict.fromkeys(each for one in every for each in one.parents)),
        siblings=tuple(dict.fromkeys(each for one in every for each in one.siblings)),
        schools=tuple(dict.fromkeys(each for one in every for each in one.schools)),
        multiple=patient.multiple or min(each.multiple for each in others),
    )


def _compared(one: Features, other: Features) -> Compared:
    found = model.compare(one, other)
    evidence = tuple((each.comparison, each.words, each.weight) for each in found.evidence)
    return Compared(found.weight, found.probability, found.grade, evidence)
