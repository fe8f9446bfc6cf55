"""No URL of somebody else's leads into the network that this server stands in."""

import ipaddress

import pytest

from server.address import Guard, NotAdmitted

INTERNAL = (ipaddress.ip_network("10.1.0.0/16"),)


@pytest.mark.parametrize(
    "url",
    [
        "https://8.8.8.8/hook", "https://hook.example.org", "https://hook.example.org:8443/a?b=c",
        "https://[2606:4700::1111]/", "https://10.1.2.3/hook",
    ],
)  # fmt: skip
def test_what_is_outside_or_named_may_be_asked(url):
    assert Guard(INTERNAL).parsed(url).geturl() == url


@pytest.mark.parametrize(
    "url",
    [
        "http://hook.example.org", "ftp://hook.example.org", "https:///hook", "hook", "", "https://",
        "http://127.0.0.1/", "https://127.0.0.1/", "http://localhost/", "https://localhost/", "https://[::1]/",
        "https://0.0.0.0/", "https://[::]/", "https://10.2.0.1/", "https://192.168.0.1/", "https://172.16.9.9/",
        "https://169.254.169.254/latest/meta-data", "https://[fe80::1]/", "https://[fd00::1]/",
        "https://100.64.0.1/", "https://224.0.0.1/", "https://[ff02::1]/",
        # IPv4 in other clothes.
        "https://[::ffff:127.0.0.1]/", "https://[::ffff:10.2.0.1]/", "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/", "https://2130706433/", "https://127.1/", "https://0177.0.0.1/",
        "https://user:secret@hook.example.org/", "https://hook.example.org/#part", "https://hook example/",
        "https://hook.example.org:port/", "https://hook.exa\nmple.org/", "https://hööks.example.org/",
    ],
)  # fmt: skip
def test_what_is_inside_or_no_url_may_not(url):
    with pytest.raises(NotAdmitted):
        Guard(INTERNAL).parsed(url)


def test_one_address_that_may_not_be_asked_is_enough():
    with pytest.raises(NotAdmitted):
        Guard().admit("https", ["8.8.8.8", "10.2.0.1"])
    assert Guard().admit("https", ["8.8.8.8"]) == ["8.8.8.8"]


@pytest.mark.parametrize("guard", [Guard(loopback=True), Guard((ipaddress.ip_network("127.0.0.0/8"),))])
def test_this_machine_may_be_asked_without_tls_where_it_is_allowed(guard):
    assert guard.parsed("http://127.0.0.1:9000/hook")
    assert guard.parsed("http://localhost:9000/hook")
    with pytest.raises(NotAdmitted):
        guard.parsed("http://10.1.2.3/hook")
