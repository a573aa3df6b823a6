"""Finding the object in an answer: each way in which models wrap one, and what is none."""

import pytest

from builders.llm.objects import find_object, has_object, loads_anyhow, storable

SCHEMA = {
    "type": "object",
    "required": ["text", "awareness"],
    "properties": {
        "text": {"type": "string"},
        "awareness": {"type": "object", "properties": {"act": {"type": "string"}}},
    },
}
PLAIN = '{"text": "It\'s {late}.", "awareness": {"act": "names"}}'
OBJECT = {"text": "It's {late}.", "awareness": {"act": "names"}}
AROUND, SEVERAL = "a code fence or text around the object", "several objects"
THOUGHTS = "thoughts before the answer"


def _in_a_string(text):
    return '"' + text.replace('"', '\\"') + '"'


@pytest.mark.parametrize(
    ("text", "left_out"),
    [
        (PLAIN, []),
        (f"\n  {PLAIN}\n\n", []),
        (f"<think>\nThey want {{JSON}}.\n</think>\n\n{PLAIN}", [THOUGHTS]),
        (f"They don't say why.</THINKING>{PLAIN}", [THOUGHTS]),
        (f'<think>First {{"text": "no"}}. Then\n{PLAIN}', ["the thoughts alone", AROUND, SEVERAL]),
        (f"Sure:\n\n```json\n{PLAIN}\n```\n\nAnything else? I'm {{here}}.", [AROUND]),
        (f"```JSON\n{PLAIN}```", [AROUND]),
        (f"{PLAIN}\n{PLAIN}", [SEVERAL]),
        (f'{{"example": 1}} {PLAIN}', [SEVERAL]),
        (f"[{PLAIN}]", [AROUND]),
        (_in_a_string(PLAIN), ["JSON in a JSON string"]),
        (f'{{"reply": {PLAIN}}}', ["inside 'reply'"]),
        (f'{{"reply": {PLAIN}, "why": "It fits."}}', ["inside 'reply'"]),
        (f'{{"output": {{"replies": [{PLAIN}]}}}}', ["inside 'output'", "inside 'replies'"]),
        (f'{{"reply": {_in_a_string(PLAIN)}}}', ["inside 'reply'"]),
        (PLAIN.replace('"text"', '"Text"').replace('"act"', '"ACT"'), ["Text", "ACT"]),
        (PLAIN.replace('"}}', '",},}'), ["a comma before a closing bracket"]),
        (str(OBJECT), ["a Python dict"]),
    ],
)
def test_an_object_is_read_wherever_it_stands(text, left_out):
    found = find_object(text, SCHEMA)
    assert found is not None and found.document == OBJECT
    assert [one["from"] for one in found.coercions] == left_out


def test_a_line_break_in_a_string_is_read():
    found = find_object('{"text": "One\ntwo.", "awareness": {}}', SCHEMA)
    assert found is not None and found.document["text"] == "One\ntwo."
    assert found.coercions[0]["from"] == "a line break in a string"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Blue.",
        "7",
        "null",
        "[]",
        PLAIN[:-1],
        f"<think>{PLAIN[:-1]}",
        "{reply}",
        '{"a": ' * 20_000,
    ],
)
def test_what_has_no_end_is_no_object(text):
    assert find_object(text, SCHEMA) is None
    assert not has_object(text)


def test_without_all_names_the_first_object_is_what_can_be_corrected():
    found = find_object('{"text": 7} {"other": 1}', SCHEMA)
    assert found is not None and found.document == {"text": 7}


@pytest.mark.parametrize(
    "content",
    [
        b'{"a": "b"}',
        b'\xef\xbb\xbf{"a": "b"}',
        '{"a": "b"}'.encode("utf-16"),
    ],
)
def test_a_body_is_read_in_every_encoding_of_json(content):
    assert loads_anyhow(content) == {"a": "b"}


@pytest.mark.parametrize("content", [b"", b"<html>", b'{"a": ', b"\xff\xff", b"[" * 100_000])
def test_a_body_that_is_no_json_is_one_error(content):
    with pytest.raises(ValueError):
        loads_anyhow(content)


def test_half_a_character_and_nul_are_replaced():
    loaded = loads_anyhow(b'{"a": "Oh \\ud83d\\u0000."}')
    assert isinstance(loaded, dict) and storable(loaded["a"]) == "Oh \ufffd\ufffd."
