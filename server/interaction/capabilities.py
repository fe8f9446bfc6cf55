"""What this server does, computed from its registries and never written by hand.

https://hl7.org/fhir/R4/capabilitystatement.html
"""

from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache

from server import __version__, clock
from server.definition.added import Added, added
from server.definition.compartment import COMPARTMENTS
from server.definition.reach import OWN
from server.fhir import Json, json
from server.fhir.issue import Invalid
from server.fhir.json import DEPTH_LIMIT
from server.fhir.meta import instant
from server.interaction import declared, patch, terminology
from server.interaction.describe import NAMED, OF_OTHERS, PARAMETERS
from server.operation import registry as operations
from server.record.door import Door
from server.search.complete import is_complete
from server.search.named import named
from server.search.query import MAX_COUNT
from server.search.registry import Registry
from server.settings import Settings
from server.subscription import lifecycle, topic

MODES = ("full", "normative", "terminology")

AUTHORIZE_PATH, TOKEN_PATH = "/auth/authorize", "/auth/token"
INTROSPECT_PATH, REVOKE_PATH = "/auth/introspect", "/auth/revoke"
REGISTER_PATH, SESSIONS_PATH = "/auth/register", "/auth/sessions"
"""Where the authorization server is, under the origin of the base URL."""

_OAUTH = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_OAUTH_URIS = (
    ("authorize", AUTHORIZE_PATH),
    ("token", TOKEN_PATH),
    ("register", REGISTER_PATH),
    ("manage", SESSIONS_PATH),
)
"""https://hl7.org/fhir/R4/extension-oauth-uris.html"""

_INSTANTIATES = (
    "http://hl7.org/fhir/uv/subscriptions-backport/CapabilityStatement/backport-subscription-server-r4"
)
_WEBSOCKET = "http://hl7.org/fhir/StructureDefinition/capabilitystatement-websocket"
"""https://hl7.org/fhir/R4/extension-capabilitystatement-websocket.html"""

_TOPIC = (
    "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
    "capabilitystatement-subscriptiontopic-canonical"
)
_OF_OTHERS: Mapping[str, tuple[str, ...]] = {
    lifecycle.TYPE: (
        "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription",
    ),
}
"""Profiles that are kept here, and defined elsewhere."""

LIMIT = f"{OWN}StructureDefinition/limit"
"""The extension that declares a limit."""

_NORMATIVE = frozenset(
    {
        "Binary", "Bundle", "CapabilityStatement", "CodeSystem", "Observation", "OperationDefinition",
        "OperationOutcome", "Parameters", "Patient", "StructureDefinition", "ValueSet",
    }
)  # fmt: skip
"""The types of R4 that are normative: http://hl7.org/fhir/R4/ballot-intro.html"""

_TRIAL_USE = frozenset(
    {
        "security", "supportedProfile", "versioning", "readHistory", "updateCreate", "conditionalCreate",
        "conditionalRead", "conditionalUpdate", "conditionalDelete", "referencePolicy", "searchInclude",
        "searchRevInclude",
    }
)  # fmt: skip
"""The elements of a statement that are not: http://hl7.org/fhir/R4/capabilitystatement-definitions.html"""


def limits(found: Settings) -> Mapping[str, int]:
    """What no request goes beyond, by name."""
    return {
        "body-bytes": found.body_limit,
        "binary-bytes": found.binary_limit,
        "bundle-entries": found.bundle_limit,
        "deletes-by-condition": found.delete_limit,
        "nesting": DEPTH_LIMIT,
        "page-entries": MAX_COUNT,
        "url-characters": found.url_limit,
        "statement-milliseconds": int(found.statement_timeout * 1000),
        **({"requests-a-second": found.rate_limit} if found.rate_limit else {}),
    }


