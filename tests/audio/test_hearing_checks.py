"""Checks of clips in a build: asked for, remembered, in the record, refused only when asked."""

from __future__ import annotations

import csv
import shutil
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from audio.aloud import read_aloud
from audio.voices import RATE
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
from invented import InventedReader, corpus, utterance
from keeping import kept_in

from builders import resources
from builders.audio import analysis
from builders.audio.analysis import Hearing, Standards
from builders.audio.detectors import ClipCheck, open_checks, versions_elsewhere
from builders.errors import ConfigError, LabelError
from builders.pipeline import plan, preconditions
from builders.pipeline.plan import make_plan
from builders.pipeline.selection import Wanted
from builders.pipeline.stream import Stream, survey, with_clips
from builders.record.manifest import Ledger
from builders.record.types import Dialogue, Media, Reject, Target
from builders.settings import make_config

# Whole builds, recognised: with the slow ones.
pytestmark = pytest.mark.slow

SAMPLE = resources.corpora() / "meld" / "sample"
EVERYTHING, ANYTHING = Wanted(), Standards()
TEXTS = (
    "The ferry leaves at seven and I have lost my ticket.",
    "Nobody told me that the garden was yours.",
    "Please put the kettle on, we have so much to talk about.",
    "Where did you put the blue umbrella?",
)


def write_clips(folder: Path, texts: tuple[str, ...] = TEXTS) -> InventedReader:
    """Write clips in which the sentences are read aloud; the last one's text is another's."""
    said = []
    for number, text in enumerate(texts):
        soundfile.write(folder / f"{number}.wav", read_aloud(text), RATE)
        written = texts[0] if number == len(texts) - 1 else text
        media = Media(folder / f"{number}.wav")
        said.append(utterance(number, text=written, media=media))
    return InventedReader({"dev": [Dialogue("dev", "1", said)]}, folder)


class Counted:
    """A check that says how long a clip is, and remembers which it was asked about."""

    def __init__(self, name: str = "asr", version: str = "one", of_all: bool = False) -> None:
        self.seen: list[int] = []
        self.check = ClipCheck(name, f"{name} {version}", of_all, self._run)

    def _run(self, pcm: np.ndarray) -> str:
        self.seen.append(len(pcm))
        return f"a clip of {len(pcm)} samples"


def heard(
    reader: InventedReader,
    side: Path,
    checks: tuple[ClipCheck, ...],
    standards: Standards = ANYTHING,
    wanted: Wanted = EVERYTHING,
) -> list[Target | Reject]:
    """Hear a corpus and return the targets and rejects of a stream."""
    read = corpus(reader)
    chosen = survey(read, wanted)
    with kept_in(side) as (values, clips):
        ears = Hearing(reader.root, values, clips, standards, checks)
        ears.listen(with_clips(read, chosen.selection), workers=2)
        return list(Stream(read, chosen, 8, "assistant", ears, Ledger()))


def test_a_clip_is_checked_once_by_a_version_and_again_by_another(tmp_path):
    reader = write_clips(tmp_path)
    first = Counted()
    items = heard(reader, tmp_path / "side", (first.check,))
    assert len(first.seen) == 4
    again = Counted()
    same = heard(reader, tmp_path / "side", (again.check,))
    assert again.seen == [] and [t.clip for t in same] == [t.clip for t in items]
    other = Counted(version="two")
    heard(reader, tmp_path / "side", (other.check,))
    assert len(other.seen) == 4


def test_a_check_that_is_asked_for_later_measures_nothing_again(tmp_path, monkeypatch):
    reader = write_clips(tmp_path)
    heard(reader, tmp_path / "side", ())
    monkeypatch.setattr(analysis, "measure", None)
    check = Counted()
    items = heard(reader, tmp_path / "side", (check.check,))
    assert len(check.seen) == 4
    assert all(item.clip.transcript for item in items)


