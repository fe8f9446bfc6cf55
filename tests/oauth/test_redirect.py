"""https://www.rfc-editor.org/rfc/rfc9700#section-2.1 and https://www.rfc-editor.org/rfc/rfc8252#section-7.3"""

import pytest

from server.oauth import redirect

REGISTERED = (
    "https://app.example/cb",
    "https://app.example/cb?x=1",
    "http://127.0.0.1/cb",
    "http://[::1]:8080/cb",
    "http://localhost:9000/cb",
    "org.example.app:/cb",
)


@pytest.mark.parametrize(
    "uri", [*REGISTERED, "http://127.0.0.1:51004/cb", "http://127.0.0.1:1/cb", "http://[::1]:9/cb"]
)
def test_a_registered_uri_is_known_and_so_is_any_port_of_a_loopback_address(uri):
    assert redirect.is_registered(uri, REGISTERED)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "https://app.example/cb/",
        "https://app.example/CB",
        "https://app.example/cb?x=2",
        "https://app.example/cb?x=1&y=2",
        "https://app.example/cb#x",
        "https://app.example:443/cb",
        "https://app.example/cb/../cb",
        "https://app.example.evil/cb",
        "https://app.example@evil/cb",
        "http://app.example/cb",
        "HTTPS://app.example/cb",
        "http://localhost:9001/cb",
        "http://127.0.0.1:51004/other",
        "http://127.0.0.1:51004/cb?x=1",
        "http://127.0.0.1:51004/cb?",
        "http://127.0.0.1:51004/cb#",
        "http://user@127.0.0.1:51004/cb",
        "http://127.0.0.1:80@evil/cb",
        "http://127.0.0.1:80\\@evil/cb",
        "http://127.0.0.1:port/cb",
        "http://127.0.0.2:80/cb",
        "https://127.0.0.1:51004/cb",
        "http://127.0.0.1:51004/cb\n",
        "org.example.app:/cb/x",
        "org.example.app://cb",
    ],
)
def test_anything_else_is_not(uri):
    assert not redirect.is_registered(uri, REGISTERED)


@pytest.mark.parametrize(
    "uri", ["https://app.example/cb", "http://localhost:3000/", "http://127.0.0.1/cb", "org.example.app:/cb"]
)
def test_an_app_may_register_its_own_page_its_own_device_or_its_own_scheme(uri):
    assert redirect.fault(uri) is None


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "/cb",
        "app.example/cb",
        "http://app.example/cb",
        "https://app.example/cb#x",
        "https://user@app.example/cb",
        "https://*.example/cb",
        "https:///cb",
        "javascript:alert(1)",
        "data:text/html,x",
        "myapp:/cb",
        "https://app.example/ cb",
        "https://app.example/é",
    ],
)
def test_what_may_be_anybodys_cannot_be_registered(uri):
    assert redirect.fault(uri)


@pytest.mark.parametrize("host", ["evil.example;script-src", "a.example,b", "a'b", 'a"b', "*.example", "a$b"])
def test_a_host_says_nothing_to_the_policy_of_a_page_that_names_it(host):
    assert redirect.fault(f"https://{host}/cb")
    assert redirect.web_fault(f"https://{host}/")