class Statement:
    """The CapabilityStatement of a door; its date is that of the start."""

    def __init__(self, door: Door, found: Settings) -> None:
        self._door, self._settings = door, found
        self._date = instant(clock.now())
        self._made = lru_cache(maxsize=len(MODES))(self._text)

    def text(self, mode: str) -> bytes:
        """The statement as JSON: made again when a search parameter was added.

        Raises:
            Invalid: it is asked for in a mode that there is not.
        """
        those = self.hold()
        # Code systems come by a command, too, of which nothing is said here.
        return self._text(mode, those) if mode == "terminology" else self._made(mode, those)

    def hold(self) -> Added:
        """Take up the search parameters that were added meanwhile."""
        self._door.parameters.hold_of(self._door.database)
        self._door.hold_code_systems()
        return added()

    def _text(self, mode: str, those: Added) -> bytes:
        match mode:
            case "full":
                return json.encode(self.resource())
            case "normative":
                return json.encode(_normative(self.resource()))
            case "terminology":
                return json.encode(self.terminology())
        raise Invalid(f"'mode' is one of {', '.join(MODES)}.")

    def resource(self) -> Json:
        """The CapabilityStatement."""
        library, revincludes = self._door.library, self._revincludes()
        return {
            **self._head("CapabilityStatement"),
            "instantiates": [_INSTANTIATES],
            "fhirVersion": "4.0.1",
            "format": ["application/fhir+json", "application/fhir+xml", "json", "xml"],
            "patchFormat": list(patch.FORMATS),
            "rest": [
                {
                    "extension": [
                        *(_limit(*each) for each in limits(self._settings).items()),
                        {"url": _WEBSOCKET, "valueUri": self._settings.sockets[1]},
                    ],
                    "mode": "server",
                    "security": self._security(),
                    "resource": [self._resource(each, revincludes) for each in library.resource_types],
                    "interaction": _codes(each for each in declared.INTERACTIONS if each.code in _SYSTEM),
                    "searchParam": self._parameters(None),
                    **_operations(None),
                    "compartment": list(COMPARTMENTS.values()),
                }
            ],
        }

    def terminology(self) -> Json:
        """The TerminologyCapabilities."""
        return {**self._head("TerminologyCapabilities"), **terminology.elements()}

    def _head(self, type_: str) -> Json:
        name = "Single Child Record"
        return {
            "resourceType": type_,
            "url": f"{self._door.base_url}/metadata",
            "version": __version__,
            "name": "SingleChildRecord",
            "title": name,
            "status": "active",
            "date": self._date,
            "kind": "instance",
            "software": {"name": name, "version": __version__},
            "implementation": {"description": name, "url": self._door.base_url},
        }

    def _security(self) -> Json:
        service = {
            "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
            "code": "SMART-on-FHIR",
        }
        uris = [
            {"url": name, "valueUri": self._settings.issuer + path}
            for name, path in _OAUTH_URIS
            if path != REGISTER_PATH or self._settings.registers
        ]
        return {
            "cors": True,
            "service": [{"coding": [service]}],
            "extension": [{"url": _OAUTH, "extension": uris}],
        }

    def _resource(self, type_: str, revincludes: Mapping[str, list[str]]) -> Json:
        interactions = declared.of_type(type_)
        codes = {each.code for each in interactions}
        conditional = {each.code for each in interactions if each.conditional}
        found: Json = {"type": type_, "profile": f"http://hl7.org/fhir/StructureDefinition/{type_}"}
        if type_ == lifecycle.TYPE:
            found["extension"] = [{"url": _TOPIC, "valueCanonical": url} for url in topic.topics()]
        if profiles := [*self._profiles.get(type_, ()), *_OF_OTHERS.get(type_, ())]:
            found["supportedProfile"] = profiles
        whole = {
            **found,
            "interaction": _codes(interactions),
            "versioning": "versioned-update" if "update" in codes else "versioned",
            "readHistory": "vread" in codes,
            "updateCreate": "update" in codes,
            "conditionalCreate": "create" in codes,
            "conditionalRead": "full-support",
            "conditionalUpdate": "update" in conditional,
            "conditionalDelete": self._deletes if "delete" in conditional else "not-supported",
            "referencePolicy": ["literal", "logical"],
            "searchInclude": list(self._registry.includes(type_)),
            "searchRevInclude": revincludes.get(type_, []),
            "searchParam": self._parameters(type_),
            **_operations(type_),
        }
        # An empty array is not allowed.
        return {name: value for name, value in whole.items() if value != []}

    @property
    def _deletes(self) -> str:
        return "multiple" if self._settings.delete_limit > 1 else "single"

    @property
    def _registry(self) -> Registry:
        return self._door.registry

    def _parameters(self, type_: str | None) -> list[Json]:
        """The search parameters of a type; of all types those that have no other base."""
        parameters = self._registry.parameters(type_ or "Basic")
        found = [
            {"name": code, "definition": parameters[code].url, "type": parameters[code].type}
            for code in self._registry.supported(type_ or "Basic")
            if type_ or "Resource" in parameters[code].base
        ]
        return [*found, *map(_of_others, OF_OTHERS), *(_of_named(type_) if type_ else ())]

    @cached_property
    def _profiles(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for resource in self._door.library.ours():
            if resource["resourceType"] == "StructureDefinition" and resource.get("kind") == "resource":
                found.setdefault(resource["type"], []).append(resource["url"])
        return found

    def _revincludes(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for type_ in self._door.library.resource_types:
            for code, parameter in self._registry.parameters(type_).items():
                if parameter.type == "reference" and is_complete(parameter):
                    for target in parameter.target:
                        found.setdefault(target, []).append(f"{type_}:{code}")
        return found


_SYSTEM = ("transaction", "batch", "search-system", "history-system")


def _codes(interactions: Iterable[declared.Interaction]) -> list[Json]:
    return [{"code": code} for code in dict.fromkeys(each.code for each in interactions)]


def _operations(type_: str | None) -> Json:
    """The operations of a type, or of the whole system."""
    found = [{"name": each.code, "definition": each.url} for each in operations.offered(type_)]
    return {"operation": found} if found else {}


def _of_others(code: str) -> Json:
    return {"name": code, "type": "special", "documentation": PARAMETERS[code]["description"]}


def _of_named(type_: str) -> list[Json]:
    """The searches of a type that have a name."""
    told = "; ".join(
        f"{name} ({', '.join(each.takes)}): {each.description}" for name, each in named(type_).items()
    )
    return [{"name": NAMED, "type": "special", "documentation": told}] if told else []


def _limit(name: str, value: int) -> Json:
    return {
        "url": LIMIT,
        "extension": [{"url": "name", "valueCode": name}, {"url": "value", "valueUnsignedInt": value}],
    }


def _normative(statement: Json) -> Json:
    """The statement without what R4 has on trial."""
    [rest] = statement["rest"]
    resources = [_firm(each) for each in rest["resource"] if each["type"] in _NORMATIVE]
    return {**statement, "rest": [{**_firm(rest), "resource": resources}]}


def _firm(element: Json) -> Json:
    return {name: value for name, value in element.items() if name not in _TRIAL_USE}