def test_the_slow_checks_look_at_what_is_chosen_alone_and_voice_activity_at_all(tmp_path):
    reader = write_clips(tmp_path)
    slow, quick = Counted(), Counted("loud", of_all=True)
    items = heard(reader, tmp_path / "side", (slow.check, quick.check), wanted=Wanted(limit=2))
    assert (len(items), len(slow.seen), len(quick.seen)) == (2, 2, 4)


def test_the_record_says_what_was_heard_and_how(tmp_path):
    reader = write_clips(tmp_path)
    plain = heard(reader, tmp_path / "one", ())
    assert {t.clip.speech["by"] for t in plain} == {"energy"}
    assert {(t.clip.quality, t.clip.transcript) for t in plain} == {(None, None)}
    checked = heard(reader, tmp_path / "two", open_checks(("vad", "asr"), 2))
    for target in checked:
        clip = target.clip
        assert clip.speech["by"] == "vad" and 0 < clip.speech["start"] < clip.speech["end"]
        assert clip.transcript["model"] == "whisper-tiny.en"
        shares = [d["value"] for d in target.voice.descriptors if d["name"] == "speech_share"]
        assert shares == [pytest.approx(clip.speech["share"], abs=0.0006)]
    rates = [target.clip.transcript["word_error_rate"] for target in checked]
    assert max(rates[:3]) <= 0.2 and rates[3] >= 0.8
    found = [{f.code: f.value for f in target.clip.findings} for target in checked]
    assert [f.get("text_audio_mismatch") for f in found] == [None, None, None, rates[3]]


def test_a_clip_is_listened_to_in_the_language_of_its_utterance(tmp_path):
    reader = write_clips(tmp_path)
    (dialogue,) = reader.read("dev")
    for said, language in zip(dialogue.utterances, (None, "zh", "tlh", "en-GB"), strict=True):
        said.language = language
    assert survey(corpus(reader), EVERYTHING).languages == {"zh", "tlh", "en-GB"}
    own, chinese = Counted(), Counted(version="zh")
    elsewhere = {"zh": chinese.check, "tlh": None}
    items = heard(reader, tmp_path / "side", (replace(own.check, elsewhere=elsewhere),))
    told = [item.clip.transcript and item.clip.transcript["text"] for item in items]
    lengths = [item.clip.samples for item in items]
    assert told[2] is None  # no model knows it
    assert sorted(own.seen) == sorted([lengths[0], lengths[3]])
    assert chinese.seen == [lengths[1]]


def test_languages_of_single_utterances_are_part_of_the_version():
    names = ("asr", "vad")
    (asr, vad) = open_checks(names, 1, "en-AU", {"de", "tlh", "en"})
    assert set(asr.elsewhere) == {"de", "tlh"}
    assert asr.elsewhere["de"].version.startswith("whisper-base ")
    assert asr.elsewhere["tlh"] is None
    assert not vad.elsewhere
    (only,) = versions_elsewhere(names, "en-AU", {"de", "tlh", "en"})
    assert only == f"de {asr.elsewhere['de'].version}"
    config = make_config(corpus="meld", source=SAMPLE, name="a", clip_checks=names)
    card = plan.load_card("meld")
    plain, more = (
        preconditions.clip_checks_version(config, card, True, others) for others in ((), {"de"})
    )
    assert more == plain.replace(", tables", f", {only}, tables")


def test_nothing_is_refused_for_a_finding_unless_it_is_asked_for(tmp_path):
    reader = write_clips(tmp_path)
    checks = open_checks(("asr", "vad"), 2)
    asked = Standards(refused=frozenset({"text_audio_mismatch"}))
    items = heard(reader, tmp_path / "side", checks, asked)
    assert [isinstance(item, Target) for item in items] == [True, True, True, False]
    assert items[3].reason == "text_audio_mismatch"
    assert items[3].detail.startswith("the clip seems to say something else: ")
    # What is in the clip is not told by the reject either.
    assert "umbrella" not in str(items[3])


