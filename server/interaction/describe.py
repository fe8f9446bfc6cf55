"""What each interaction takes and gives, in words: one row each, for the OpenAPI document.

https://hl7.org/fhir/R4/http.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from server.fhir import Json

Answers = Mapping[str, tuple[str, tuple[str, ...]]]

_GIVEN = {"type": "string"}
_PREFER = [
    "return=minimal",
    "return=representation",
    "return=OperationOutcome",
    "handling=strict",
    "handling=lenient",
]


def _query(name: str, description: str, schema: Json | None = None) -> Json:
    return {"name": name, "in": "query", "description": description, "schema": schema or _GIVEN}


def _header(name: str, description: str, schema: Json | None = None) -> Json:
    return {"name": name, "in": "header", "description": description, "schema": schema or _GIVEN}


def _path(name: str, description: str, schema: Json) -> Json:
    return {"name": name, "in": "path", "required": True, "description": description, "schema": schema}


_ID = {"type": "string", "pattern": r"^[A-Za-z0-9\-\.]{1,64}$"}

PARAMETERS: Mapping[str, Json] = {
    "id": _path("id", "The id of the resource.", _ID),
    "vid": _path("vid", "The id of the version.", _ID),
    "_format": _query("_format", "The format of the answer; goes before Accept.", {"enum": ["json", "xml"]}),
    "_pretty": _query("_pretty", "With line breaks and indents.", {"type": "boolean"}),
    "_summary": _query(
        "_summary", "A part of each resource.", {"enum": ["true", "text", "data", "count", "false"]}
    ),
    "_elements": _query("_elements", "Elements of each resource, separated by commas."),
    "_count": _query("_count", "Entries on a page.", {"type": "integer", "minimum": 0}),
    "_sort": _query("_sort", "Search parameters to order by, separated by commas; - turns one round."),
    "_total": _query("_total", "Whether to count.", {"enum": ["none", "estimate", "accurate"]}),
    "_include": _query("_include", "What the matches point at."),
    "_revinclude": _query("_revinclude", "What points at the matches."),
    "_contained": _query(
        "_contained", "Whether contained resources are searched.", {"enum": ["false", "true", "both"]}
    ),
    "_containedType": _query(
        "_containedType",
        "Whether what contains them is shown, or they themselves.",
        {"enum": ["container", "contained"]},
    ),
    "_maxresults": _query("_maxresults", "Matches wanted in all.", {"type": "integer", "minimum": 1}),
    "_has": _query("_has", "_has:Type:reference:parameter: what meets a criterion points here."),
    "_list": _query("_list", "The id of a List that names the resource."),
    "_query": _query("_query", "The name of a search; it takes parameters of its own."),
    "_since": _query(
        "_since", "Versions made at this instant or later.", {"type": "string", "format": "date-time"}
    ),
    "_at": _query("_at", "Versions that were the present one at some time of this period."),
    "_type": _query("_type", "Resource types, separated by commas."),
    "mode": _query("mode", "Which statement.", {"enum": ["full", "normative", "terminology"]}),
}
"""The parameters of URLs that mean the same everywhere."""

HEADERS: Mapping[str, Json] = {
    "If-Match": _header("If-Match", 'The version that must be the present one: W/"3".'),
    "If-None-Match": _header(
        "If-None-Match", "The version that the client has, or * for: only if there is none."
    ),
    "If-Modified-Since": _header("If-Modified-Since", "When the client read it."),
    "If-None-Exist": _header("If-None-Exist", "The search that must find nothing."),
    "Prefer": _header("Prefer", "What to answer with, and how strictly to read.", {"enum": _PREFER}),
    "Idempotency-Key": _header(
        "Idempotency-Key", "A name for the request: sent again, it is not done again."
    ),
    "X-Provenance": _header("X-Provenance", "A Provenance in JSON, stored with what is written."),
    "X-Purpose-Of-Use": _header(
        "X-Purpose-Of-Use", "What the request is for, a code of v3-PurposeOfUse, if the token does not say."
    ),
}
"""The headers that interactions look at."""

OF_ALL = ("X-Purpose-Of-Use",)
"""Those of every interaction that needs a token."""

RESULT = (
    "_count", "_sort", "_total", "_maxresults", "_include", "_revinclude", "_summary", "_elements",
    "_contained", "_containedType",
)  # fmt: skip
"""What a search takes beside its criteria."""


OF_OTHERS = ("_has", "_list")
"""Criteria that no SearchParameter defines: each type takes them."""

NAMED = "_query"


@dataclass(frozen=True, slots=True)
class Description:
    """`answers`: by status, what it means and the types that come with it; `searches`: it takes criteria."""

    summary: str
    answers: Answers
    parameters: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    body: Literal["resource", "patch"] | None = None
    searches: bool = False
    public: bool = False


_SHOWN = ("_format", "_pretty")
_PART = (*_SHOWN, "_summary", "_elements")
_WRITING = ("If-Match", "Prefer", "Idempotency-Key", "X-Provenance")
_WRITTEN = ("{type}", "OperationOutcome")

_BUNDLE: Answers = {"200": ("A Bundle.", ("Bundle",))}
_HERE: Answers = {"200": ("Here it is.", ("{type}",)), "304": ("The client has it.", ())}
_UPDATED: Answers = {"200": ("Written.", _WRITTEN), "201": ("Created.", _WRITTEN)}
_HISTORY = Description(
    "Versions, newest first",
    {**_BUNDLE, "304": ("Nothing new.", ())},
    parameters=("_since", "_at", "_count", *_PART),
)
_SEARCH = Description("Search", _BUNDLE, _SHOWN, ("Prefer",), searches=True)

INTERACTIONS: Mapping[str, Description] = {
    "capabilities": Description(
        "What this server can do",
        {"200": ("The statement.", ("CapabilityStatement", "TerminologyCapabilities"))},
        parameters=("mode", *_SHOWN),
        public=True,
    ),
    "transaction": Description(
        "Carry out a Bundle, all or nothing (transaction) or entry by entry (batch)",
        _BUNDLE,
        parameters=_SHOWN,
        headers=("Prefer", "Idempotency-Key"),
        body="resource",
    ),
    "search-system": Description(
        "Search several types", _BUNDLE, ("_type", *_SHOWN), ("Prefer",), searches=True
    ),
    "search-type": _SEARCH,
    "search-compartment": Description(
        "Search what belongs to one resource", _BUNDLE, _SHOWN, ("Prefer",), searches=True
    ),
    "history-system": _HISTORY,
    "history-type": _HISTORY,
    "history-instance": _HISTORY,
    "create": Description(
        "Create a {type}",
        {"201": ("Created.", _WRITTEN), "200": ("It was there.", _WRITTEN)},
        parameters=_SHOWN,
        headers=("If-None-Exist", "Prefer", "Idempotency-Key", "X-Provenance"),
        body="resource",
    ),
    "read": Description("Read a {type}", _HERE, _PART, ("If-None-Match", "If-Modified-Since")),
    "vread": Description("Read a version of a {type}", _HERE, _PART, ("If-None-Match", "If-Modified-Since")),
    "update": Description(
        "Write the next version of a {type}", _UPDATED, _SHOWN, (*_WRITING, "If-None-Match"), body="resource"
    ),
    "patch": Description("Change a part of a {type}", _UPDATED, _SHOWN, _WRITING, body="patch"),
    "delete": Description(
        "Delete a {type}",
        {"204": ("Deleted.", ()), "200": ("Deleted.", ("OperationOutcome",))},
        headers=("If-Match", "Prefer", "Idempotency-Key", "X-Provenance"),
    ),
}
"""By the code of the interaction."""

OPERATION = Description("", {"200": ("What it gives back.", ("Resource",)), "204": ("Done.", ())})
"""What is true of every operation."""
