"""Who speaks: the embedded voice, and an endpoint that limits, refuses, fails and breaks off."""

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from asking import Memory
from audio.aloud import read_aloud
from builds import environment
from invented import target
from tts.speech_server import SpeechServer

from builders.audio.asr import Transcriber, word_error_rate
from builders.audio.clips import ClipError
from builders.audio.decode import SYNTHETIC, as_flac, read_bytes
from builders.errors import ConfigError, EndpointError, StoppedEarly
from builders.llm import pool
from builders.llm.budget import Budget, OverBudget
from builders.llm.cache import ResponseCache
from builders.llm.claims import RequestClaims
from builders.llm.concurrency import AdaptiveLimit
from builders.llm.prices import Price
from builders.llm.providers import SpeechAudio, openai_speech
from builders.llm.providers.openai_http import OpenAITransport, over_aiohttp
from builders.llm.providers.openai_speech import SpeechCapabilities, flac_of
from builders.llm.task import Pending
from builders.record.types import Drafted
from builders.store.claims import ClaimTable, Holder
from builders.store.clips import ClipFiles
from builders.store.database import Spent, Store
from builders.tts.hibari import Embedded, model_file
from builders.tts.request import Spoken, SpokenLine, Unspoken
from builders.tts.served import ServedVoice
from builders.tts.stage import SpeechWanted, Voicing
from builders.tts.styles import styles

TEXT = "The ferry was late, and everybody waited in the rain."
KEY = "sk-secret-0123456789"


def line(text=TEXT, style=None, number=0):
    return SpokenLine(text, style, number, "meld-train-0-0")


async def nothing_kept(_what):
    pass


def embedded(*lines, voice=None):
    async def main():
        engine = Embedded(voice, 2)
        try:
            return await asyncio.gather(*(engine.say(each, nothing_kept) for each in lines))
        finally:
            await engine.close()

    return asyncio.run(main())


# The embedded voice


def test_the_embedded_voice_says_a_text_in_the_same_bytes_and_with_another_seed_in_others():
    first, again, other = embedded(line(), line(), line(number=1))
    assert first.flac == again.flac != other.flac
    assert first.style is None
    pcm = read_bytes(first.flac, "speech")
    assert 2 < len(pcm) / 16000 < 8
    assert word_error_rate(TEXT, Transcriber().transcribe(pcm)) == 0


def test_a_text_without_words_is_not_spoken():
    (said,) = embedded(line("🙂"))
    assert said == Unspoken("nothing_to_say", "the text has no words that the voice can speak")


def test_a_voice_that_would_have_to_be_fetched_is_refused_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("HIBARI_HOME", str(tmp_path))
    with pytest.raises(ConfigError, match="emma is not on this machine .*download it once with"):
        model_file("emma")
    with pytest.raises(ConfigError, match="no voice 'nobody'; expected one of heart, "):
        model_file("nobody")


def test_every_emotion_that_a_reply_can_have_has_a_style():
    assert set(styles()) == {
        *("happiness", "surprise", "sadness", "disgust", "fear", "anger", "neutral")
    }


# What comes back from an endpoint


def fetched(server, *lines, concurrency=4, patience=30.0, budget=None, store=None, **more):
    """Say lines through the real client and return what came of each."""
    kept = []

    async def keep(what):
        kept.append(what)

    async def main():
        held = store or Store(str(Path(folder) / "hearten.sqlite"))
        transport = more.get("transport", over_aiohttp)
        server_ = openai_speech.SpeechServer(
            server.base_url,
            ("loud-1", "alloy"),
            transport(server.base_url, KEY, 20),
            AdaptiveLimit(concurrency),
            more.get("memory", Memory()),
        )
        async with ResponseCache(held, "a-build") as committer:
            paid = budget or Budget({"loud-1": None}, None, None, [])
            engine = ServedVoice([server_], "alloy", patience, committer, paid)
            try:
                return await asyncio.gather(
                    *(engine.say(each, keep) for each in lines or [line()]),
                    return_exceptions=True,
                )
            finally:
                await engine.close()

    with TemporaryDirectory() as folder:
        found = asyncio.run(main())
    assert [what for what in found if isinstance(what, SpeechAudio | Unspoken)] == kept or len(
        lines
    ) > 1
    return found


