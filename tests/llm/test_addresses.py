import socket

import pytest

from builders.errors import ConfigError
from builders.llm.addresses import check_address, is_third_party


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
