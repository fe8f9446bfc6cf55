import re

import pytest

from server import clock
from server.oauth import password
from server.store import accounts
from server.store import tables as t
from server.store.accounts import Account

AGENCY = "wexshire-social-care"


@pytest.fixture
def add(childrecord):
    def added(username, *options, agency=AGENCY, person="Practitioner/ada"):
        return childrecord(
            "user", "add", username, "--agency", agency, "--name", "Ada Lovage", "--person", person, *options
        )

    return added


def kept(database, username):
    with database.begin() as connection:
        return accounts.by_username(connection, username)


def shown(result):
    assert result.exit_code == 0, result.output
    return re.search(r"shown only now: (\S+)", result.output)[1]


def acts(database, username):
    query = t.audit.select().where(t.audit.c.account == kept(database, username).id).order_by(t.audit.c.id)
    with database.begin() as connection:
        return [row.interaction for row in connection.execute(query)]


def test_a_new_account_has_a_first_password_that_is_shown_once(add, childrecord, database):
    first = shown(add("Ada@Example.org", "--caseload", "team", "--team", "Organization/east"))
    found = kept(database, "ada@example.org")
    assert password.matches(first, found.password_hash)
    assert found.provisional
    assert (found.agency, found.fhir_user, found.caseload, found.teams) == (
        AGENCY,
        "Practitioner/ada",
        "team",
        ("Organization/east",),
    )
    listed = childrecord("user", "list").output
    assert "ada@example.org" in listed
    assert first not in listed
    assert acts(database, "ada@example.org") == ["account-add"]


@pytest.mark.parametrize(
    ("options", "more", "told"),
    [
        ((), {"agency": "nobody"}, "no agency 'nobody'"),
        ((), {"person": "Organization/x"}, "A person is"),
        ((), {"person": "Practitioner/x/y"}, "A person is"),
        ((), {"person": "ada"}, "A person is"),
        (("--team", "Practitioner/x"), {}, "Teams are"),
        (("--also", "Patient/x"), {}, "Others are"),
        (("--role", "king"), {}, "know no role 'king'"),
        (("--role", "system"), {}, "not by an operator"),
        (("--role", "family"), {}, "not by an operator"),
    ],
)
def test_an_account_that_nobody_could_use_is_refused(add, database, options, more, told):
    result = add("unfit", *options, **more)
    assert result.exit_code == 1
    assert told in result.output
    assert kept(database, "unfit") is None


@pytest.mark.parametrize("username", ["", " ", "x" * 200, "a\nb"])
def test_a_username_that_cannot_be_typed_is_refused(add, username):
    assert add(username).exit_code == 1


def test_a_username_is_given_once_however_it_is_written(add):
    shown(add("twice"))
    result = add("TWICE")
    assert result.exit_code == 1
    assert "already" in result.output


def test_a_reset_ends_the_old_password_and_with_codes_the_phone(add, childrecord, database):
    old = shown(add("reset"))
    account = kept(database, "reset")
    with database.begin() as connection:
        accounts.change(connection, account.id, totp="sealed", provisional=False, failures=9)
        accounts.set_recovery_codes(connection, account.id, ["hash"])
    new = shown(childrecord("user", "reset", "reset"))
    found = kept(database, "reset")
    assert password.matches(new, found.password_hash)
    assert not password.matches(old, found.password_hash)
    assert (found.totp, found.provisional, found.failures) == ("sealed", True, 0)
    shown(childrecord("user", "reset", "reset", "--codes"))
    assert kept(database, "reset").totp is None
    with database.begin() as connection:
        assert not accounts.use_recovery_code(connection, account.id, "hash")


def test_a_suspended_account_may_be_let_in_again(add, childrecord, database):
    shown(add("suspended"))
    assert childrecord("user", "suspend", "suspended").exit_code == 0
    assert kept(database, "suspended").suspended
    assert "suspended" in childrecord("user", "list", "--agency", AGENCY).output
    assert "before" in childrecord("user", "suspend", "suspended").output
    assert childrecord("user", "resume", "suspended").exit_code == 0
    assert kept(database, "suspended").suspended is None


def test_caseload_and_teams_can_be_changed(add, childrecord, database):
    shown(add("changed"))
    result = childrecord("user", "change", "changed", "--caseload", "all", "--team", "CareTeam/x")
    assert result.exit_code == 0, result.output
    assert (kept(database, "changed").caseload, kept(database, "changed").teams) == ("all", ("CareTeam/x",))
    assert acts(database, "changed") == ["account-add", "account-change"]
    assert childrecord("user", "change", "changed").exit_code == 1
    assert childrecord("user", "change", "changed", "--role", "king").exit_code == 1


def test_who_signs_in_elsewhere_has_no_password_to_be_reset(childrecord, database):
    with database.begin() as connection:
        made = Account(
            clock.new_id(), AGENCY, None, "Eve", "Practitioner/eve", (), "own", clock.now(),
            provider="https://id.example", subject="eve",
        )  # fmt: skip
        assert accounts.add(connection, made)
        assert not accounts.add(connection, made)
    result = childrecord("user", "reset", made.id)
    assert result.exit_code == 1
    assert "https://id.example" in result.output
    assert childrecord("user", "suspend", made.id).exit_code == 0


@pytest.mark.parametrize("act", ["reset", "suspend", "resume"])
def test_what_is_not_there_cannot_be_changed(childrecord, act):
    result = childrecord("user", act, "nobody")
    assert result.exit_code == 1
    assert "no account 'nobody'" in result.output
