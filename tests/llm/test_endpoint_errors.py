import asyncio
import time
import traceback
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from types import SimpleNamespace

import pytest
from asking import BOTH, KEY, Memory, a_request, ask, error_of
from endpoints import TestEndpoint

from builders.errors import ConfigError, EndpointError
from builders.llm.router import open_models
from builders.llm.served import api_key
from builders.llm.settings import KEY_VARIABLES, Limits, ModelSettings


@BOTH
def test_a_wrong_key_is_named_by_its_variable_and_never_shown(endpoint, transport):
    endpoint.control(api_key="another")
    error = error_of(endpoint.base_url, transport=transport)
    assert isinstance(error, EndpointError)
    assert str(error) == (
        f"the key was refused (HTTP 401) in {endpoint.base_url}; set HEARTEN_API_KEY or "
        "OPENAI_API_KEY to a key that may use this model"
    )
    assert endpoint.log()["count"] == 1


class Parrot(BaseHTTPRequestHandler):
    """Refuses every request and repeats its key, as some servers do."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        said = f'{{"error": {{"message": "What is {self.headers["Authorization"]}?"}}}}'.encode()
        self.send_response(400)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_):
        pass


@BOTH
def test_a_key_that_a_server_repeats_goes_no_further(transport):
    with HTTPServer(("127.0.0.1", 0), Parrot) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        error = error_of(f"http://127.0.0.1:{server.server_port}/v1", transport=transport)
        server.shutdown()
    assert "every request is refused (HTTP 400: What is Bearer ***?)" in str(error)


def test_a_forbidden_model_says_so(endpoint):
    endpoint.control(faults=[{"kind": "forbidden"}])
    assert "the key was refused (HTTP 403)" in str(error_of(endpoint.base_url))


@BOTH
def test_a_missing_model_is_answered_with_those_there_are(endpoint, transport):
    endpoint.control(models=[f"model-{letter}" for letter in "lkjihgfedcba"])
    error = error_of(endpoint.base_url, model="gone", transport=transport)
    assert isinstance(error, EndpointError)
    offered = ", ".join(f"model-{letter}" for letter in "abcdefghij")
    assert str(error) == (
        f"there is no model gone in {endpoint.base_url}; expected one of {offered}; "
        "name one with --model"
    )


@BOTH
def test_an_endpoint_that_is_down_is_reported_soon(transport):
    with TestEndpoint() as gone:
        base_url = gone.base_url
    started = time.monotonic()
    error = error_of(base_url, transport=transport)
    assert isinstance(error, EndpointError) and time.monotonic() - started < 10
    assert f"nothing answers at {base_url}" in str(error)
    assert "is the server running?" in str(error)


def test_an_address_without_v1_is_told_what_is_expected(endpoint):
    error = error_of(endpoint.base_url.removesuffix("/v1"), memory=Memory())
    assert isinstance(error, EndpointError)
    assert "there is no /chat/completions (HTTP 404)" in str(error)
    assert "mostly ending in /v1" in str(error)


def test_a_web_page_instead_of_an_endpoint_is_a_wrong_address(endpoint):
    endpoint.control(faults=[{"kind": "html"}])
    error = error_of(endpoint.base_url, memory=Memory())
    assert isinstance(error, EndpointError) and "mostly ending in /v1" in str(error)


@BOTH
def test_a_redirect_is_not_followed_as_it_could_lead_to_a_third_party(endpoint, transport):
    endpoint.control(faults=[{"kind": "redirect", "at": [1]}])
    error = error_of(endpoint.base_url, transport=transport)
    assert isinstance(error, EndpointError) and "(HTTP 307)" in str(error)
    assert endpoint.log()["count"] == 1


def test_an_endpoint_that_refuses_everything_ends_the_build(endpoint):
    endpoint.control(faults=[{"kind": "bad_request"}])
    requests = [a_request(f"Day {number}.") for number in range(12)]
    outcomes, _ = ask(endpoint.base_url, requests=requests)
    assert {type(outcome) for outcome in outcomes} == {EndpointError}
    assert str(outcomes[0]) == (
        "every request is refused (HTTP 400: This request makes no sense.) in "
        f"{endpoint.base_url}; see what the server says, and whether the model takes "
        "/chat/completions"
    )


def _open_config(**settings):
    """Open the servers of a model, which checks the key."""
    model = ModelSettings(model="test-model", **settings)

    async def main():
        memory = SimpleNamespace(store=Memory())
        async with open_models([model], None, memory, Limits(), None, None):
            pass

    asyncio.run(main())


@pytest.mark.parametrize("key", [f"{KEY}\nX-Other: 1", f"{KEY}€"])
def test_a_key_that_cannot_be_sent_is_refused_without_showing_it(monkeypatch, key):
    monkeypatch.setenv("HEARTEN_API_KEY", key)
    with pytest.raises(ConfigError) as caught:
        _open_config(base_urls=("http://127.0.0.1:1/v1",))
    shown = "".join(traceback.format_exception(caught.value))
    assert "HEARTEN_API_KEY or OPENAI_API_KEY" in shown and KEY not in shown


def test_a_line_break_after_the_key_does_no_harm(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", f"{KEY}\n")
    assert api_key(KEY_VARIABLES) == KEY
