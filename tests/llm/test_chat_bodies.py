import numpy as np
import orjson
import pytest
from endpoint.clips import clips_in, text_of

from builders.audio.decode import as_flac, pcm_digest
from builders.llm.providers.openai_chat.answer import answer_text
from builders.llm.providers.openai_chat.body import (
    AUDIO,
    MODES,
    ChatCapabilities,
    body,
)
from builders.llm.request import AudioInput, NarrowedSchema, Request, key

DOCUMENT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["text"],
    "properties": {"text": {"type": "string", "minLength": 1}},
}
REQUEST = Request(
    "a-model",
    ({"role": "system", "content": "Listen."}, {"role": "user", "content": "It rained."}),
    NarrowedSchema(DOCUMENT),
    None,
    0.8,
    0.9,
    400,
    7,
    "meld-dev-0-1",
    0,
)
SENT = REQUEST.schema.sent


def _body(dialect):
    return orjson.loads(orjson.dumps(body(REQUEST, ChatCapabilities(dialect))))


def test_every_dialect_carries_the_same_question():
    for dialect in MODES:
        sent = _body(dialect)
        assert sent["model"] == "a-model" and sent["messages"][-1]["content"] == "It rained."
        assert (sent["temperature"], sent["top_p"], sent["seed"]) == (0.8, 0.9, 7)
        assert sent["max_tokens"] == 400


def test_json_schema_is_strict():
    form = _body("json_schema")["response_format"]
    assert form == {
        "type": "json_schema",
        "json_schema": {"name": "reply", "schema": SENT, "strict": True},
    }


def test_json_object_carries_the_schema_as_llama_cpp_wants_it():
    assert _body("json_object")["response_format"] == {"type": "json_object", "schema": SENT}


def test_the_tool_is_forced():
    sent = _body("tool")
    assert sent["tools"][0]["function"]["parameters"] == SENT
    assert sent["tool_choice"] == {"type": "function", "function": {"name": "reply"}}
    assert "response_format" not in sent


def test_the_prompt_holds_the_schema_and_changes_nothing_else():
    sent = _body("prompt")
    assert not {"response_format", "tools", "tool_choice"} & sent.keys()
    system, user = sent["messages"]
    assert system["content"].startswith("Listen.")
    assert REQUEST.schema.sent_text in system["content"]
    assert user == {"role": "user", "content": "It rained."}
    assert REQUEST.messages[0]["content"] == "Listen."


def test_a_prompt_without_a_system_message_gets_one():
    alone = Request("m", REQUEST.messages[1:], REQUEST.schema, None, 0.8, 1.0, 9, 1, "x", 0)
    system, user = body(alone, ChatCapabilities("prompt"))["messages"]
    assert system["role"] == "system" and REQUEST.schema.sent_text in system["content"]
    assert user == REQUEST.messages[1]


@pytest.mark.parametrize(
    ("complaint", "adapted"),
    [
        (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
            "'max_completion_tokens' instead.",
            ChatCapabilities(limit="max_completion_tokens"),
        ),
        (
            "Unsupported value: 'temperature' does not support 0.8 with this model.",
            ChatCapabilities(without=("temperature",)),
        ),
        ("Unknown parameter: 'seed'.", ChatCapabilities(without=("seed",))),
        (
            "`temperature` and `top_p` cannot both be specified for this model.",
            ChatCapabilities(without=("top_p",)),
        ),
        ("max_tokens is too large: 400. At most 128 completion tokens.", None),
        ("messages must not be empty", None),
    ],
)
def test_a_refused_field_is_renamed_or_left_out(complaint, adapted):
    assert ChatCapabilities().adapted(complaint) == adapted


def test_what_is_left_out_is_not_sent():
    sent = body(REQUEST, ChatCapabilities("tool", "max_completion_tokens", ("seed", "temperature")))
    assert sent["max_completion_tokens"] == 400 and sent["top_p"] == 0.9
    assert not {"max_tokens", "seed", "temperature"} & sent.keys()


