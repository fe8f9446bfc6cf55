"""What this server does, computed from its registries and never written by hand.

https://hl7.org/fhir/R4/capabilitystatement.html
"""

from functools import cached_property

from server import __version__, clock
from server.fhir import Json, json
from server.fhir.meta import instant
from server.record.door import Door
from server.search.registry import Registry

_SMART = "http://fhir-registry.smarthealthit.org/StructureDefinition/"
_INTERACTIONS = ("read", "vread", "update", "delete", "history-instance", "create", "search-type")


class Statement:
    """The CapabilityStatement of a door; its date is that of the start."""

    def __init__(self, door: Door, issuer: str) -> None:
        self._door, self._issuer = door, issuer
        self._date = instant(clock.now())

    def text(self, mode: str) -> bytes:
        """The statement as JSON; every mode is the same statement."""
        del mode
        return self._text

    @cached_property
    def _text(self) -> bytes:
        return json.encode(self.resource())

    def resource(self) -> Json:
        """The CapabilityStatement."""
        return {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "date": self._date,
            "kind": "instance",
            "software": {"name": "Single Child Record", "version": __version__},
            "implementation": {"description": "Single Child Record", "url": self._door.base_url},
            "fhirVersion": "4.0.1",
            "format": ["application/fhir+json", "json"],
            "rest": [
                {
                    "mode": "server",
                    "security": self._security(),
                    "resource": [self._resource(type_) for type_ in self._door.library.resource_types],
                    "interaction": [{"code": "transaction"}, {"code": "batch"}],
                }
            ],
        }

    def _security(self) -> Json:
        uris = {
            "url": _SMART + "oauth-uris",
            "extension": [{"url": "token", "valueUri": f"{self._issuer}/auth/token"}],
        }
        service = {
            "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
            "code": "SMART-on-FHIR",
        }
        return {"extension": [uris], "cors": True, "service": [{"coding": [service]}]}

    def _resource(self, type_: str) -> Json:
        registry: Registry = self._door.registry
        parameters = registry.parameters(type_)
        profiles = self._profiles.get(type_)
        found: Json = {"type": type_, "profile": f"http://hl7.org/fhir/StructureDefinition/{type_}"}
        if profiles:
            found["supportedProfile"] = profiles
        return {
            **found,
            "interaction": [{"code": code} for code in _INTERACTIONS],
            "versioning": "versioned-update",
            "readHistory": True,
            "updateCreate": True,
            "conditionalCreate": True,
            "conditionalRead": "not-match",
            "conditionalUpdate": False,
            "conditionalDelete": "not-supported",
            "referencePolicy": ["literal", "logical"],
            "searchInclude": list(registry.includes(type_)),
            "searchRevInclude": self._revincludes.get(type_, []),
            "searchParam": [
                {"name": code, "definition": parameters[code].url, "type": parameters[code].type}
                for code in registry.supported(type_)
            ],
        }

    @cached_property
    def _profiles(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for resource in self._door.library.ours():
            if resource["resourceType"] == "StructureDefinition" and resource.get("kind") == "resource":
                found.setdefault(resource["type"], []).append(resource["url"])
        return found

    @cached_property
    def _revincludes(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for type_ in self._door.library.resource_types:
            for code, parameter in self._door.registry.parameters(type_).items():
                if parameter.type == "reference":
                    for target in parameter.target:
                        found.setdefault(target, []).append(f"{type_}:{code}")
        return found
