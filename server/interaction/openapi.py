"""The API as an OpenAPI document: the same tables as the CapabilityStatement's, for tools that know no FHIR.

https://spec.openapis.org/oas/v3.1.1
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from server import __version__
from server.definition.added import Added, added
from server.definition.json_schema import REFERENCE, schemas
from server.definition.operation import Operation, Parameter
from server.fhir import Json, json
from server.interaction import declared, describe, patch
from server.interaction.declared import Interaction
from server.interaction.describe import HEADERS, NAMED, OF_OTHERS, PARAMETERS, RESULT, Description
from server.operation import registry as operations
from server.record.door import Door
from server.search.named import named
from server.settings import Settings

FHIR_JSON, FHIR_XML = "application/fhir+json", "application/fhir+xml"
FORM = "application/x-www-form-urlencoded"

_ABOUT = (
    "FHIR R4 (4.0.1) over HTTP. What a caller may do of this, its token and its agency's rights say; "
    "what it may not see answers as what does not exist."
)
_CONDITION = "The resource is the one that a search finds: its parameters are those of GET /{type}."
_PLACES = {"[id]": "{id}", "[vid]": "{vid}"}


class Document:
    """The document of a door: made when it is asked for, and again when a search parameter was added."""

    def __init__(self, door: Door, found: Settings) -> None:
        self._door, self._settings = door, found
        self._made = lru_cache(maxsize=1)(self._text)

    @property
    def text(self) -> bytes:
        """The document as JSON."""
        self._door.parameters.hold_of(self._door.database)
        return self._made(added())

    def _text(self, those: Added) -> bytes:
        return json.encode(self.whole())

    def whole(self) -> Json:
        """The document."""
        return {
            "openapi": "3.1.1",
            "info": {
                "title": "Single Child Record",
                "version": __version__,
                "description": _ABOUT,
            },
            "servers": [{"url": self._door.base_url}],
            "security": [{"token": []}],
            "paths": self.paths(),
            "components": self._components(),
        }

    def paths(self) -> Json:
        """Every URL with its methods."""
        found: dict[str, Json] = {}
        for url, method, operation in (*self._interactions(), *self._operations()):
            found.setdefault(url, {})[method.lower()] = operation
        return found

    def _interactions(self) -> Iterator[tuple[str, str, Json]]:
        for each in declared.INTERACTIONS:
            if each.code == "batch":
                continue  # it has the URL and the method of a transaction
            if "[type]" not in each.url:
                yield self._interaction(each, None)
        for type_ in self._door.library.resource_types:
            for each in (*declared.of_type(type_), *declared.of_compartment(type_)):
                yield self._interaction(each, type_)
        for each in declared.of_compartment("*"):
            yield self._interaction(each._replace(url=each.url.replace("[type]", "*")), None)

    def _interaction(self, each: Interaction, type_: str | None) -> tuple[str, str, Json]:
        told = describe.INTERACTIONS[each.code]
        url = _url(each.url, type_)
        headers = told.headers if told.public else (*told.headers, *describe.OF_ALL)
        parameters = [*_in_path(url), *_refer(told.parameters), *_refer(headers)]
        if told.searches and each.method == "GET":
            parameters += _refer((*RESULT, *_beside(type_), *map(_definition, self._codes(type_).values())))
        operation = {
            "operationId": _id(each.method, url),
            "summary": told.summary.format(type=type_ or "resource"),
            **({"description": _CONDITION.format(type=type_)} if each.conditional else {}),
            "tags": [type_ or "System"],
            "parameters": parameters,
            **self._body(each, told, type_),
            "responses": _responses(told, type_),
        }
        return url, each.method, {**operation, "security": []} if told.public else operation

    def _body(self, each: Interaction, told: Description, type_: str | None) -> Json:
        if each.url.endswith("_search"):
            return _posted({FORM: {"schema": {"type": "object", "properties": self._form(type_)}}})
        match told.body:
            case "resource":
                return _posted(_resource(type_ or "Bundle"))
            case "patch":
                return _posted({name: {} for name in patch.FORMATS})
        return {}

    def _form(self, type_: str | None) -> Json:
        names = (*RESULT, *_beside(type_), *self._codes(type_))
        return {name: {"type": "string"} for name in names}

    def _codes(self, type_: str | None) -> Mapping[str, str]:
        """The search parameters of a type, or those of every type: by code, each with its definition."""
        parameters = self._door.registry.parameters(type_ or "Basic")
        return {
            code: parameters[code].url
            for code in self._door.registry.supported(type_ or "Basic")
            if code not in RESULT and (type_ or "Resource" in parameters[code].base)
        }

    def _searched(self) -> dict[str, Json]:
        """Every search parameter, by the name of its definition."""
        return {
            _definition(url): {"name": code, "in": "query", "description": url, "schema": {"type": "string"}}
            for type_ in self._door.library.resource_types
            for code, url in self._codes(type_).items()
        }

    def _operations(self) -> Iterator[tuple[str, str, Json]]:
        for type_ in (None, *self._door.library.resource_types):
            for operation in operations.offered(type_):
                for url in _called_at(operation, type_):
                    for method in ("GET", "POST") if operation.by_get else ("POST",):
                        yield url, method, _call(operation, url, method, type_)

    def _components(self) -> Json:
        token = {"clientCredentials": {"tokenUrl": f"{self._settings.issuer}/auth/token", "scopes": {}}}
        return {
            "securitySchemes": {"token": {"type": "oauth2", "flows": token}},
            "parameters": {**PARAMETERS, **HEADERS, **self._searched()},
            "responses": {
                "Refusal": {"description": "Refused, and why.", "content": _resource("OperationOutcome")}
            },
            "schemas": schemas(),
        }


def _beside(type_: str | None) -> tuple[str, ...]:
    """The criteria of a type that are no parameters of its elements."""
    if type_ is None:
        return OF_OTHERS
    return (*OF_OTHERS, NAMED) if named(type_) else OF_OTHERS


def _url(url: str, type_: str | None) -> str:
    """`/Patient/{id}` of `[type]/[id]`."""
    parts = [_PLACES.get(part, part) for part in url.split("/")]
    return "/" + "/".join(type_ if part == "[type]" and type_ else part for part in parts)


def _id(method: str, url: str) -> str:
    named = url.replace("*", "any")
    words = "".join(character if character.isalnum() else " " for character in named).split()
    return "_".join([method.lower(), *(words or ["base"])])


def _in_path(url: str) -> list[Json]:
    return [{"$ref": f"#/components/parameters/{name}"} for name in ("id", "vid") if f"{{{name}}}" in url]


def _refer(names: Iterable[str]) -> list[Json]:
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


def _definition(url: str) -> str:
    """What a component may be called that has the definition of this canonical."""
    return "search." + url.rpartition("/")[2]


def _posted(content: Json) -> Json:
    return {"requestBody": {"required": True, "content": content}}


def _resource(type_: str) -> Json:
    return {FHIR_JSON: {"schema": {"$ref": REFERENCE + type_}}, FHIR_XML: {}}


def _responses(told: Description, type_: str | None) -> Json:
    found: Json = {}
    for status, (description, body) in told.answers.items():
        schema = [REFERENCE + (name.format(type=type_) if type_ else name) for name in body]
        one = {"$ref": schema[0]} if len(schema) == 1 else {"anyOf": [{"$ref": each} for each in schema]}
        content = {"content": {FHIR_JSON: {"schema": one}, FHIR_XML: {}}} if schema else {}
        found[status] = {"description": description, **content}
    return {**found, "default": {"$ref": "#/components/responses/Refusal"}}


def _called_at(operation: Operation, type_: str | None) -> Iterator[str]:
    if type_ is None:
        yield f"/${operation.code}"
        return
    if "type" in operation.levels:
        yield f"/{type_}/${operation.code}"
    if "instance" in operation.levels:
        yield f"/{type_}/{{id}}/${operation.code}"
        if operations.is_of_versions(operation):
            yield f"/{type_}/{{id}}/_history/{{vid}}/${operation.code}"


def _call(operation: Operation, url: str, method: str, type_: str | None) -> Json:
    taken = [_taken(each) for each in operation.taken] if method == "GET" else []
    body = {} if method == "GET" else _posted(_resource("Parameters"))
    if body and not any(each.min for each in operation.taken):
        body["requestBody"]["required"] = False
    return {
        "operationId": _id(method, url),
        "summary": f"The operation {operation.url}",
        "tags": [type_ or "System"],
        "parameters": [*_in_path(url), *taken, *_refer(("_format", "_pretty"))],
        **body,
        "responses": _responses(describe.OPERATION, type_),
    }


def _taken(parameter: Parameter) -> Json:
    found = {"name": parameter.name, "in": "query", "required": bool(parameter.min)}
    return {**found, "schema": {"type": "string"}}
