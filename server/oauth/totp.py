"""Codes that change every half minute, from an app on a phone; and the codes for who has lost the phone.

https://www.rfc-editor.org/rfc/rfc6238
"""

import io
import re

import pyotp
import segno
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from server import clock
from server.store.fingerprint import fingerprint

_STEP = 30
_DRIFT = 1
"""Steps by which a phone's clock may be wrong."""

_RECOVERY_CODES = 10
_ISSUER = "Single Child Record"
_HEADER = {"alg": "dir", "enc": "A256GCM"}
_SEPARATORS = re.compile(r"[\s-]")


def new() -> str:
    """A secret for a phone to keep."""
    return pyotp.random_base32()


def step_of(secret: str, code: str) -> int | None:
    """The time step whose code this is, if it is that of now, or of a moment ago or ahead."""
    now = int(clock.now().timestamp()) // _STEP
    given = _SEPARATORS.sub("", code)
    made = pyotp.TOTP(secret)
    # Each is compared, and none by its first digits.
    right = [
        step for step in range(now - _DRIFT, now + _DRIFT + 1)
        if pyotp.utils.strings_equal(given, made.at(step * _STEP))
    ]  # fmt: skip
    return max(right, default=None)


def uri(secret: str, username: str) -> str:
    """What a phone reads."""
    return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=_ISSUER)


def picture(uri: str) -> str:
    """A QR code of it, as SVG to stand in a page."""
    drawn = io.BytesIO()
    segno.make(uri, error="m").save(
        drawn, kind="svg", scale=5, border=4, xmldecl=False, svgns=False, title="QR code for your app",
        omitsize=False, light="#fff", svgclass="qr", lineclass=None,
    )  # fmt: skip
    return drawn.getvalue().decode()


def sealed(secret: str, key: bytes) -> str:
    """A secret as it is kept: the database alone does not tell it (RFC 7516)."""
    return jwe.encrypt_compact(_HEADER, secret.encode(), OctKey.import_key(key))


def opened(kept: str, key: bytes) -> str | None:
    """The secret, if it was sealed with this key."""
    try:
        found = jwe.decrypt_compact(kept, OctKey.import_key(key), algorithms=list(_HEADER.values())).plaintext
    except (JoseError, ValueError):
        return None
    return found.decode() if found else None


def recovery_codes() -> list[str]:
    """Ten codes of 80 random bits, each good for one sign-in."""
    return [_grouped(clock.new_secret()[:20]) for _ in range(_RECOVERY_CODES)]


def recovery_hash(code: str) -> str:
    """What is kept of one, however it was written down."""
    return fingerprint(_SEPARATORS.sub("", code).casefold())


def _grouped(code: str) -> str:
    return "-".join(code[start : start + 5] for start in range(0, len(code), 5))
