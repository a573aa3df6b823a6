"""Whole builds with models that see: what is sent, from which files, and what is refused."""

from __future__ import annotations

import base64
import shutil
import sqlite3
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from builds import hearten, manifest, one_line_error, rejected, samples
from endpoint.clips import text_of
from endpoint.videos import video_of
from endpoints import TestEndpoint

from builders import resources
from builders.release.rights import withheld, withhold

# Whole builds: with the slow ones.
pytestmark = pytest.mark.slow

SAMPLE = ("build", "--corpus", "emorynlp", "--sample", "--show", 0)
RGB = {"red": (220, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 220), "white": (255,) * 3}


@pytest.fixture(scope="module")
def running():
    with TestEndpoint(models=["m"], keep_bodies=True) as endpoint:
        yield endpoint


@pytest.fixture
def endpoint(running):
    """An endpoint that takes videos with their sound, with an empty log."""
    running.control(video="always", blind=False, deaf=False, audio=["input_audio", "audio_url"])
    return running


@pytest.fixture
def build(endpoint, tmp_path):
    """Return a function that builds a corpus with a model of the endpoint, and ends as it may."""

    def run(*more, name="a", corpus=SAMPLE, **env):
        asked = ("--model", "m", "--base-url", endpoint.base_url)
        return hearten(*corpus, "--name", name, *asked, *more, cwd=tmp_path, **env)

    return run


def copied(slug: str, tmp_path: Path) -> Path:
    """Return a copy of a corpus's sample, to which files can be added."""
    return Path(shutil.copytree(resources.corpora() / slug / "sample", tmp_path / slug))


