"""Builds with a synthetic voice: utterances of text-only corpora, and replies."""

import hashlib
import io
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import soundfile
from builds import (
    command,
    environment,
    hearten,
    manifest,
    one_line_error,
    rejected,
    result_bytes,
    samples,
)
from exporting import lines
from tts.speech_server import SAYS_INSTEAD, SpeechServer

from builders import resources
from builders.audio import onnx_models
from builders.audio.asr import Transcriber, word_error_rate
from builders.audio.decode import read_bytes
from builders.corpora import load_card
from builders.errors import ConfigError
from builders.record.schema import validator, violations
from builders.settings import make_config
from builders.tts import hibari
from builders.tts.opening import check

# Whole builds, spoken and read back: with the slow ones.
pytestmark = pytest.mark.slow


def build(corpus, output, *more, **env):
    return hearten("build", "--corpus", corpus, "--sample", "--output", output, *more, **env)


def spoken_with(server, *more):
    return ("--tts", "loud-1", "--tts-base-url", server.base_url, *more)


def pcm_digest(flac):
    pcm, rate = soundfile.read(io.BytesIO(flac), dtype="int16")
    assert rate == 16000 and pcm.ndim == 1
    return hashlib.sha256(pcm.astype("<i2").tobytes()).hexdigest()


def held_again(record):
    """Return a record as it is validated: sound by name only."""
    clips = ("audio", "reply_audio")
    return record | {n: record[n] and {**record[n], "bytes": None} for n in clips}


@pytest.fixture(scope="module")
def spoken(tmp_path_factory):
    """Two text-only corpora spoken, one of them with its replies, and replies beside real clips."""
    output = tmp_path_factory.mktemp("spoken")
    for corpus, *options in (
        ("emowoz", "--speak"),
        ("empathetic_dialogues", "--speak", "--speak-replies", "--limit", "8"),
        ("meld", "--speak-replies", "--limit", "8"),
    ):
        ended = build(corpus, output, *options)
        assert ended.code == 0, ended.err
    return output


# Utterances


@pytest.mark.parametrize("corpus", ["emowoz", "empathetic_dialogues"])
def test_an_utterance_without_sound_is_spoken_and_says_that_it_is_synthetic(spoken, corpus):
    records = samples(spoken / f"{corpus}-sample")
    assert len(records) >= 8
    heard = Transcriber()
    for record in records:
        info = record["audio_info"]
        assert info["origin"] == "synthetic"
        assert info["sha256_pcm"] == info["synthesis"]["sha256_pcm"]
        assert info["sha256_pcm"] == pcm_digest(record["audio"]["bytes"])
        assert info["synthesis"]["engine"].startswith("hibari-tts 0.")
        assert info["synthesis"]["voice"] == "heart" and info["synthesis"]["style"] is None
        assert info["source_file"] is None and info["source_sha256"] is None
        assert record["audio"]["path"] == f"{record['id']}.flac"
    said = read_bytes(records[0]["audio"]["bytes"], "speech")
    rate = word_error_rate(records[0]["target_utterance"]["text"], heard.transcribe(said))
    assert rate == pytest.approx(records[0]["audio_info"]["synthesis"]["word_error_rate"], abs=1e-4)


@pytest.mark.parametrize("field", ["voice", "contrast", "audio_contribution"])
def test_a_synthetic_voice_may_say_nothing_of_emotion(spoken, field):
    record = held_again(samples(spoken / "emowoz-sample")[0])
    assert record[field] is None and not violations(validator("sample"), record)
    anything = {
        "voice": {
            **{"descriptors": [], "reference": "none", "words": None},
            **{"caption": None, "reliable": False},
        },
        "contrast": {"group": None, "role": None, "twin_of": []},
        "audio_contribution": {"text_votes": 1, "audio_votes": 1.0, "class": "unsupported"},
    }
    assert violations(validator("sample"), {**record, field: anything[field]})


def test_the_prompt_and_so_the_draft_does_not_depend_on_the_voice(spoken, tmp_path):
    assert build("emowoz", tmp_path).code == 0
    silent = samples(tmp_path / "emowoz-sample")
    assert [one["drafting"] for one in silent] == [
        one["drafting"] for one in samples(spoken / "emowoz-sample")
    ]