@pytest.fixture
def server():
    with SpeechServer() as running:
        yield running


@pytest.fixture
def quick(monkeypatch):
    """Waits between tries that are too short to notice."""
    monkeypatch.setattr(pool, "_LONGEST_WAIT", 0.02)


@pytest.mark.parametrize("transport", [over_aiohttp, OpenAITransport])
def test_speech_comes_as_flac_at_16_khz(server, transport):
    (said,) = fetched(server, transport=transport)
    assert np.array_equal(read_bytes(said.flac, "speech"), read_aloud(TEXT))
    assert SYNTHETIC.encode() in said.flac
    assert server.bodies == [
        {"model": "loud-1", "voice": "alloy", "input": TEXT, "response_format": "wav"}
    ]
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"


def test_a_wav_that_was_streamed_and_does_not_know_its_length_is_whole(server):
    server.streamed = True
    (said,) = fetched(server)
    assert np.array_equal(read_bytes(said.flac, "speech"), read_aloud(TEXT))


def test_a_style_goes_as_instructions_and_what_is_refused_is_learnt_once(server):
    asked = [line(f"{TEXT} {n}", "Warm.") for n in range(6)]
    assert {said.style for said in fetched(server, *asked)} == {"Warm."}
    assert {body["instructions"] for body in server.bodies} == {"Warm."}

    server.bodies.clear()
    server.refused = {"instructions", "wav"}
    memory = Memory()
    said = fetched(server, *asked, memory=memory)
    assert {each.style for each in said} == {None}
    # Two refusals of the first line teach it; the others wait for that.
    assert len(server.bodies) == len(asked) + 2
    assert {body["response_format"] for body in server.bodies[2:]} == {"flac"}
    assert SpeechCapabilities.loads(memory.known) == SpeechCapabilities("flac", styled=False)


def test_sound_without_a_header_is_taken_for_24_khz(server):
    server.refused = {"wav", "flac"}
    (said,) = fetched(server)
    seconds = len(read_bytes(said.flac, "speech")) / 16000
    assert seconds == pytest.approx(len(read_aloud(TEXT)) / 16000, abs=0.01)
    assert word_error_rate(TEXT, Transcriber().transcribe(read_bytes(said.flac, "speech"))) == 0


@pytest.mark.parametrize("fault", ["broken", "text", "silent", "drop", 500, 503])
def test_what_breaks_off_is_asked_for_again(server, quick, fault):
    server.faults = [fault]
    (said,) = fetched(server)
    assert np.array_equal(read_bytes(said.flac, "speech"), read_aloud(TEXT))
    assert len(server.bodies) == 2


def test_what_stays_broken_leaves_the_line_unsaid_and_every_attempt_is_noted(
    server, quick, tmp_path
):
    store = Store(str(tmp_path / "hearten.sqlite"))
    server.faults = ["broken"] * 20
    (left,) = fetched(server, store=store)
    assert isinstance(left, Pending) and left.kind == "bad_response"
    assert "no sound in the answer" in left.detail and len(server.bodies) == 5
    (spent,) = store.spent("a-build")
    assert (spent.model, spent.attempts, spent.prompt_tokens) == ("loud-1", 5, 0)


def test_a_text_that_is_too_long_for_the_endpoint_is_not_asked_for_again(server, tmp_path):
    server.longest = 20
    memory, store = Memory(), Store(str(tmp_path / "hearten.sqlite"))
    (left,) = fetched(server, memory=memory, store=store)
    assert isinstance(left, Pending), "nothing has been spoken yet"
    fetched(server, replace(line(), text="Good evening."), memory=memory, store=store)
    server.bodies.clear()
    (found,) = fetched(server, memory=memory, store=store)
    detail = "HTTP 400: String should have at most 20 characters."
    assert found == Unspoken("too_long_to_say", detail)
    assert [body["input"] for body in server.bodies] == [TEXT, TEXT, "Good morning."]


