"""Whole builds with models that hear: what is sent, what it costs, what is refused."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import sqlite3
import wave

import pytest
from builds import hearten, manifest, one_line_error, rejected, result_bytes, samples
from endpoint.clips import text_of
from endpoints import TestEndpoint

from builders.audio.clip_format import as_wav

# Whole builds: with the slow ones.
pytestmark = pytest.mark.slow

MODELS = ["a-model", "an-ear"]
SAMPLE = ("build", "--corpus", "crema_d", "--sample", "--show", 0)


@pytest.fixture(scope="module")
def running():
    with TestEndpoint(models=MODELS, keep_bodies=True) as endpoint:
        yield endpoint


@pytest.fixture
def endpoint(running):
    """An endpoint that takes clips in both ways, with an empty log."""
    running.control(
        audio=["input_audio", "audio_url"],
        audio_status=400,
        deaf=False,
        captions={},
        faults=[],
        api_key="",
    )
    return running


@pytest.fixture
def build(endpoint, tmp_path):
    """Return a function that builds the sample with a model of the endpoint, and ends as it may."""

    def run(*more, name="a", corpus=SAMPLE, **env):
        asked = ("--model", "a-model", "--base-url", endpoint.base_url)
        return hearten(*corpus, "--name", name, *asked, *more, cwd=tmp_path, **env)

    return run


def folder(tmp_path, name="a"):
    return tmp_path / "output" / name


def of_drafts(endpoint):
    """Return the requests for replies."""
    return [body for body in endpoint.log()["bodies"] if "Strategies allowed" in str(body)]


def test_the_model_hears_the_very_clip_of_every_record(build, endpoint, tmp_path):
    ended = build("--hear")
    assert ended.code == 0, ended.err
    rows = samples(folder(tmp_path))
    digests = [row["audio_info"]["sha256_pcm"] for row in rows]
    sent = [clip for clip in endpoint.log()["clips"] if clip in digests]
    assert sorted(sent) == sorted(digests)
    for row in rows:
        with wave.open(io.BytesIO(as_wav(row["audio"]["bytes"]))) as sound:
            pcm = sound.readframes(sound.getnframes())
        assert hashlib.sha256(pcm).hexdigest() in sent
        assert row["drafting"]["heard_audio"] is True
        assert "draft/hear 1+" in row["drafting"]["prompt_version"]
    assert all(
        "is attached: answer what you hear" in text_of(b["messages"][1])
        for b in of_drafts(endpoint)
    )
    assert manifest(folder(tmp_path))["result"]["config"]["hear"] is True


def test_no_byte_of_a_clip_is_in_the_store(build, endpoint, tmp_path):
    endpoint.control(audio=["audio_url"], keep_log=True)
    assert build("--hear").code == 0
    kept = b"".join(path.read_bytes() for path in (tmp_path / "output").glob("hearten.sqlite*"))
    (row, *_) = samples(folder(tmp_path))
    wav = as_wav(row["audio"]["bytes"])
    for part in (base64.b64encode(wav)[600:700], wav[600:700], row["audio"]["bytes"][600:700]):
        assert part not in kept
    with sqlite3.connect(tmp_path / "output" / "hearten.sqlite") as store:
        (version,) = store.execute("select distinct prompt_version from requests").fetchone()
    assert "draft/hear 1+" in version


@pytest.mark.parametrize("change", [("--client", "openai"), ()])
def test_what_was_heard_once_is_not_paid_for_again_however_it_would_be_sent(
    build, endpoint, tmp_path, change
):
    assert build("--hear").code == 0
    endpoint.control(audio=["audio_url"])
    (folder(tmp_path) / "manifest.json").unlink()
    assert build("--hear", *change).code == 0
    assert endpoint.log()["count"] == 0
    assert build("--hear", name="b").code == 0
    assert endpoint.log()["count"] == 0


def test_held_drafts_without_hearing_are_others(build, endpoint):
    assert build().code == 0
    before = endpoint.log()["count"]
    assert build(name="again").code == 0
    assert endpoint.log()["count"] == before
    assert build("--hear", name="b").code == 0
    assert endpoint.log()["count"] == before + 1 + 20, "a probe, and a draft for each target"


def test_a_build_goes_on_hearing_or_not_as_it_was_started(build):
    assert build("--limit", 3).code == 0
    line = one_line_error(build("--limit", 5, "--hear"))
    assert "hear changed from false to true" in line


@pytest.mark.parametrize("option", [("--hear",), ("--caption-model", "an-ear")])
@pytest.mark.parametrize("knobs", [{"audio": []}, {"deaf": True}])
def test_nothing_is_drafted_by_a_model_that_takes_no_audio(
    build, endpoint, tmp_path, option, knobs
):
    endpoint.control(**knobs)
    ended = build(*option)
    line = one_line_error(ended)
    assert ended.code == 1
    assert f"the model {'an-ear' if len(option) > 1 else 'a-model'} takes no audio" in line
    assert of_drafts(endpoint) == []
    assert not (folder(tmp_path) / "manifest.json").exists()
    with sqlite3.connect(tmp_path / "output" / "hearten.sqlite") as store:
        assert store.execute("select count(*) from answers").fetchone() == (0,)
        assert "UklGR" not in str(store.execute("select detail from attempts").fetchall())


def test_clips_over_the_limit_are_drafted_from_their_words_and_said_to_be(
    build, endpoint, tmp_path
):
    assert build().code == 0
    longest = sorted(row["audio_info"]["duration"] for row in samples(folder(tmp_path)))[-4]
    assert longest > 1
    ended = build("--hear", "--hear-seconds", longest, name="b")
    assert ended.code == 0, ended.err
    rows = samples(folder(tmp_path, "b"))
    unheard = [row for row in rows if not row["drafting"]["heard_audio"]]
    assert len(rows) == 20 and len(unheard) == 3
    for row in rows:
        found = {f["code"]: f for f in row["audio_info"]["findings"]}
        assert ("not_heard" in found) == (row in unheard)
    for row in unheard:
        assert row["audio_info"]["duration"] > longest
        assert "hear" not in row["drafting"]["prompt_version"]
        assert row["audio_info"]["sha256_pcm"] not in endpoint.log()["clips"]
    refused = build("--hear", "--hear-seconds", longest, "--reject-finding", "not_heard", name="c")
    assert refused.code == 0, refused.err
    reasons = [row["reason"] for row in rejected(folder(tmp_path, "c"))]
    assert reasons.count("not_heard") == 3


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--hear", "--text-only"), 2, "--hear and --text-only exclude each other"),
        (
            ("--caption-model", "an-ear", "--text-only"),
            2,
            "--caption-model and --text-only exclude each other",
        ),
        (("--caption-base-url", "http://127.0.0.1:9/v1"), 2, "given without --caption-model"),
        (
            ("--caption-model", "a-model", "--caption-base-url", "http://127.0.0.1:9/v1"),
            2,
            "--caption-base-url is given for a-model, which also drafts, at --base-url",
        ),
    ],
)
def test_options_that_do_not_go_together_are_refused_in_words(
    build, endpoint, options, code, words
):
    ended = build(*options)
    assert words in one_line_error(ended) and ended.code == code
    assert endpoint.log()["count"] == 0


@pytest.mark.parametrize("options", [("--hear",), ("--caption-model", "an-ear")])
def test_a_corpus_without_clips_has_none_to_send(build, endpoint, options):
    ended = build(*options, corpus=("build", "--corpus", "emowoz", "--sample"))
    line = one_line_error(ended)
    assert ended.code == 1 and f"{options[0]} needs clips, and EmoWOZ" in line
    assert endpoint.log()["count"] == 0


def test_the_phrasebook_hears_nothing(tmp_path):
    ended = hearten(*SAMPLE, "--hear", cwd=tmp_path)
    assert "the phrasebook takes no audio; name a model that accepts audio" in one_line_error(ended)
    assert ended.code == 2


ELSEWHERE = "https://8.8.8.8/v1"


@pytest.mark.parametrize(
    "options",
    [
        ("--base-url", ELSEWHERE, "--hear"),
        ("--caption-model", "an-ear", "--caption-base-url", ELSEWHERE),
        ("--base-url", ELSEWHERE, "--caption-model", "an-ear"),
    ],
)
def test_sound_that_may_not_be_sent_to_others_is_not(tmp_path, options):
    """MELD's words may be sent to a third party, its clips may not."""
    asked = ("--base-url", "http://127.0.0.1:9/v1") if "--base-url" not in options else ()
    meld = ("build", "--corpus", "meld", "--sample", "--model", "a-model", *asked, *options)
    ended = hearten(*meld, cwd=tmp_path)
    line = one_line_error(ended)
    assert ended.code == 1
    assert "the sound of MELD: Multimodal EmotionLines Dataset may not be sent to a third" in line
    assert ELSEWHERE in line and "its card says" in line
    assert not (tmp_path / "output").exists()


