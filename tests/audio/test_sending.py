"""Which clips a model is sent, and as what."""

from __future__ import annotations

import hashlib
import io
import wave

import pytest
from audio.voices import spoken

from builders.audio.clip_format import as_wav, length_findings
from builders.audio.decode import as_flac, pcm_digest


def test_a_wav_has_the_very_samples_of_the_clip():
    pcm = spoken(140.0, 0.7)
    with wave.open(io.BytesIO(as_wav(as_flac(pcm)))) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, 16000)
        samples = sound.readframes(sound.getnframes())
    assert hashlib.sha256(samples).hexdigest() == pcm_digest(pcm)


@pytest.mark.parametrize(
    ("seconds", "longest", "detail"),
    [
        (30.0, 30.0, None),
        (30.1, 30.0, "longer than the limit of 30 s"),
        (0.05, 30.0, "shorter than 0.1 s"),
        (900.0, None, None),
    ],
)
def test_a_clip_is_sent_whole_or_said_not_to_be(seconds, longest, detail):
    found = [*length_findings(seconds, longest)]
    assert [(f.code, f.value) for f in found] == ([("not_heard", seconds)] if detail else [])
    assert not detail or found[0].detail.startswith(detail)
