import json
import re

import pytest
from joserfc.jwk import ECKey, OctKey

from server.oauth import secret
from server.store import clients

EC = ECKey.generate_key("P-384", parameters={"kid": "k"})


def add(childrecord, id, *options):
    return childrecord(
        "client", "add", id, "--agency", "ashbourne-primary", "--scope", "system/*.rs", *options
    )


def kept(database, id):
    with database.begin() as connection:
        return clients.find(connection, id)


def shown(result):
    return re.search(r"shown only now: (\S+)", result.output)[1]


def test_a_new_clients_secret_is_shown_once_and_kept_as_a_hash(childrecord, database):
    result = add(childrecord, "new", "--name", "Register")
    assert result.exit_code == 0, result.output
    found = kept(database, "new")
    assert secret.matches(shown(result), found.secret_hash)
    assert (found.agency, found.scope, found.name) == ("ashbourne-primary", "system/*.rs", "Register")
    assert shown(result) not in childrecord("client", "list").output


def test_a_client_with_keys_has_no_secret(childrecord, database, tmp_path):
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": [EC.as_dict(private=False)]}))
    result = add(childrecord, "keyed", "--jwks", str(file))
    assert result.exit_code == 0, result.output
    assert "secret" not in result.output
    assert kept(database, "keyed").jwks["keys"][0]["kid"] == "k"
    assert kept(database, "keyed").secret_hash is None


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"keys": [EC.as_dict(private=True)]}, "private key"),
        ({"keys": [ECKey.generate_key("P-384").as_dict(private=False)]}, "needs a kid"),
        ({"keys": [ECKey.generate_key("P-256", parameters={"kid": "k"}).as_dict(private=False)]}, "P-384"),
        ({"keys": [OctKey.generate_key(256, parameters={"kid": "k"}).as_dict()]}, "private key"),
        ({"keys": [{"kty": "RSA", "kid": "k", "e": "AQAB", "n": "w" * 171}]}, "2048 bits"),
        ({"keys": []}, "No keys"),
        ({}, "cannot be used"),
        ([], "cannot be used"),
        ("x", "cannot be used"),
    ],
)
def test_keys_that_cannot_be_used_are_refused(childrecord, database, tmp_path, content, told):
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps(content))
    result = add(childrecord, "badly-keyed", "--jwks", str(file))
    assert result.exit_code == 1
    assert told in result.output
    assert kept(database, "badly-keyed") is None


def test_an_agency_without_rights_can_have_no_client(childrecord):
    result = childrecord("client", "add", "x", "--agency", "nobody", "--scope", "system/*.rs")
    assert result.exit_code == 1
    assert "no agency 'nobody'" in result.output


@pytest.mark.parametrize(
    "scope",
    [
        "everything",
        "system/Patient",
        "system/Patient.sr",
        "",
        "patient/Patient.rs",
        "user/*.rs",
        "system/Observation.rs?date=2020",
        "system/*.rs?category=attendance",
        "system/Observation.rs?code:not=x",
    ],
)
def test_a_scope_that_is_none_is_refused(childrecord, scope):
    result = childrecord("client", "add", "x", "--agency", "ashbourne-primary", "--scope", scope)
    assert result.exit_code == 1
    assert "not a scope" in result.output


def test_an_id_is_not_given_twice_even_after_removal(childrecord):
    add(childrecord, "once")
    assert add(childrecord, "once").exit_code == 1
    assert childrecord("client", "remove", "once").exit_code == 0
    assert add(childrecord, "once").exit_code == 1


def test_a_rotated_client_has_its_new_secret_alone(childrecord, database):
    old = shown(add(childrecord, "rotated"))
    new = shown(childrecord("client", "rotate", "rotated"))
    assert not secret.matches(old, kept(database, "rotated").secret_hash)
    assert secret.matches(new, kept(database, "rotated").secret_hash)


def test_a_removed_client_keeps_no_credentials_and_stays_in_the_list(childrecord, database):
    add(childrecord, "removed")
    childrecord("client", "remove", "removed")
    found = kept(database, "removed")
    assert found.removed
    assert found.secret_hash is None
    assert "removed" in childrecord("client", "list").output


@pytest.mark.parametrize("act", ["rotate", "remove"])
def test_what_is_not_there_cannot_be_changed(childrecord, act):
    result = childrecord("client", act, "nobody")
    assert result.exit_code == 1
    assert "no client 'nobody'" in result.output