def test_poor_sound_is_refused_where_a_least_rating_is_asked_for(tmp_path):
    reader = write_clips(tmp_path, TEXTS[:2])
    sound = read_aloud(TEXTS[1]) / 32768
    spoilt = sound + np.random.default_rng(0).normal(0, 0.1, len(sound))
    soundfile.write(tmp_path / "1.wav", np.clip(spoilt, -1, 1), RATE)
    checks = open_checks(("dnsmos",), 2)
    good, bad = heard(reader, tmp_path / "side", checks, Standards(min_dnsmos=2.2))
    assert good.clip.quality["overall"] > 2.2
    assert bad.reason == "too_poor_sound" and bad.detail.startswith("sound quality is rated 1.")
    kept = heard(reader, tmp_path / "side", checks)[1]
    assert [f.value for f in kept.clip.findings if f.code == "poor_sound"] == [
        kept.clip.quality["overall"]
    ]


# Settings


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (
            {"text_only": True, "clip_checks": ("vad",)},
            "--check cannot be combined with --text-only; leave out one of them",
        ),
        ({"min_dnsmos": 2.5}, "--min-dnsmos has no effect by itself; add --check dnsmos"),
        (
            {"reject_findings": ("text_audio_mismatch",), "clip_checks": ("vad",)},
            "--reject-finding text_audio_mismatch has no effect by itself; add --check asr",
        ),
    ],
)
def test_a_standard_that_no_check_could_meet_is_refused_in_words(settings, line, tmp_path):
    config = make_config(corpus="meld", source=SAMPLE, name="a", output=tmp_path, **settings)
    with pytest.raises(ConfigError) as error:
        make_plan(config)
    assert str(error.value) == line


def test_a_corpus_in_a_language_that_no_model_knows_is_not_transcribed(tmp_path, monkeypatch):
    card = plan.load_card("meld").model_copy(update={"language": "tlh"})
    given = {"corpus": "meld", "source": SAMPLE, "name": "a", "output": tmp_path}
    asked = make_config(**given, clip_checks=("asr",))
    with pytest.raises(ConfigError, match="meld is in the language 'tlh'.*does not recognise"):
        preconditions.clip_checks_version(asked, card, heard=True)
    asked = make_config(**given, clip_checks=("vad",))
    assert preconditions.clip_checks_version(asked, card, heard=True)


def test_replies_in_a_language_without_tables_are_refused_before_anything_is_asked(
    tmp_path, monkeypatch
):
    card = plan.load_card("meld").model_copy(update={"language": "de-AT"})
    monkeypatch.setattr(plan, "load_card", lambda slug: card)
    given = {"corpus": "meld", "source": SAMPLE, "name": "a", "output": tmp_path}
    with pytest.raises(LabelError, match="replies in 'de-AT' cannot be checked"):
        make_plan(make_config(**given))
    spoken = card.model_copy(update={"language": "en-AU"})
    monkeypatch.setattr(plan, "load_card", lambda slug: spoken)
    assert make_plan(make_config(**given))


def test_checks_are_one_set_whatever_order_they_are_given_in():
    given = {"corpus": "meld", "source": Path(), "name": "a"}
    config = make_config(**given, clip_checks=("vad", "asr", "vad"))
    assert config.clip_checks == ("asr", "vad")
    with pytest.raises(ConfigError, match="'smell'; expected one of vad, dnsmos, asr, pitch"):
        make_config(**given, clip_checks=("smell",))


# Whole builds

MELD = ("build", "--corpus", "meld", "--sample", "--show", 0, "--split", "dev")


def test_the_sample_says_its_text_and_another_text_is_found(tmp_path):
    ended = hearten(*MELD, "--check", "vad", "--check", "asr", cwd=tmp_path)
    assert ended.code == 0, ended.err
    folder = tmp_path / "output" / "meld-sample"
    rows = samples(folder)
    assert len(rows) >= 6
    assert all(row["audio_info"]["transcript"]["word_error_rate"] <= 0.4 for row in rows)
    assert {row["audio_info"]["speech"]["by"] for row in rows} == {"vad"}
    for row in rows:
        values = {d["name"]: d["value"] for d in row["voice"]["descriptors"]}
        assert 0 < values["jitter"] < 20 and 0 < values["shimmer"] < 4
    page = (folder / "report.html").read_text()
    assert "Word error rate of the ASR transcript" in page
    assert "No sample seems to say something other than its text." in page
    config = manifest(folder)["result"]["config"]
    assert config["clip_checks"] == ["asr", "vad"]
    assert "whisper-tiny.en" in config["clip_checks_version"]
    # A build of the same name is another one without its checks.
    assert "clip_checks" in one_line_error(hearten(*MELD, cwd=tmp_path))


