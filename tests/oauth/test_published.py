"""Keys at a `jwks_uri`: had when they are needed, and from nowhere but where a client may publish."""

import json
import socket
import ssl
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address, ip_network

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from joserfc import jwt
from joserfc.jwk import ECKey

from server import clock
from server.oauth import fetch
from server.oauth.fetch import Fetcher, NotFetched
from server.oauth.published import KEPT, PAUSE, Published
from server.store import clients
from tests.oauth.parties import EC, KEYS, registered

LOCAL = Fetcher(loopback=True, seconds=1.0)


class Site:
    """A web site on this machine; `answer` may be changed while it is asked."""

    def __init__(self, url):
        self.url, self.asked = url, 0
        self.status, self.headers, self.body, self.pause = 200, {}, json.dumps(KEYS).encode(), 0.0


@contextmanager
def site(tls=None):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            found.asked += 1
            self.send_response(found.status)
            for name, value in found.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(found.body)))
            self.end_headers()
            for at in range(len(found.body) if found.pause else 1):
                piece = found.body[at : at + 1] if found.pause else found.body
                try:
                    self.wfile.write(piece)
                    self.wfile.flush()
                except OSError:
                    return
                time.sleep(found.pause)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    server.block_on_close = False
    found = Site(f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}/jwks")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def published():
    with site() as found:
        yield found


@pytest.fixture
def hours(monkeypatch):
    """Moves the clock on."""
    passed = [0.0]
    monkeypatch.setattr(clock, "monotonic", lambda: 1000.0 + passed[0])

    def forward(seconds):
        passed[0] += seconds

    return forward


def signer(site, **differences):
    kept = {"secret_hash": None, "auth_method": "private_key_jwt", "jwks_uri": site.url, **differences}
    return registered("published", **kept)


def kids(keys):
    return {each["kid"] for each in keys["keys"]} if keys else None


def test_keys_that_are_registered_are_not_fetched(published):
    assert kids(Published(LOCAL).keys(signer(published, jwks=KEYS), "ec")) == {"ec", "rsa"}
    assert published.asked == 0


def test_published_keys_are_kept_for_a_while(published, hours):
    keys = Published(LOCAL)
    for _ in range(3):
        assert kids(keys.keys(signer(published), "ec")) == {"ec", "rsa"}
    assert published.asked == 1
    hours(KEPT + 1)
    keys.keys(signer(published), "ec")
    assert published.asked == 2


@pytest.mark.parametrize(
    ("header", "kept"),
    [("max-age=60", 60), ("public, max-age=1000", 1000), ("max-age=999999", 3600), ("max-age=x", KEPT)],
)
def test_they_are_kept_for_no_longer_than_the_client_says(published, hours, header, kept):
    published.headers = {"Cache-Control": header}
    keys = Published(LOCAL)
    keys.keys(signer(published), "ec")
    hours(kept - 1)
    keys.keys(signer(published), "ec")
    assert published.asked == 1
    hours(2)
    keys.keys(signer(published), "ec")
    assert published.asked == 2


@pytest.mark.parametrize("header", ["no-store", "no-cache", "max-age=0"])
def test_they_are_not_kept_if_the_client_says_so(published, header):
    published.headers = {"Cache-Control": header}
    keys = Published(LOCAL)
    keys.keys(signer(published), "ec")
    keys.keys(signer(published), "ec")
    assert published.asked == 2


def test_a_new_key_is_found_and_a_key_that_does_not_exist_is_not_looked_for_again_and_again(published, hours):
    keys = Published(LOCAL)
    assert kids(keys.keys(signer(published), "ec")) == {"ec", "rsa"}
    keys.keys(signer(published), "new")
    assert published.asked == 1
    hours(PAUSE + 1)
    published.body = json.dumps({"keys": [EC.as_dict(private=False) | {"kid": "new"}]}).encode()
    assert kids(keys.keys(signer(published), "new")) == {"new"}
    for _ in range(3):
        keys.keys(signer(published), "none")
    assert published.asked == 2


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, json.dumps(KEYS)),
        (500, ""),
        (302, json.dumps(KEYS)),
        (200, ""),
        (200, "<html>"),
        (200, "[]"),
        (200, '{"keys": []}'),
        (200, '{"keys": [1]}'),
        (200, json.dumps({"keys": [EC.as_dict(private=True)]})),
        (200, json.dumps({"keys": [{"kty": "EC", "crv": "P-384", "kid": "x", "x": "!", "y": "!"}]})),
        (200, json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "x", "x": "AA"}]})),
        (200, json.dumps(KEYS) + " " * 70_000),
    ],
)
def test_what_is_no_key_set_is_none_and_is_not_asked_for_at_once_again(published, hours, status, body):
    published.status, published.body = status, body.encode()
    published.headers = {"Location": published.url} if status == 302 else {}
    keys = Published(LOCAL)
    assert keys.keys(signer(published), "ec") is None
    assert keys.keys(signer(published), "ec") is None
    assert published.asked == 1
    published.status, published.body = 200, json.dumps(KEYS).encode()
    hours(PAUSE + 1)
    assert kids(keys.keys(signer(published), "ec")) == {"ec", "rsa"}


def test_a_client_that_publishes_its_keys_proves_itself_by_them(serving, published, database):
    auth = serving(CHILDRECORD_DEMONSTRATION="true")
    with database.begin() as connection:
        clients.add(connection, signer(published))
    assert token(auth, signed(EC, header={})) == 200
    assert token(auth, signed(EC, header={"jku": published.url})) == 200
    assert token(auth, signed(EC, header={"jku": "http://127.0.0.1/other"})) == 401
    assert token(auth, signed(EC, kid="unknown")) == 401
    assert token(auth, signed(ECKey.generate_key("P-384", parameters={"kid": "ec"}))) == 401
    # Outside the demonstration nothing on this machine is asked.
    assert token(serving(), signed(EC)) == 401