def test_a_corpus_with_voices_of_its_own_is_not_spoken(tmp_path):
    ended = build("meld", tmp_path, "--speak")
    assert ended.code == 1
    line = one_line_error(ended)
    assert "already has recorded voices" in line and "use --speak-replies" in line
    assert not (tmp_path / "meld-sample").exists()


# Replies


def test_a_reply_is_spoken_beside_the_clip_of_a_person(spoken):
    records = samples(spoken / "meld-sample")
    assert manifest(spoken / "meld-sample")["result"]["speech"]["replies"] == {"spoken": 8}
    for record in records:
        reply = record["desired_response"]
        assert record["audio_info"]["origin"] == "acted" and record["voice"]
        assert record["reply_audio"]["path"] == f"{record['id']}.reply.flac"
        assert pcm_digest(record["reply_audio"]["bytes"]) == reply["synthesis"]["sha256_pcm"]
        assert reply["synthesis"]["word_error_rate"] is not None
    heard = Transcriber().transcribe(read_bytes(record["reply_audio"]["bytes"], "speech"))
    assert word_error_rate(reply["text"], heard) < 0.3


def test_speech_is_the_same_whatever_the_threads_and_is_not_made_twice(spoken, tmp_path):
    shutil.copy(spoken / "hearten.sqlite", tmp_path)
    shutil.copytree(spoken / "clips", tmp_path / "clips")
    options = ("--speak", "--speak-replies", "--limit", "8", "--workers", "1")
    # A voice that cannot be loaded shows that none is.
    ended = build("empathetic_dialogues", tmp_path, *options, HIBARI_HOME="/nowhere")
    assert ended.code == 0, ended.err
    name = "empathetic_dialogues-sample"
    assert result_bytes(tmp_path / name) == result_bytes(spoken / name)
    assert "replies: 8 spoken" in ended.out
    other = tmp_path / "other"
    assert build("empathetic_dialogues", other, *options[:4], "--workers", "3").code == 0
    assert result_bytes(other / name) == result_bytes(spoken / name)


