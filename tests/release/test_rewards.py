"""Rewards: what our checks compute of responses, as trainers ask for them."""

from __future__ import annotations

import importlib.util

import pytest
from builds import hearten, one_line_error
from exporting import changed, lines, small_build
from minimal_pairs import member

import builders.release.export
from builders.release.export.options import Options
from builders.release.rewards import REWARDS, emotion, form, length, strategy, told, voice

KIND = "That sounds so hard, and I really feel for you."
SAD = changed(member(0, 1, "sadness"), desired_response={"strategies": ["empathetic_response"]})[0]
CALM = member(1, 1, "happiness")[0]
CALM["target_utterance"]["emotions"] |= {"root": "neutral", "primary": "neutral"}
CALM["target_utterance"]["emotions"] |= {"valence": "neutral"}


@pytest.mark.parametrize(
    ("reward", "good", "bad"),
    [
        (form, KIND, "You idiot, that sounds so hard."),
        (form, KIND, ""),
        (form, KIND, "**That** sounds so hard."),
        (length, KIND, "Hm."),
        (length, KIND, "That is hard, and so on. " * 20),
        (strategy, KIND, "Congratulations, well done, you did it!"),
        (emotion, "You sound so sad about it.", "You sound so happy about it."),
        (emotion, "What a surprise that was.", "You sound furious about it."),
        (voice, KIND, "Your voice is much lower in pitch today."),
    ],
)
def test_a_reward_tells_a_good_response_from_a_bad_one(reward, good, bad):
    row = told(SAD)
    high, low = reward([good, bad], [row, row])
    assert high == 1 and 0 <= low < 1


def test_completions_may_be_messages_and_columns_of_the_trainer_may_come_along():
    row = told(SAD)
    said = [[{"role": "assistant", "content": KIND}]]
    for reward in REWARDS:
        assert reward(said, [row], prompts=["x"], solution=["y"]) == reward([KIND], [row])


def test_no_feeling_is_to_be_named_to_a_voice_that_shows_none():
    assert voice(["You sound sad.", "I see."], [told(CALM)] * 2) == [0, 1]


def test_a_planned_length_counts():
    plan = {
        "strategies": ["validation"],
        "min_words": 3,
        "max_words": 5,
        "emotions": [],
        "by": "hash",
    }
    row = told({**SAD, "plan": plan})
    assert length(["I am with you.", "I am with you and so on and on."], [row, row])[0] == 1
    assert length(["I am with you and so on and on."], [row])[0] < 0.5


def test_an_export_has_the_plugin_and_its_column(tmp_path):
    folder = small_build(tmp_path / "trial", [member(0, 1, "sadness", reply=KIND)])
    done = builders.release.export.export(
        folder, tmp_path / "out", Options("trl", "grpo", rewards=True)
    )
    assert "--reward_funcs rewards.form rewards.length" in done.start
    spec = importlib.util.spec_from_file_location("rewards", tmp_path / "out" / "rewards.py")
    plugin = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(plugin)
    assert set(plugin.__all__) == {one.__name__ for one in REWARDS}
    (row,) = lines(tmp_path / "out" / "train.jsonl")
    assert plugin.form([row["solution"]], [row["checked"]]) == [1.0]


def test_rewards_need_grpo(tmp_path):
    folder = small_build(tmp_path / "trial", [member(0, 1, "sadness")])
    asked = ("--format", "trl", "--task", "sft", "--rewards", "--to", tmp_path / "out")
    assert "--task grpo" in one_line_error(hearten("export", folder, *asked))
