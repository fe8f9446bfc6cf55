import pytest

from server.settings import BadSettings, describe, read


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("CHILDRECORD_PORT", "eighty", "CHILDRECORD_PORT: Not a valid integer"),
        ("CHILDRECORD_PORT", "70000", "CHILDRECORD_PORT: Must be"),
        ("CHILDRECORD_PROT", "80", "There is no such setting. Did you mean CHILDRECORD_PORT?"),
        ("DATABASE_URL", "mysql://localhost/x", "DATABASE_URL: It must begin with postgresql://"),
        ("CHILDRECORD_PUBLIC_URL", "record.example/fhir", "must be an absolute URL"),
        ("CHILDRECORD_PUBLIC_URL", "https://record.example/fhir/", "no query, fragment or final slash"),
        ("CHILDRECORD_PUBLIC_URL", "https://record.example", "must have a path"),
        ("CHILDRECORD_PUBLIC_URL", "http://record.example/fhir", "must not travel in the clear"),
        ("CHILDRECORD_HOST", "0.0.0.0", "CHILDRECORD_PUBLIC_URL: It is needed"),
        ("CHILDRECORD_TRUSTED_PROXIES", "10.0.0.300", "does not appear to be an IPv4 or IPv6 network"),
        ("CHILDRECORD_TLS_KEY", "/nowhere/key.pem", "There is no file '/nowhere/key.pem'"),
        ("CHILDRECORD_ACCESS", "/nowhere", "There is no folder '/nowhere'"),
        ("CHILDRECORD_DEMONSTRATION", "perhaps", "CHILDRECORD_DEMONSTRATION: Not a valid boolean"),
        ("CHILDRECORD_LOG_LEVEL", "loud", "CHILDRECORD_LOG_LEVEL: Must be one of"),
        ("CHILDRECORD_TOKEN_LIFETIME", "86400", "CHILDRECORD_TOKEN_LIFETIME: Must be"),
    ],
)
def test_a_bad_setting_stops_the_start_and_is_named(variable, value, told):
    with pytest.raises(BadSettings) as refusal:
        read({variable: value})
    assert told in str(refusal.value)


def test_every_fault_is_told_at_once():
    with pytest.raises(BadSettings) as refusal:
        read({"CHILDRECORD_PORT": "x", "CHILDRECORD_WORKERS": "0", "CHILDRECORD_NOTHING": "1"})
    assert len(refusal.value.faults) == 3


def test_one_tls_file_without_the_other_is_a_fault(tmp_path):
    key = tmp_path / "key.pem"
    key.touch()
    with pytest.raises(BadSettings, match="go together"):
        read({"CHILDRECORD_TLS_KEY": str(key)})


@pytest.mark.parametrize(
    "given",
    [
        {"CHILDRECORD_TERMINOLOGY_SERVER": "https://tx.example.org/fhir"},
        {"CHILDRECORD_TERMINOLOGY_SYSTEMS": "http://snomed.info/sct"},
    ],
)
def test_a_terminology_server_and_what_it_may_be_asked_about_go_together(given):
    with pytest.raises(BadSettings, match=r"TERMINOLOGY_SERVER and .*SYSTEMS go together"):
        read(given)


def test_http_is_accepted_where_the_operator_says_that_the_network_is_private():
    found = read({"CHILDRECORD_PUBLIC_URL": "http://record.internal/fhir", "CHILDRECORD_ALLOW_HTTP": "true"})
    assert found.public_url == "http://record.internal/fhir"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_http_is_accepted_on_this_machine(host):
    assert read({"CHILDRECORD_PUBLIC_URL": f"http://{host}:8000/fhir"}).issuer == f"http://{host}:8000"


def test_the_public_url_follows_the_port_if_it_is_not_given():
    assert read({"CHILDRECORD_PORT": "9001"}).public_url == "http://127.0.0.1:9001/fhir"


def test_an_empty_variable_is_one_that_is_not_set():
    assert read({"CHILDRECORD_PORT": ""}).port == 8000


def test_without_any_variable_the_demonstration_is_off():
    assert read({}).demonstration is False


@pytest.mark.parametrize(
    "url", ["postgresql://me:open-sesame@host/name", "postgresql://host/name?user=me&password=open-sesame"]
)
def test_a_password_is_masked_where_settings_are_shown(url):
    shown = [each.value for each in describe(read({"DATABASE_URL": url}))]
    assert any("***" in value for value in shown)
    assert not any("open-sesame" in value for value in shown)


def test_the_key_of_the_index_is_never_shown():
    shown = describe(read({"CHILDRECORD_INDEX_KEY": "ab" * 32}))
    assert [each.value for each in shown if each.name == "CHILDRECORD_INDEX_KEY"] == ["***"]


def test_every_setting_is_described():
    assert all(each.meaning for each in describe(read({})))
