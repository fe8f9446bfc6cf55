"""What was on its way when the teller ended is told by the next one: in order, and under the same numbers."""

from tests import make
from tests.subscription.telling.conftest import Teller
from tests.subscription.telling.make import subscription


def test_nothing_is_lost_when_the_teller_ends(record, social_care, listener, writer, child):
    first = Teller(record)
    first.start()
    asked = subscription("contact", listener.url, f"Encounter?patient=Patient/{child}", max_count=2)
    assert social_care.post(asked).status == 201
    listener.wait(lambda found: found.heard)
    writer.post(make.encounter(child, "social-care"))
    listener.wait(lambda found: found.numbers == [1])
    listener.stalled.set()
    for _ in range(3):
        writer.post(make.encounter(child, "social-care"))
    listener.wait(lambda found: found.asked == 3)
    first.stop()
    for _ in range(2):
        writer.post(make.encounter(child, "social-care"))
    listener.stalled.clear()
    second = Teller(record)
    second.start()
    listener.wait(lambda found: {1, 2, 3, 4, 5, 6} <= set(found.numbers))
    second.stop()
    told = [each["focus"]["reference"] for one in listener.events for each in one.status["events"]]
    by_number = dict(zip(listener.numbers, told, strict=True))
    # Whatever came twice, came as what it was.
    assert all(by_number[number] == what for number, what in zip(listener.numbers, told, strict=True))
    assert list(dict.fromkeys(listener.numbers)) == [1, 2, 3, 4, 5, 6]