def test_words_alone_may_go_where_sound_may_not(tmp_path):
    meld = ("build", "--corpus", "meld", "--sample", "--model", "a-model", "--estimate")
    assert hearten(*meld, "--base-url", ELSEWHERE, cwd=tmp_path).code == 0


def test_an_estimate_counts_the_seconds_that_are_heard(build, endpoint, tmp_path):
    def estimate(*more):
        return json.loads(build("--estimate", "--json", *more).out)

    plain, heard, both = estimate(), estimate("--hear"), estimate("--caption-model", "an-ear")
    assert build().code == 0
    seconds = [row["audio_info"]["duration"] for row in samples(folder(tmp_path))]
    audio = heard["prompt_tokens"] - plain["prompt_tokens"]
    assert sum(seconds) * 32 < audio < sum(seconds) * 32 + 20 * 40
    assert (plain["captions_to_ask"], both["captions_to_ask"], both["to_ask"]) == (None, 20, 20)
    assert both["completion_tokens"] == 20 * (400 + 300)
    assert both["prompt_tokens"] > plain["prompt_tokens"] + sum(seconds) * 32
    assert build("--caption-model", "an-ear", name="b").code == 0
    told = build("--estimate", "--caption-model", "an-ear", name="b").out
    assert "0 captions to request" in told and "20 responses cached, 0 requests" in told