def test_a_killed_build_goes_on_with_what_was_heard_and_comes_to_the_same_bytes(tmp_path):
    flags = (*MELD, "--check", "vad", "--check", "asr", "--workers", 1, "--name", "same")
    whole = hearten(*flags, "--output", tmp_path / "whole")
    assert whole.code == 0, whole.err
    killed = tmp_path / "killed"
    running = subprocess.Popen(
        command(*flags, "--output", killed), env=environment(), stderr=subprocess.PIPE
    )
    values = killed / "hearten.sqlite"
    _until(lambda: values.exists() and _held(values) >= 4)
    running.kill()
    running.communicate()
    before = _held(values)
    assert 0 < before and not (killed / "same" / "manifest.json").exists()
    ended = hearten(*flags, "--output", killed)
    assert ended.code == 0, ended.err
    assert _held(values) > before
    assert result_bytes(killed / "same") == result_bytes(tmp_path / "whole" / "same")


def _until(true, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def _held(values: Path) -> int:
    with sqlite3.connect(f"file:{values}?mode=ro", uri=True) as connection:
        try:
            (count,) = connection.execute("SELECT count(*) FROM key_values").fetchone()
        except sqlite3.OperationalError:
            return 0
    return int(count)


def test_a_missing_extra_stops_a_build_before_any_work(tmp_path):
    # A module that cannot be found stands for a package that is not installed.
    code = (
        "import sys, importlib.util as util; real = util.find_spec\n"
        "util.find_spec = lambda name, *more: "
        "None if name == 'faster_whisper' else real(name, *more)\n"
        "from builders.cli import main; main()"
    )
    arguments = [sys.executable, "-c", code, *map(str, MELD), "--check", "asr"]
    done = subprocess.run(
        arguments, capture_output=True, text=True, cwd=tmp_path, env=environment()
    )
    assert done.returncode == 1
    assert done.stderr == (
        'error: the package faster_whisper is not installed; pip install "hearten[transcribe]"\n'
    )
    assert not (tmp_path / "output").exists()


def test_mismatches_are_rejects_of_a_build_where_that_is_asked_for(tmp_path):
    source = tmp_path / "meld"
    _copy_with_texts_moved_on(SAMPLE, source)
    flags = ("build", "--corpus", "meld", "--source", source, "--split", "dev", "--check", "asr")
    ended = hearten(*flags, "--reject-finding", "text_audio_mismatch", "--name", "a", cwd=tmp_path)
    line = one_line_error(ended)
    assert "nothing was kept" in line and "text_audio_mismatch" in line
    kept = hearten(*flags, "--name", "b", cwd=tmp_path)
    assert kept.code == 0, kept.err
    folder = tmp_path / "output" / "b"
    assert rejected(folder) == []
    rows = samples(folder)
    marked = [r for r in rows if "text_audio_mismatch" in str(r["audio_info"]["findings"])]
    assert len(marked) >= len(rows) - 1
    page = (folder / "report.html").read_text()
    assert f"{len(marked)} samples" in page and "they come first in review" in page


def _copy_with_texts_moved_on(sample: Path, to: Path) -> None:
    """Copy MELD's sample; each dev utterance gets the text of the next but two."""
    shutil.copytree(sample, to)
    (path,) = to.rglob("dev_sent_emo.csv")
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    texts = [row["Utterance"] for row in rows]
    for row, text in zip(rows, texts[3:] + texts[:3], strict=True):
        row["Utterance"] = text
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
