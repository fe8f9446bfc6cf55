"""`childrecord client`: the systems of the agencies, and what they may ask a token for."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import click
import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from rich.table import Table

from server import clock
from server.access import agency as rights
from server.cli.connect import connected
from server.cli.say import console, fault, step
from server.fhir import Json
from server.oauth import scope as scopes
from server.oauth import secret
from server.settings import settings
from server.store import clients
from server.store.clients import Client

_LEAST_RSA_BITS = 2048
_BITS_A_LETTER = 6

_jwks = click.option(
    "--jwks",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the client's public keys; it then signs its requests and has no secret.",
)


@click.group()
def client() -> None:
    """The clients of the agencies."""


@client.command()
@click.argument("id")
@click.option("--agency", required=True, help="Code of the agency; it must have a rights file.")
@click.option("--scope", required=True, help='SMART scopes, for example "system/*.cruds".')
@click.option("--name", help="For people to read.")
@_jwks
def add(id: str, agency: str, scope: str, name: str | None, jwks: Path | None) -> None:
    """Add a client. Its secret is shown once."""
    if agency not in rights.read(settings().access):
        _refuse(f"There is no agency '{agency}': {settings().access} has no file {agency}.json.")
    if told := scopes.fault(scope):
        _refuse(told)
    new, keys = _credentials(jwks)
    made = Client(
        id=id,
        agency=agency,
        name=name or id,
        scope=" ".join(scope.split()),
        secret_hash=secret.hashed(new) if new else None,
        jwks=keys,
        created=clock.now(),
    )
    with connected() as database, database.begin() as connection:
        if not clients.add(connection, made):
            _refuse(f"There is, or was, a client '{id}': ids are not given twice.")
    step(f"Client '{id}' of agency '{agency}' has been added.")
    _show_once(new)


@client.command("list")
def list_() -> None:
    """List the clients."""
    with connected() as database, database.begin() as connection:
        found = clients.every(connection)
    console.print(_table(found))


@client.command()
@click.argument("id")
@_jwks
def rotate(id: str, jwks: Path | None) -> None:
    """Give a client a new secret, or new keys; the old ones end at once."""
    new, keys = _credentials(jwks)
    with connected() as database, database.begin() as connection:
        if not clients.rotate(connection, id, secret.hashed(new) if new else None, keys):
            _refuse(f"There is no client '{id}'.")
    step(f"Client '{id}' has new credentials.")
    _show_once(new)


@client.command()
@click.argument("id")
def remove(id: str) -> None:
    """Remove a client: it gets no more tokens, and those it has end within minutes."""
    with connected() as database, database.begin() as connection:
        if not clients.remove(connection, id):
            _refuse(f"There is no client '{id}'.")
    step(f"Client '{id}' has been removed.")


def _credentials(jwks: Path | None) -> tuple[str | None, Json | None]:
    """A new secret, or the keys of a file."""
    if jwks is None:
        return secret.new(), None
    try:
        return None, public_keys(jwks.read_bytes())
    except (msgspec.MsgspecError, JoseError, ValueError, TypeError, KeyError) as error:
        _refuse(f"{jwks} cannot be used: {error}")


def public_keys(content: bytes) -> Json:
    """The JWKS of a file, checked: public keys only, each with a kid, EC on P-384 or RSA."""
    given = msgspec.json.decode(content)
    for key in given["keys"]:
        if fault := _key_fault(key):
            raise ValueError(fault)
    return dict(KeySet.import_key_set(given).as_dict(private=False))


def _key_fault(key: Json) -> str | None:
    if "d" in key or "k" in key:
        return "it has a private key, which nobody but the client should have."
    if "kid" not in key:
        return "each key needs a kid."
    match key:
        case {"kty": "EC", "crv": "P-384"}:
            return None
        case {"kty": "RSA", "n": str(modulus)} if len(modulus) * _BITS_A_LETTER >= _LEAST_RSA_BITS:
            return None
    return f"keys must be EC on P-384 (ES384), or RSA of {_LEAST_RSA_BITS} bits or more (RS384)."


def _table(found: Iterable[Client]) -> Table:
    table = Table("Client", "Agency", "Proof", "Scope", "Added", "Rotated", "State", box=None, pad_edge=False)
    for each in found:
        table.add_row(
            each.id,
            each.agency,
            "keys" if each.jwks else "secret",
            each.scope,
            f"{each.created:%Y-%m-%d}",
            f"{each.rotated:%Y-%m-%d}" if each.rotated else "",
            "removed" if each.removed else "demonstration" if each.demonstration else "",
        )
    return table


def _show_once(new: str | None) -> None:
    if new:
        step(f"Its secret, which is shown only now: {new}")


def _refuse(told: str) -> NoReturn:
    fault(told)
    sys.exit(1)
