"""Settings: the one place that reads the environment.

Every variable is checked before anything starts, and every fault is told at once.
"""

# ruff: noqa: RUF009  (`_setting` is dataclasses.field with a rule and a meaning)
import difflib
import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from marshmallow import Schema, ValidationError
from marshmallow import fields as rules
from marshmallow.validate import OneOf, Range, Regexp

from server.definition.folder import profiles

PREFIX = "CHILDRECORD_"

T = TypeVar("T")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class CannotStart(Exception):
    """What stops a start or a command; the message is for the operator, and says what to do."""


class BadSettings(CannotStart):
    """The settings that cannot be used, one sentence each."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


class _Networks(rules.Field[tuple[Network, ...]]):
    """Addresses or networks, separated by commas."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> tuple[Network, ...]:
        try:
            return tuple(ipaddress.ip_network(part.strip()) for part in value.split(",") if part.strip())
        except ValueError as error:
            raise ValidationError(f"{error}.") from error


class _Origins(rules.Field[tuple[str, ...]]):
    """Origins of browser applications, separated by commas; `*` is any."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> tuple[str, ...]:
        return tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())


class _Words(rules.Field[tuple[str, ...]]):
    """Words, separated by commas."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> tuple[str, ...]:
        return tuple(part.strip() for part in value.split(",") if part.strip())


class _Path(rules.Field[Path]):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Path:
        return Path(value).expanduser().absolute()


class _File(_Path):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Path:
        path = super()._deserialize(value, attr, data, **kwargs)
        if not path.is_file():
            raise ValidationError(f"There is no file '{path}'.")
        return path


class _Folder(_Path):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Path:
        path = super()._deserialize(value, attr, data, **kwargs)
        if not path.is_dir():
            raise ValidationError(f"There is no folder '{path}'.")
        return path


def _postgresql(value: str) -> None:
    if value and urlsplit(value).scheme not in ("postgresql", "postgres"):
        raise ValidationError("It must begin with postgresql://.")


def _http(value: str) -> None:
    url = urlsplit(value)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValidationError("It must be an absolute URL that begins with https:// (or http://).")
    if url.query or url.fragment or value.endswith("/") or not url.path:
        raise ValidationError("It must have a path, such as /fhir, and no query, fragment or final slash.")


def _server(value: str) -> None:
    if value:
        _http(value)


def _websocket(value: str) -> None:
    url = urlsplit(value)
    if value and (url.scheme not in ("ws", "wss") or not url.hostname or url.query or url.fragment):
        raise ValidationError("It must be an absolute URL that begins with wss:// (or ws://).")


def _smtp(value: str) -> None:
    url = urlsplit(value)
    if value and (url.scheme not in ("smtp", "smtps") or not url.hostname):
        raise ValidationError("It must begin with smtp:// or smtps://, and name a host.")


