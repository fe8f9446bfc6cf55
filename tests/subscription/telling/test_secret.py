"""What is for the channel alone is in no resource, in no log, and in the database only sealed."""

import pytest

from server.fhir import json
from server.subscription import secret
from server.subscription.secret import MASK, NONE, Secrets
from tests.subscription.telling.make import subscription

HOOK = "https://hook.example.org"
KEY = bytes(range(32))
SIGNING = "s" * 32


def asked(*header, key=None):
    return subscription("contact", HOOK, header=header, key=key)


def test_values_are_taken_out_and_names_stay():
    shown, secrets = secret.split(asked("Authorization: Bearer abc", "X-A:b", key=SIGNING))
    assert shown["channel"]["header"] == [f"Authorization: {MASK}", f"X-A: {MASK}"]
    assert secrets == Secrets((("Authorization", "Bearer abc"), ("X-A", "b")), SIGNING)
    assert SIGNING not in json.encode(shown).decode()
    assert secret.faults(secrets) == []


def test_a_mask_means_what_was_there():
    shown, before = secret.split(asked("Authorization: Bearer abc", "X-A: b", key=SIGNING))
    shown["channel"]["header"] = [f"authorization: {MASK}", "X-A: c"]
    _, after = secret.split(shown, before)
    assert after == Secrets((("authorization", "Bearer abc"), ("X-A", "c")), SIGNING)


def test_a_mask_that_stands_for_nothing_is_refused():
    _, secrets = secret.split(asked(f"Authorization: {MASK}", key=MASK))
    assert len(secret.faults(secrets)) == 2


@pytest.mark.parametrize("header", ["no colon at all", ": no name", "Bad name: x", "A\r\nB: x"])
def test_what_is_no_header_is_refused_without_being_shown(header):
    shown, secrets = secret.split(asked(header))
    assert shown["channel"]["header"] == [MASK]
    assert secret.faults(secrets)


@pytest.mark.parametrize(
    "header",
    [
        "Host: internal", "content-length: 0", "Transfer-Encoding: chunked", "Signature: x",
        "Connection: close", "X-A: a\r\nX-B: b", "X-A: ünïcode", "Content-Type: text/html",
    ],
)  # fmt: skip
def test_a_header_that_would_change_the_request_is_refused(header):
    _, secrets = secret.split(asked(header))
    [told] = secret.faults(secrets)
    assert header.partition(":")[2].strip() not in told


def test_a_short_key_is_refused():
    assert secret.faults(Secrets((), "short"))


def test_they_are_kept_sealed():
    secrets = Secrets((("Authorization", "Bearer abc"),), SIGNING)
    kept = secret.sealed(secrets, KEY)
    assert "Bearer" not in kept
    assert SIGNING not in kept
    assert secret.opened(kept, KEY) == secrets
    with pytest.raises(ValueError, match="another key"):
        secret.opened(kept, bytes(32))
    assert (secret.sealed(NONE, KEY), secret.opened(None, KEY)) == (None, NONE)


def test_they_do_not_print():
    assert "abc" not in f"{Secrets((('Authorization', 'Bearer abc'),), SIGNING)!r}"


def test_another_endpoint_knows_nothing_of_them():
    kept = secret.sealed(Secrets((("Authorization", "Bearer abc"),)), KEY)
    assert secret.before(kept, HOOK, asked(), KEY).headers
    assert secret.before(kept, "https://hook.example.org.evil", asked(), KEY) == NONE
