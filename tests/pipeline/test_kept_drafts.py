"""Drafts and routes that are kept: a rebuild writes no prompt again and trusts nothing stale."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from builds import result_bytes, samples
from endpoints import TestEndpoint
from invented import SAD, target, utterance

from builders import resources
from builders.pipeline import kept_routes
from builders.pipeline.run import build_dataset
from builders.record.dataset import Build
from builders.record.types import Clip, Turn
from builders.safety.routing import route
from builders.store.database import Store
from builders.tasks.reply import kept_drafts
from builders.tasks.reply.asking import ReplyPrompts
from builders.tasks.reply.kept_drafts import KeptDrafts

CLIP = Clip(b"flac", "a" * 64, 16000, 1.0, "a.wav", "b" * 64)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[TestEndpoint]:
    with TestEndpoint(any_model=True) as running:
        yield running


def build(name: str, output: Path, endpoint: TestEndpoint) -> Build:
    asked = {"model": "a-model", "base_urls": (endpoint.base_url,), "text_only": True}
    return build_dataset("meld", sample=True, name=name, output=output, **asked)


@pytest.fixture(scope="module")
def first(endpoint: TestEndpoint, tmp_path_factory: pytest.TempPathFactory) -> Build:
    """A build of MELD's sample in a store of its own."""
    return build("first", tmp_path_factory.mktemp("output"), endpoint)


@pytest.fixture
def output(first: Build, tmp_path: Path) -> Path:
    """A folder with the store of the first build."""
    shutil.copy(first.folder.parent / "hearten.sqlite", tmp_path)
    return tmp_path


def told(build: Build) -> list[object]:
    """What a build says of itself, whoever wrote the prompts."""
    run = build.manifest["run"]
    return [result_bytes(build.folder), run["cost_of_answers"]]


def changed(output: Path, statement: str) -> int:
    with closing(sqlite3.connect(output / "hearten.sqlite")) as store, store:
        return store.execute(statement).rowcount


def test_a_rebuild_writes_no_prompt_and_has_the_same_bytes(first, output, endpoint, monkeypatch):
    met = []
    monkeypatch.setattr(ReplyPrompts, "first", lambda *_: met.append(1))
    monkeypatch.setattr(kept_routes, "routed", lambda one, _: met.append(one))
    again = build("first", output, endpoint)
    assert told(again)[0] == told(first)[0] and told(again)[1] == told(first)[1]
    assert again.manifest["run"]["requests"] == 0
    # Only what is not normal is routed again.
    assert all(route(one.utterance.text).codes for one in met)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE key_values SET key = 'x' || key WHERE kind IN ('draft', 'routed')",
        "UPDATE key_values SET value = CAST('x' || value AS BLOB) WHERE kind = 'routed'",
    ],
)
def test_what_is_kept_under_other_digests_counts_for_nothing(first, output, endpoint, statement):
    assert changed(output, statement)
    again = build("first", output, endpoint)
    assert told(again) == told(first) and again.manifest["run"]["requests"] == 0


def test_a_draft_without_its_answers_is_asked_for_again(output, endpoint):
    assert changed(output, "DELETE FROM answers WHERE key = (SELECT min(key) FROM answers)") == 1
    assert build("again", output, endpoint).manifest["run"]["requests"] == 1


def test_a_draft_does_not_count_beside_other_answers(output, endpoint):
    said = '\'{"text": "That sounds like a long day.", "emotion": "neutral", '
    said += '"strategies": ["validation"], "awareness": {"act": "tells", "emotions": ["joy"]}}\''
    statement = f"UPDATE answers SET text = {said} WHERE key = (SELECT min(key) FROM answers)"
    assert changed(output, statement) == 1
    again = build("again", output, endpoint)
    texts = [record["desired_response"]["text"] for record in samples(again.folder)]
    assert "That sounds like a long day." in texts or again.manifest["run"]["requests"]


OTHER = {
    "split": "test",
    "utterance": utterance(2),
    "emotions": SAD,
    "background": "They are at sea.",
    "turns": [Turn(utterance(1), "user", None, None)],
    "reference": utterance(3),
    "clip": CLIP,
}


@pytest.mark.parametrize("name", [*OTHER])
def test_whatever_is_known_of_a_target_is_in_the_digest(name):
    kept = KeptDrafts({"a": 1})
    one = target(1)
    assert kept.digest(one) == kept.digest(target(1))
    assert kept.digest(replace(one, **{name: OTHER[name]})) != kept.digest(one)


def test_the_build_is_in_the_digest():
    assert KeptDrafts({"a": 2}).digest(target(1)) != KeptDrafts({"a": 1}).digest(target(1))


def test_the_digest_of_a_clip_is_that_of_its_sound():
    kept, one = KeptDrafts({}), target(1, clip=CLIP)
    assert kept.digest(target(1, clip=replace(CLIP, flac=b"other"))) == kept.digest(one)
    assert kept.digest(target(1, clip=replace(CLIP, sha256_pcm="c" * 64))) != kept.digest(one)


def test_what_has_no_digest_is_not_kept():
    assert KeptDrafts({}).digest(target(1, summary=object())) is None
    assert KeptDrafts({}).digest(target(1, background="\ud800")) is None


def test_a_changed_template_makes_every_draft_stale(tmp_path, monkeypatch):
    before = kept_drafts.templates_digest()
    shutil.copytree(resources.prompts(), tmp_path / "prompts")
    with (tmp_path / "prompts/draft/user.j2").open("a") as stream:
        stream.write("\n")
    monkeypatch.setattr(resources, "content_root", lambda: tmp_path)
    assert kept_drafts.templates_digest.__wrapped__() != before


def test_a_route_is_kept_for_the_same_turns_and_corpus_only(store: Store):
    grave, plain = utterance(1, text="I want to kill myself."), utterance(2)
    lines = [target(4, utterance=one) for one in (grave, plain)]
    lines.append(target(4, utterance=plain, turns=[Turn(grave, "user", None, None)]))
    routes = kept_routes.KeptRoutes(store, "meld", "en")
    expected = [routes.routed(one).safety for one in lines]
    assert [one.route for one in expected] == ["crisis", "normal", "crisis"]
    routes.save()
    again = kept_routes.KeptRoutes(store, "meld", "en")
    assert len(again._known) == 1 and [again.routed(one).safety for one in lines] == expected
    assert len(kept_routes.KeptRoutes(store, "meld", "de")._known) == 0
    other = target(4, utterance=utterance(2, language="xx"))
    assert again.routed(other).safety.route == "unknown_language"
