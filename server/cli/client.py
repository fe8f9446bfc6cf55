"""`childrecord client`: the systems and apps that may ask for tokens, and for what."""

import sys
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import click
import msgspec
from rich.table import Table

from server import clock
from server.access import agency as rights
from server.cli.connect import connected
from server.cli.say import console, fault, step
from server.fhir import Json
from server.oauth import scope as scopes
from server.oauth.administration import OPERATOR, Administration, IdTaken
from server.oauth.fetch import Fetcher
from server.oauth.keyset import BadKeys, public_keys
from server.oauth.metadata import BadMetadata, Terms, read
from server.settings import settings
from server.store import clients, registrations
from server.store.clients import BASIC, CODE, CREDENTIALS, KEYS, NONE, POST, Client
from server.store.database import Database
from server.store.registrations import RegistrationToken

_jwks = click.option(
    "--jwks",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the client's public keys; it then signs its requests and has no secret.",
)
_jwks_uri = click.option("--jwks-uri", help="Where the client publishes its public keys.")


@click.group()
def client() -> None:
    """The clients: agencies' systems, and apps that people sign in to."""


@client.command()
@click.argument("id")
@click.option("--agency", default="", help="Code of the agency whose it is; none: an app of nobody's.")
@click.option("--scope", required=True, help='SMART scopes, for example "system/*.cruds".')
@click.option("--name", help="For people to read.")
@_jwks
@_jwks_uri
@click.option("--redirect", multiple=True, help="Where an app takes people back to; makes it an app.")
@click.option("--public", is_flag=True, help="It cannot keep a secret: it runs in a browser or on a phone.")
@click.option("--post", is_flag=True, help="It sends its secret in the body (client_secret_post).")
@click.option("--system", is_flag=True, help="The app has access of its own, too, without a user.")
@click.option("--launch-url", help="Where an agency's own system opens the app.")
@click.option("--logo", help="URL of its picture.")
@click.option("--uri", help="URL of the page about it.")
@click.option("--contact", multiple=True, help="Who answers for it.")
@click.option("--dpop", is_flag=True, help="Its tokens are bound to a key of its own (DPoP).")
def add(id: str, agency: str, scope: str, name: str | None, jwks: Path | None, **given: Any) -> None:
    """Add a client. Its secret is shown once."""
    if agency:
        _require_agency(agency)
    elif not given["redirect"]:
        _refuse("A system is an agency's: --agency says whose.")
    metadata = _metadata(scope, name or id, jwks, given)
    if told := scopes.fault(scope, metadata["grant_types"]):
        _refuse(told)
    try:
        values = read(metadata, Terms(agency, Fetcher.of(settings())))
    except BadMetadata as error:
        _refuse(str(error))
    with connected() as database:
        try:
            _, new = _acts(database).register(id, agency, values)
        except IdTaken:
            _refuse(f"There is, or was, a client '{id}': ids are not given twice.")
    step(f"Client '{id}' of agency '{agency}' has been added." if agency else f"App '{id}' has been added.")
    _show_once(new)


@client.command("list")
@click.option("--agency", help="Code of the agency.")
def list_(agency: str | None) -> None:
    """List the clients."""
    with connected() as database, database.begin() as connection:
        found = clients.every(connection, agency)
    console.print(_table(found))


@client.command()
@click.argument("id")
@_jwks
@_jwks_uri
def rotate(id: str, jwks: Path | None, jwks_uri: str | None) -> None:
    """Give a client a new secret, or new keys; the old ones end at once, and so do its tokens."""
    keys = _keys(jwks) if jwks else None
    if jwks_uri and (told := Fetcher.of(settings()).fault(jwks_uri)):
        _refuse(f"{jwks_uri} cannot be used: {told}")
    with connected() as database:
        found = _found(database, id)
        if found.auth_method == NONE:
            _refuse(f"Client '{id}' is public: it has nothing to rotate.")
        new = _acts(database).rotate(found, keys, jwks_uri)
    step(f"Client '{id}' has new credentials.")
    _show_once(new)


@client.command()
@click.argument("id")
def suspend(id: str) -> None:
    """Let a client do nothing until it is resumed."""
    with connected() as database:
        _acts(database).suspend(_found(database, id).id)
    step(f"Client '{id}' is suspended.")


@client.command()
@click.argument("id")
def resume(id: str) -> None:
    """Let a suspended client act again."""
    with connected() as database:
        _acts(database).suspend(_found(database, id).id, until_resumed=False)
    step(f"Client '{id}' may act again.")


@client.command()
@click.argument("id")
def revoke(id: str) -> None:
    """End every token that a client has, and what people granted it."""
    with connected() as database:
        count = _acts(database).revoke_client(_found(database, id).id)
    step(f"The tokens of client '{id}' have ended, and {count} grants of users.")


@client.command()
@click.argument("id")
def remove(id: str) -> None:
    """Remove a client: its tokens end, and its id is not given again."""
    with connected() as database:
        _acts(database).remove(_found(database, id).id)
    step(f"Client '{id}' has been removed.")