def test_captions_are_held_against_the_measurements_and_counted(build, endpoint, tmp_path):
    assert build().code == 0
    rows = {row["audio_info"]["sha256_pcm"]: row for row in samples(folder(tmp_path))}
    silent = dict.fromkeys(("pitch", "melody", "loudness", "rate", "pauses"), "not_said")
    said = {}
    for digest, row in rows.items():
        z = {d["name"]: d["z"] for d in row["voice"]["descriptors"]}["pitch_level"]
        says = "higher" if z <= -0.67 else "lower" if z >= 0.67 else "not_said"
        said[digest] = {"caption": "A voice close by.", "claims": {**silent, "pitch": says}}
    contradicted = [d for d in said if said[d]["claims"]["pitch"] != "not_said"]
    feeling = next(d for d in said if d not in contradicted)
    said[feeling]["caption"] = "A happy voice close by."
    assert len(contradicted) >= 4
    endpoint.control(captions=said)
    ended = build("--caption-model", "an-ear", name="b")
    assert ended.code == 0, ended.err
    captions = manifest(folder(tmp_path, "b"))["result"]["captions"]
    found = samples(folder(tmp_path, "b"))
    dropped = {r["id"] for r in found if r["audio_info"]["sha256_pcm"] in {*contradicted, feeling}}
    assert captions["dropped"]["contradicts_pitch"] + 1 == len(dropped)
    assert captions["dropped"]["names_feeling"] == 1
    assert captions["kept"] + len(dropped) == len(found) == 20
    for row in found:
        expected = None if row["id"] in dropped else "A voice close by."
        assert row["voice"]["caption"] == expected
        assert row["drafting"]["attempts"] == 1
        assert ("draft/voice" in row["drafting"]["prompt_version"]) == (expected is not None)
    page = (folder(tmp_path, "b") / "report.html").read_text()
    assert (
        f"{captions['dropped']['contradicts_pitch']} without a caption: contradicts pitch" in page
    )


def test_captions_are_never_paid_for_twice_and_give_the_same_bytes(build, endpoint, tmp_path):
    first = build("--caption-model", "an-ear")
    assert first.code == 0 and "80 requests" in first.out
    before = result_bytes(folder(tmp_path))
    (folder(tmp_path) / "manifest.json").unlink()
    endpoint.control()
    assert build("--caption-model", "an-ear").code == 0
    assert endpoint.log()["count"] == 0
    assert result_bytes(folder(tmp_path)) == before


def test_a_caption_that_cannot_be_had_stops_short_of_a_result_and_rejects_nothing(
    build, endpoint, tmp_path
):
    endpoint.control(faults=[{"kind": "html", "match": "You hear one clip"}])
    ended = build("--caption-model", "an-ear", "--limit", 1)
    assert ended.code == 3
    assert "1 targets have no response yet: 1 bad_response" in one_line_error(ended)
    endpoint.control(faults=[])
    assert build("--caption-model", "an-ear").code == 0
    assert manifest(folder(tmp_path))["result"]["counts"]["kept"] == 20


