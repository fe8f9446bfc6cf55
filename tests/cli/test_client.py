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
        "system/Observation.rs?patient.name=x",
        "system/*.rs?category=attendance",
        "system/Observation.rs?nothing=x",
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


APP = ("--redirect", "https://app.example/cb", "--scope", "openid patient/*.rs offline_access")


def test_an_app_that_cannot_keep_a_secret_gets_none(childrecord, database):
    result = childrecord("client", "add", "growth", "--public", *APP)
    assert result.exit_code == 0, result.output
    assert "secret" not in result.output
    found = kept(database, "growth")
    assert (found.agency, found.kind, found.auth_method) == ("", "public", "none")
    assert found.grant_types == ("authorization_code", "refresh_token")
    assert found.redirect_uris == ("https://app.example/cb",)


def test_an_app_may_keep_a_secret_or_publish_its_keys(childrecord, database):
    assert "shown only now" in childrecord("client", "add", "with-secret", "--post", *APP).output
    assert kept(database, "with-secret").auth_method == "client_secret_post"
    uri = "https://app.example/jwks"
    assert childrecord("client", "add", "with-keys", "--jwks-uri", uri, *APP).exit_code == 0
    found = kept(database, "with-keys")
    assert (found.auth_method, found.jwks_uri, found.secret_hash) == ("private_key_jwt", uri, None)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--redirect", "http://app.example/cb"), "https://"),
        (("--redirect", "https://app.example/cb", "--public", "--post"), "one way"),
        (("--redirect", "https://app.example/cb", "--system"), "without a user"),
        (("--redirect", "https://app.example/cb", "--jwks-uri", "https://10.0.0.1/jwks"), "jwks_uri"),
        (("--redirect", "https://app.example/cb", "--logo", "javascript:alert(1)"), "logo_uri"),
        ((), "--agency"),
    ],
)
def test_an_app_that_cannot_be_one_is_refused(childrecord, options, told):
    result = childrecord("client", "add", "no-app", "--scope", "openid", *options)
    assert result.exit_code == 1
    assert told in result.output


def test_a_suspended_client_is_shown_as_such_until_it_is_resumed(childrecord, database):
    add(childrecord, "paused")
    assert childrecord("client", "suspend", "paused").exit_code == 0
    assert not kept(database, "paused").is_live
    assert "suspended" in childrecord("client", "list").output
    assert childrecord("client", "resume", "paused").exit_code == 0
    assert kept(database, "paused").is_live


def test_revoking_ends_the_tokens_that_a_client_has_and_not_the_client(childrecord, database):
    add(childrecord, "revoked")
    assert childrecord("client", "revoke", "revoked").exit_code == 0
    found = kept(database, "revoked")
    assert found.is_live
    assert not found.holds(found.revoked.timestamp())
    assert found.holds(found.revoked.timestamp() + 1)


def test_an_invitation_is_shown_once_and_listed_without_its_token(childrecord):
    options = ("--agency", "ashbourne-primary", "--scope", "openid user/*.rs")
    result = childrecord("client", "invite", *options)
    assert result.exit_code == 0, result.output
    listed = childrecord("client", "invitations").output
    assert shown(result) not in listed
    id = re.search(r"token (\S+) of", result.output)[1]
    assert id in listed
    assert childrecord("client", "uninvite", id).exit_code == 0
    assert childrecord("client", "uninvite", id).exit_code == 1


def test_a_suspended_agency_has_no_live_client(childrecord, database):
    add(childrecord, "of-a-school")
    assert childrecord("agency", "suspend", "ashbourne-primary").exit_code == 0
    assert not kept(database, "of-a-school").is_live
    assert "suspended since" in childrecord("agency", "list").output
    assert childrecord("agency", "resume", "ashbourne-primary").exit_code == 0
    assert kept(database, "of-a-school").is_live


def test_revoking_an_agency_ends_the_tokens_of_its_clients(childrecord, database):
    add(childrecord, "of-another")
    assert childrecord("agency", "revoke", "ashbourne-primary").exit_code == 0
    found = kept(database, "of-another")
    assert found.is_live
    assert not found.holds(found.revoked.timestamp())


@pytest.mark.parametrize("act", ["suspend", "resume", "revoke"])
def test_an_agency_without_rights_is_none(childrecord, act):
    assert "no agency 'nobody'" in childrecord("agency", act, "nobody").output


@pytest.mark.parametrize("act", ["rotate", "remove", "suspend", "resume", "revoke"])
def test_what_is_not_there_cannot_be_changed(childrecord, act):
    result = childrecord("client", act, "nobody")
    assert result.exit_code == 1
    assert "no client 'nobody'" in result.output
