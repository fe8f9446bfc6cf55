"""Mails tell that something happened, and nothing that is known of a child."""

import email
import email.policy
import json

import pytest

from tests import make
from tests.subscription.telling.make import subscription

ATTACHED = "text/plain;attach=application/fhir+json"


def wait_for(mails, to, count):
    with mails.changed:
        assert mails.changed.wait_for(lambda: sum(each[1] == to for each in mails.mails) >= count, 10), (
            mails.mails
        )
    found = [content for _, address, content in mails.mails if address == to]
    return [email.message_from_bytes(each, policy=email.policy.default) for each in found]


@pytest.mark.parametrize(
    ("payload", "content", "attached"),
    [("text/plain", "empty", 0), (ATTACHED, "empty", 1), (ATTACHED, "id-only", 2)],
)
def test_a_mail_tells_that_something_happened(
    teller, social_care, writer, mails, child, payload, content, attached
):
    to = f"{make.word()}@duty.council.example"
    asked = subscription(
        "contact",
        f"mailto:{to}",
        f"Encounter?patient=Patient/{child}",
        type="email",
        payload=payload,
        content=content,
    )
    made = social_care.post(asked)
    assert made.status == 201, made
    wait_for(mails, to, 1)
    id = writer.post(make.encounter(child, "social-care")).id
    handshake, told = wait_for(mails, to, 2)
    assert (handshake["Subject"], told["From"]) == (
        "Single Child Record: You are subscribed", "record@council.example",
    )  # fmt: skip
    body = told.get_body(("plain",)).get_content()
    assert f"Subscription/{made.id}" in body
    assert id not in body
    assert child not in told.as_string()
    bundles = [json.loads(each.get_payload(decode=True)) for each in told.iter_attachments()]
    assert [len(each["entry"]) for each in bundles] == ([attached] if attached else [])


@pytest.mark.parametrize(
    ("endpoint", "more"),
    [
        ("mailto:ada@elsewhere.example", {}),
        ("mailto:ada@notcouncil.example", {}),
        ("mailto:ada@council.example,eve@evil.example", {}),
        ("mailto:ada@council.example?bcc=eve@evil.example", {}),
        ("mailto:ada@council.example\r\nBcc: eve@evil.example", {}),
        ("https://council.example", {}),
        ("mailto:ada@council.example", {"content": "full-resource"}),
        ("mailto:ada@council.example", {"payload": "application/fhir+json"}),
        ("mailto:ada@council.example", {"payload": "text/plain;attach=text/html"}),
        ("mailto:ada@council.example", {"header": ("Bcc: eve@evil.example",)}),
    ],
)
def test_what_is_not_to_be_mailed_is_refused(social_care, endpoint, more):
    asked = subscription(
        "contact", endpoint, type="email", **{"payload": "text/plain", "content": "empty", **more}
    )
    assert social_care.post(asked).status in (400, 422)