def test_the_budget_is_that_of_both_models(build, endpoint, tmp_path):
    (tmp_path / "hearten.toml").write_text(
        '[prices."a-model"]\nprompt = 1000\ncompletion = 1000\n'
        '[prices."an-ear"]\nprompt = 1\ncompletion = 1\n'
    )
    flags = ("--caption-model", "an-ear", "--max-concurrency", 1)
    ended = build(*flags, "--max-usd", 4)
    assert ended.code == 3 and "the budget --max-usd 4" in one_line_error(ended)
    ended = build(*flags, "--max-tokens", 9000)
    assert ended.code == 3 and "the budget --max-tokens 9000" in one_line_error(ended)
    assert build(*flags).code == 0
    with sqlite3.connect(tmp_path / "output" / "hearten.sqlite") as store:
        used = dict(
            store.execute(
                "select model, sum(prompt_tokens + completion_tokens) from attempts group by model"
            ).fetchall()
        )
    cost = manifest(folder(tmp_path))["run"]["cost"]
    assert cost["usd"] == pytest.approx((1000 * used["a-model"] + used["an-ear"]) / 1e6)


def test_no_address_gets_more_requests_at_once_for_two_models_than_for_one(build, endpoint):
    endpoint.control(latency=0.02)
    ended = build("--caption-model", "an-ear", "--max-concurrency", 2)
    endpoint.control(latency=0, keep_log=True)
    assert ended.code == 0 and endpoint.log()["max_in_flight"] == 2


ELSEWHERE_EAR = ("--caption-model", "an-ear", "--caption-base-url", "http://models.invalid/v1")


def test_a_price_that_is_missing_is_that_of_the_model_that_lacks_it(build, tmp_path):
    (tmp_path / "hearten.toml").write_text('[prices."a-model"]\nprompt = 1\ncompletion = 1\n')
    line = one_line_error(build(*ELSEWHERE_EAR, "--max-usd", 4))
    assert "the price of an-ear is not known" in line and '[prices."an-ear"]' in line


def test_a_key_goes_to_no_other_address_than_its_own(build, endpoint):
    with TestEndpoint(models=["an-ear"], keep_bodies=True) as ear:
        flags = ("--caption-model", "an-ear", "--caption-base-url", ear.base_url)
        ended = build(*flags, "--limit", 4, HEARTEN_API_KEY="the-writers-own-key")
        assert ended.code == 0, ended.err
        assert {h["authorization"] for h in ear.log()["headers"]} == {"Bearer none"}
        assert {h["authorization"] for h in endpoint.log()["headers"]} == {
            "Bearer the-writers-own-key"
        }
        assert {body["model"] for body in ear.log()["bodies"]} == {"an-ear"}
        ear.control(api_key="the-ears-own-key")
        line = one_line_error(build(*flags, name="b", HEARTEN_API_KEY="the-writers-own-key"))
        assert "set HEARTEN_CAPTION_API_KEY to a key" in line
        assert build(*flags, name="c", HEARTEN_CAPTION_API_KEY="the-ears-own-key").code == 0


def test_a_phrasebook_build_may_have_captions(endpoint, tmp_path):
    asked = ("--caption-model", "an-ear", "--caption-base-url", endpoint.base_url)
    ended = hearten(*SAMPLE, *asked, cwd=tmp_path)
    assert ended.code == 0, ended.err
    rows = samples(folder(tmp_path, "crema_d-sample"))
    assert all(row["voice"]["caption"] for row in rows)
    assert {row["drafting"]["provider"] for row in rows} == {"phrasebook"}
    assert len(endpoint.log()["clips"]) == 61
    page = (folder(tmp_path, "crema_d-sample") / "report.html").read_text()
    assert page.count("<p>Caption: <bdi>") == 3
    assert "20 clips have a caption by an-ear" in page


def test_corpora_without_clips_are_drafted_from_words_where_all_are_built(endpoint, tmp_path):
    asked = ("--model", "a-model", "--base-url", endpoint.base_url, "--hear", "--limit", 2)
    ended = hearten("build", "--corpus", "all", "--sample", *asked, cwd=tmp_path)
    assert ended.code == 0, ended.err
    for slug in ("emowoz", "empathetic_dialogues"):
        assert f"text only: {slug} has no audio, so the model gets the words alone" in ended.out
        rows = samples(folder(tmp_path, f"{slug}-sample"))
        assert {row["drafting"]["heard_audio"] for row in rows} == {False}
    rows = samples(folder(tmp_path, "mosei-sample"))
    assert {row["drafting"]["heard_audio"] for row in rows} == {True}
