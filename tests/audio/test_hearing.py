"""Hearing a corpus: once for each clip, whatever is chosen of it, and remembered."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
import sqlalchemy as sa
from audio.voices import RATE, pause, spoken
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
from trees import make_meld_tree, meld_row, recording, stereo, surround

from builders import resources
from builders.audio import analysis
from builders.audio.analysis import Hearing, Standards
from builders.audio.clips import ClipError
from builders.pipeline.run import make_plan
from builders.pipeline.selection import Wanted
from builders.pipeline.stream import Stream, survey, with_clips
from builders.record.manifest import Ledger
from builders.record.types import Dialogue, Media, Target
from builders.settings import make_config
from builders.store.database import Store
from builders.store.tables import key_values

EVERYTHING, ANYTHING = Wanted(), Standards()


def write_voices(folder: Path, count: int = 24) -> InventedReader:
    """Write clips of two speakers, one of them higher, and return a reader of them."""
    said = []
    for number in range(count):
        pcm = spoken(120 + 80 * (number % 2) + number, sway=number % 5, level=0.1 + number / 100)
        soundfile.write(folder / f"{number}.wav", pcm, RATE)
        said.append(utterance(number, media=Media(folder / f"{number}.wav")))
    return InventedReader({"dev": [Dialogue("dev", "1", said)]}, folder)


def listened(
    reader: InventedReader,
    side: Path,
    wanted: Wanted = EVERYTHING,
    standards: Standards = ANYTHING,
) -> tuple[Hearing, list]:
    """Hear a corpus and return what was heard and the targets and rejects of a stream."""
    read = corpus(reader)
    chosen = survey(read, wanted)
    with kept_in(side) as (values, clips):
        heard = Hearing(reader.root, values, clips, standards)
        heard.listen(with_clips(read, chosen.selection), workers=2)
        items = list(Stream(read, chosen, 8, "assistant", heard, Ledger()))
    return heard, items


@pytest.fixture
def decoded(monkeypatch) -> list[str]:
    """The names of the files decoded so far."""
    names = []
    original = analysis.read_sound

    def counting(media: Media, root: Path, follow_links: bool):
        names.append(media.path.name)
        return original(media, root, follow_links)

    monkeypatch.setattr(analysis, "read_sound", counting)
    return names


def test_every_clip_is_decoded_once_and_none_when_it_is_known(tmp_path, decoded):
    reader = write_voices(tmp_path)
    first, items = listened(reader, tmp_path / "side")
    assert sorted(decoded) == sorted(f"{n}.wav" for n in range(24))
    again, same = listened(reader, tmp_path / "side")
    assert len(decoded) == 24
    assert again.result == first.result
    assert [t.clip for t in same] == [t.clip for t in items]
    assert [t.voice for t in same] == [t.voice for t in items]


def test_what_another_build_measured_is_not_measured_again(tmp_path, decoded):
    reader = write_voices(tmp_path)
    first, _ = listened(reader, tmp_path / "side")
    shutil.rmtree(tmp_path / "side" / "clips")
    few, items = listened(reader, tmp_path / "side", Wanted(limit=3))
    # Only the sound of the chosen ones is not there any more.
    assert len(decoded) == 24 + 3 == 24 + len(items)
    assert few.result == first.result


def test_a_limit_changes_nothing_of_what_is_usual(tmp_path):
    reader = write_voices(tmp_path)
    whole, every = listened(reader, tmp_path / "one")
    part, few = listened(reader, tmp_path / "two", Wanted(limit=5))
    assert part.result == whole.result and part.result["measured"] == 24
    by_id = {target.id: target.voice for target in every}
    assert len(few) == 5
    assert all(by_id[target.id] == target.voice for target in few)


def test_a_voice_is_described_beside_its_own_speaker(tmp_path):
    _, items = listened(write_voices(tmp_path), tmp_path / "side")
    first, last = items[0].voice, items[-2].voice  # both by the lower speaker
    assert (first.reference, last.reference) == ("speaker", "speaker")
    assert "much lower in pitch" in first.words and "much higher in pitch" in last.words
    assert "softer" in first.words and "louder" in last.words


def test_clips_with_the_same_sound_are_found_across_the_corpus(tmp_path):
    reader = write_voices(tmp_path)
    shutil.copy(tmp_path / "3.wav", tmp_path / "20.wav")
    shutil.copy(tmp_path / "3.wav", tmp_path / "21.wav")
    heard, items = listened(reader, tmp_path / "side")
    assert heard.result["same_audio"] == 3
    found = {f.code: f for f in items[20].clip.findings}["same_audio_as"]
    assert found.value == 2
    assert found.detail == "the same audio as meld-dev-1-3, meld-dev-1-21"
    assert "same_audio_as" not in [f.code for f in items[4].clip.findings]


def test_a_broken_clip_is_a_reject_and_counts_for_nothing(tmp_path, decoded):
    reader = write_voices(tmp_path)
    (tmp_path / "7.wav").write_bytes(b"RIFF\x00\x00\x00\x00WAVEfmt ")
    heard, items = listened(reader, tmp_path / "side")
    assert (items[7].stage, items[7].reason) == ("audio", "clip_unreadable")
    assert (heard.result["unusable"], heard.result["measured"]) == (1, 23)
    assert items[8].turns[7].audio_sha256 is None
    assert decoded.count("7.wav") == 1


def test_a_clip_with_hardly_any_voice_is_kept_and_said_to_be_so(tmp_path):
    reader = write_voices(tmp_path)
    soundfile.write(tmp_path / "5.wav", np.concatenate([spoken(150.0, 0.3), pause(1.0)]), RATE)
    heard, items = listened(reader, tmp_path / "side")
    found = {f.code: f.value for f in items[5].clip.findings}
    assert 0.1 < found["voice_insufficient"] < 0.4
    assert (items[5].voice.words, items[5].voice.reference) == (None, "none")
    assert heard.result["too_little_voice"] == 1


def test_only_what_was_asked_for_is_refused(tmp_path):
    reader = write_voices(tmp_path)
    soundfile.write(tmp_path / "5.wav", np.concatenate([spoken(150.0, 1.0), pause(4.0)]), RATE)
    clipped = np.clip(spoken(150.0).astype(int) * 9, -32768, 32767).astype(np.int16)
    soundfile.write(tmp_path / "6.wav", clipped, RATE)
    _, items = listened(reader, tmp_path / "one")
    assert all(isinstance(item, Target) for item in items)
    asked = Standards(0.5, frozenset({"clip_clipped"}))
    _, items = listened(reader, tmp_path / "two", standards=asked)
    refused = {n: i for n, i in enumerate(items) if not isinstance(i, Target)}
    assert {n: i.reason for n, i in refused.items()} == {5: "too_little_speech", 6: "clip_clipped"}
    assert refused[5].detail.endswith("of the clip is speech")
    assert refused[6].detail.startswith("share of samples clipped at full scale (0.")


def test_an_utterance_that_was_not_heard_is_a_fault_of_ours(tmp_path):
    with kept_in(tmp_path) as (values, clips):
        hearing = Hearing(tmp_path, values, clips)
        with pytest.raises(RuntimeError, match="was requested before it was analysed"):
            hearing.of(utterance(1, media=Media(Path("a.wav"))), False)
        with pytest.raises(ClipError, match="has no clip"):
            hearing.of(utterance(1), False)


# Whole builds


@pytest.mark.parametrize("slug", ["meld", "crema_d", "mosei"])
def test_prompts_of_a_sample_show_the_voice(slug, tmp_path):
    source = resources.corpora() / slug / "sample"
    plan = make_plan(make_config(corpus=slug, source=source, name="a", output=tmp_path))
    with plan.listening(tmp_path, quiet=True) as heard:
        targets = [t for t in plan.targets(Ledger(), heard) if isinstance(t, Target)]
    prompts = [plan.drafter.first_request(t).messages[1]["content"] for t in targets]
    assert len(targets) >= 8
    assert all(t.voice.words and t.voice.words in p for t, p in zip(targets, prompts, strict=True))
    assert len({t.voice.words for t in targets}) > len(targets) / 3


def test_a_build_carries_voices_and_its_limit_leaves_them_alone(tmp_path):
    for name, limit in (("whole", ()), ("few", ("--limit", 6))):
        ended = hearten("build", "--corpus", "crema_d", "--sample", "--show", 0, "--name", name,
                        *limit, cwd=tmp_path)  # fmt: skip
        assert ended.code == 0, ended.err
    whole, few = tmp_path / "output" / "whole", tmp_path / "output" / "few"
    assert manifest(whole)["result"]["voice"] == manifest(few)["result"]["voice"]
    by_id = {row["id"]: row for row in samples(whole)}
    for row in samples(few):
        assert row["voice"] == by_id[row["id"]]["voice"]
        assert row["voice"]["words"] and row["voice"]["reference"] in ("group", "corpus")
        assert row["audio_info"] == by_id[row["id"]]["audio_info"]
    twins = [r for r in samples(whole) if r["id"] == "crema_d-all-1006_TIE-HAP_XX"]
    assert twins[0]["audio_info"]["findings"] == [
        {
            "code": "same_audio_as",
            "value": 1.0,
            "detail": "the same audio as crema_d-all-1006_TIE-NEU_XX",
        }
    ]


def test_the_members_of_a_contrast_group_have_other_voices_and_other_replies(tmp_path):
    ended = hearten("build", "--corpus", "crema_d", "--sample", "--show", 0, cwd=tmp_path)
    assert ended.code == 0, ended.err
    groups: dict[str, list[dict]] = {}
    for row in samples(tmp_path / "output" / "crema_d-sample"):
        if row["contrast"]["group"]:
            groups.setdefault(row["contrast"]["group"], []).append(row)
    assert len(groups) >= 4
    for rows in groups.values():
        assert len({row["target_utterance"]["text"] for row in rows}) == 1
        by_role: dict[str, set[str]] = {}
        for row in rows:
            by_role.setdefault(row["contrast"]["role"], set()).add(row["desired_response"]["text"])
        replies = [text for texts in by_role.values() for text in texts]
        assert len(replies) == len(set(replies)) >= len(by_role) >= 2
        assert len({row["voice"]["words"] for row in rows}) >= 2


def test_builds_give_the_same_bytes_with_and_without_what_is_remembered(tmp_path):
    def build(name: str, *more: object) -> dict[str, bytes]:
        ended = hearten("build", "--corpus", "mosei", "--sample", "--show", 0, "--name", "same",
                        "--output", tmp_path / name, *more)  # fmt: skip
        assert ended.code == 0, ended.err
        return result_bytes(tmp_path / name / "same")

    first = build("one", "--workers", 1)
    shutil.rmtree(tmp_path / "one" / "same")
    assert build("one", "--workers", 2) == first
    assert build("two", "--workers", 3) == first


def test_what_is_refused_is_asked_for_on_the_command_line(tmp_path):
    def build(*more: object):
        return hearten("build", "--corpus", "meld", "--sample", "--show", 0, *more, cwd=tmp_path)

    ended = build("--min-speech", 0.6, "--name", "a")
    assert ended.code == 0, ended.err
    folder = tmp_path / "output" / "a"
    reasons = manifest(folder)["result"]["rejected"]
    assert reasons["too_little_speech"] >= 5
    speech = [
        next(d["value"] for d in row["voice"]["descriptors"] if d["name"] == "speech_share")
        for row in samples(folder)
    ]
    assert min(speech) >= 0.6
    assert {row["stage"] for row in rejected(folder)} == {"audio", "read"}
    line = one_line_error(build("--reject-finding", "narrow_band", "--name", "b"))
    assert "nothing was kept" in line and "narrow_band" in line


def test_an_estimate_knows_what_is_held_of_a_build_with_voices(tmp_path):
    flags = ("build", "--corpus", "crema_d", "--sample", "--show", 0)
    assert hearten(*flags, cwd=tmp_path).code == 0
    told = hearten(*flags, "--estimate", cwd=tmp_path)
    assert "20 targets: 20 responses cached, 0 requests" in told.out
    assert (
        "20 targets: 0 responses cached"
        in hearten(*flags, "--estimate", cwd=_made(tmp_path / "elsewhere")).out
    )
    assert not (tmp_path / "elsewhere" / "output").exists()


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_a_text_only_build_hears_nothing(tmp_path):
    ended = hearten(
        "build", "--corpus", "crema_d", "--sample", "--text-only", "--show", 0, cwd=tmp_path
    )
    assert ended.code == 0, ended.err
    folder = tmp_path / "output" / "crema_d-sample"
    assert manifest(folder)["result"]["voice"] is None
    assert all(row["voice"] is None for row in samples(folder))
    assert not (tmp_path / "output" / "clips").exists()


@pytest.mark.parametrize("fault", ["missing", "cut", "changed"])
def test_a_later_build_copies_clips_and_makes_those_again_that_are_not_whole(
    fault, tmp_path, decoded, monkeypatch
):
    encoded = []
    original = analysis.as_flac
    monkeypatch.setattr(analysis, "as_flac", lambda pcm: encoded.append(1) or original(pcm))
    reader = write_voices(tmp_path, 6)
    _, items = listened(reader, tmp_path / "side")
    assert (len(decoded), len(encoded)) == (6, 6)
    decoded.clear()
    _, copied = listened(reader, tmp_path / "side")
    assert (decoded, len(encoded)) == ([], 6)
    assert [t.clip for t in copied] == [t.clip for t in items]

    files = sorted((tmp_path / "side" / "clips").glob("*/*/*.flac"))
    assert len(files) == 6
    content = files[2].read_bytes()
    if fault == "missing":
        files[2].unlink()
    else:
        files[2].write_bytes(content[:-9] if fault == "cut" else content[:-1] + b"?")
    _, again = listened(reader, tmp_path / "side")
    assert (len(decoded), len(encoded)) == (1, 7)
    assert [t.clip for t in again] == [t.clip for t in items]
    assert files[2].read_bytes() == content


def test_what_is_taken_away_while_a_build_runs_is_made_again(tmp_path, decoded):
    reader = write_voices(tmp_path, 4)
    read = corpus(reader)
    chosen = survey(read, EVERYTHING)
    with kept_in(tmp_path / "side") as (values, clips):
        hearing = Hearing(reader.root, values, clips)
        hearing.listen(with_clips(read, chosen.selection), workers=2)
        shutil.rmtree(tmp_path / "side" / "clips")
        items = list(Stream(read, chosen, 8, "assistant", hearing, Ledger()))
    assert [len(item.clip.flac) > 1000 for item in items] == [True] * 4
    assert len(decoded) == 8


def test_a_build_elsewhere_takes_clips_of_a_shared_folder_which_may_change_later(tmp_path):
    def build(name: str, *more: object, **env: str):
        ended = hearten("build", "--corpus", "crema_d", "--sample", "--show", 0, "--name", name,
                        "--output", tmp_path / "output", *more, **env)  # fmt: skip
        assert ended.code == 0, ended.err
        return result_bytes(tmp_path / "output" / name)

    shared, other = tmp_path / "shared", tmp_path / "other"
    first = build("same", "--clips", shared, "--limit", 6)
    files = {path.name for path in shared.glob("*/*/*")}
    assert len(files) == 6 and not (tmp_path / "output" / "clips").exists()
    # Where they lie is no setting of the build.
    assert build("same", "--limit", 6, HEARTEN_CLIPS=str(other)) == first
    build("same", "--limit", 8, HEARTEN_CLIPS=str(other))
    assert {path.name for path in other.glob("*/*/*")} > files


def test_two_builds_at_once_share_store_and_clips_and_come_to_the_same_bytes(url, tmp_path):
    flags = ("build", "--corpus", "crema_d", "--sample", "--show", 0, "--name", "same")
    flags += ("--store", url, "--clips", tmp_path / "c")
    quiet = {"env": environment(), "stdout": subprocess.DEVNULL}
    builds = [
        subprocess.Popen(command(*flags, "--output", tmp_path / where), **quiet)
        for where in ("one", "two")
    ]
    assert [build.wait() for build in builds] == [0, 0]
    first, second = (result_bytes(tmp_path / where / "same") for where in ("one", "two"))
    assert first == second
    assert len([*(tmp_path / "c").rglob("*.flac")]) == 19
    # All that is known of clips is in the store, wherever that is.
    assert {path.name for path in (tmp_path / "one").iterdir()} == {"same"}
    store = Store(url)
    with store.engine.connect() as connection:
        query = sa.select(key_values.c.kind, sa.func.count()).group_by(key_values.c.kind)
        assert dict(map(tuple, connection.execute(query))) == {
            **{"clip": 19, "measured": 19},
            # What the checks found in each reply, what came of each target, and its lines' routes.
            **{"verdict": 20, "draft": 20, "routed": 1},
        }
    store.close()


def test_a_folder_for_clips_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    flags = ("build", "--corpus", "crema_d", "--sample", "--show", 0)
    line = one_line_error(hearten(*flags, "--clips", tmp_path / "file" / "in", cwd=tmp_path))
    assert line.endswith("choose another --clips; cached responses are kept")


def test_a_made_tree_of_real_speech_has_voices_beside_each_speakers_own(real_data, tmp_path):
    """Films with a 5.1 mix and with stereo, two speakers of twelve clips each."""
    clips = sorted((real_data / "real_speech").glob("*.wav"))
    films, rows = {}, []
    for number, clip in enumerate(clips):
        mix = surround if number % 2 else stereo
        films[f"train/dia{number // 6}_utt{number % 6}"] = mix(recording(clip))
        seconds = soundfile.info(clip).duration
        times = {"StartTime": "00:01:00,000", "EndTime": f"00:01:{seconds:06.3f}".replace(".", ",")}
        rows.append(meld_row(number // 6, number % 6, **times))
    tree = make_meld_tree(tmp_path / "tree", {"train": rows}, films)
    flags = ("--corpus", "meld", "--source", tree, "--split", "train", "--name", "m")
    ended = hearten("build", *flags, cwd=tmp_path)
    assert ended.code == 0, ended.err
    kept = samples(tmp_path / "output" / "m")
    assert len(kept) == 24
    assert {row["voice"]["reference"] for row in kept} == {"speaker"}
    assert all(row["voice"]["words"] for row in kept)
    found = {f["code"] for row in kept for f in row["audio_info"]["findings"]}
    # Every clip of it peaks at full scale, and the codec's few tenths of a decibel hide that not.
    assert "levels_normalised" in found
    assert not [row for row in kept if "louder" in row["voice"]["words"]]
    assert "levels" in (tmp_path / "output" / "m" / "report.html").read_text()
