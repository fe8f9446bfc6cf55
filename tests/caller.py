"""A client of the record as an agency's system is one: it asks over HTTP with a token, and reads the answer.

Whatever comes back is put to an independent check: what R4 shares with R4B must parse under fhir.resources.
"""

import itertools
import json
import re
from base64 import urlsafe_b64decode
from decimal import Decimal
from functools import cached_property
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from server import clock
from server.oauth import secret
from server.store import clients

FHIR_JSON = "application/fhir+json"

_numbers = itertools.count(1)

_NEWER = frozenset(
    # What R4B took away from R4, or made into something else.
    {
        "DeviceDefinition", "EffectEvidenceSynthesis", "Evidence", "EvidenceVariable", "MedicinalProduct",
        "MedicinalProductAuthorization", "MedicinalProductContraindication",
        "MedicinalProductIndication", "MedicinalProductIngredient", "MedicinalProductInteraction",
        "MedicinalProductManufactured", "MedicinalProductPackaged", "MedicinalProductPharmaceutical",
        "MedicinalProductUndesirableEffect", "ResearchDefinition", "ResearchElementDefinition",
        "RiskEvidenceSynthesis", "SubstanceNucleicAcid", "SubstancePolymer", "SubstanceProtein",
        "SubstanceReferenceInformation", "SubstanceSourceMaterial", "SubstanceSpecification",
    }
)  # fmt: skip


class Answer:
    """One response."""

    def __init__(self, response: TestResponse) -> None:
        self.status: int = response.status_code
        self.headers = response.headers
        self.text: str = response.get_data(as_text=True)
        if self.status >= 400 and self.text:
            assert self.json["resourceType"] == "OperationOutcome", self.text
            assert all(issue["diagnostics"] for issue in self.json["issue"]), self.text
        assert self.status < 500, self.text
        if self.text:
            check(self.json)

    def __repr__(self) -> str:
        return f"{self.status} {self.text[:2000]}"

    @cached_property
    def json(self) -> Any:
        """The resource; numbers with a point are Decimal."""
        return json.loads(self.text, parse_float=Decimal)

    @property
    def id(self) -> str:
        """The id of the resource that came back."""
        assert self.status < 300, self
        return str(self.json["id"])

    @property
    def version(self) -> str:
        """The version that the ETag names."""
        found = re.fullmatch(r'W/"(\d+)"', self.headers["ETag"])
        assert found, self.headers
        return found[1]

    @property
    def issues(self) -> list[tuple[str, str]]:
        """(code, diagnostics) of an OperationOutcome."""
        assert self.json["resourceType"] == "OperationOutcome", self
        return [(issue["code"], issue["diagnostics"]) for issue in self.json["issue"]]

    @property
    def code(self) -> str:
        """The code of the one issue."""
        [(code, _)] = self.issues
        return code

    @property
    def entries(self) -> list[Any]:
        """The entries of a Bundle."""
        assert self.status == 200, self
        assert self.json["resourceType"] == "Bundle", self
        return list(self.json.get("entry", ()))

    @property
    def matches(self) -> list[Any]:
        """The resources that a search found."""
        return [each["resource"] for each in self.entries if each["search"]["mode"] == "match"]

    @property
    def included(self) -> list[str]:
        """`Type/id` of what a search brought along."""
        found = [each["resource"] for each in self.entries if each["search"]["mode"] == "include"]
        return [f"{each['resourceType']}/{each['id']}" for each in found]

    @property
    def ids(self) -> list[str]:
        """The ids of what a search found, in order."""
        return [each["id"] for each in self.matches]

    def link(self, relation: str) -> str | None:
        """The URL of a Bundle's link."""
        return next((link["url"] for link in self.json["link"] if link["relation"] == relation), None)


class Caller:
    """A client of one agency with a token."""

    def __init__(self, app: Flask, token: str | None) -> None:
        self._app, self._token = app, token
        self.base = app.extensions["settings"].public_url

    @property
    def client(self) -> str:
        """The id of the client that the token was given to."""
        assert self._token
        claims = self._token.split(".")[1]
        return str(json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["client_id"])

    def ask(self, method: str, path: str = "", body: Any = None, **headers: str) -> Answer:
        """One request. A header's name is written with `_` for `-`; other than text is sent as JSON."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self._token and "Authorization" not in sent:
            sent["Authorization"] = f"Bearer {self._token}"
        if body is not None and not isinstance(body, str | bytes):
            body = json.dumps(body, default=float)
        if body is not None:
            sent.setdefault("Content-Type", FHIR_JSON)
        url = path.removeprefix(self.base) if path.startswith(self.base) else f"/{path}" if path else ""
        client = self._app.test_client()
        return Answer(client.open(f"/fhir{url}", method=method, data=body, headers=sent))

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def post(self, resource: Any, **headers: str) -> Answer:
        """Create, or carry a Bundle out."""
        type_ = resource["resourceType"]
        acts = type_ == "Bundle" and resource.get("type") in ("transaction", "batch")
        return self.ask("POST", "" if acts else type_, resource, **headers)

    def put(self, resource: Any, **headers: str) -> Answer:
        """Write under the id that the resource has."""
        return self.ask("PUT", f"{resource['resourceType']}/{resource['id']}", resource, **headers)

    def delete(self, path: str, **headers: str) -> Answer:
        return self.ask("DELETE", path, **headers)

    def search(self, query: str, **headers: str) -> Answer:
        """`Type?name=value&…`; what is not understood is an error."""
        return self.get(query, **{"Prefer": "handling=strict", **headers})

    def pages(self, query: str) -> list[list[str]]:
        """The ids on every page of a search, by its `next` links."""
        found, url = [], query
        while url:
            page = self.search(url)
            found.append(page.ids)
            url = page.link("next")
            assert len(found) < 100, "The pages do not end."
        return found


def token(app: Flask, agency: str, scopes: str) -> str:
    """An access token of a new client, as `/auth/token` gives it."""
    id = f"{agency}-{next(_numbers)}"
    registered = clients.Client(id, agency, id, scopes, secret.hashed("secret"), None, clock.now())
    with app.extensions["database"].begin() as connection:
        assert clients.add(connection, registered)
    asked = {"grant_type": "client_credentials", "scope": scopes}
    answer = app.test_client().post("/auth/token", data=asked, auth=(id, "secret"))
    assert answer.status_code == 200, answer.text
    return str(answer.json["access_token"])


def check(resource: Any) -> None:
    """Parse a resource, and those in a Bundle, with a library that is not ours."""
    from fhir.resources.R4B import get_fhir_model_class

    type_ = resource.get("resourceType")
    if type_ is None or type_ in _NEWER:
        return
    if type_ == "Bundle":
        for entry in resource.get("entry", ()):
            check(entry.get("resource", {}))
        entries = [_without_resource(entry) for entry in resource.get("entry", ())]
        resource = {**resource, **({"entry": entries} if entries else {})}
    get_fhir_model_class(type_).model_validate(resource)


def _without_resource(entry: Any) -> Any:
    """The resource has been checked by itself; R4B wants an entry to hold something."""
    return {**{name: value for name, value in entry.items() if name != "resource"}, "fullUrl": "urn:x:y"}
