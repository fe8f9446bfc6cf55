"""An agency's identity provider, as small as one can be: it signs in whoever comes, and may be made to lie.

https://openid.net/specs/openid-connect-core-1_0.html
"""

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from flask import Flask, jsonify, request
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from server import clock

CLIENT, SECRET = "childrecord", "a secret of the two"
KEY = RSAKey.generate_key(2048, parameters={"kid": "one", "use": "sig", "alg": "RS256"})
OTHER = RSAKey.generate_key(2048, parameters={"kid": "one", "use": "sig", "alg": "RS256"})


@dataclass
class OtherProvider:
    """`claims`: of whoever signs in. `lies`: what the id_token says otherwise; `told`: what goes back beside
    the code; `metadata`: what its metadata say otherwise."""

    issuer: str
    claims: dict[str, Any] = field(default_factory=dict)
    lies: dict[str, Any] = field(default_factory=dict)
    told: dict[str, str | None] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    user_info: dict[str, Any] = field(default_factory=dict)
    key: Any = field(default_factory=lambda: KEY)
    header: dict[str, str] = field(default_factory=lambda: {"alg": "RS256", "kid": "one"})
    asked: dict[str, str] = field(default_factory=dict)

    def authorize(self, url: str) -> str:
        """What the browser is sent back with, that was sent to this URL."""
        self.asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        back = {"code": "the code", "state": self.asked["state"], "iss": self.issuer, **self.told}
        return urlencode({name: value for name, value in back.items() if value is not None})

    def app(self) -> Flask:
        served = Flask("other")

        @served.get("/.well-known/openid-configuration")
        def about() -> Any:
            endpoints = {
                name: f"{self.issuer}/{name}"
                for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")
            }
            is_told = {"authorization_response_iss_parameter_supported": True}
            return jsonify({"issuer": self.issuer, **endpoints, **is_told, **self.metadata})

        @served.get("/jwks_uri")
        def jwks() -> Any:
            return jsonify({"keys": [KEY.as_dict(private=False)]})

        @served.post("/token_endpoint")
        def token() -> Any:
            verifier = request.form["code_verifier"].encode()
            challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier).digest()).rstrip(b"=").decode()
            proof = request.authorization
            is_right = (
                challenge == self.asked["code_challenge"]
                and request.form["code"] == "the code"
                and request.form["redirect_uri"] == self.asked["redirect_uri"]
                and proof is not None
                and (proof.username, proof.password) == (CLIENT, SECRET)
            )
            if not is_right:
                return jsonify({"error": "invalid_grant"}), 400
            return jsonify({"access_token": "a", "token_type": "Bearer", "id_token": self.id_token()})

        @served.get("/userinfo_endpoint")
        def user_info() -> Any:
            return jsonify({"sub": self.claims["sub"], **self.user_info})

        return served

    def id_token(self) -> str:
        now = int(clock.now().timestamp())
        said = {
            "iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": self.asked["nonce"],
            **self.claims, **self.lies,
        }  # fmt: skip
        left = {name: value for name, value in said.items() if value is not None}
        return jwt.encode(self.header, left, self.key, algorithms=["RS256", "HS256", "none"])


SYMMETRIC = OctKey.import_key("k" * 32)
