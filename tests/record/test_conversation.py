"""A record as messages, and the instruction that goes with it."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
from invented import clip, full_record, record

from builders import resources
from builders.errors import LabelError
from builders.record.messages import instruction, instructions, messages


def turn(speaker: str | None, text: str, role: str = "other") -> dict[str, Any]:
    return {
        "id": f"meld-dev-1-{text[:3]}",
        "speaker": speaker,
        "role": role,
        "text": text,
        "emotion": None,
        "audio_sha256": None,
        "gap_seconds": None,
        "flags": None,
    }


def multi_party() -> dict[str, Any]:
    sample = record(1, clip())
    sample["text_context"] = [turn("Ada", "Is it late?"), turn("Bo", "Ask\n the captain.")]
    sample["target_utterance"]["speaker"]["id"] = "Cleo"
    return sample


def test_all_earlier_turns_and_the_utterance_are_one_user_turn():
    assert messages(multi_party(), instruction="Answer.", system="Be kind.") == [
        {"role": "system", "content": "Be kind."},
        {
            "role": "user",
            "content": "Earlier: Ada: Is it late? / Bo: Ask the captain.\n"
            "Now: Cleo: <audio>\nAnswer.",
        },
        {
            "role": "assistant",
            "content": "What a lovely surprise, and well earned after all that rowing!",
        },
    ]


def test_a_text_record_shows_the_words_where_the_clip_would_be():
    sample = record()
    shown = messages(sample, instruction=None, system=None)
    assert shown[0] == {"role": "user", "content": sample["target_utterance"]["text"]}


def test_without_a_mark_a_spoken_record_takes_its_written_form():
    shown = messages(multi_party(), instruction=None, system=None, mark=None)
    assert shown[0]["content"].endswith("Now: Cleo: The boat left at 1 and nobody waved.")


def test_the_situation_stands_first():
    sample = full_record()
    content = messages(sample, instruction=None, system=None)[0]["content"]
    assert content.splitlines()[0] == "Scene: Two people at a pier."


def test_earlier_segments_of_one_speaker_bear_no_names():
    sample = multi_party()
    sample["source"]["context"] = "same_speaker"
    content = messages(sample, instruction=None, system=None)[0]["content"]
    assert content == "Earlier: Is it late? / Ask the captain.\nNow: <audio>"


def test_a_speaker_without_a_name_is_called_by_the_role():
    sample = record()
    sample["target_utterance"]["speaker"]["id"] = None
    sample["text_context"] = [turn(None, "Yes?", "assistant"), turn(None, "Hm.", "user")]
    content = messages(sample, instruction=None, system=None)[0]["content"]
    assert content.startswith("Earlier: Assistant: Yes? / Speaker: Hm.\nNow: Speaker: The boat")


@pytest.mark.parametrize(
    ("given", "shown"), [("Ses01_F", "Other"), ("386", "Other"), ("Nurse #2", "Nurse #2")]
)
def test_a_code_is_no_name(given, shown):
    sample = record()
    sample["text_context"] = [turn(given, "Yes?")]
    content = messages(sample, instruction=None, system=None)[0]["content"]
    assert content.startswith(f"Earlier: {shown}: Yes?")


def test_earlier_turns_that_are_heard_have_a_mark_too():
    sample = multi_party()
    heard = {sample["text_context"][1]["id"]}
    content = messages(sample, instruction=None, system=None, heard=heard)[0]["content"]
    assert content == "Earlier: Ada: Is it late? / Bo: <audio>\nNow: Cleo: <audio>"


@pytest.mark.parametrize("mark", ["<audio>", None])
def test_voice_words_follow_the_utterance_when_asked_for(mark):
    sample = full_record()
    with_words = messages(sample, instruction=None, system=None, mark=mark, voice_words=True)
    without = messages(sample, instruction=None, system=None, mark=mark)
    assert with_words[0]["content"] == f"{without[0]['content']} (higher than usual)"


@pytest.mark.parametrize("form", ["spoken", "written"])
def test_instructions_are_many_unique_and_well_formed(form):
    texts = instructions(form)
    assert len(texts) >= 50
    assert max(Counter(re.sub(r"\W+", " ", text.lower()) for text in texts).values()) == 1
    for text in texts:
        assert re.fullmatch(r"[A-Z][A-Za-z',;. -]+[.?]", text), text
        assert 3 <= len(text.split()) <= 20, text
        assert "  " not in text, text


def test_written_instructions_speak_of_no_sound():
    sound = re.compile(r"\b(hear|heard|listen|voice|tone of|clip|recording|sounds?)\b", re.I)
    # Listening, and what someone hears in words, are figures of speech.
    found = {text for text in instructions("written") if sound.search(text)}
    assert found == {"Respond so that the speaker feels heard."}


def test_an_instruction_depends_on_the_id_alone_and_all_are_used():
    ids = [f"meld-train-{n}-0" for n in range(2000)]
    chosen = [instruction(one, spoken=True) for one in ids]
    assert chosen == [instruction(one, spoken=True) for one in ids]
    counts = Counter(chosen)
    assert set(counts) == set(instructions("spoken"))
    assert max(counts.values()) < 3 * 2000 / len(counts)


@pytest.mark.parametrize(
    ("table", "words"),
    [("text\nBe kind.\nBe kind.\n", "'Be kind.'"), ("text\n \n", "no rows"), ("text\n", "no rows")],
)
def test_a_broken_table_of_instructions_is_one_line(tmp_path, monkeypatch, table, words):
    (tmp_path / "instructions").mkdir()
    (tmp_path / "instructions" / "odd.tsv").write_text(table)
    monkeypatch.setattr(resources, "prompts", lambda: tmp_path)
    with pytest.raises(LabelError, match=words):
        instructions("odd")
