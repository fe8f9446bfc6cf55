"""Vital signs: an Observation with one of their codes has to be as the profile of that code asks.

https://hl7.org/fhir/R4/observation-vitalsigns.html

The codes of LOINC are those of the page; those of SNOMED CT mean the same, and are known to every validator.
"""

from collections.abc import Iterator

from server.definition.library import HL7
from server.fhir import Json

_LOINC = "http://loinc.org"
_SNOMED = "http://snomed.info/sct"
_PROFILES = {
    (_LOINC, "85353-1"): "vitalspanel",
    (_LOINC, "9279-1"): "resprate",
    (_SNOMED, "86290005"): "resprate",
    (_LOINC, "8867-4"): "heartrate",
    (_SNOMED, "364075005"): "heartrate",
    (_LOINC, "2708-6"): "oxygensat",
    (_SNOMED, "103228002"): "oxygensat",
    (_LOINC, "8310-5"): "bodytemp",
    (_SNOMED, "386725007"): "bodytemp",
    (_SNOMED, "276885007"): "bodytemp",
    (_LOINC, "8302-2"): "bodyheight",
    (_SNOMED, "50373000"): "bodyheight",
    (_LOINC, "9843-4"): "headcircum",
    (_SNOMED, "363812007"): "headcircum",
    (_LOINC, "29463-7"): "bodyweight",
    (_SNOMED, "27113001"): "bodyweight",
    (_LOINC, "39156-5"): "bmi",
    (_SNOMED, "60621009"): "bmi",
    (_LOINC, "85354-9"): "bp",
    (_SNOMED, "75367002"): "bp",
}


def profiles(resource: Json) -> tuple[str, ...]:
    """Those that an Observation has to meet for what it is about; none of anything else."""
    if resource.get("resourceType") != "Observation":
        return ()
    return tuple(dict.fromkeys(f"{HL7}{name}" for name in _named(resource)))


def _named(observation: Json) -> Iterator[str]:
    code = observation.get("code")
    codings = code.get("coding", ()) if type(code) is dict else ()
    for coding in codings if type(codings) is list else ():
        if type(coding) is dict:
            system, code = coding.get("system"), coding.get("code")
            if type(system) is str and type(code) is str and (system, code) in _PROFILES:
                yield _PROFILES[system, code]
