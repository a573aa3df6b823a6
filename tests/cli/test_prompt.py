"""`hearten prompt`: what would be sent is what is sent; what was sent is shown as it was."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from builds import hearten, samples
from looked_at import PLANNED, SOME, TEXT

from builders import resources
from builders.llm.request import key
from builders.pipeline.prompting import first_requests
from builders.settings import make_config
from builders.store.database import Store


def test_what_would_be_sent_is_what_is_sent(asked):
    here, bodies = asked
    ended = hearten("prompt", *TEXT, *PLANNED, "--model", "m", "--limit", 99, "--json", cwd=here)
    found = json.loads(ended.out)
    assert found["corpus"] == "meld" and len(found["prompts"]) == 31
    sent = [(body["messages"], body.get("seed"), body["temperature"]) for body in bodies]
    for one in found["prompts"]:
        sampling = one["sampling"]
        assert (one["messages"], sampling["seed"], sampling["temperature"]) in sent
        assert one["asks"] == "reply" and one["cached"] and one["schema"]["required"]


def test_a_prompt_is_shown_as_text_and_no_endpoint_is_asked(tmp_path):
    ended = hearten("prompt", *TEXT, *PLANNED, "meld-train-0-4", cwd=tmp_path)
    assert ended.code == 0 and not [*tmp_path.iterdir()]
    title, version, *rest = ended.out.splitlines()
    assert title == "=== meld-train-0-4: a reply of MODEL"
    assert (
        version.startswith("draft 2")
        and "temperature 0.8, top_p 1.0, max_tokens 400, seed" in version
    )
    assert rest[0] == "--- system" and "--- user" in rest and rest[-2] == "--- schema of the answer"
    assert "What this reply does, and nothing beside it" in ended.out
    assert json.loads(rest[-1])["type"] == "object"


# By option, what a prompt says with it and not without.
CHANGED = {
    "plan": (("--plan", "hash"), "What this reply does"),
    "cases": (("--demonstrations", "ours"), "Replies that were given elsewhere"),
    "persona": (("--persona", "addressee"), "You play one person of a conversation"),
    "version": (("--prompt-version", "1"), "draft 1"),
    "names": (("--real-names",), "Marta"),
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The prompt about one utterance with no option."""
    ended = hearten("prompt", *TEXT, "meld-train-0-4", cwd=tmp_path_factory.mktemp("plain"))
    assert ended.code == 0, ended.err
    return ended.out


@pytest.mark.parametrize("what", CHANGED)
def test_each_option_changes_the_prompt_as_it_does_in_a_build(tmp_path, plain, what):
    told, words = CHANGED[what]
    changed = hearten("prompt", *TEXT, "meld-train-0-4", *told, cwd=tmp_path)
    assert changed.code == 0 and words in changed.out and words not in plain


def test_the_targets_are_those_that_a_build_with_these_options_chooses(edited, tmp_path):
    told = (*SOME, "--limit", 99, "--leave-out", "seed")
    found = json.loads(hearten("prompt", *TEXT, *told, "--json", cwd=tmp_path).out)["prompts"]
    built = samples(edited / "output/b")
    assert {one["id"] for one in found} == {row["id"] for row in built} and len(built) > 4
    assert len(found) == len(built)
    assert all({"temperature", "top_p", "max_tokens"} == one["sampling"].keys() for one in found)


def test_only_what_is_drafted_again_is_asked_of_a_build_that_is(asked):
    here, _ = asked
    name = samples(here / "output/meld")[2]["id"]
    told = (*PLANNED, "--model", "m", "--name", "meld", "--redraft", name)
    (one,) = json.loads(hearten("prompt", *TEXT, *told, "--json", cwd=here).out)["prompts"]
    assert one["id"] == name and not one["cached"]


def test_what_a_model_tells_first_is_a_request_of_its_own(tmp_path):
    told = ("--background", "model", "--context-turns", 1, "--plan", "model")
    ended = hearten("prompt", *TEXT, *told, "meld-train-0-4", "--json", cwd=tmp_path)
    prompts = json.loads(ended.out)["prompts"]
    assert [one["asks"] for one in prompts] == ["summary", "plan", "reply"]
    assert prompts[-1]["after"] == ["summary", "plan"]
    text = hearten("prompt", *TEXT, *told, "meld-train-0-4", cwd=tmp_path).out
    assert "without the summary that is asked for first" in text


def test_each_attempt_is_shown_with_what_was_wrong(asked):
    here, bodies = asked
    with_errors = Counter(
        one["messages"][1]["content"] for one in bodies if len(one["messages"]) > 2
    )
    assert with_errors, "no answer was corrected"
    store = Store(str(here / "output/hearten.sqlite"), writes=False)
    rows = sorted(samples(here / "output/meld"), key=lambda row: row["drafting"]["attempts"])
    assert rows[-1]["drafting"]["attempts"] > 1
    for row in (rows[0], rows[-1]):
        told = hearten("prompt", "output/meld", row["id"], "--json", cwd=here)
        found = json.loads(told.out)
        assert found["id"] == row["id"] and found["rejected"] is None
        assert len(found["requests"]) >= row["drafting"]["attempts"]
        (taken,) = [one for one in found["requests"] if one["is_reply"]]
        assert taken["request_key"] == row["drafting"]["request_key"]
        assert taken["messages"] == store.messages(taken["request_key"]).messages
        assert json.loads(taken["answer"]["text"])["text"] == row["desired_response"]["text"]
        assert all(
            attempt["build"] == "meld" for one in found["requests"] for attempt in one["attempts"]
        )
    store.close()
    text = hearten("prompt", "output/meld", rows[-1]["id"], cwd=here).out
    assert "=== request 2, to m" in text and "messages as above" in text
    assert ": ok 200" in text and text.count("--- answer") == len(found["requests"])


def test_the_key_that_is_shown_is_that_of_the_request(tmp_path):
    config = make_config(
        corpus="meld",
        source=str(_sample()),
        name="x",
        output=tmp_path,
        text_only=True,
        limit=2,
        drafters=("m",),
        base_urls=("http://127.0.0.1:9/v1",),
    )
    found = [*first_requests(config)]
    assert len(found) == 2 and all(one.key == key(one.request) for one in found)


def _sample():
    return resources.corpora() / "meld" / "sample"
