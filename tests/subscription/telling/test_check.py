"""A Subscription that asks for what cannot be done, or may not be, is refused for the reason."""

import ipaddress

import pytest

from server.address import Guard
from server.fhir.issue import Unprocessable
from server.subscription.channel.check import Limits, channel_of, check
from tests.subscription.telling.make import JSON, subscription

LIMITS = Limits(Guard((ipaddress.ip_network("127.0.0.0/8"),)), ("council.example",))
HOOK = "https://hook.example.org/fhir"
TYPE = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-channel-type"


def typed(code):
    asked = subscription("contact", HOOK)
    extension = {"url": TYPE, "valueCoding": {"system": "http://example.org/channel", "code": code}}
    asked["channel"]["_type"] = {"extension": [extension]}
    return asked


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (subscription("contact", HOOK, type="sms"), "rest-hook, websocket, email, message"),
        (typed("zulip"), "'zulip' is a channel"),
        (subscription("contact", "http://hook.example.org"), "must begin with https://"),
        (subscription("contact", "https://10.0.0.1"), "network that is not to be asked"),
        (subscription("contact", None), "must be an absolute URL"),
        (subscription("contact", f"{HOOK}?a=b", type="message"), "has no query"),
        (subscription("contact", HOOK, type="websocket"), "there is no endpoint"),
        (subscription("contact", None, type="websocket", header=("A: b",)), "has no headers"),
        (subscription("contact", HOOK, payload="text/html"), "not 'text/html'"),
        (subscription("contact", HOOK, payload=f"{JSON};fhirVersion=5.0"), "not of '5.0'"),
        (subscription("contact", HOOK, payload=f'{JSON}; fhirversion="4.3"'), "not of '4.3'"),
        (subscription("contact", HOOK, payload=None), "says the type of its payload"),
        (subscription("contact", HOOK, content=None), "has to be said by the extension"),
        (subscription("contact", HOOK, content="everything"), "'everything' is no content"),
        (subscription("contact", HOOK, heartbeat_period=1), "'heartbeat-period' is from 5"),
        (subscription("contact", HOOK, timeout=0), "'timeout' is from 1"),
        (subscription("contact", HOOK, max_count=100_000), "'max-count' is from 1 to 1000"),
    ],
)
def test_it_is_refused(asked, told):
    with pytest.raises(Unprocessable) as refused:
        check(asked, LIMITS)
    assert any(told in issue.diagnostics for issue in refused.value.issues), refused.value.issues


@pytest.mark.parametrize(
    "asked",
    [
        subscription("contact", HOOK),
        subscription("contact", HOOK, payload=f"{JSON};fhirVersion=4.0"),
        subscription("contact", HOOK, payload="application/fhir+xml", content="full-resource"),
        subscription("contact", "http://127.0.0.1:9/hook"),
        subscription("contact", None, type="websocket", content="empty"),
        subscription("contact", HOOK, type="message"),
        subscription("Encounter?status=finished", HOOK, content=None, payload=None),
        typed("rest-hook") | {"channel": subscription("contact", HOOK)["channel"]},
    ],
)
def test_it_is_accepted(asked):
    check(asked, LIMITS)


def test_no_mail_leaves_where_no_domain_is_named():
    asked = subscription(
        "contact", "mailto:ada@council.example", type="email", payload="text/plain", content="empty"
    )
    check(asked, LIMITS)
    with pytest.raises(Unprocessable, match="sends no mails"):
        check(asked, Limits())


@pytest.mark.parametrize(
    ("asked", "content", "mime"),
    [
        (subscription("contact", HOOK, content="empty"), "empty", JSON),
        (subscription("Encounter?", HOOK, content=None), "full-resource", JSON),
        (subscription("Encounter?", HOOK, content=None, payload=None), "empty", ""),
        (subscription("contact", HOOK, payload=f"{JSON}; charset=utf-8"), "id-only", JSON),
    ],
)
def test_what_it_says_of_its_channel(asked, content, mime):
    found = channel_of(asked)
    assert (found.content, found.mime) == (content, mime)


def test_the_numbers_of_a_channel():
    found = channel_of(subscription("contact", HOOK, heartbeat_period=60, timeout=5, max_count=10))
    assert (found.heartbeat, found.timeout, found.max_count) == (60, 5, 10)
