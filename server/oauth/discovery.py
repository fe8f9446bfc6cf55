"""What clients read before they ask for anything: where everything is, and what this server can do.

https://hl7.org/fhir/smart-app-launch/conformance.html, https://www.rfc-editor.org/rfc/rfc8414 and
https://openid.net/specs/openid-connect-discovery-1_0.html
"""

from server.fhir import Json
from server.interaction.capabilities import (
    AUTHORIZE_PATH,
    INTROSPECT_PATH,
    REGISTER_PATH,
    REVOKE_PATH,
    SESSIONS_PATH,
    TOKEN_PATH,
)
from server.oauth import dpop
from server.oauth.assertion import ALGORITHMS
from server.oauth.scope import LAUNCH_CONTEXT, WORDS
from server.settings import Settings
from server.store import clients, keys

KEYS_PATH = "/auth/jwks"
LAUNCH_PATH = "/auth/launch"
USERINFO_PATH = "/auth/userinfo"

_CAPABILITIES = [
    "launch-ehr",
    "launch-standalone",
    "authorize-post",
    "client-public",
    "client-confidential-symmetric",
    "client-confidential-asymmetric",
    "sso-openid-connect",
    "context-banner",
    "context-style",
    "context-ehr-patient",
    "context-ehr-encounter",
    "context-standalone-patient",
    "permission-offline",
    "permission-online",
    "permission-patient",
    "permission-user",
    "permission-v1",
    "permission-v2",
]
"""https://hl7.org/fhir/smart-app-launch/conformance.html#capability-sets"""

_WORDS = [word for word in WORDS if word != LAUNCH_CONTEXT]
_SCOPES = [*_WORDS, *(f"{level}/*.{verbs}" for level in ("patient", "user", "system") for verbs in (
    "cruds", "rs", "read", "write", "*",
))]  # fmt: skip
_CLAIMS = ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "fhirUser", "name", "profile"]


def token_endpoint(found: Settings) -> str:
    """Where tokens are had; also the `aud` of a client's assertion."""
    return found.issuer + TOKEN_PATH


def smart_configuration(found: Settings) -> Json:
    """The document at `.well-known/smart-configuration`."""
    return {**_endpoints(found), "capabilities": _CAPABILITIES}


def server_metadata(found: Settings) -> Json:
    """The same for clients that know OAuth and not SMART."""
    return {
        **_endpoints(found),
        "response_modes_supported": ["query"],
        "authorization_response_iss_parameter_supported": True,
        "dpop_signing_alg_values_supported": dpop.ALGORITHMS,
        **{
            f"{endpoint}_endpoint_auth_{what}": value
            for endpoint in ("introspection", "revocation")
            for what, value in _authentication().items()
        },
    }


def openid_configuration(found: Settings) -> Json:
    """The same for clients that know OpenID Connect."""
    return {
        **server_metadata(found),
        "userinfo_endpoint": found.issuer + USERINFO_PATH,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [keys.ID_TOKEN_ALGORITHM],
        "claims_supported": _CLAIMS,
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
    }


def _endpoints(found: Settings) -> Json:
    return {
        "issuer": found.issuer,
        "jwks_uri": found.issuer + KEYS_PATH,
        "authorization_endpoint": found.issuer + AUTHORIZE_PATH,
        "token_endpoint": token_endpoint(found),
        **{f"token_endpoint_auth_{what}": value for what, value in _authentication().items()},
        "grant_types_supported": [clients.CODE, clients.REFRESH, clients.CREDENTIALS],
        **({"registration_endpoint": found.issuer + REGISTER_PATH} if found.registers else {}),
        "scopes_supported": _SCOPES,
        "response_types_supported": ["code"],
        "management_endpoint": found.issuer + SESSIONS_PATH,
        "introspection_endpoint": found.issuer + INTROSPECT_PATH,
        "revocation_endpoint": found.issuer + REVOKE_PATH,
        "code_challenge_methods_supported": ["S256"],
    }


def _authentication() -> Json:
    return {
        "methods_supported": [clients.BASIC, clients.POST, clients.KEYS, clients.NONE],
        "signing_alg_values_supported": ALGORITHMS,
    }
