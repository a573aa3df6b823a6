"""What was learnt of a server is kept in stores under the names that released versions gave it."""

from __future__ import annotations

import pytest

from builders.llm.providers.openai_chat.body import ChatCapabilities
from builders.llm.providers.openai_speech import SpeechCapabilities

CHAT = '{"dialect":"tool","limit":"max_completion_tokens","without":["seed"],"audio":"audio_url"}'


@pytest.mark.parametrize(
    ("stored", "known"),
    [
        (CHAT, ChatCapabilities("tool", "max_completion_tokens", ("seed",), "audio_url")),
        ('{"format":"flac","styled":false}', SpeechCapabilities("flac", styled=False)),
    ],
)
def test_stored_capabilities_are_read_and_written_as_before(stored, known):
    assert type(known).loads(stored) == known
    assert known.dumps() == stored


def test_what_an_earlier_version_did_not_know_has_its_default():
    stored = '{"dialect":"prompt","limit":"max_tokens","without":[]}'
    assert ChatCapabilities.loads(stored) == ChatCapabilities("prompt")
