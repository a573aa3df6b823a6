import copy
import json
from typing import Any

import pytest

from builders.errors import ConfigError
from builders.pipeline.imported import adopt
from builders.record.schema import validator, violations

RECORD = {
    "id": "pier 7-b",
    "audio": {"path": "clips/7.wav"},
    "text_context": [
        {"speaker": "user", "text": "They gave me the lead in the play."},
        {"speaker": "ASSISTANT", "text": "Since when have you known?"},
        {"speaker": "Jon", "text": "Since lunch."},
    ],
    "target_utterance": {
        "text": "I can't stop smiling, honestly.",
        "emotions": {"primary": "Thrilled", "secondary": "proud"},
    },
    "desired_response": {
        "reply": "The lead, and told over lunch! What is the first thing you want to try on stage?",
        "responseStrategy": "Congratulations_then_exploration",
        "emotionAwareness": "celebrates_thrilled_and_pride",
    },
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the record with one field set, or removed where the value is ...."""
    record = copy.deepcopy(RECORD)
    *parents, last = path.split(".")
    node: Any = record
    for name in parents:
        node = node[int(name)] if isinstance(node, list) else node[name]
    if value is ...:
        del node[last]
    else:
        node[last] = value
    return record


def test_the_owners_sample_record_becomes_a_valid_record(real_data):
    given = json.loads((real_data / "source" / "sample_record.json").read_text("utf-8"))
    sample = adopt(given)
    assert violations(validator("sample"), sample) == []
    response = sample["desired_response"]
    assert response["response_strategy"] == "validation_then_open_ended_questioning"
    assert response["strategies"] == ["validation", "open_ended_questioning"]
    assert response["emotion_awareness"] == "acknowledges_disappointment_and_frustration"
    assert response["text"] == given["desired_response"]["text"]
    assert len(response["text"].split()) == 44
    emotions = sample["target_utterance"]["emotions"]
    assert (emotions["primary"], emotions["secondary"]) == ("disappointment", "frustration")
    assert [turn["role"] for turn in sample["text_context"]] == ["user", "assistant"]


def test_other_words_for_the_same_become_a_valid_record_and_are_recorded():
    sample = adopt(RECORD)
    assert violations(validator("sample"), sample) == []
    assert sample["id"] == "imported-all-pier%207%2Db-3"
    assert [turn["role"] for turn in sample["text_context"]] == ["user", "assistant", "other"]
    emotions = sample["target_utterance"]["emotions"]
    assert (emotions["primary"], emotions["secondary"]) == ("excitement", "pride")
    assert sample["desired_response"]["response_strategy"] == "celebration_then_inquiry"
    assert sample["desired_response"]["emotion_awareness"] == "celebrates_excitement_and_pride"
    rewritten = {c["from"]: c["to"] for c in sample["drafting"]["coercions"]}
    assert rewritten["reply"] == "text"
    assert rewritten["Thrilled"] == "excitement"
    assert rewritten["proud"] == "pride"
    assert rewritten["exploration"] == "inquiry"


def test_what_an_imported_record_does_not_say_is_null_and_never_allowed():
    sample = adopt(RECORD)
    assert sample["audio"] is None
    assert sample["audio_info"]["findings"][0]["detail"] == "clips/7.wav"
    assert sample["desired_response"]["emotion"] is None
    assert sample["annotation"]["source"] is None
    assert sample["drafting"]["request_key"] is None
    assert set(sample["rights"].values()) == {"unknown"}


def test_an_unknown_emotion_names_the_word_the_known_ones_and_the_file_to_edit():
    with pytest.raises(ConfigError) as raised:
        adopt(changed("target_utterance.emotions.secondary", "glumpy"))
    line = str(raised.value)
    assert "unknown secondary emotion 'glumpy' in record 'pier 7-b'" in line
    assert "happiness, sadness, anger" in line
    assert "add an alias to label_maps/emotion/_aliases.tsv" in line


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("id", ..., "\"id\" is a required property in record 'without id'"),
        ("target_utterance", ..., '"target_utterance" is a required property'),
        ("target_utterance.text", ..., 'target_utterance: "text" is a required property'),
        ("target_utterance.emotions", "sad", "target_utterance.emotions: "),
        ("target_utterance.emotions.primary", ..., '"primary" is a required property'),
        ("text_context.1.text", "", "text_context.1.text: "),
        ("desired_response", ..., '"desired_response" is a required property'),
        ("desired_response.reply", ..., '"text" is a required property'),
        ("desired_response.reply", "Great!", "it has 1 words"),
        ("desired_response.responseStrategy", "dancing", 'strategies.0: "dancing" is not one of'),
        ("desired_response.emotionAwareness", "names_rage", "awareness.emotions.0: "),
    ],
)
def test_a_record_that_cannot_be_taken_in_says_which_and_where(path, value, words):
    with pytest.raises(ConfigError) as raised:
        adopt(changed(path, value))
    assert words in str(raised.value)
    assert "in record " in str(raised.value)
    assert "fix that field" in str(raised.value) or "change the reply" in str(raised.value)
