"""What was sent is kept once, beside its answer, and can be shown as it was."""

import json

import pytest
import sqlalchemy as sa
from builds import hearten, manifest
from endpoints import TestEndpoint

from builders.store.clips import ClipFiles
from builders.store.database import Answer, Attempt, RequestRow, Store
from builders.store.forget import forget, known
from builders.store.messages import MessageSizes, Sent
from builders.store.tables import message_parts, request_messages

SYSTEM = "Listen to the other person. " * 40
BUILD = ("build", "--corpus", "meld", "--sample", "--text-only", "--show", "0")


def said(user, audio=None):
    return Sent([("system", SYSTEM), ("user", user)], audio)


def shown(sent):
    return [{"role": role, "content": content} for role, content in sent.messages]


def save(store, key, sent, record_id="meld-train-1-0"):
    asked = RequestRow(key, record_id, 0, "a-model", "draft 1", sent)
    attempt = Attempt(key, "a-model", "http://x", "ok")
    store.save([asked], {key: Answer("ok", "text")}, [("a-build", attempt)])


def count(store, table):
    with store.engine.connect() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table))


def test_a_text_is_kept_once_and_comes_back_as_it_was(store):
    texts = [f"«{n}» 🙂 tab\t nul-free \r\n" for n in range(100)]
    for n, text in enumerate(texts):
        save(store, f"k{n}", said(text, "a" * 64 if n == 7 else None))
    assert (count(store, message_parts), count(store, request_messages)) == (101, 100)
    for n, text in enumerate(texts):
        prompt = store.messages(f"k{n}")
        assert prompt.messages == shown(said(text))
        assert prompt.audio_sha256 == ("a" * 64 if n == 7 else None)
        assert (prompt.record_id, prompt.prompt_version) == ("meld-train-1-0", "draft 1")
    asked = sum(len(SYSTEM.encode()) + len(text.encode()) for text in texts)
    assert (store.kept.requests, store.kept.bytes) == (100, asked)
    assert 0 < store.kept.kept < asked / 10


def test_what_is_kept_already_is_not_counted_again(store):
    save(store, "k", said("words"))
    once = store.kept
    save(store, "k", said("words"))
    assert store.kept == once
    save(store, "other", said("words"))
    assert store.kept == once + MessageSizes(1, once.bytes, 0)


def test_a_request_whose_messages_are_not_kept_has_none(store):
    save(store, "k", None)
    assert store.messages("k") is None and store.messages("unknown") is None
    assert store.kept == MessageSizes()


@pytest.fixture
def endpoint():
    with TestEndpoint(any_model=True, keep_bodies=True) as running:
        yield running


def test_the_messages_read_back_are_those_that_the_endpoint_got(endpoint, tmp_path):
    model = ("--model", "test-model", "--base-url", endpoint.base_url, "--vote-model", "test-model")
    built = hearten(*BUILD, *model, "--output", tmp_path, "--name", "one", "--limit", "5")
    assert built.code == 0, built.err
    got = [body["messages"] for body in endpoint.log()["bodies"]]
    with Store(str(tmp_path / "hearten.sqlite")).engine.connect() as connection:
        keys = [*connection.scalars(sa.text('SELECT "key" FROM requests'))]
    store = Store(str(tmp_path / "hearten.sqlite"))
    kept = [store.messages(key).messages for key in keys]
    assert len(kept) >= 10
    for messages in kept:
        assert messages in got
    sizes = manifest(tmp_path / "one")["run"]["messages"]
    assert sizes["requests"] == len(keys)
    assert f"messages of {MessageSizes(**sizes)}" in built.out
    found = json.loads(hearten("store", "status", "--output", tmp_path, "--json").out)
    assert found["messages"] == sizes
    assert (
        f"messages of {MessageSizes(**sizes)}"
        in hearten("store", "status", "--output", tmp_path).out
    )


def test_nothing_is_kept_of_what_the_phrase_tables_are_asked(tmp_path):
    built = hearten(*BUILD, "--output", tmp_path, "--name", "one")
    assert built.code == 0 and "messages of" not in built.out
    store = Store(str(tmp_path / "hearten.sqlite"))
    assert count(store, request_messages) == 0


def test_words_quoted_about_others_of_a_dialogue_are_forgotten_too(store, tmp_path):
    words = "nobody else ever said zanzibarquartz"
    save(store, "mine", said(words))
    save(store, "beside", said(f"before it: {words}"), "meld-train-1-1")
    save(store, "apart", said("something else"), "meld-train-2-0")
    forget(store, ["meld-train-1-0"], ClipFiles(tmp_path / "clips"), dry_run=False)
    assert store.messages("mine") is None and store.messages("beside") is None
    assert store.held(["beside"]) and not store.held(["mine"])
    assert store.messages("apart").messages == shown(said("something else"))
    assert count(store, message_parts) == 2


def test_one_who_is_only_quoted_is_known_and_forgotten(store, tmp_path):
    save(store, "beside", said("their words"), "meld-train-1-1")
    assert known(store, ["meld-train-1-5", "meld-train-2-5"]) == {"meld-train-1-5"}
    forget(store, ["meld-train-1-5"], ClipFiles(tmp_path / "clips"), dry_run=False)
    assert count(store, message_parts) == 0 and store.held(["beside"])