def test_the_length_of_an_answer_is_never_left_without_a_limit():
    understood = ChatCapabilities(limit="max_completion_tokens")
    assert understood.adapted("Unsupported parameter: 'max_completion_tokens'.") is None


def test_what_was_learnt_can_be_remembered():
    understood = ChatCapabilities("tool", "max_completion_tokens", ("seed",))
    assert ChatCapabilities.loads(understood.dumps()) == understood


@pytest.mark.parametrize(
    ("dialect", "message", "text"),
    [
        ("json_schema", {"content": '{"text": "Oh."}'}, '{"text": "Oh."}'),
        ("json_schema", {"content": None}, ""),
        ("json_schema", {"content": "```json\n{}\n```"}, "```json\n{}\n```"),
        (
            "json_schema",
            {"content": [{"type": "thinking"}, {"type": "text", "text": "{}"}]},
            "{}",
        ),
        ("prompt", {"content": '```json\n{"a": 1}\n```'}, '```json\n{"a": 1}\n```'),
        ("json_schema", {"content": "", "reasoning": '{"a": 1}'}, '<think>{"a": 1}'),
        ("json_schema", {"content": "", "reasoning": "Hm."}, ""),
        ("prompt", {"content": "{}"}, "{}"),
        (
            "tool",
            {"content": None, "tool_calls": [{"function": {"name": "reply", "arguments": "{}"}}]},
            "{}",
        ),
        ("tool", {"content": '{"text": "Oh."}'}, '{"text": "Oh."}'),
        ("tool", {"content": None, "tool_calls": []}, ""),
    ],
)
def test_the_answer_is_found_where_the_dialect_puts_it(dialect, message, text):
    assert answer_text(message, dialect) == text


PCM = (np.sin(np.arange(4000)) * 9000).astype(np.int16)
SOUND = AudioInput(as_flac(PCM), pcm_digest(PCM), 0.25)
CORRECTED = Request(
    "a-model",
    (
        *REQUEST.messages,
        {"role": "assistant", "content": "{}"},
        {"role": "user", "content": "Again."},
    ),
    *(REQUEST.schema, None, 0.8, 0.9, 400, 7, "meld-dev-0-1", 1),
).with_audio(SOUND)


@pytest.mark.parametrize("dialect", MODES)
@pytest.mark.parametrize("audio", AUDIO)
def test_a_clip_goes_into_the_first_message_of_the_user_sample_by_sample(audio, dialect):
    sent = orjson.loads(orjson.dumps(body(CORRECTED, ChatCapabilities(dialect, audio=audio))))
    clip, said = sent["messages"][1]["content"]
    assert clip["type"] == audio and said == {"type": "text", "text": "It rained."}
    assert [c.digest for c in clips_in(sent, [audio])] == [SOUND.sha256_pcm]
    assert sent["messages"][2:] == [*CORRECTED.messages[2:]]
    assert text_of(sent["messages"][0]).startswith("Listen.")
    assert (SENT["type"] in text_of(sent["messages"][0])) == (dialect == "prompt")


def test_the_key_has_the_digest_of_a_clip_and_nothing_shows_its_bytes():
    heard = REQUEST.with_audio(SOUND)
    other = REQUEST.with_audio(AudioInput(SOUND.flac, "0" * 64, 0.25))
    encoded_otherwise = REQUEST.with_audio(AudioInput(b"", SOUND.sha256_pcm, 0.25))
    assert len({key(REQUEST), key(heard), key(other)}) == 3
    assert key(encoded_otherwise) == key(heard)
    assert heard.audio_sha256 == SOUND.sha256_pcm
    assert "fLaC" not in repr(heard)


def test_what_was_learnt_of_an_endpoint_before_it_was_sent_clips_is_still_good():
    old = '{"dialect": "tool", "limit": "max_tokens", "without": ["seed"]}'
    assert ChatCapabilities.loads(old) == ChatCapabilities("tool", without=("seed",))
    known = ChatCapabilities("tool", audio="audio_url")
    assert ChatCapabilities.loads(known.dumps()) == known
