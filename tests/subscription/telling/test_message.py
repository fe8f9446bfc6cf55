"""A notification goes to another FHIR server as a message that it processes."""

import json

from tests import make
from tests.caller import check
from tests.subscription.telling.listener import Heard
from tests.subscription.telling.make import subscription


def test_a_message_holds_the_notification(teller, social_care, writer, listener, child):
    asked = subscription(
        "contact", listener.url, f"Encounter?patient=Patient/{child}", type="message", content="full-resource"
    )
    assert social_care.post(asked).status == 201
    listener.wait(lambda found: found.heard)
    id = writer.post(make.encounter(child, "social-care")).id
    shaken, told = listener.wait(lambda found: len(found.heard) == 2).heard
    assert {shaken.path, told.path} == {"/hook/$process-message"}
    check(told.json)
    header, notification = (each["resource"] for each in told.json["entry"])
    assert (told.json["type"], header["resourceType"]) == ("message", "MessageHeader")
    assert header["focus"] == [{"reference": told.json["entry"][1]["fullUrl"]}]
    assert header["destination"] == [{"endpoint": listener.url}]
    inside = Heard("", "", {}, json.dumps(notification).encode())
    assert (inside.kind, inside.numbers) == ("event-notification", [1])
    assert notification["entry"][1]["resource"]["id"] == id