def _setting(default: T, rule: rules.Field[Any], meaning: str, *, secret: bool = False) -> T:
    # Typed as its default, as dataclasses.field is.
    return field(default=default, metadata={"rule": rule, "meaning": meaning, "secret": secret})


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator can choose."""

    database_url: str = _setting(
        "",
        rules.String(validate=_postgresql),
        "PostgreSQL 15 to 18, as postgresql://user:password@host/name. Empty: the embedded PostgreSQL.",
        secret=True,
    )
    data: Path = _setting(Path("data").absolute(), _Path(), "Folder of the embedded PostgreSQL.")
    host: str = _setting("127.0.0.1", rules.String(), "Address to listen on.")
    port: int = _setting(8000, rules.Integer(validate=Range(1, 65535)), "Port to listen on.")
    public_url: str = _setting(
        "",
        rules.String(validate=_http),
        "The FHIR base as clients see it; links, iss and aud hang on it. Empty: http://127.0.0.1:PORT/fhir.",
    )
    allow_http: bool = _setting(
        False, rules.Boolean(), "Accept a public URL that is http:// and not on this machine."
    )
    trusted_proxies: tuple[Network, ...] = _setting(
        (), _Networks(), "Networks whose X-Forwarded-For and X-Request-Id are believed."
    )
    origins: tuple[str, ...] = _setting(
        ("*",), _Origins(), "Origins of browser applications that may call, or *. Never with cookies."
    )
    tls_certificate: Path | None = _setting(None, _File(), "PEM file of the TLS certificate chain.")
    tls_key: Path | None = _setting(None, _File(), "PEM file of the TLS key.")
    workers: int = _setting(2, rules.Integer(validate=Range(1, 64)), "Server processes.")
    # More would wait for the interpreter and for the disk, and cost what they wait with.
    threads: int = _setting(2, rules.Integer(validate=Range(1, 64)), "Requests at once in each process.")
    pool_size: int = _setting(
        8, rules.Integer(validate=Range(1, 200)), "Database connections of each process."
    )
    prepare: bool = _setting(
        True, rules.Boolean(), "Use prepared statements. Off behind a pooler in transaction mode."
    )
    statement_timeout: float = _setting(
        10.0, rules.Float(validate=Range(0.1, 3600)), "Seconds that one SQL statement may take."
    )
    slow_query: float = _setting(
        1.0,
        rules.Float(validate=Range(0, 3600)),
        "Seconds after which a statement of a search is logged, with its plan and without values. 0: never.",
    )
    explain: tuple[str, ...] = _setting(
        (),
        _Words(),
        "Clients that may ask with _explain how a search was carried out: its plan counts what is not shown.",
    )
    body_limit: int = _setting(
        32 * 1024 * 1024, rules.Integer(validate=Range(1024, 2**31)), "Bytes of the largest request body."
    )
    bundle_limit: int = _setting(
        5000, rules.Integer(validate=Range(1, 100_000)), "Entries of the largest transaction or batch."
    )
    binary_limit: int = _setting(
        16 * 1024 * 1024, rules.Integer(validate=Range(1, 2**30)), "Bytes of the largest Binary."
    )
    delete_limit: int = _setting(
        100,
        rules.Integer(validate=Range(1, 1000)),
        "Resources that one conditional delete may take away; 1: only what is the only match.",
    )
    url_limit: int = _setting(
        16 * 1024,
        rules.Integer(validate=Range(1024, 32 * 1024)),
        "Characters of the longest URL; a longer search is sent by POST.",
    )
    rate_limit: int = _setting(
        5000,
        rules.Integer(validate=Range(0, 1_000_000)),
        "Requests a second that one client may send to each process, ten seconds' worth at once. 0: any.",
    )
    index_key: str = _setting(
        "",
        rules.String(validate=Regexp(r"([0-9a-f]{64})?")),
        "Key of the search index, 64 hexadecimal digits; lost, nothing is found. Empty: index.key in data.",
        secret=True,
    )
    owner_url: str = _setting(
        "",
        rules.String(validate=_postgresql),
        "The same database as its owner, for what an operator does: the server itself cannot change the "
        "audit then. Empty: DATABASE_URL.",
        secret=True,
    )
    audit_key: str = _setting(
        "",
        rules.String(validate=Regexp(r"([0-9a-f]{64})?")),
        "Key that seals the audit, 64 hexadecimal digits, never kept in the database. Empty: audit.key in "
        "data.",
        secret=True,
    )
    audit_anchors: Path | None = _setting(
        None,
        _Path(),
        "File to which every seal of the audit is told; best where nothing can be written twice. Empty: "
        "audit.anchors in data.",
    )
    token_lifetime: int = _setting(
        300, rules.Integer(validate=Range(10, 3600)), "Seconds for which an access token is good."
    )
    refresh_lifetime: int = _setting(
        7_776_000,
        rules.Integer(validate=Range(300, 31_536_000)),
        "Seconds for which an app may go on while its user is away (offline_access).",
    )
    token_rate: int = _setting(
        100,
        rules.Integer(validate=Range(0, 100_000)),
        "Requests a second that one address may send to the endpoints of /auth, in each process. 0: any.",
    )
    dpop_nonce: bool = _setting(
        False, rules.Boolean(), "Have proofs of possession (DPoP) hang on a nonce of this server."
    )
    session_idle: int = _setting(
        1800,
        rules.Integer(validate=Range(60, 86_400)),
        "Seconds without a page after which somebody must sign in again.",
    )
    session_lifetime: int = _setting(
        36_000,
        rules.Integer(validate=Range(300, 604_800)),
        "Seconds after which somebody must sign in again in any case.",
    )
    second_factor: bool = _setting(
        True, rules.Boolean(), "Local accounts need a code beside the password; the demonstration's do not."
    )
    provider_secrets: tuple[str, ...] = _setting(
        (),
        _Words(),
        "Secrets at the agencies' identity providers: AGENCY=SECRET, separated by commas.",
        secret=True,
    )
    registration: str = _setting(
        "closed",
        rules.String(validate=OneOf(["closed", "token", "open"])),
        "Who may register an app by itself: nobody, who has a token for it, or anybody.",
    )
    jwks_networks: tuple[Network, ...] = _setting(
        (), _Networks(), "Internal networks in which clients may publish their keys."
    )
    listener_networks: tuple[Network, ...] = _setting(
        (), _Networks(), "Internal networks in which listeners of subscriptions may be reached."
    )
    listener_timeout: float = _setting(
        10.0,
        rules.Float(validate=Range(0.1, 120)),
        "Seconds that a listener may take over a notification, unless its subscription says less.",
    )
    listener_patience: float = _setting(
        259_200.0,
        rules.Float(validate=Range(0, 2_592_000)),
        "Seconds of failure after which a subscription is switched off, and its events are dead letters.",
    )
    replay_days: int = _setting(
        30,
        rules.Integer(validate=Range(1, 3650)),
        "Days for which events that were told can be asked for again.",
    )
    websocket_port: int = _setting(
        0, rules.Integer(validate=Range(0, 65535)), "Port of the WebSockets of subscriptions. 0: PORT + 1."
    )
    websocket_url: str = _setting(
        "",
        rules.String(validate=_websocket),
        "The URL of the WebSockets as clients see it. Empty: that of the public URL's host, with the port.",
    )
    smtp_url: str = _setting(
        "",
        rules.String(validate=_smtp),
        "The server that mails leave by: smtp://user:password@host:587 (STARTTLS) or smtps://. Empty: none.",
        secret=True,
    )
    mail_from: str = _setting(
        "", rules.String(validate=Regexp(r"([^@\s,<>]+@[^@\s,<>]+)?")), "The address that mails come from."
    )
    mail_domains: tuple[str, ...] = _setting(
        (), _Words(), "Domains to whose addresses notifications may be mailed; no others are."
    )
    demonstration: bool = _setting(
        False, rules.Boolean(), "Admit the clients of the demonstration authority, whose secrets are public."
    )
    access: Path = _setting(
        profiles() / "access", _Folder(), "Folder of the agencies' rights, one JSON file each."
    )
    log_level: str = _setting(
        "info", rules.String(validate=OneOf(["debug", "info", "warning", "error"])), "Least level logged."
    )

    terminology_server: str = _setting(
        "",
        rules.String(validate=_server),
        "FHIR base of a terminology server that is asked about what terminology_systems names. Empty: none.",
    )
    terminology_systems: tuple[str, ...] = _setting(
        (),
        _Words(),
        "URLs of the code systems whose codes, and nothing else, may be sent to the terminology server.",
    )
    terminology_timeout: float = _setting(
        2.0,
        rules.Float(validate=Range(0.1, 60)),
        "Seconds that the terminology server may take; what it does not answer is not known.",
    )

    @property
    def issuer(self) -> str:
        """The origin of the public URL: the issuer of access tokens."""
        url = urlsplit(self.public_url)
        return f"{url.scheme}://{url.netloc}"

    @property
    def sockets(self) -> tuple[int, str]:
        """The port of the WebSockets here, and their URL as clients see it."""
        port = self.websocket_port or self.port + 1
        public = urlsplit(self.public_url)
        host = f"[{public.hostname}]" if ":" in (public.hostname or "") else public.hostname
        scheme = "wss" if public.scheme == "https" else "ws"
        return port, self.websocket_url or f"{scheme}://{host}:{port}"

    @property
    def anchors(self) -> Path:
        """The file of the anchors."""
        return self.audit_anchors or self.data / "audit.anchors"

    @property
    def registers(self) -> bool:
        """Whether apps may register themselves."""
        return self.registration != "closed"

    @property
    def base_path(self) -> str:
        """The path of the FHIR base on this server."""
        return urlsplit(self.public_url).path


@dataclass(frozen=True, slots=True)
class Description:
    """One setting, as it is shown."""

    name: str
    value: str
    default: str
    meaning: str


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return "DATABASE_URL" if name == "database_url" else PREFIX + name.upper()


def read(environment: Mapping[str, str]) -> Settings:
    """The settings of an environment; raises BadSettings with every fault."""
    given = {
        each.name: environment[variable(each.name)]
        for each in fields(Settings)
        if environment.get(variable(each.name), "") != ""
    }
    faults = _unknown(environment)
    try:
        known = _schema().load(given)
    except ValidationError as error:
        told: Any = error.messages
        faults += [f"{variable(name)}: {' '.join(messages)}" for name, messages in told.items()]
        raise BadSettings(sorted(faults)) from error
    found = Settings(**known)
    if not found.public_url:
        known["public_url"] = _local_url(found)
    faults += _contradictions(found)
    if faults:
        raise BadSettings(sorted(faults))
    return Settings(**known)


@cache
def settings() -> Settings:
    """The settings of this process."""
    return read(os.environ)


def choose(**chosen: str) -> None:
    """Set for this process and those it starts what the operator left open."""
    for name, value in chosen.items():
        os.environ[variable(name)] = value
    settings.cache_clear()


def is_given(name: str) -> bool:
    """Whether the operator set it."""
    return os.environ.get(variable(name), "") != ""


def describe(found: Settings) -> list[Description]:
    """Every setting with its value; passwords are masked."""
    values = {each.name: getattr(found, each.name) for each in fields(found)}
    return [
        Description(
            name=variable(each.name),
            value=_masked(values[each.name]) if each.metadata["secret"] else _shown(values[each.name]),
            default=_shown(each.default),
            meaning=each.metadata["meaning"],
        )
        for each in fields(Settings)
    ]


def _schema() -> Schema:
    return Schema.from_dict({each.name: each.metadata["rule"] for each in fields(Settings)})()


def _unknown(environment: Mapping[str, str]) -> list[str]:
    known = [variable(each.name) for each in fields(Settings)]
    return [
        f"{name}: There is no such setting.{_suggestion(name, known)}"
        for name in environment
        if name.startswith(PREFIX) and name not in known
    ]


def _suggestion(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {near[0]}?" if near else ""


def _local_url(found: Settings) -> str:
    scheme = "https" if found.tls_certificate else "http"
    return f"{scheme}://127.0.0.1:{found.port}/fhir"


def _contradictions(found: Settings) -> list[str]:
    faults = []
    if (found.tls_certificate is None) != (found.tls_key is None):
        faults.append(f"{variable('tls_certificate')} and {variable('tls_key')} go together.")
    public = urlsplit(found.public_url)
    if public.scheme == "http" and not is_loopback(public.hostname or "") and not found.allow_http:
        faults.append(
            f"{variable('public_url')}: Children's records must not travel in the clear: use https://, "
            f"or set {variable('allow_http')}=true where the network itself is private."
        )
    if not found.public_url and not is_loopback(found.host):
        faults.append(
            f"{variable('public_url')}: It is needed, because {variable('host')} is '{found.host}' "
            "and others will follow the links."
        )
    if bool(found.terminology_server) != bool(found.terminology_systems):
        faults.append(f"{variable('terminology_server')} and {variable('terminology_systems')} go together.")
    if len({bool(found.smtp_url), bool(found.mail_from), bool(found.mail_domains)}) > 1:
        together = [variable(name) for name in ("smtp_url", "mail_from", "mail_domains")]
        faults.append(f"{', '.join(together)} go together.")
    return faults


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _shown(value: object) -> str:
    match value:
        case None | "" | ():
            return ""
        case bool():
            return "true" if value else "false"
        case tuple():
            return ",".join(str(part) for part in value)
        case _:
            return str(value)


def _masked(secret: str | tuple[str, ...]) -> str:
    if isinstance(secret, tuple) or "://" not in secret:
        return "***" if secret else ""
    return re.sub(r"(://[^:/@]*:|[?&]password=)[^@&]+", r"\1***", secret)


_METRICS = "PROMETHEUS_MULTIPROC_DIR"


def share_metrics(folder: Path) -> None:
    """Let the processes started from here on add their counters up in a folder."""
    os.environ[_METRICS] = str(folder)


def metrics_folder() -> str | None:
    """Where the counters of all processes are, if there are several."""
    return os.environ.get(_METRICS)
