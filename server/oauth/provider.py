"""This server as the client of an agency's identity provider: there, and back with proof of who it is.

https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth, with PKCE (RFC 7636) and the issuer's name
in the response (RFC 9207).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from requests import RequestException, Response

from server import clock
from server.access.agency import Agency
from server.access.provider import Provider, fault
from server.fhir import Json
from server.settings import Settings

ALGORITHMS = ["RS256", "PS256", "ES256", "RS384", "PS384", "ES384", "RS512", "PS512", "ES512", "EdDSA"]
"""Those in which a provider may sign: none that needs a secret, and not `none`."""

_SECONDS = (3.0, 5.0)
"""To connect, and to be answered."""

_LARGEST = 256 * 1024
_KEPT = 600.0
"""Seconds for which its metadata and keys are taken as they were."""

_LEEWAY = 60


class NotProven(Exception):
    """The provider did not say who it is, or not so that it can be believed; the message is for the log."""


CALLBACK = "/auth/callback"


class Parties:
    """The providers of all agencies that have one."""

    def __init__(self, found: Settings, agencies: Mapping[str, Agency]) -> None:
        secrets = dict(each.partition("=")[::2] for each in found.provider_secrets)
        self._known = {
            code: RelyingParty(agency.idp, secrets.get(code, ""), found.issuer + CALLBACK)
            for code, agency in agencies.items()
            if agency.idp is not None
        }

    def of(self, code: str) -> "RelyingParty | None":
        """That of an agency."""
        return self._known.get(code)


@dataclass(slots=True)
class RelyingParty:
    """One agency's provider, as this process knows it."""

    provider: Provider
    secret: str
    redirect_uri: str
    _metadata: tuple[float, Json] | None = field(default=None)
    _keys: tuple[float, KeySet] | None = field(default=None)

    def there(self, state: str, nonce: str, verifier: str) -> str:
        """The URL to which somebody is sent to sign in.

        Raises:
            NotProven: the provider cannot be asked.
        """
        with self._client() as client:
            url, _ = client.create_authorization_url(
                self._told("authorization_endpoint"), state=state, code_verifier=verifier, nonce=nonce
            )
        return str(url)

    def back(self, answer: Mapping[str, str], nonce: str, verifier: str) -> Json:
        """The claims of who came back with this answer, whose `state` has been checked.

        Raises:
            NotProven: it is an error, of another provider, or its id_token is not good.
        """
        self._check_issuer(answer)
        if "error" in answer or not answer.get("code"):
            raise NotProven("The provider sent no code.")
        try:
            with self._client() as client:
                token = client.fetch_token(
                    self._told("token_endpoint"),
                    grant_type="authorization_code",
                    code=answer["code"],
                    code_verifier=verifier,
                    timeout=_SECONDS,
                    allow_redirects=False,
                )
                claims = self._verified(token, nonce)
                return {**self._user_info(client, claims), **claims}
        except (AuthlibBaseError, JoseError, RequestException, ValueError, TypeError) as error:
            raise NotProven(type(error).__name__) from error

    def _client(self) -> OAuth2Session:
        return OAuth2Session(
            self.provider.client_id,
            self.secret or None,
            scope=self.provider.scope,
            redirect_uri=self.redirect_uri,
            code_challenge_method="S256",
        )

    def _check_issuer(self, answer: Mapping[str, str]) -> None:
        """An answer of one provider must not be taken to another: https://www.rfc-editor.org/rfc/rfc9207"""
        told = answer.get("iss")
        is_told = self._about().get("authorization_response_iss_parameter_supported") is True
        if told != self._issuer() and (told is not None or is_told):
            raise NotProven("The answer is another provider's.")

    def _verified(self, token: Mapping[str, Any], nonce: str) -> Json:
        given = str(token.get("id_token", ""))
        try:
            decoded = jwt.decode(given, self._key_set(refresh=False), algorithms=ALGORITHMS)
        except (JoseError, ValueError):
            # A key that it made since.
            decoded = jwt.decode(given, self._key_set(refresh=True), algorithms=ALGORITHMS)
        options = {
            "iss": {"essential": True, "value": self._issuer()},
            "aud": {"essential": True, "value": self.provider.client_id},
            "sub": {"essential": True},
        }
        said = {
            "nonce": nonce,
            "client_id": self.provider.client_id,
            "access_token": token.get("access_token"),
        }
        claims = CodeIDToken(decoded.claims, decoded.header, options, said)
        claims.validate(now=int(clock.now().timestamp()), leeway=_LEEWAY)
        if not isinstance(claims["sub"], str) or not claims["sub"]:
            raise NotProven("The id_token names nobody.")
        return dict(claims)

    def _user_info(self, client: OAuth2Session, claims: Json) -> Json:
        """What it tells of the same person beside the id_token, where it has somewhere to tell it."""
        endpoint = self._about().get("userinfo_endpoint")
        if not endpoint:
            return {}
        told = _json(client.get(_safe(endpoint), timeout=_SECONDS, allow_redirects=False))
        # https://openid.net/specs/openid-connect-core-1_0.html#UserInfoResponse: it must be the same.
        if told.get("sub") != claims["sub"]:
            raise NotProven("The userinfo is another person's.")
        return told

    def _issuer(self) -> str:
        return str(self._about()["issuer"])

    def _told(self, name: str) -> str:
        if not isinstance(url := self._about().get(name), str):
            raise NotProven(f"The provider has no {name}.")
        return _safe(url)

    def _about(self) -> Json:
        """Its metadata: https://openid.net/specs/openid-connect-discovery-1_0.html"""
        if self._metadata is None or self._metadata[0] < clock.monotonic():
            found = self._get(f"{self.provider.issuer}/.well-known/openid-configuration")
            if str(found.get("issuer", "")).rstrip("/") != self.provider.issuer:
                raise NotProven("The provider calls itself otherwise.")
            self._metadata = clock.monotonic() + _KEPT, found
        return self._metadata[1]

    def _key_set(self, *, refresh: bool) -> KeySet:
        if refresh or self._keys is None or self._keys[0] < clock.monotonic():
            keys = KeySet.import_key_set(self._get(self._told("jwks_uri")))  # type: ignore[arg-type]
            self._keys = clock.monotonic() + _KEPT, keys
        return self._keys[1]

    def _get(self, url: str) -> Json:
        try:
            with self._client() as client:
                return _json(client.get(url, timeout=_SECONDS, allow_redirects=False, withhold_token=True))
        except (RequestException, AuthlibBaseError, ValueError) as error:
            raise NotProven(type(error).__name__) from error


def _json(response: Response) -> Json:
    if response.status_code != 200 or len(response.content) > _LARGEST:
        raise NotProven(f"The provider answers {response.status_code}.")
    try:
        found = msgspec.json.decode(response.content)
    except msgspec.DecodeError as error:
        raise NotProven("The provider answers what is not JSON.") from error
    if not isinstance(found, dict):
        raise NotProven("The provider answers what is no object.")
    return found


def _safe(url: str) -> str:
    """An endpoint that the provider names: over TLS, but on this machine."""
    if told := fault(url):
        raise NotProven(told)
    return url
