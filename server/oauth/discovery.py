"""What clients read before they ask for anything: where tokens are, and what kinds there are.

https://hl7.org/fhir/smart-app-launch/conformance.html
"""

from server.fhir import Json
from server.oauth.assertion import ALGORITHMS, METHOD
from server.oauth.client import CLIENT_CREDENTIALS
from server.settings import Settings

TOKEN_PATH = "/auth/token"  # noqa: S105  (a path)
KEYS_PATH = "/auth/jwks"


def token_endpoint(found: Settings) -> str:
    """Where tokens are had; also the `aud` of a client's assertion."""
    return found.issuer + TOKEN_PATH


def smart_configuration(found: Settings) -> Json:
    """The document at `.well-known/smart-configuration`."""
    return {
        "issuer": found.issuer,
        "jwks_uri": found.issuer + KEYS_PATH,
        "token_endpoint": token_endpoint(found),
        "token_endpoint_auth_methods_supported": ["client_secret_basic", METHOD],
        "token_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
        "grant_types_supported": [CLIENT_CREDENTIALS],
        "scopes_supported": [
            "system/*.cruds",
            "system/*.rs",
            "system/*.read",
            "system/*.write",
            "system/*.*",
        ],
        "capabilities": [
            "client-confidential-asymmetric",
            "client-confidential-symmetric",
            "permission-v1",
            "permission-v2",
        ],
    }


def server_metadata(found: Settings) -> Json:
    """The same for clients that know OAuth and not SMART: https://www.rfc-editor.org/rfc/rfc8414"""
    smart = smart_configuration(found)
    return {name: value for name, value in smart.items() if name != "capabilities"} | {
        "response_types_supported": []
    }
