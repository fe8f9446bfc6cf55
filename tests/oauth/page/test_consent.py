import html
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from server.oauth.page import words
from server.store import grants
from tests.oauth.flow import CHALLENGE, REDIRECT, app_of
from tests.oauth.page.conftest import Person, account_of

SCOPE = "openid fhirUser user/Patient.rs user/Observation.cruds offline_access"


SETTINGS = {}
"""Those of the pages: no second factor."""


@pytest.fixture(scope="module")
def app(pages):
    return app_of(pages, name="<b>Growth</b> charts")


@pytest.fixture
def asked(pages, app):
    """Sends somebody to the server as an app does, and through the page for signing in if need be."""

    def sent(person, account, scope=SCOPE, **more):
        query = {
            "response_type": "code",
            "client_id": app.id,
            "redirect_uri": REDIRECT,
            "scope": scope,
            "state": "s",
            "aud": pages.extensions["settings"].public_url,
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            **more,
        }
        begun = person.client.get("/auth/authorize", query_string=query)
        if "/auth/sign-in" in begun.headers["Location"]:
            person.sign_in(account.username, path=begun.headers["Location"])
        else:
            person.page = person._followed(begun)
        return person

    return sent


def back(person):
    """What the app is told."""
    return {
        name: value[0] for name, value in parse_qs(urlsplit(person.page.headers["Location"]).query).items()
    }


def granted(pages, account):
    with pages.extensions["database"].begin() as connection:
        return [each.scope for each in grants.of_account(connection, account.id)]


def everything(person):
    return dict.fromkeys(re.findall(r'type="checkbox" id="(scope-\d+)"', person.page.text), "yes")


def test_what_is_asked_for_is_told_in_words_and_what_is_given_is_granted(pages, asked):
    worker = account_of(pages)
    person = asked(Person(pages), worker)
    assert person.title == "Allow <b>Growth</b> charts to use the record?"
    assert "<b>Growth" not in person.page.text
    told = html.unescape(person.page.text)
    for each in (
        "Know who you are",
        "See, add, change and delete attendance",
        "Go on without you",
        "app.example",
    ):
        assert each in told
    person.send("/auth/consent", decision="allow", **everything(person))
    assert set(back(person)) == {"code", "state", "iss"}
    assert [set(each.split()) for each in granted(pages, worker)] == [set(SCOPE.split())]


def test_what_is_taken_out_is_not_granted(pages, asked):
    worker = account_of(pages)
    person = asked(Person(pages), worker)
    ticked = everything(person)
    left = next(each.name for each in words.items(SCOPE) if each.scopes == ("user/Observation.cruds",))
    ticked.pop(left)
    person.send("/auth/consent", decision="allow", **ticked)
    assert [set(each.split()) for each in granted(pages, worker)] == [
        set(SCOPE.split()) - {"user/Observation.cruds"}
    ]


def test_who_takes_everything_out_is_asked_what_they_mean(pages, asked):
    person = asked(Person(pages), account_of(pages))
    page = person.send("/auth/consent", decision="allow")
    assert page.status_code == 400
    assert "scope-1" in person.faults


@pytest.mark.parametrize("decision", ["refuse", "", "else"])
def test_a_refusal_is_told_to_the_app_and_grants_nothing(pages, asked, acts_of, decision):
    worker = account_of(pages)
    person = asked(Person(pages), worker)
    person.send("/auth/consent", decision=decision, **everything(person))
    assert back(person)["error"] == "access_denied"
    assert granted(pages, worker) == []
    assert ("consent", 403) in acts_of(pages, worker)


def test_what_was_approved_of_is_not_asked_again_until_it_is_taken_back(pages, asked, app):
    worker, person = account_of(pages), Person(pages)
    asked(person, worker).send("/auth/consent", decision="allow", **everything(person))
    asked(person, worker)
    assert "code" in back(person)
    asked(person, worker, scope=SCOPE + " user/Encounter.rs")
    assert person.path == "/auth/consent"
    asked(person, worker, prompt="consent")
    assert person.path == "/auth/consent"
    person.open("/auth/sessions")
    assert "&lt;b&gt;Growth" in person.page.text
    person.send("/auth/apps/end")
    assert granted(pages, worker) == []
    asked(person, worker)
    assert person.path == "/auth/consent"


def test_a_request_is_gone_on_with_in_its_own_browser_alone(pages, asked):
    person, thief = asked(Person(pages), account_of(pages)), Person(pages)
    thief.sign_in(account_of(pages).username)
    assert thief.open(person.page.request.url).status_code == 400


def test_the_policy_of_the_page_lets_the_answer_go_to_the_app_and_nowhere_else(pages, asked):
    policy = asked(Person(pages), account_of(pages)).page.headers["Content-Security-Policy"]
    assert policy.endswith("form-action 'self' https://app.example")


@pytest.mark.parametrize(
    ("scope", "told"),
    [
        ("openid fhirUser", ["Know who you are"]),
        ("launch launch/patient", []),
        ("patient/*.rs", ["See everything"]),
        ("user/Patient.u", ["Change names, dates of birth, addresses and numbers"]),
        ("user/Task.cu", ["Add and change tasks"]),
        ("user/Observation.r user/Observation.d", ["See attendance", "Delete attendance"]),
        ("user/ImmunizationRecommendation.s", ["See immunization recommendation"]),
        ("offline_access online_access", ["Go on without you", "Go on while you are signed in"]),
        ("made-up", []),
        ("", []),
    ],
)
def test_scopes_in_words(scope, told):
    found = [each.words for each in words.items(scope)]
    assert len(found) == len(told)
    assert all(each.startswith(start) for each, start in zip(found, told, strict=True))


def test_criteria_are_told():
    [item] = words.items("user/Observation.rs?category=attendance&status=final")
    assert item.detail.endswith("Only where category is attendance. Only where status is final.")


def test_what_no_item_speaks_of_stays():
    assert (
        words.given("launch/patient openid user/Patient.rs", ["scope-2"]) == "launch/patient user/Patient.rs"
    )
    assert words.given("launch openid", []) == "launch"
