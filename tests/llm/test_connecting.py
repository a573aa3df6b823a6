"""What is said where no answer comes of a connection: one true line each, from both clients."""

from __future__ import annotations

import socket

import orjson
import pytest
from asking import BOTH, KEY, Memory, ask, error_of
from endpoint.answers import answer
from wire import Proxy, Told, certificate, http

from builders.errors import EndpointError
from builders.llm import transport as transport_module
from builders.llm.addresses import proxy_for
from builders.llm.connecting import LeftOwnNetworkError, failure_of
from builders.llm.providers.openai_http import over_aiohttp

PUBLIC = "http://api.public.example/v1"
PAGE = b"<!DOCTYPE html><html><body>Sign in</body></html>"
BROTLI = b"\x0b\x02\x80abc\x03"


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch, quick):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def pem(tmp_path_factory):
    return certificate(tmp_path_factory.mktemp("tls"))


def line_of(address: str, transport: str) -> str:
    """Return the one line that the first request to an address ends with."""
    error = error_of(address, memory=Memory(), transport=transport)
    assert isinstance(error, EndpointError), error
    line = str(error)
    assert "\n" not in line and "is the server running?" not in line
    return line


ANSWERS = {
    "redirect": (
        http(
            "308 Permanent Redirect", b"", "Location: https://me:pw@b.example/v2/chat/completions"
        ),
        "it redirects to https://b.example/v2 (HTTP 308), which is not followed; "
        "write that into --base-url if it is right",
    ),
    "redirect to nowhere": (http("302 Found"), "it redirects, and does not say where to"),
    "page": (
        http("200 OK", PAGE, "Content-Type: text/html"),
        "a web page came in place of an answer; correct --base-url, mostly ending in /v1",
    ),
    "brotli": (
        http("200 OK", BROTLI, "Content-Encoding: br"),
        "and cannot be read here; pip install Brotli",
    ),
    "no gzip": (
        http("200 OK", b"no gzip at all", "Content-Encoding: gzip"),
        "its answer is compressed as",
    ),
    "headers": (
        http("200 OK", b"{}", "X-Long: " + "a" * 200_000),
        "a line of its headers is longer than 65,536 bytes",
    ),
    "half": (
        b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"cho',
        "its answer breaks off in the middle",
    ),
    "half a chunk": (
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100\r\n{"cho',
        "its answer breaks off in the middle",
    ),
    "closed": (
        b"",
        "it closes the connection without an answer; see its log, and whether it is a server for "
        "https:// instead of http://",
    ),
    "nginx": (
        http("400 Bad Request", b"<html>The plain HTTP request was sent to HTTPS port</html>"),
        "it speaks TLS there; write https:// in --base-url",
    ),
    "Go": (
        http("400 Bad Request", b"Client sent an HTTP request to an HTTPS server.\n"),
        "it speaks TLS there; write https:// in --base-url",
    ),
}


@BOTH
@pytest.mark.parametrize("kind", ANSWERS)
def test_an_answer_that_is_none_is_told_as_what_it_is(kind, transport):
    says, expected = ANSWERS[kind]
    with Told(says) as server:
        line = line_of(server.address, transport)
        assert line.startswith(f"{server.address} cannot be used: ") and expected in line
        assert "pw" not in line


@BOTH
def test_headers_of_more_than_8_kb_are_taken(transport):
    def says(_, body):
        schema = orjson.loads(body)["response_format"]["json_schema"]["schema"]
        text = orjson.dumps(answer(schema, "x", False)).decode()
        said = {"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}
        return http("200 OK", orjson.dumps(said), "X-Policy: " + "a" * 9_000)

    with Told(says) as server:
        (outcome,), _ = ask(server.address, memory=Memory(), transport=transport)
    assert outcome.outcome == "ok"


@BOTH
def test_a_certificate_that_nobody_knows_is_named_and_can_be_trusted(transport, pem, monkeypatch):
    with Told(http("404 Not Found", b"{}"), pem) as server:
        line = line_of(server.address, transport)
        assert f"{server.address} cannot be used: its certificate is not trusted (self-sign" in line
        assert line.endswith("with the certificate of who signed it in SSL_CERT_FILE")
        monkeypatch.setenv("SSL_CERT_FILE", str(pem.with_name("missing.pem")))
        assert "missing.pem, where no file is)" in line_of(server.address, transport)
        monkeypatch.setenv("SSL_CERT_FILE", str(pem.with_name("cert.pem")))
        assert "there is no /chat/completions (HTTP 404)" in line_of(server.address, transport)


@BOTH
def test_a_certificate_for_another_name_is_told(transport, tmp_path, monkeypatch):
    other = certificate(tmp_path, "DNS:elsewhere.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    with Told(b"", other) as server:
        line = line_of(server.address, transport)
    assert "mismatch" in line and "write the name that the certificate is for into" in line


@BOTH
def test_tls_where_plain_http_is_spoken_and_the_reverse(transport, pem):
    with Told(http("200 OK", b"{}")) as plain:
        line = line_of(plain.address.replace("http:", "https:"), transport)
        assert "it speaks no TLS there, but maybe plain HTTP; write http:// in --base-url" in line
    with Told(b"", pem) as server:
        line = line_of(server.address.replace("https:", "http:"), transport)
        assert "https:// instead of http://" in line


@BOTH
def test_a_name_that_is_not_known_is_told(transport):
    line = line_of("http://no-such-name.invalid/v1", transport)
    assert "no machine of the name no-such-name.invalid is known; correct --base-url" in line


@BOTH
@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_public_hosts_are_asked_through_the_proxy(transport, variable, monkeypatch):
    with Told(http("404 Not Found", b"{}")) as server, Proxy(server.port) as proxy:
        monkeypatch.setenv(variable, proxy.address.replace("//", "//me:pass@"))
        assert "there is no /chat/completions (HTTP 404)" in line_of(PUBLIC, transport)
    assert proxy.seen[0][0].startswith(f"POST {PUBLIC}/chat/completions")
    assert any("Proxy-Authorization: Basic" in head for head in proxy.heads)
    assert not any("roxy-Auth" in head for head in server.heads)


@BOTH
def test_tls_to_public_hosts_is_tunnelled(transport, tmp_path, monkeypatch):
    pem = certificate(tmp_path, "DNS:api.public.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    with Told(http("404 Not Found", b"{}"), pem) as server, Proxy(server.port) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.address)
        line = line_of("https://api.public.example/v1", transport)
    assert "(HTTP 404)" in line
    assert {first for first, _ in proxy.seen} == {"CONNECT api.public.example:443 HTTP/1.1"}
    assert server.bodies and not any(body for _, body in proxy.seen)


@BOTH
def test_nothing_of_ones_own_network_is_sent_to_the_proxy(transport, monkeypatch):
    with Told(http("404 Not Found", b"{}")) as server, Proxy(server.port) as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.address)
        for host in ("127.0.0.1", "localhost"):
            line_of(f"http://{host}:{server.port}/v1", transport)
    assert proxy.seen == [] and len(server.bodies) >= 2


@BOTH
def test_a_host_in_no_proxy_is_asked_directly(transport, monkeypatch):
    with Proxy() as proxy:
        monkeypatch.setenv("http_proxy", proxy.address)
        monkeypatch.setenv("no_proxy", "localhost,.public.example")
        assert "no machine of the name api.public.example" in line_of(PUBLIC, transport)
        assert proxy.seen == []


@BOTH
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_is_wrong_with_a_proxy_is_told(transport, scheme, monkeypatch):
    address, variable = f"{scheme}://api.public.example/v1", f"{scheme.upper()}_PROXY"
    with Proxy(refuses="407 Proxy Authentication Required") as proxy:
        monkeypatch.setenv(variable, proxy.address)
        line = line_of(address, transport)
        assert "wants a name and a password; put them into HTTP_PROXY or HTTPS_PROXY" in line
    # A port that is taken and not listened to, which nobody else gets meanwhile.
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{held.getsockname()[1]}"
        monkeypatch.setenv(variable, dead)
        line = line_of(address, transport)
    assert f"the proxy {dead} does not answer; correct {variable}" in line
    assert "or name api.public.example in NO_PROXY" in line


def test_a_proxy_that_refuses_a_tunnel_is_told(monkeypatch):
    with Proxy(refuses="403 Forbidden") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.address)
        line = line_of("https://api.public.example/v1", over_aiohttp)
    assert f"the proxy {proxy.address} does not let it through (HTTP 403)" in line


@BOTH
def test_one_of_azures_deployments_is_asked_as_it_wants_to_be(transport):
    with Told(http("404 Not Found", b"{}")) as server:
        line_of(f"{server.address}/openai/deployments/d?api-version=2024-10-21", transport)
    head = server.heads[0].lower()
    path = "/v1/openai/deployments/d/chat/completions?api-version=2024-10-21"
    assert head.startswith(f"post {path} http/1.1")
    assert f"\napi-key: {KEY}" in head and "\nauthorization" not in head


def test_a_name_of_ones_own_network_that_leaves_it_is_not_asked(monkeypatch):
    """What a name means may change between the decision to send and the sending."""
    with Told(http("404 Not Found", b"{}")) as server:
        monkeypatch.setattr(transport_module, "is_third_party", lambda _: False)
        real = socket.getaddrinfo

        def elsewhere(host, port, *args, **more):
            if host == "gpu-box":
                return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", port or 0))]
            return real(host, port, *args, **more)

        monkeypatch.setattr(socket, "getaddrinfo", elsewhere)
        line = line_of(f"http://gpu-box:{server.port}/v1", over_aiohttp)
    assert "its name was of your own network, and now leads to 8.8.8.8" in line
    failure = failure_of(LeftOwnNetworkError("gone"), "http://a/v1", None)
    assert failure.kind == "wrong_address"


def test_which_proxy_an_address_has(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")
    assert proxy_for("https://8.8.8.8/v1") == "http://proxy.example:3128"
    assert proxy_for("http://8.8.8.8/v1") is None
    assert proxy_for("https://10.0.0.1/v1") is None
    assert proxy_for("https://192.0.2.7/v1") == "http://proxy.example:3128"
