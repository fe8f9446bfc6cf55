"""The API for who reads it: an OpenAPI document for tools, and pages for people.

Both are made of the tables that the server works by, need no token, and fetch nothing from elsewhere.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path

from flask import Blueprint, Response, render_template, request

from server.definition.added import Added
from server.fhir import Json
from server.fhir.issue import NotFound
from server.http import wire
from server.http.negotiate import Format
from server.http.wire import Wanted
from server.interaction import declared, describe
from server.interaction.capabilities import LIMIT, Statement
from server.interaction.declared import Interaction
from server.interaction.openapi import Document

_JSON = Wanted(Format("json", "application/json"), pretty=False)
_KEPT = "public, max-age=300"
# What a page needs, and nothing more: a style sheet of our own.
_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_STYLE = Path(__file__).parent / "templates" / "style.css"

Row = tuple[str, str, str]


def blueprint(statement: Statement, document: Document) -> Blueprint:
    """`/openapi.json`, and `/docs` with a page for each resource type."""
    routes = Blueprint("docs", __name__)
    page = _pages(statement)

    @routes.get("/openapi.json")
    def openapi() -> Response:
        answer = wire.lasting(document.text, _JSON, request.environ)
        return Response(answer.body, answer.status, [*answer.headers, ("Cache-Control", _KEPT)])

    @routes.get("/docs")
    def index() -> Response:
        return _html(page(None))

    @routes.get("/docs/<type_>")
    def of_type(type_: str) -> Response:
        return _html(page(type_))

    @routes.get("/docs/style.css")
    def style() -> Response:
        return Response(_STYLE.read_bytes(), mimetype="text/css", headers={"Cache-Control": _KEPT})

    return routes


def _pages(statement: Statement) -> Callable[[str | None], str]:
    """Makes the page of a type, or the first page, of what is told once until a search parameter is added."""

    @lru_cache(maxsize=1)
    def told(those: Added) -> tuple[Json, dict[str, Json]]:
        whole = statement.resource()
        return whole, {each["type"]: each for each in whole["rest"][0]["resource"]}

    def page(type_: str | None) -> str:
        whole, types = told(statement.hold())
        if type_ is None:
            return render_template(
                "index.html",
                whole=whole,
                rest=whole["rest"][0],
                types=types,
                rows=_of_system(),
                limits=_limits(whole),
            )
        if type_ not in types:
            raise NotFound("There is no page of this name.")
        return render_template("type.html", whole=whole, type=types[type_], rows=_of_type(type_))

    return page


def _of_system() -> list[Row]:
    return _rows((each for each in declared.INTERACTIONS if "[" not in each.url), "")


def _of_type(type_: str) -> list[Row]:
    return _rows((*declared.of_type(type_), *declared.of_compartment(type_)), type_)


def _rows(interactions: Iterable[Interaction], type_: str) -> list[Row]:
    """(method, URL, what it does)"""
    return [
        (
            each.method,
            f"/{each.url.replace('[type]', type_)}{'?…' if each.conditional or _searches(each) else ''}",
            describe.INTERACTIONS[each.code].summary.format(type=type_),
        )
        for each in interactions
        if each.code != "batch"
    ]


def _searches(each: Interaction) -> bool:
    return each.method == "GET" and describe.INTERACTIONS[each.code].searches


def _limits(whole: Json) -> list[tuple[str, int]]:
    extensions = (each["extension"] for each in whole["rest"][0]["extension"] if each["url"] == LIMIT)
    return [(name["valueCode"].replace("-", " "), value["valueUnsignedInt"]) for name, value in extensions]


def _html(text: str) -> Response:
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": _KEPT}
    return Response(text, mimetype="text/html", headers=headers)