def test_a_limit_halves_what_is_under_way_and_uses_up_no_try(server, quick):
    server.faults = [None] + [429] * 8
    said = fetched(server, *(line(f"{TEXT} {n}") for n in range(12)), concurrency=8)
    assert all(isinstance(each, SpeechAudio) for each in said)
    assert len(server.bodies) == 20 and server.most_in_flight <= 8


def test_a_refused_key_stops_with_the_words_for_it_and_without_the_key(server):
    server.faults = [401]
    (error,) = fetched(server)
    assert isinstance(error, EndpointError) and KEY not in str(error)
    assert "the key was refused (HTTP 401)" in str(error)


def test_a_wrong_address_names_the_option_that_gave_it(server):
    server.faults = [404]
    (error,) = fetched(server)
    assert "there is no /audio/speech (HTTP 404)" in str(error)
    assert str(error).endswith("correct --tts-base-url")


def test_the_budget_counts_characters_and_stops_before_it_is_passed(server):
    # 53 characters are 14 tokens; 4 of 15 dollars a million each.
    price = Price(60.0, 0.0)
    budget = Budget({"loud-1": price}, 0.002, None, [])
    found = fetched(server, *(line(TEXT, number=n) for n in range(4)), budget=budget)
    kinds = Counter(type(each) for each in found)
    assert kinds == {SpeechAudio: 2, OverBudget: 2} and len(server.bodies) == 2
    assert budget.usd == pytest.approx(2 * 14 * 60e-6)


def test_two_models_share_one_limit(server):
    prices = {"writes-1": Price(1.0, 1.0), "loud-1": Price(60.0, 0.0)}
    budget = Budget(prices, 0.001, None, [Spent("writes-1", 1, 800, 0)])
    (error,) = fetched(server, budget=budget)
    assert isinstance(error, StoppedEarly) and "--max-usd 0.001" in str(error)
    assert not server.bodies


async def drafted():
    """Yield six drafts, five of them with the same words."""
    for number in range(6):
        reply = {"text": TEXT if number else "Goodbye.", "emotion": "happiness"}
        yield target(number), Drafted(reply, [], None, 1)


async def all_spoken(server, url, folder, build):
    """Have the replies spoken as a build does; return their clips, and the stage's result."""
    transport = over_aiohttp(server.base_url, KEY, 20)
    there = openai_speech.SpeechServer(
        server.base_url, ("loud-1", "alloy"), transport, AdaptiveLimit(8), Memory()
    )
    store = Store(url)
    spoken = Spoken(store, ClipFiles(folder / "clips"))
    async with (
        ResponseCache(store, build) as committer,
        RequestClaims(ClaimTable(store, Holder(build))) as claims,
    ):
        budget = Budget({"loud-1": None}, None, None, [])
        engine = ServedVoice([there], "alloy", 30, committer, budget)
        wanted = SpeechWanted(utterances=False, replies=True)
        voicing = Voicing(wanted, engine, spoken, None, claims)
        found = [item[1].spoken async for item in voicing.outcomes(drafted())]
        await engine.close()
    spoken.close()
    store.close()
    return found, voicing.result


def test_the_same_words_of_many_records_are_asked_for_once_though_all_are_under_way(
    server, tmp_path
):
    server.latency = 0.2
    server.refused = {"instructions"}
    url = str(tmp_path / "hearten.sqlite")
    found, result = asyncio.run(all_spoken(server, url, tmp_path, "a-build"))
    assert server.answered == {"Goodbye.": 1, TEXT: 1}
    assert result["replies"] == {"spoken": 6}
    assert len({clip.sha256_pcm for clip in found[1:]}) == 1 != found[0].sha256_pcm


def test_two_builds_that_share_a_store_have_each_line_spoken_once(server, tmp_path, url):
    server.latency = 0.3

    async def main():
        builds = (all_spoken(server, url, tmp_path, f"build-{name}") for name in "ab")
        return await asyncio.gather(*builds)

    (one, first), (other, second) = asyncio.run(main())
    assert server.answered == {"Goodbye.": 1, TEXT: 1}
    assert first["replies"] == second["replies"] == {"spoken": 6}
    assert [clip.sha256_pcm for clip in one] == [clip.sha256_pcm for clip in other]


