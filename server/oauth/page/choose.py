"""The page on which somebody picks the child that an app is to be about, among those they may see.

https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#standalone-apps

What is looked for is sent in a form and never stands in a URL: it names a child.
"""

from datetime import date

from flask import Response, request

from server.access.user import OWN
from server.fhir.issue import FhirError
from server.oauth.page import children
from server.oauth.page.pages import Asked, Pages, of_somebody
from server.oauth.session import SignedIn
from server.record.person import user_of
from server.store import requests

CHOOSE = "/auth/choose"

_LONGEST = 100
_EARLIEST = 1900
_NOTHING = "Enter a name, a number or a date of birth"
_SHORT = "Enter at least two letters of the name"
_NO_DATE = "Enter a real date of birth, such as 31 3 2014"
_NOT_UNDERSTOOD = "Your search could not be understood. Leave out commas, bars and other signs."
_NONE_CHOSEN = "Choose a child"

_Query = tuple[tuple[str, str], ...]

_IN_ORDER: _Query = (("_sort", "family,given"),)


@of_somebody
def choose(pages: Pages, asked: Asked, signed_in: SignedIn) -> Response:
    """The page, with the children of a family, or with nothing but what to look by."""
    return _page(pages, asked, signed_in)


@of_somebody
def chosen(pages: Pages, asked: Asked, signed_in: SignedIn) -> Response:
    """Look for children, or take the one that was ticked."""
    if "search" in request.form:
        return _found_page(pages, asked, signed_in)
    child = _picked(pages, signed_in, asked)
    if child is None:
        return _page(pages, asked, signed_in, errors={"child": _NONE_CHOSEN})
    with pages.database.begin() as connection:
        requests.set_patient(connection, asked.id, child.id)
    return pages.onward(signed_in, asked)


def _picked(pages: Pages, signed_in: SignedIn, asked: Asked) -> children.Child | None:
    """The child that was ticked, looked up again: what comes with a form may be anybody's."""
    id = request.form.get("child", "")
    try:
        return children.one(pages.door, signed_in.account, asked.client.id, id) if id else None
    except FhirError:
        return None


def _found_page(pages: Pages, asked: Asked, signed_in: SignedIn) -> Response:
    errors = _errors()
    if errors:
        return _page(pages, asked, signed_in, errors=errors)
    try:
        found = children.found(pages.door, signed_in.account, asked.client.id, _query())
    except FhirError:
        return _page(pages, asked, signed_in, errors={"name": _NOT_UNDERSTOOD})
    return _page(pages, asked, signed_in, found=found)


def _page(
    pages: Pages,
    asked: Asked,
    signed_in: SignedIn,
    *,
    found: children.Found | None = None,
    errors: dict[str, str] | None = None,
) -> Response:
    is_family = user_of(signed_in.account).is_family
    if found is None and not errors and (is_family or signed_in.account.caseload == OWN):
        # Who has few need not look for them.
        found = children.found(pages.door, signed_in.account, asked.client.id, _IN_ORDER)
        if not (found.children or is_family):
            found = None
    return pages.page(
        "choose.html",
        "Choose a child",
        asked=asked,
        signed_in=signed_in,
        found=found,
        errors=errors,
        given=request.form,
        searchable=not is_family,
    )


def _errors() -> dict[str, str]:
    name, number = _given("name"), _given("identifier")
    if not (name or number or any(_date_parts())):
        return {"name": _NOTHING}
    if name and len(name) < 2:
        return {"name": _SHORT}
    return {"day": _NO_DATE} if any(_date_parts()) and _born() is None else {}


def _query() -> _Query:
    """The search: each word of the name, the number with or without its spaces, the day of birth."""
    words = tuple(("name", _escaped(word)) for word in _given("name").split())
    number = "".join(_given("identifier").split())
    born = _born()
    return (
        *words,
        *((("identifier", _escaped(number)),) if number else ()),
        *((("birthdate", born.isoformat()),) if born else ()),
        *_IN_ORDER,
    )


def _given(name: str) -> str:
    return request.form.get(name, "").strip()[:_LONGEST]


def _date_parts() -> tuple[str, str, str]:
    return _given("day"), _given("month"), _given("year")


def _born() -> date | None:
    try:
        day, month, year = (int(each) for each in _date_parts())
        return date(year, month, day) if year >= _EARLIEST else None
    except ValueError:
        return None


def _escaped(value: str) -> str:
    """As it is meant, where a search would read signs: https://hl7.org/fhir/R4/search.html#escaping"""
    for sign in "\\,$|":
        value = value.replace(sign, f"\\{sign}")
    return value


ROUTES = (
    ("GET", CHOOSE, choose),
    ("POST", CHOOSE, chosen),
)
