"""Cases chosen by what they mean: static embeddings, and what is said where they are missing."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest
from builds import hearten, one_line_error, samples
from endpoints import TestEndpoint
from invented import HAPPY, target, utterance

from builders.errors import ConfigError
from builders.tasks.reply.demonstrations import Demonstration, Demonstrations
from builders.tasks.reply.meaning import PACKAGE, open_meaning

needs_weights = pytest.mark.skipif(
    importlib.util.find_spec(PACKAGE) is None,
    reason="the extra show-near is not installed",
)
SAID = {
    "dog": "My puppy learnt to fetch a stick!",
    "job": "They gave me the promotion at the office!",
    "boat": "We sailed across the whole bay!",
}


def cases() -> list[Demonstration]:
    reply = "Hooray, that is worth a cake!"
    return [
        Demonstration(
            name, "happiness", "happiness", None, (), said, ("celebration",), "happiness", reply
        )
        for name, said in SAID.items()
    ]


@needs_weights
@pytest.mark.parametrize(
    ("text", "nearest"),
    [("A kitten is moving in!", "dog"), ("I start at the new firm with more pay.", "job")],
)
def test_the_nearest_in_meaning_comes_first_without_a_word_in_common(text, nearest):
    subject = target(1, HAPPY, utterance=utterance(1, text=text))
    index, by = open_meaning()
    near = Demonstrations(cases(), "here", index, by)
    assert near.shown(subject, "assistant", 0)[0].id == nearest
    assert near.document["by"] == by and by.startswith(f"{PACKAGE} ")
    assert near.digest == Demonstrations(cases(), "here").digest


@needs_weights
def test_those_equally_near_come_in_turn_and_nearness_is_between_0_and_1():
    index, _ = open_meaning()
    same = index(["The boat is here."] * 5)
    found = list(same.nearest("The boat is here.", 3))
    assert [number for number, _ in found] == [3, 4, 0, 1, 2]
    assert {nearness for _, nearness in found} == {1.0}
    assert all(0 <= nearness <= 1 for _, nearness in same.nearest("Why not?", 0))


@needs_weights
def test_a_build_keeps_what_its_cases_were_chosen_by_and_goes_on_so_alone(tmp_path: Path):
    with TestEndpoint(any_model=True) as endpoint:
        told = ("build", "--corpus", "meld", "--sample", "--text-only", "--emotion", "sadness")
        told += ("--model", "m", "--base-url", endpoint.base_url, "--output", tmp_path)
        told += ("--demonstrations", "ours", "--demonstrations-by")
        ended = hearten(*told, "meaning")
        assert ended.code == 0, ended.err
        line = one_line_error(hearten(*told, "words", "--limit", 500))
        assert "demonstrations_by" in line
    kept = json.loads((tmp_path / "meld-sample/fits/demonstrations.json").read_text())
    assert kept["by"].startswith(PACKAGE) and kept["origin"] == "ours"
    assert all(len(row["demonstrations"]["ids"]) > 1 for row in samples(tmp_path / "meld-sample"))


def test_without_the_extra_one_line_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, PACKAGE, None)
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "meta_path", [])
    with pytest.raises(ConfigError, match=r'not installed; pip install "hearten\[show-near\]"'):
        open_meaning()


def test_a_way_to_choose_without_anything_to_choose_from_is_refused(tmp_path: Path):
    told = ("--model", "m", "--base-url", "http://127.0.0.1:9/v1", "--output", tmp_path)
    ended = hearten(
        "build", "--corpus", "meld", "--sample", *told, "--demonstrations-by", "meaning"
    )
    assert ended.code == 2
    assert "--demonstrations-by is given, and no demonstrations are shown" in one_line_error(ended)