@pytest.mark.parametrize("content", [b"", b"<html>", b"RIFF\x00", b'{"a": 1}', bytes(400)])
@pytest.mark.parametrize("form", ["wav", "pcm"])
def test_what_is_no_sound_is_no_speech(content, form):
    with pytest.raises(ClipError):
        flac_of(content, SpeechCapabilities(form))


# What was spoken is held


def test_the_key_depends_on_all_that_changes_the_sound_and_on_nothing_else():
    plain = line()
    keys = {
        plain.key("one", "heart"),
        plain.key("two", "heart"),
        plain.key("one", "emma"),
        line("Else.").key("one", "heart"),
        line(style="Warm.").key("one", "heart"),
        line(number=1).key("one", "heart"),
    }
    assert len(keys) == 6
    assert SpokenLine(TEXT, None, 0, "another-record").key("one", "heart") == plain.key(
        "one", "heart"
    )


KEEPER = """
import sys
from pathlib import Path
from builders.store.claims import ClaimTable, Holder
from builders.store.clips import ClipFiles
from builders.store.database import Store
from builders.tts.request import Spoken
url, clips, sound = sys.argv[1:]
spoken, flac = Spoken(Store(url), ClipFiles(Path(clips))), open(sound, "rb").read()
for number in range(10_000):
    spoken.keep(f"{number:064}", flac + b"%d" % number, "a")
    print(number, flush=True)
"""


@pytest.fixture
def flac():
    return as_flac(np.arange(4000, dtype=np.int16))


def test_what_was_said_to_be_kept_is_there_after_a_kill(url, tmp_path, flac):
    (tmp_path / "a.flac").write_bytes(flac)
    Store(url).close()
    clips = ClipFiles(tmp_path / "clips")
    keeper = subprocess.Popen(
        [sys.executable, "-c", KEEPER, url, clips.folder, tmp_path / "a.flac"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    for told in keeper.stdout:
        if int(told) == 40:
            break
    os.kill(keeper.pid, signal.SIGKILL)
    rest = [int(told) for told in keeper.stdout.read().split()]
    keeper.wait()
    last = max([40, *rest])
    store = Store(url)
    spoken = Spoken(store, clips)
    for number in range(last + 1):
        assert spoken.take(f"{number:064}", "a").flac == flac + b"%d" % number
    # Whatever has the name of a digest is whole.
    for path in clips.folder.glob("*/*/*.flac"):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.stem
    spoken.close()
    store.close()


@pytest.fixture
def two(url, tmp_path):
    """What was spoken, as two builds see it that run at once."""
    stores = [Store(url), Store(url)]
    both = [Spoken(store, ClipFiles(tmp_path / "clips")) for store in stores]
    yield both
    for spoken, store in zip(both, stores, strict=True):
        spoken.close()
        store.close()


def test_what_was_heard_is_held_at_once_and_committed_with_the_next_line(two, flac):
    spoken, other = two
    spoken.note("a", "the ferry", "r")
    assert spoken.heard("a", "r") == "the ferry" and other.heard("a", "r") is None
    held = spoken.keep("b", flac, "r")
    assert other.heard("a", "r") == "the ferry" and other.take("b", "s") == held
    assert (held.flac, held.samples) == (flac, 4000)


def test_speech_whose_file_is_gone_or_changed_is_not_held_until_it_is_said_again(two, flac):
    spoken, other = two
    spoken.keep("b", flac, "r")
    (path,) = spoken._clips.folder.glob("*/*/*.flac")
    path.write_bytes(flac[:-1])
    assert other.take("b", "r") is None
    other.keep("b", flac, "r")
    path.unlink()
    assert spoken.take("b", "r") is None


def test_a_refusal_is_held_as_speech_is(two):
    spoken, other = two
    refused = Unspoken("nothing_to_say", "no words")
    spoken.refuse("a", refused, "r")
    assert other.take("a", "r") == refused and other.take("b", "r") is None