@client.command()
@click.option("--agency", required=True, help="Code of the agency for which apps may register themselves.")
@click.option("--scope", required=True, help="The most that they may register for.")
@click.option("--uses", default=1, show_default=True, type=click.IntRange(1, 1000), help="How many of them.")
@click.option("--days", default=7, show_default=True, type=click.IntRange(1, 365), help="Until when.")
def invite(agency: str, scope: str, uses: int, days: int) -> None:
    """Make a token by which apps register themselves. It is shown once."""
    _require_agency(agency)
    if told := scopes.fault(scope, (CODE, CREDENTIALS)):
        _refuse(told)
    with connected() as database:
        made, told = _acts(database).invite(agency, scope, uses, clock.now() + timedelta(days=days))
    step(f"Registration token {made.id} of agency '{agency}' is good until {made.expires:%Y-%m-%d}.")
    step(f"It is shown only now: {told}")


@client.command()
def invitations() -> None:
    """List the tokens by which apps register themselves."""
    with connected() as database, database.begin() as connection:
        console.print(_invitations(registrations.every(connection)))


@client.command()
@click.argument("id")
def uninvite(id: str) -> None:
    """End a token by which apps register themselves."""
    with connected() as database:
        if not _acts(database).end_invitation(id):
            _refuse(f"There is no registration token '{id}'.")
    step(f"Registration token '{id}' has ended.")


def _acts(database: Database) -> Administration:
    return Administration(database, OPERATOR)


def _found(database: Database, id: str) -> Client:
    with database.begin() as connection:
        found = clients.find(connection, id)
    if found is None or found.removed:
        _refuse(f"There is no client '{id}'.")
    return found


def _require_agency(code: str) -> None:
    if code not in rights.read(settings().access):
        _refuse(f"There is no agency '{code}': {settings().access} has no file {code}.json.")


def _metadata(scope: str, name: str, jwks: Path | None, given: dict[str, Any]) -> Json:
    """What the options say, in the words of RFC 7591."""
    of_people = [CODE] if given["redirect"] else []
    of_its_own = [CREDENTIALS] if given["system"] or not of_people else []
    return {
        "client_name": name,
        "scope": " ".join(scope.split()),
        "grant_types": [*of_people, *of_its_own],
        "token_endpoint_auth_method": _method(jwks, given),
        "redirect_uris": list(given["redirect"]),
        "jwks": _keys(jwks) if jwks else None,
        "jwks_uri": given["jwks_uri"],
        "launch_url": given["launch_url"],
        "logo_uri": given["logo"],
        "client_uri": given["uri"],
        "contacts": list(given["contact"]),
        "dpop_bound_access_tokens": given["dpop"],
    }


def _method(jwks: Path | None, given: dict[str, Any]) -> str:
    said = {NONE: given["public"], KEYS: bool(jwks or given["jwks_uri"]), POST: given["post"]}
    chosen = [method for method, is_said in said.items() if is_said]
    if len(chosen) > 1:
        _refuse("A client proves itself in one way: --public, --post, or by keys.")
    return chosen[0] if chosen else BASIC


def _keys(jwks: Path) -> Json:
    """The keys of a file."""
    try:
        return public_keys(msgspec.json.decode(jwks.read_bytes()))
    except (msgspec.MsgspecError, UnicodeDecodeError, BadKeys) as error:
        _refuse(f"{jwks} cannot be used: {error}")


def _table(found: Iterable[Client]) -> Table:
    table = Table(
        "Client", "Agency", "Kind", "Proof", "Scope", "Added", "Rotated", "State", box=None, pad_edge=False
    )
    for each in found:
        table.add_row(
            each.id,
            each.agency or "(any)",
            "app" if CODE in each.grant_types else "system",
            _PROOF[each.auth_method],
            each.scope,
            f"{each.created:%Y-%m-%d}",
            f"{each.rotated:%Y-%m-%d}" if each.rotated else "",
            _state(each),
        )
    return table


_PROOF = {NONE: "none", BASIC: "secret", POST: "secret in the body", KEYS: "keys"}


def _state(client: Client) -> str:
    said = {
        "removed": client.removed,
        "suspended": client.suspended,
        "registered itself": client.registration_hash,
        "demonstration": client.demonstration,
    }
    return next((name for name, is_so in said.items() if is_so), "")


def _invitations(found: Iterable[RegistrationToken]) -> Table:
    table = Table("Token", "Agency", "Scope", "Left", "Until", "State", box=None, pad_edge=False)
    for each in found:
        state = "ended" if each.revoked or each.expires < clock.now() or not each.uses_left else ""
        table.add_row(
            each.id, each.agency, each.scope, str(each.uses_left), f"{each.expires:%Y-%m-%d}", state
        )
    return table


def _show_once(new: str | None) -> None:
    if new:
        step(f"Its secret, which is shown only now: {new}")


def _refuse(told: str) -> NoReturn:
    fault(told)
    sys.exit(1)
