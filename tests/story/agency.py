"""An agency's system, as it speaks to the record."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flask.testing import FlaskClient

from server.fhir import Json
from server.record.door import Door


@dataclass
class Agency:
    """Asks and writes with the token of one agency."""

    client: FlaskClient
    code: str

    @cached_property
    def token(self) -> str:
        answer = self.client.post(
            "/auth/token",
            data={"grant_type": "client_credentials"},
            auth=(self.code, f"demonstration-{self.code}"),
        )
        assert answer.status_code == 200, answer.text
        return str(answer.get_json()["access_token"])

    def ask(self, path: str, **query: str) -> tuple[int, Json]:
        """The status, and the resource that was answered."""
        return self._send("GET", path, query_string=query)

    def find(self, type_: str, **query: str) -> list[Json]:
        """The resources of a search."""
        status, bundle = self.ask(type_, _count="500", **query)
        assert status == 200, bundle
        return [entry["resource"] for entry in bundle.get("entry", ())]

    def write(self, resource: Json) -> tuple[int, Json]:
        """The status, and the resource as stored, or why it was refused."""
        return self._send("POST", resource["resourceType"], json=resource)

    def call(self, path: str, *parameters: Json) -> tuple[int, Json]:
        """The status, and what an operation gave back."""
        return self._send("POST", path, json={"resourceType": "Parameters", "parameter": list(parameters)})

    def change(self, resource: Json) -> tuple[int, Json]:
        """The next version of a resource."""
        return self._send("PUT", f"{resource['resourceType']}/{resource['id']}", json=resource)

    def _send(self, method: str, path: str, **content: Any) -> tuple[int, Json]:
        headers = {"Authorization": f"Bearer {self.token}", "Prefer": "return=representation"}
        if "json" in content:
            headers["Content-Type"] = "application/fhir+json"
        answer = self.client.open(f"/fhir/{path}", method=method, headers=headers, **content)
        return answer.status_code, answer.get_json(force=True, silent=True) or {}


class Agencies(dict[str, Agency]):
    """Agencies by their code; `door` is the one that they all go through."""

    def __init__(self, client: FlaskClient, door: Door) -> None:
        super().__init__()
        self._client = client
        self.door = door

    def __missing__(self, code: str) -> Agency:
        self[code] = Agency(self._client, code)
        return self[code]