def film(path: Path, codec: str, colours: list[tuple[str, float]]) -> None:
    """Write a video without sound that shows one colour after the other, for so many seconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 10)
        at = 0
        for colour, seconds in colours:
            picture = np.full((64, 96, 3), RGB[colour], np.uint8)
            for _ in range(round(seconds * 10)):
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts, frame.time_base = at, Fraction(1, 10)
                out.mux(stream.encode(frame))
                at += 1
        out.mux(stream.encode(None))


def of_drafts(endpoint):
    """Return the requests for replies."""
    return [body for body in endpoint.log()["bodies"] if "Strategies allowed" in str(body)]


def in_body(body) -> bytes:
    """Return the video in a request."""
    (part,) = (p for p in body["messages"][1]["content"] if p["type"] == "video_url")
    return base64.b64decode(part["video_url"]["url"].removeprefix("data:video/mp4;base64,"))


def drawn(tmp_path: Path) -> list[Path]:
    return [path for path in tmp_path.rglob("*.mp4") if "clips" in path.parts]


def test_the_model_sees_and_hears_the_very_video_of_every_record(build, endpoint, tmp_path):
    ended = build("--see")
    assert ended.code == 0, ended.err
    rows = samples(tmp_path / "output" / "a")
    videos = endpoint.log()["videos"]
    root = resources.corpora() / "emorynlp" / "sample"
    durations = [row["audio_info"]["duration"] for row in rows]
    assert all(any(abs(v["sound"] - d) < 0.15 for v in videos) for d in durations)
    for row in rows:
        assert row["video"] == {
            "source_file": row["audio_info"]["source_file"],
            "source_sha256": row["audio_info"]["source_sha256"],
            "start": None,
            "end": None,
        }
        assert (root / row["video"]["source_file"]).is_file()
        assert row["drafting"]["heard_audio"] is True
        assert "draft/see 1+" in row["drafting"]["prompt_version"]
    drafts = of_drafts(endpoint)
    assert all("answer what you see and hear" in text_of(b["messages"][1]) for b in drafts)
    config = manifest(tmp_path / "output" / "a")["result"]["config"]
    assert config["see"] is True and config["see_version"].startswith("draft/see 1+")
    sent = {Path(path).stem for path in drawn(tmp_path)}
    assert {video["digest"] for video in videos[1:]} <= sent


def test_what_was_seen_once_is_not_paid_for_again_and_the_store_has_no_picture(
    build, endpoint, tmp_path
):
    assert build("--see").code == 0
    video = in_body(of_drafts(endpoint)[0])
    endpoint.control(video="asked")
    (tmp_path / "output" / "a" / "manifest.json").unlink()
    assert build("--see").code == 0
    assert build("--see", name="b").code == 0
    assert endpoint.log()["count"] == 0
    kept = b"".join(path.read_bytes() for path in (tmp_path / "output").glob("hearten.sqlite*"))
    for part in (video[200:280], base64.b64encode(video)[300:380]):
        assert part not in kept
    # A video that is gone is made again, the very same.
    for path in drawn(tmp_path):
        path.unlink()
    assert build("--see", name="c").code == 0
    assert endpoint.log()["count"] == 0


def test_builds_without_it_are_others_and_as_they_were(build, endpoint, tmp_path):
    assert build().code == 0
    config = manifest(tmp_path / "output" / "a")["result"]["config"]
    assert not {"see", "see_version", "may_send"} & config.keys()
    assert all(row["video"] is None for row in samples(tmp_path / "output" / "a"))
    assert "see changed from false to true" in one_line_error(build("--see", "--limit", 2))
    before = endpoint.log()["count"]
    assert build("--see", "--limit", 2, name="b").code == 0
    assert endpoint.log()["count"] > before


@pytest.mark.parametrize(
    ("knobs", "form"),
    [
        ({"video": "always"}, None),
        ({"video": "asked"}, "mm_processor_kwargs"),
        ({"video": "never"}, "input_audio"),
        ({"video": "never", "audio": ["audio_url"]}, "audio_url"),
    ],
)
def test_the_sound_reaches_the_model_in_the_way_that_the_server_takes(build, endpoint, knobs, form):
    endpoint.control(**knobs)
    assert build("--see", "--limit", 2).code == 0
    drafts = of_drafts(endpoint)
    assert drafts
    for body in drafts:
        kinds = {part["type"] for part in body["messages"][1]["content"]}
        assert "video_url" in kinds
        assert ("mm_processor_kwargs" in body) == (form == "mm_processor_kwargs")
        assert kinds - {"video_url", "text"} == ({form} & {"input_audio", "audio_url"})


@pytest.mark.parametrize(
    ("knobs", "why"),
    [
        ({"video": ""}, "this model takes no video_url"),
        ({"blind": True}, "the sound reaches it, and the picture does not"),
        ({"deaf": True}, "the picture reaches it, and the sound does not"),
        ({"deaf": True, "blind": True}, "the video does not reach the model"),
    ],
)
def test_nothing_is_drafted_by_a_model_that_does_not_see_and_hear(
    build, endpoint, tmp_path, knobs, why
):
    endpoint.control(**knobs)
    ended = build("--see")
    line = one_line_error(ended)
    assert ended.code == 1
    assert "the model m takes no video with sound (" in line and why in line
    assert line.endswith("serve one that sees and hears, or build without --see")
    assert of_drafts(endpoint) == []
    with sqlite3.connect(tmp_path / "output" / "hearten.sqlite") as store:
        assert store.execute("select count(*) from answers").fetchone() == (0,)


@pytest.mark.parametrize("ending", [("flv", "flv1"), ("mp4", "mpeg4")])
def test_the_videos_of_crema_d_are_beside_its_sound(build, endpoint, tmp_path, ending):
    suffix, codec = ending
    source = copied("crema_d", tmp_path)
    clips = sorted((source / "AudioWAV").glob("*.wav"))
    for clip in clips:
        film(source / "VideoFlash" / f"{clip.stem}.{suffix}", codec, [("blue", 6)])
    corpus = ("build", "--corpus", "crema_d", "--source", source, "--show", 0)
    ended = build("--see", "--limit", 3, corpus=corpus)
    assert ended.code == 0, ended.err
    rows = samples(tmp_path / "output" / "a")
    assert len(rows) == 3
    for row in rows:
        stem = Path(row["audio_info"]["source_file"]).stem
        assert row["video"]["source_file"] == f"VideoFlash/{stem}.{suffix}"
    assert {video["colour"] for video in endpoint.log()["videos"]} == {"yellow", "blue"}


def test_iemocaps_turns_are_cut_out_of_the_film_of_their_dialogue(build, endpoint, tmp_path):
    source = copied("iemocap", tmp_path)
    for folder in source.rglob("dialog"):
        for path in (folder / "transcriptions").glob("*.txt"):
            colours = [("red", "green", "blue")[n % 3] for n in range(80)]
            film(
                folder / "avi" / "DivX" / f"{path.stem}.avi",
                "mpeg4",
                [(colour, 1.0) for colour in colours],
            )
    corpus = ("build", "--corpus", "iemocap", "--source", source, "--show", 0)
    ended = build("--see", corpus=corpus)
    assert ended.code == 0, ended.err
    rows = samples(tmp_path / "output" / "a")
    drafts = of_drafts(endpoint)
    assert len(drafts) == len(rows)
    for row in rows:
        text = row["target_utterance"]["text"]
        body = next(b for b in drafts if f'now: "{text}"' in text_of(b["messages"][1]))
        video = video_of(next(p for p in body["messages"][1]["content"] if "video_url" in p))
        assert row["video"]["source_file"].endswith(".avi")
        assert abs(video.sound - row["audio_info"]["duration"]) < 0.15
        middle = row["video"]["start"] + row["audio_info"]["duration"] / 2
        # The picture near the middle of a turn has the colour of that second of the film.
        near = {("red", "green", "blue")[int(middle + off) % 3] for off in (-0.3, 0, 0.3)}
        assert video.colour in near


def broken_source(tmp_path: Path) -> Path:
    source = copied("crema_d", tmp_path)
    clips = sorted((source / "AudioWAV").glob("*.wav"))
    for clip in clips:
        film(source / "VideoFlash" / f"{clip.stem}.flv", "flv1", [("blue", 6)])
    videos = sorted((source / "VideoFlash").glob("*.flv"))
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    videos[0].write_bytes(pointer)
    videos[1].write_bytes(videos[1].read_bytes()[:40])
    videos[2].unlink()
    film(videos[3], "flv1", [("blue", 0.2)])
    return source


def test_a_damaged_or_missing_video_is_a_reject_with_its_reason(build, tmp_path):
    source = broken_source(tmp_path)
    corpus = ("build", "--corpus", "crema_d", "--source", source, "--show", 0)
    ended = build("--see", corpus=corpus)
    assert ended.code == 0 and "Traceback" not in ended.err, ended.err
    found = {row["reason"]: row["detail"] for row in rejected(tmp_path / "output" / "a")}
    assert "run `git lfs pull`" in found["lfs_pointer"]
    assert "cannot be decoded" in found["video_unreadable"]
    assert found["video_missing"] == "the corpus has no video of this utterance"
    assert "has pictures up to 0." in found["video_truncated"]
    assert all("\n" not in detail for detail in found.values())


@pytest.mark.parametrize(
    ("corpus", "more", "said"),
    [
        ("crema_d", (), "the video files are missing in"),
        ("iemocap", (), "expected SessionN/dialog/avi/DivX/DIALOGUE.avi; put them there, or leave"),
        ("emowoz", (), "--see needs clips, and EmoWOZ"),
        ("meld", ("--text-only",), "--see and --text-only exclude each other"),
        ("meld", ("--hear",), "--see sends the sound as well as the picture; leave --hear out"),
    ],
)
def test_a_corpus_without_video_is_said_to_be_one_before_anything_is_asked(
    build, endpoint, corpus, more, said
):
    ended = build("--see", *more, corpus=("build", "--corpus", corpus, "--sample", "--show", 0))
    assert said in one_line_error(ended)
    assert endpoint.log()["count"] == 0


def test_the_phrasebook_sees_nothing(tmp_path):
    ended = hearten(*SAMPLE, "--see", cwd=tmp_path)
    assert "--see is given without --model, and the phrasebook sees" in one_line_error(ended)


def test_video_is_sent_where_sound_may_be(build, tmp_path):
    said = one_line_error(
        hearten(
            *("build", "--corpus", "meld", "--sample", "--model", "m", "--see"),
            *("--base-url", "https://192.0.2.1/v1"),
            cwd=tmp_path,
        )
    )
    assert "the picture and sound of MELD" in said
    assert (
        "may not be sent to a third party such as https://192.0.2.1/v1 (its card says no)" in said
    )
    assert "--i-may-send meld if you have a right of your own" in said


def test_nothing_of_a_video_leaves_with_an_export_or_a_publication(build, endpoint, tmp_path):
    assert build("--see").code == 0
    rows = samples(tmp_path / "output" / "a")
    videos = [in_body(body) for body in of_drafts(endpoint)]
    for form in ("ms-swift", "webdataset"):
        ended = hearten(
            *("export", "output/a", "--format", form, "--to", f"out-{form}"), cwd=tmp_path
        )
        assert ended.code == 0, ended.err
    files = [p for p in tmp_path.glob("out-*/**/*") if p.is_file()]
    assert files
    for path in files:
        content = path.read_bytes()
        assert not any(video[100:160] in content for video in videos), path
        assert not any(row["video"]["source_sha256"].encode() in content for row in rows), path
        assert path.suffix != ".mp4" and b"source_file" not in content
    every = frozenset({"audio", "text", "labels", "derived", "pointers"})
    gone = withhold(rows[0] | {"audio": None, "reply_audio": None}, withheld(every))
    assert gone["video"] is None