def signed(key, kid="ec", header=None):
    at = int(clock.now().timestamp())
    claims = {"iss": "published", "sub": "published", "exp": at + 60, "jti": clock.new_id()}
    claims["aud"] = "http://127.0.0.1:8000/auth/token"
    return jwt.encode(
        {"alg": "ES384", "kid": kid, **(header or {})},
        claims,
        key,
        algorithms=["ES384"],
    )


def token(auth, assertion):
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion,
    }
    return auth.post("/auth/token", data=form).status_code


def test_keys_for_other_servers_do_no_harm(published):
    other = {"kty": "OKP", "crv": "Ed25519", "kid": "other", "x": "AA"}
    published.body = json.dumps({"keys": [other, EC.as_dict(private=False)]}).encode()
    assert kids(Published(LOCAL).keys(signer(published), "ec")) == {"ec"}


def test_a_sender_that_tells_a_byte_now_and_then_is_cut_off(published):
    published.pause = 0.05
    begun = time.perf_counter()
    with pytest.raises(NotFetched, match="too long"):
        Fetcher(loopback=True, seconds=0.3).fetch(published.url)
    assert time.perf_counter() - begun < 3


@pytest.fixture
def certified(tmp_path):
    """Makes a certificate for an address, and what trusts it: (the server's context, the client's)."""

    def made(address):
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "site")])
        at = clock.now()
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(at - timedelta(days=1))
            .not_valid_after(at + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
            .sign(key, hashes.SHA256())
        )
        file = tmp_path / "site.pem"
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(secret + certificate.public_bytes(Encoding.PEM))
        ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ours.load_cert_chain(file)
        return ours, ssl.create_default_context(cafile=file)

    return made


def test_keys_are_fetched_over_tls(certified):
    ours, theirs = certified("127.0.0.1")
    with site(ours) as found:
        assert Fetcher(loopback=True, tls=theirs).fetch(found.url).content == found.body


@pytest.mark.filterwarnings("ignore")
def test_a_certificate_that_is_not_trusted_or_not_of_the_name_is_refused(certified):
    ours, theirs = certified("127.0.0.2")
    with site(ours) as found:
        for tls in (theirs, None):
            with pytest.raises(NotFetched, match="CertVerification"):
                Fetcher(loopback=True, tls=tls).fetch(found.url)
        assert found.asked == 0


def test_who_never_finishes_a_handshake_is_cut_off():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.perf_counter()
        with pytest.raises(NotFetched):
            Fetcher(loopback=True, seconds=0.3).fetch(f"https://127.0.0.1:{silent.getsockname()[1]}/")
        assert time.perf_counter() - begun < 3


INSIDE = [
    "https://127.0.0.1/jwks",
    "https://10.1.2.3/jwks",
    "https://172.16.0.1/jwks",
    "https://192.168.1.1/jwks",
    "https://169.254.169.254/latest/meta-data",
    "https://100.64.0.1/jwks",
    "https://0.0.0.0/jwks",
    "https://224.0.0.1/jwks",
    "https://[::1]/jwks",
    "https://[fd00::1]/jwks",
    "https://[fe80::1]/jwks",
    "https://[::ffff:10.0.0.1]/jwks",
    "https://[::ffff:127.0.0.1]/jwks",
    "https://[64:ff9b::a00:1]/jwks",
    "https://[2002:a00:1::]/jwks",
]


@pytest.mark.parametrize("url", INSIDE)
def test_nothing_inside_is_asked(url):
    assert Fetcher().fault(url)
    with pytest.raises(NotFetched):
        Fetcher().fetch(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://keys.example/jwks",
        "http://1.1.1.1/jwks",
        "http://127.0.0.1/jwks",
        "http://localhost/jwks",
        "ftp://keys.example/jwks",
        "file:///etc/passwd",
        "https:///jwks",
        "https://user:word@keys.example/jwks",
        "https://keys.example/jwks#x",
        "https://keys.example:port/jwks",
        "https://keys.example/ x",
        "keys.example/jwks",
        "",
    ],
)
def test_what_is_not_https_is_not_asked(url):
    assert Fetcher().fault(url)
    with pytest.raises(NotFetched):
        Fetcher().fetch(url)


def test_a_public_site_may_be_registered():
    assert Fetcher().fault("https://keys.example/jwks") is None


def test_a_name_is_judged_by_each_of_its_addresses(monkeypatch, published):
    told = [(0, 0, 0, "", (address, 443)) for address in ("1.1.1.1", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: told)
    connected = []
    monkeypatch.setattr(socket, "create_connection", lambda address, *_: connected.append(address))
    with pytest.raises(NotFetched, match="network"):
        Fetcher().fetch("https://keys.example/jwks")
    assert connected == []


def test_the_address_that_was_judged_is_the_one_that_is_asked(monkeypatch):
    told = iter([[(0, 0, 0, "", ("1.1.1.1", 443))], [(0, 0, 0, "", ("10.0.0.1", 443))]])
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: next(told))
    connected = []

    def connect(address, *_):
        connected.append(address)
        raise OSError

    monkeypatch.setattr(fetch.socket, "create_connection", connect)
    with pytest.raises(NotFetched):
        Fetcher().fetch("https://keys.example/jwks")
    assert connected == [("1.1.1.1", 443)]


def test_an_internal_network_that_the_operator_names_may_be_asked():
    fetcher = Fetcher(networks=(ip_network("10.1.0.0/16"),))
    assert fetcher.fault("https://10.1.2.3/jwks") is None
    assert fetcher.fault("https://10.2.2.3/jwks")
    assert fetcher.fault("http://10.1.2.3/jwks")
