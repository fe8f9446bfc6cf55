"""The apps of the demonstration, one of each kind: `docs/apps.md` shows how each is used."""

from pathlib import Path

import msgspec
from joserfc.jwk import ECKey

from server import clock
from server.fhir import Json
from server.oauth import secret
from server.oauth.register import OPEN_SCOPE
from server.record.door import Door
from server.store import clients
from server.store.clients import BASIC, CODE, CONFIDENTIAL, CREDENTIALS, KEYS, NONE, PUBLIC, REFRESH, Client

PUBLIC_APP, CONFIDENTIAL_APP, BACKEND = "demonstration-app", "demonstration-portal", "demonstration-backend"
BACKEND_AGENCY = "wexshire-education"

KEY = Path(__file__).with_name("demonstration.jwk")
"""The private key of the system that signs. It is in the documentation: it is none."""

# On this machine alone: whoever listens there is who tries the demonstration.
_REDIRECTS = tuple(
    f"http://{host}{path}"
    for host in ("127.0.0.1", "[::1]", *(f"localhost:{port}" for port in (3000, 4000, 5000, 8080, 9000)))
    for path in ("/", "/callback", "/redirect", "/index.html", "/app")
)
_LAUNCH_URL = "http://127.0.0.1:9000/launch"


def admit(opened: Door) -> None:
    """Those that are not there yet."""
    with opened.database.begin() as connection:
        for app in _apps():
            if not app.agency or app.agency in opened.agencies:
                clients.add(connection, app)


def told() -> tuple[tuple[str, str, str], ...]:
    """(client, its secret or what it has instead, what it is) of each."""
    return tuple((each.id, _PROOF[each.auth_method], each.name) for each in _apps())


_PROOF = {NONE: "(none: public)", BASIC: CONFIDENTIAL_APP, KEYS: "(signs: docs/apps.md)"}


def _apps() -> tuple[Client, ...]:
    at = clock.now()
    common = {"created": at, "demonstration": True, "contacts": ("nobody@example.org",)}
    of_people = {
        "agency": "",
        "scope": OPEN_SCOPE,
        "jwks": None,
        "grant_types": (CODE, REFRESH),
        "redirect_uris": _REDIRECTS,
        "launch_url": _LAUNCH_URL,
        **common,
    }
    return (
        _client(
            PUBLIC_APP, "An app in a browser", kind=PUBLIC, auth_method=NONE, secret_hash=None, **of_people
        ),
        _client(
            CONFIDENTIAL_APP,
            "An app with a server of its own",
            kind=CONFIDENTIAL,
            auth_method=BASIC,
            secret_hash=secret.hashed(CONFIDENTIAL_APP),
            **of_people,
        ),
        _client(
            BACKEND,
            "A system that signs what it sends",
            agency=BACKEND_AGENCY,
            scope="system/*.rs",
            kind=CONFIDENTIAL,
            auth_method=KEYS,
            grant_types=(CREDENTIALS,),
            secret_hash=None,
            jwks={"keys": [_public_key()]},
            **common,
        ),
    )


def _client(id: str, name: str, **said: object) -> Client:
    values: dict[str, object] = {"id": id, "name": name, **said}
    return Client(**values)  # type: ignore[arg-type]


def _public_key() -> Json:
    return dict(ECKey.import_key(msgspec.json.decode(KEY.read_bytes())).as_dict(private=False))
