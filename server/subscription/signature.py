"""A notification signed, so that its receiver knows who sent it and that nobody changed it.

HTTP Message Signatures by a shared key: https://www.rfc-editor.org/rfc/rfc9421#section-3.3.3, over the digest
of the body: https://www.rfc-editor.org/rfc/rfc9530. A receiver checks `created`, so that what was
overheard is not sent again for long.
"""

import hmac
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

LABEL = "childrecord"
_COVERED = ("@method", "@target-uri", "content-type", "content-digest")


def signed(
    method: str, url: str, content_type: str, body: bytes, *, key: str, key_id: str, at: datetime
) -> Mapping[str, str]:
    """The header fields that carry the signature. `key_id`: the id of the Subscription."""
    digest = f"sha-256=:{b64encode(sha256(body).digest()).decode()}:"
    values = {
        "@method": method,
        "@target-uri": url,
        "content-type": content_type,
        "content-digest": digest,
    }
    parameters = _parameters(int(at.timestamp()), key_id)
    text = base(values, parameters)
    found = hmac.new(key.encode(), text.encode(), sha256).digest()
    return {
        "Content-Digest": digest,
        "Signature-Input": f"{LABEL}={parameters}",
        "Signature": f"{LABEL}=:{b64encode(found).decode()}:",
    }


def base(values: Mapping[str, str], parameters: str) -> str:
    """What is signed: https://www.rfc-editor.org/rfc/rfc9421#section-2.5"""
    lines = [f'"{name}": {values[name]}' for name in _COVERED]
    return "\n".join([*lines, f'"@signature-params": {parameters}'])


def _parameters(created: int, key_id: str) -> str:
    covered = " ".join(f'"{name}"' for name in _COVERED)
    return f'({covered});created={created};keyid="{key_id}";alg="hmac-sha256"'
