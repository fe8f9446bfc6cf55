"""`childrecord user`: the people who sign in here, where their agency has no identity provider of its own."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import click
from rich.table import Table

from server import clock
from server.access.agency import Agency, agencies, read
from server.access.user import CASELOADS, OWN
from server.cli.connect import connected
from server.cli.say import console, fault, step
from server.oauth.administration import OPERATOR, Administration
from server.oauth.enrol import Enrolment, Taken, Unfit
from server.settings import settings
from server.store import accounts
from server.store.accounts import Account
from server.store.database import Database

_role = click.option("--role", "roles", multiple=True, help="A role that the agency's rights speak of.")
_team = click.option("--team", "teams", multiple=True, help="A team: Organization/x or CareTeam/x.")
_also = click.option("--also", multiple=True, help="Another RelatedPerson/x that is the same person.")


@click.group()
def user() -> None:
    """The people who sign in here."""


@user.command()
@click.argument("username")
@click.option("--agency", required=True, help="Code of the agency; it must have a rights file.")
@click.option("--name", required=True, help="The person's name.")
@click.option(
    "--person", required=True, help="Who it is in the record: Practitioner/x, RelatedPerson/x, Patient/x."
)
@_role
@click.option("--caseload", type=click.Choice(CASELOADS), default=OWN, show_default=True)
@_team
@_also
def add(username: str, agency: str, name: str, person: str, **given: Any) -> None:
    """Add an account. Its first password is shown once, and changed at the first sign-in."""
    made = Account(
        id=clock.new_id(),
        agency=agency,
        username=username,
        name=name,
        fhir_user=person,
        roles=given["roles"],
        caseload=given["caseload"],
        teams=given["teams"],
        references=given["also"],
        created=clock.now(),
    )
    with connected() as database:
        try:
            account, first = Enrolment(database).add(made, _agency(agency))
        except Unfit as error:
            _refuse(str(error))
        except Taken:
            _refuse(f"There is an account '{username}' already.")
    step(f"'{account.username}' of agency '{agency}' has been added.")
    _show_once(first)


@user.command("list")
@click.option("--agency", help="Of this agency alone.")
def list_(agency: str | None) -> None:
    """List the accounts."""
    with connected() as database, database.begin() as connection:
        found = accounts.every(connection, agency)
    console.print(_table(found))


@user.command()
@click.argument("username")
@click.option("--role", "roles", multiple=True, help="The roles, all of them.")
@click.option("--no-role", is_flag=True, help="No role at all.")
@click.option("--caseload", type=click.Choice(CASELOADS))
@_team
@_also
@click.option("--name")
@click.option("--person")
def change(username: str, no_role: bool, **given: Any) -> None:
    """Give somebody other roles, teams, another caseload, name or person. Apps have to ask again."""
    columns = {"person": "fhir_user", "also": "references"}
    values = {columns.get(name, name): value for name, value in given.items() if value}
    if no_role:
        values["roles"] = ()
    if not values:
        _refuse("Say what is to change.")
    with _known(username) as (database, account):
        try:
            Enrolment(database).change(account, _agency(account.agency), **values)
        except Unfit as error:
            _refuse(str(error))
    step(f"'{username}' has been changed.")


@user.command()
@click.argument("username")
@click.option("--codes", is_flag=True, help="The phone is lost too: codes are set up anew.")
def reset(username: str, codes: bool) -> None:
    """Give somebody a first password again. They are signed out everywhere."""
    with _known(username) as (database, account):
        if account.provider is not None:
            _refuse(f"'{username}' signs in at {account.provider}, and has no password here.")
        if account.demonstration:
            _refuse(f"'{username}' is of the demonstration: its password is public, and stays.")
        first = Enrolment(database).reset(account, codes=codes)
    step(f"'{username}' is signed out everywhere and has a new password.")
    _show_once(first)


@user.command()
@click.argument("username")
def suspend(username: str) -> None:
    """Let somebody in no more: they are signed out, and their apps see nothing, at once."""
    with _known(username) as (database, account):
        done = Administration(database, OPERATOR).suspend_account(account.id)
    step(f"'{username}' {'is suspended' if done else 'was suspended before'}.")


@user.command()
@click.argument("username")
def resume(username: str) -> None:
    """Let somebody in again, suspended or locked."""
    with _known(username) as (database, account):
        Administration(database, OPERATOR).resume_account(account.id)
    step(f"'{username}' may sign in.")


@contextmanager
def _known(username: str) -> Iterator[tuple[Database, Account]]:
    """The account of a username, or of an id where an identity provider knows it."""
    with connected() as database:
        with database.begin() as connection:
            found = accounts.by_username(connection, username) or accounts.find(connection, username)
        if found is None:
            _refuse(f"There is no account '{username}'.")
        yield database, found


def _agency(code: str) -> Agency:
    contents = read(settings().access)
    if code not in contents:
        _refuse(f"There is no agency '{code}': {settings().access} has no file {code}.json.")
    # Its number in rows does not matter here.
    return agencies({code: contents[code]}, {code: 0})[code]


_COLUMNS = ("Username", "Agency", "Name", "Person", "Roles", "Caseload", "Proof", "Added", "State")


def _table(found: Iterable[Account]) -> Table:
    table = Table(*_COLUMNS, box=None, pad_edge=False)
    for each in found:
        table.add_row(
            each.username or each.id,
            each.agency,
            each.name,
            each.fhir_user,
            ", ".join(each.roles),
            each.caseload,
            each.provider or ("password and code" if each.totp else "password"),
            f"{each.created:%Y-%m-%d}",
            _state(each),
        )
    return table


def _state(account: Account) -> str:
    if account.suspended:
        return "suspended"
    if account.locked_until and account.locked_until > clock.now():
        return "locked"
    return "demonstration" if account.demonstration else ""


def _show_once(first: str) -> None:
    step(f"The first password, which is shown only now: {first}")


def _refuse(told: str) -> NoReturn:
    fault(told)
    sys.exit(1)