def test_what_is_written_loads_with_its_speech(spoken, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    from datasets import Audio, load_dataset

    shards = sorted(map(str, (spoken / "empathetic_dialogues-sample" / "data").glob("train-*")))
    data = load_dataset("parquet", data_files=shards, split="train", cache_dir=str(tmp_path))
    assert data.features["reply_audio"] == Audio(sampling_rate=16000)
    features = data.features.copy()
    features["audio"] = features["reply_audio"] = Audio(decode=False)
    row = data.cast(features)[0]
    reply = row["desired_response"]
    assert pcm_digest(row["reply_audio"]["bytes"]) == reply["synthesis"]["sha256_pcm"]
    assert pcm_digest(row["audio"]["bytes"]) == row["audio_info"]["sha256_pcm"]


def test_an_export_puts_the_spoken_reply_where_the_model_speaks(spoken, tmp_path):
    folder = spoken / "meld-sample"
    chat = ("export", folder, "--format", "chat", "--profile", "qwen2.5-omni", "--reply-audio")
    ended = hearten(*chat, "--to", tmp_path / "chat")
    assert ended.code == 0, ended.err
    built = {record["id"]: record for record in samples(folder)}
    rows = [row for path in tmp_path.glob("chat/t*.jsonl") for row in lines(path)]
    assert rows
    for row in rows:
        *_, user, assistant = row["messages"]
        assert [block["type"] for block in user["content"]].count("audio") == 1
        text, sound = assistant["content"]
        reply = built[row["id"]]["desired_response"]
        assert text["text"] == reply["text"]
        flac = (tmp_path / "chat" / sound["audio"]).read_bytes()
        assert pcm_digest(flac) == reply["synthesis"]["sha256_pcm"]


def test_an_export_for_a_trainer_of_text_leaves_the_spoken_reply_out_or_says_why(spoken, tmp_path):
    folder = spoken / "empathetic_dialogues-sample"
    swift = ("export", folder, "--format", "ms-swift", "--to", tmp_path / "swift")
    refused = hearten(*swift, "--reply-audio")
    assert refused.code == 2 and "cannot hold a spoken reply" in refused.err
    ended = hearten(*swift)
    assert ended.code == 0, ended.err
    rows = [row for path in tmp_path.glob("swift/t*.jsonl") for row in lines(path)]
    assert rows and all(len(row["audios"]) == 1 for row in rows)
    assert not list((tmp_path / "swift").rglob("*.reply.flac"))


def test_an_estimate_says_what_is_to_be_spoken(tmp_path):
    ended = build("emowoz", tmp_path, "--speak", "--speak-replies", "--estimate")
    assert ended.code == 0 and ", and 18 replies" in ended.out
    assert "synthetic speech, not in that cost: " in ended.out


# An endpoint


@pytest.fixture
def server():
    with SpeechServer() as running:
        yield running


def texts_of(folder):
    records = samples(folder)
    return [record["desired_response"]["text"] for record in records]


def test_an_endpoint_gets_the_style_of_the_reply_and_says_each_text_once(server, tmp_path):
    options = spoken_with(server, "--speak-replies", "--text-only", "--no-read-back")
    ended = build("meld", tmp_path, *options)
    assert ended.code == 0, ended.err
    records = samples(tmp_path / "meld-sample")
    assert set(server.answered.values()) == {1}
    styles = {body["input"]: body["instructions"] for body in server.bodies}
    for record in records:
        reply = record["desired_response"]
        assert reply["synthesis"]["engine"] == "loud-1" and reply["synthesis"]["voice"] == "alloy"
        assert reply["synthesis"]["style"] == styles[reply["text"]]
    assert len(set(styles.values())) > 1
    server.bodies.clear()
    assert build("meld", tmp_path, *options, "--name", "again").code == 0
    assert not server.bodies


def test_an_unclear_reply_is_said_again_plainly_and_then_left_out_and_counted(server, tmp_path):
    options = ("--text-only", "--split", "train", "--limit", "10")
    assert build("meld", tmp_path / "silent", *options).code == 0
    unclear = next(text for text in texts_of(tmp_path / "silent" / "meld-sample") if len(text) > 40)
    server.mumbled = {unclear}
    ended = build("meld", tmp_path, *spoken_with(server, "--speak-replies", *options))
    assert ended.code == 0, ended.err
    asked = [body for body in server.bodies if body["input"] == unclear]
    assert len(asked) == 2 and "instructions" not in asked[1]
    quiet = [r for r in samples(tmp_path / "meld-sample") if not r["reply_audio"]]
    assert {r["desired_response"]["text"] for r in quiet} == {unclear}
    assert all(r["desired_response"]["synthesis"] is None for r in quiet)
    counts = manifest(tmp_path / "meld-sample")["result"]["speech"]["replies"]
    assert counts == {"spoken": 10 - len(quiet), "spoken_unclear": len(quiet)}
    assert f"{len(quiet)} spoken_unclear" in ended.out


def test_an_unclear_utterance_is_a_reject_that_says_so(server, tmp_path):
    assert build("emowoz", tmp_path / "silent", "--limit", "8").code == 0
    records = samples(tmp_path / "silent" / "emowoz-sample")
    wrong = next(r for r in records if len(r["target_utterance"]["text"]) > 40)
    server.mumbled = {wrong["target_utterance"]["text"]}
    options = ("--speak", "--limit", "8")
    ended = build("emowoz", tmp_path, *spoken_with(server, *options))
    assert ended.code == 0, ended.err
    assert len(samples(tmp_path / "emowoz-sample")) == len(records) - 1
    (reject,) = [r for r in rejected(tmp_path / "emowoz-sample") if r["stage"] == "speak"]
    assert (reject["id"], reject["reason"]) == (wrong["id"], "spoken_unclear")
    assert reject["detail"].startswith("the ASR check found word error rates of ")
    nobody = build("emowoz", tmp_path / "deaf", *spoken_with(server, *options, "--no-read-back"))
    assert nobody.code == 0 and "not checked by ASR" in nobody.out
    kept = samples(tmp_path / "deaf" / "emowoz-sample")
    assert len(kept) == len(records)
    assert {r["audio_info"]["synthesis"]["word_error_rate"] for r in kept} == {None}
    assert SAYS_INSTEAD not in {r["target_utterance"]["text"] for r in kept}


def test_speech_that_cannot_be_had_leaves_the_build_open_and_the_same_command_goes_on(
    server, tmp_path
):
    options = spoken_with(server, "--speak", "--no-read-back", "--limit", "6")
    assert build("emowoz", tmp_path / "silent", "--limit", "6").code == 0
    record = samples(tmp_path / "silent" / "emowoz-sample")[3]
    server.hopeless = {record["target_utterance"]["text"]}
    ended = build("emowoz", tmp_path, *options)
    assert ended.code == 3
    assert "1 targets have no response yet: 1 bad_response" in one_line_error(ended)
    assert not (tmp_path / "emowoz-sample" / "manifest.json").exists()
    server.hopeless.clear()
    before = len(server.bodies)
    assert build("emowoz", tmp_path, *options).code == 0
    assert len(server.bodies) == before + 1


def test_a_voice_that_says_no_ends_the_build_with_its_words(server, tmp_path):
    server.faults = [401] * 50
    ended = build(
        "emowoz", tmp_path, *spoken_with(server, "--speak"), HEARTEN_TTS_API_KEY="sk-a-key-1"
    )
    assert ended.code == 1
    line = one_line_error(ended)
    assert "the key was refused (HTTP 401)" in line and "sk-a-key-1" not in line


def test_the_key_of_the_drafts_goes_to_no_voice_at_another_address(server, tmp_path):
    options = spoken_with(server, "--speak", "--no-read-back")
    assert build("emowoz", tmp_path, *options, OPENAI_API_KEY="sk-for-drafts").code == 0
    assert server.headers and "sk-for-drafts" not in str(server.headers)


def test_a_budget_counts_speech_over_all_runs(server, tmp_path):
    (tmp_path / "hearten.toml").write_text('[prices."loud-1"]\ncharacters = 15\n')
    options = (
        *("build", "--corpus", "emowoz", "--sample", "--output", "output"),
        *spoken_with(server, "--speak", "--no-read-back", "--max-usd", "0.004"),
    )
    ended = hearten(*options, cwd=tmp_path)
    assert ended.code == 3 and "the budget --max-usd 0.004 is reached" in one_line_error(ended)
    said = sum(server.answered.values())
    assert 0 < said < 20
    again = hearten(*options, cwd=tmp_path)
    assert again.code == 3 and sum(server.answered.values()) == said
    whole = hearten(*options[:-1], "1", cwd=tmp_path)
    assert whole.code == 0, whole.err
    characters = sum(map(len, server.answered))
    usd = manifest(tmp_path / "output" / "emowoz-sample")["run"]["cost"]["usd"]
    assert characters * 15e-6 <= usd < characters * 15e-6 * 1.1
    elsewhere = [
        "http://models.invalid/v1" if str(flag) == server.base_url else flag
        for flag in spoken_with(server, "--speak", "--max-usd", "1")
    ]
    unknown = build("emowoz", tmp_path / "x", *elsewhere)
    assert "the price of loud-1 is not known" in one_line_error(unknown)


def test_kills_pay_for_no_speech_twice_but_what_was_under_way(server, tmp_path):
    options = (
        *("build", "--corpus", "empathetic_dialogues", "--sample", "--output", tmp_path),
        *spoken_with(server, "--speak", "--speak-replies", "--max-concurrency", "4"),
        "--no-read-back",
    )
    server.latency = 0.15
    dice, kills = random.Random(5), 0
    for _ in range(6):
        before = len(server.bodies)
        run = subprocess.Popen(
            command(*options),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(),
        )
        until = time.monotonic() + 30
        more = dice.randrange(2, 9)
        while len(server.bodies) < before + more and run.poll() is None:
            assert time.monotonic() < until
            time.sleep(0.01)
        if run.poll() is None:
            os.kill(run.pid, signal.SIGKILL)
            kills += 1
        run.wait()
        time.sleep(0.3)  # what is under way at the server comes to its end
    ended = hearten(*options)
    assert ended.code == 0, ended.err
    assert kills >= 3
    texts = {body["input"] for body in server.bodies}
    assert texts == set(server.answered) and len(texts) > 30
    assert sum(server.answered.values()) - len(texts) <= 4 * kills
    undisturbed = tmp_path / "undisturbed"
    server.latency = 0
    assert hearten(*options[:5], undisturbed, *options[6:]).code == 0
    name = "empathetic_dialogues-sample"
    assert result_bytes(tmp_path / name) == result_bytes(undisturbed / name)


# What is refused before anything is spoken


def asked(**settings):
    corpus = settings.pop("corpus", "emowoz")
    source = resources.corpora() / corpus / "sample"
    return make_config(corpus=corpus, source=source, name="a", **settings)


def refusal(card=None, **settings):
    config = asked(**settings)
    with pytest.raises(ConfigError) as raised:
        check(config, card or load_card(config.corpus))
    return str(raised.value)


def without(monkeypatch, module, package):
    real = module.util.find_spec
    monkeypatch.setattr(module.util, "find_spec", lambda n: None if n == package else real(n))


def test_a_missing_extra_is_one_line_that_names_it(monkeypatch):
    without(monkeypatch, hibari, "hibari")
    line = refusal(speak=True)
    assert 'pip install "hearten[speak]"' in line and "--tts MODEL --tts-base-url URL" in line


def test_without_recognition_speech_is_refused_unless_nobody_is_to_listen(monkeypatch):
    without(monkeypatch, onnx_models, "faster_whisper")
    line = refusal(speak=True)
    assert (
        "synthesised speech cannot be checked" in line
        and 'pip install "hearten[transcribe]"' in line
    )
    assert "with --no-read-back" in line
    config = asked(speak=True, read_back=False)
    assert check(config, load_card("emowoz"))["read_back"] is None


def test_another_language_is_not_read_back_and_not_spoken_by_the_embedded_voice():
    card = load_card("emowoz").model_copy(update={"language": "de"})
    line = refusal(card, speak=True)
    assert "the built-in voice speaks only English, but the corpus is in de" in line
    config = asked(speak=True, tts="loud-1", tts_base_urls=("http://127.0.0.1:9/v1",))
    assert check(config, card)["read_back"] is None


def test_words_that_may_not_be_sent_are_not_sent_to_be_spoken():
    line = refusal(
        corpus="iemocap",
        speak_replies=True,
        tts="loud-1",
        tts_base_urls=("https://speech.example.com/v1",),
    )
    assert "may not be sent to a third party such as https://speech.example.com/v1" in line


def test_a_key_in_the_environment_does_not_choose_a_voice(tmp_path):
    ended = build("emowoz", tmp_path, "--speak", "--limit", "2", OPENAI_API_KEY="sk-1234567890123")
    assert ended.code == 0, ended.err
    (record, *_) = samples(tmp_path / "emowoz-sample")
    assert record["audio_info"]["synthesis"]["engine"].startswith("hibari-tts")


def test_an_address_without_a_model_is_a_slip_of_the_command_line(tmp_path):
    ended = build("emowoz", tmp_path, "--speak", "--tts-base-url", "http://127.0.0.1:9/v1")
    assert ended.code == 2 and "--tts-base-url is given without --tts" in ended.err


def test_a_build_cannot_change_its_voice_half_way(spoken):
    ended = build("emowoz", spoken, "--speak", "--no-read-back")
    assert ended.code == 1 and "read_back changed from true to false" in one_line_error(ended)


def test_nothing_of_speech_is_loaded_before_it_is_spoken(tmp_path):
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from builders.settings import make_config\nfrom builders.pipeline.plan import make_plan\n"
        f"source = Path({str(Path(resources.corpora() / 'emowoz' / 'sample'))!r})\n"
        "make_plan(make_config(corpus='emowoz', source=source, name='a', speak=True))\n"
        "print([m for m in ('onnxruntime', 'faster_whisper', 'aiohttp') if m in sys.modules])"
    )
    shown = subprocess.run(
        [os.sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=environment(),
        cwd=tmp_path,
    )
    assert shown.stdout.strip() == "[]", shown.stderr
