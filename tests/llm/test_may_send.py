"""What may not be sent to a third party is not, unless whoever builds has a right of their own."""

from __future__ import annotations

import json
import os

import pytest
from builds import hearten, manifest, one_line_error
from wire import Proxy

CLOSED = ("build", "--corpus", "iemocap", "--sample", "--text-only", "--show", 0, "--limit", 3)
PUBLIC = "http://llm.public.example/v1"


@pytest.fixture
def proxy(endpoint, monkeypatch):
    """A forward proxy that leads to the endpoint, and is the environment's."""
    for name in os.environ:
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    with Proxy(endpoint.port) as running:
        monkeypatch.setenv("HTTP_PROXY", running.address)
        yield running


def build(tmp_path, *more, address=PUBLIC, corpus=CLOSED):
    asked = ("--model", "test-model", "--base-url", address)
    return hearten(*corpus, *asked, *more, cwd=tmp_path)


@pytest.mark.parametrize("client", ["aiohttp", "openai"])
def test_a_closed_corpus_goes_to_no_third_party_by_either_client(proxy, tmp_path, client):
    line = one_line_error(build(tmp_path, "--client", client))
    assert f"may not be sent to a third party such as {PUBLIC} (its card says no)" in line
    assert "or say --i-may-send iemocap if you have a right of your own" in line
    assert proxy.seen == []


@pytest.mark.parametrize("client", ["aiohttp", "openai"])
def test_a_closed_corpus_to_this_machine_does_not_pass_the_proxy(proxy, endpoint, tmp_path, client):
    ended = build(tmp_path, "--client", client, address=endpoint.base_url)
    assert ended.code == 0, ended.err
    assert endpoint.log()["count"] and proxy.seen == []


@pytest.mark.parametrize("client", ["aiohttp", "openai"])
def test_who_has_a_right_sends_it_and_that_is_recorded(proxy, tmp_path, client):
    ended = build(tmp_path, "--client", client, "--i-may-send", "IEMOCAP")
    assert ended.code == 0, ended.err
    assert proxy.seen and all(PUBLIC in first for first, _ in proxy.seen)
    folder = tmp_path / "output" / "iemocap-sample"
    assert manifest(folder)["result"]["config"]["may_send"] == ["iemocap"]
    assert json.loads((folder / "config.json").read_text())["may_send"] == ["iemocap"]


def test_a_right_is_for_the_corpus_that_it_names(proxy, tmp_path):
    ended = build(tmp_path, "--i-may-send", "mosei")
    assert "--i-may-send mosei is about another corpus" in one_line_error(ended)
    assert 'there is no corpus "nothing"' in one_line_error(
        build(tmp_path, "--i-may-send", "nothing")
    )
    assert proxy.seen == []


def test_among_all_corpora_a_right_is_for_one(proxy, tmp_path):
    every = ("build", "--corpus", "all", "--sample", "--text-only", "--show", 0, "--limit", 2)
    closed = ("iemocap", "mosei", "esd", "msp_podcast", "ravdess", "savee", "tess", "emodb")
    rights = [part for slug in closed for part in ("--i-may-send", slug)]
    line = one_line_error(build(tmp_path, *rights[:2], *rights[4:], corpus=every))
    assert "CMU-MOSEI" in line and "may not be sent to a third party" in line
    ended = build(tmp_path, *rights, corpus=every)
    assert ended.code == 0, ended.err
    told = {
        path.parent.name: json.loads(path.read_text())["result"]["config"].get("may_send")
        for path in (tmp_path / "output").glob("*/manifest.json")
    }
    assert told["iemocap-sample"] == ["iemocap"] and told["mosei-sample"] == ["mosei"]
    assert told["meld-sample"] is None
