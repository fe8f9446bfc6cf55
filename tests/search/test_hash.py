"""Keyed hashes of search values."""

from server.search.hash import Hasher, form


def test_a_hash_is_a_signed_64_bit_number_of_type_parameter_value_and_key() -> None:
    token = Hasher(b"key").token
    same = token("Observation", "code", "a|b")
    assert -(2**63) <= same < 2**63
    assert same == Hasher(b"key").token("Observation", "code", "a|b")
    others = {
        token("Condition", "code", "a|b"),
        token("Observation", "category", "a|b"),
        token("Observation", "code", "a|c"),
        Hasher(b"other").token("Observation", "code", "a|b"),
    }
    assert len(others) == 4
    assert same not in others


def test_the_fingerprint_tells_keys_apart() -> None:
    assert Hasher(b"key").fingerprint == Hasher(b"key").fingerprint != Hasher(b"other").fingerprint


def test_a_bar_in_a_code_is_not_taken_for_the_one_after_a_system() -> None:
    assert form(None, "a|b") != form("a", "b")


def test_a_coding_is_hashed_bare_first_and_by_its_system() -> None:
    hasher = Hasher(b"key")
    forms = [hasher.token("Observation", "code", text) for text in ("c", "s|c", "s|")]
    assert hasher.coding("Observation", "code", "s", "c") == tuple(forms)
    forms = [hasher.token("Observation", "code", text) for text in ("c", "|c")]
    assert hasher.coding("Observation", "code", None, "c") == tuple(forms)
