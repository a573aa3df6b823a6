import socket

import pytest

from builders.errors import ConfigError
from builders.llm.addresses import check_address, is_third_party, proxy_for, route


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.0.0.1",
        "127.8.8.8",
        "[::1]",
        "10.1.2.3",
        "172.16.0.9",
        "172.31.255.1",
        "192.168.1.20",
        "169.254.10.1",
        "[fe80::1]",
        "[fd12::7]",
        "[::ffff:10.0.0.1]",
    ],
)
def test_loopback_private_and_link_local_addresses_are_not_third_parties(host):
    assert not is_third_party(f"http://{host}:8000/v1")


@pytest.mark.parametrize(
    "host",
    ["8.8.8.8", "172.32.0.1", "192.169.0.1", "[2606:4700::1]", "[::ffff:8.8.8.8]", "1.1.1.1"],
)
def test_public_addresses_are_third_parties(host):
    assert is_third_party(f"https://{host}/v1")


def _resolving_to(*addresses):
    def getaddrinfo(*_args, **_kwargs):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, 0)) for a in addresses]

    return getaddrinfo


def test_a_name_is_ours_only_when_all_its_addresses_are(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", _resolving_to("10.0.0.5", "192.168.0.5"))
    assert not is_third_party("http://gpu-box:8000/v1")
    monkeypatch.setattr(socket, "getaddrinfo", _resolving_to("10.0.0.5", "8.8.8.8"))
    assert is_third_party("http://gpu-box:8000/v1")


def test_what_cannot_be_resolved_is_a_third_party(monkeypatch):
    def fails(*_args, **_kwargs):
        raise socket.gaierror("Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    assert is_third_party("http://nowhere.example/v1")
    assert is_third_party("no address at all")


@pytest.mark.parametrize(
    "address", ["http://me:pass-word@host/v1", "https://host/v1?key=pass-word"]
)
def test_a_password_in_an_address_is_refused_without_showing_it(address):
    with pytest.raises(ConfigError) as caught:
        check_address(address)
    assert "address of host" in str(caught.value) and "pass-word" not in str(caught.value)


@pytest.mark.parametrize("address", ["localhost:8000/v1", "ftp://host/v1", "here"])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(ConfigError, match=r"is no address; expected http://HOST:PORT/v1"):
        check_address(address)


@pytest.mark.parametrize(
    "host",
    [
        *("192.0.2.7", "198.51.100.7", "203.0.113.7", "198.18.0.1", "240.0.0.1", "192.0.0.8"),
        *("100.64.0.1", "[2001:db8::1]", "[64:ff9b::a00:1]", "[2002:a00:1::]", "[100::1]"),
    ],
)
def test_what_is_reserved_or_for_documentation_is_not_ours(host):
    """`ipaddress` calls most of them private; whoever answers there is not on our network."""
    assert is_third_party(f"http://{host}/v1")


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "2130706433", "0x7f000001"])  # noqa: S104
def test_other_spellings_of_this_machine_are_ours(host):
    assert not is_third_party(f"http://{host}:8000/v1")


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://host:99999/v1", "its port is no number from 1 to 65535"),
        ("http://host:abc/v1", "its port is no number from 1 to 65535"),
        ("http://host:0/v1", "its port is 0"),
        ("http://[::1/v1", "a bracket of its IPv6 address is missing"),
        ("http://me:pass-word@[::1/v1", "a bracket of its IPv6 address is missing"),
        ("http://::1]:80/v1", "a bracket of its IPv6 address is missing"),
        ("http://[::g]:80/v1", "is no address"),
        ("http://host/v1 ", "is no address"),
        ("http:///v1", "is no address"),
    ],
)
def test_what_is_wrong_with_an_address_is_said(address, why):
    with pytest.raises(ConfigError) as caught:
        check_address(address, "--tts-base-url")
    line = str(caught.value)
    assert why in line and "correct --tts-base-url" in line and "\n" not in line
    assert "pass-word" not in line


def test_a_fragment_is_refused():
    with pytest.raises(ConfigError, match="has a part behind a #, which no server gets"):
        check_address("http://host/v1#frag")


def test_the_version_of_azures_deployments_is_taken():
    address = "https://a.openai.azure.com/openai/deployments/d?api-version=2024-10-21"
    check_address(address)
    asked = route(address)
    assert asked.api_version == "2024-10-21"
    assert asked.url("/chat/completions") == address.replace("?", "/chat/completions?")
    assert route("http://h/v1/") == ("http://h/v1", "", None)
    with pytest.raises(ConfigError, match="holds a user, a password or a query"):
        check_address(f"{address}&key=pass-word")


@pytest.mark.parametrize("proxy", ["socks5://p:1080", "http://p:99999", "ftp://me:pass-word@p"])
def test_a_proxy_of_another_kind_is_refused(monkeypatch, proxy):
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(ConfigError) as caught:
        proxy_for("https://8.8.8.8/v1")
    line = str(caught.value)
    assert "cannot be used; expected http://HOST:PORT or https://HOST:PORT" in line
    assert "pass-word" not in line and "NO_PROXY" in line
