"""Sound that is not in the centre channel or not in the first stream, and what says so."""

from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from keeping import kept_in
from numpy.typing import NDArray
from trees import CLIP_RATE, hum, make_meld_tree, stereo, write_mp4

from builders.audio import decode as decoding
from builders.audio.analysis import Hearing
from builders.audio.channels import Mix
from builders.audio.decode import decode
from builders.record.types import Clip, Media, Utterance

VOICE = hum(0.8)
QUIET = np.zeros_like(VOICE)


def peak(clip: Clip) -> float:
    samples, _ = soundfile.read(BytesIO(clip.flac), dtype="float32")
    return float(np.abs(samples).max())


def codes(clip: Clip) -> list[tuple[str, float | None]]:
    return [(found.code, found.value) for found in clip.findings]


def write_streams(path: Path, *streams: NDArray[np.float32]) -> Path:
    """Write each of these mono sounds as a stream of its own."""
    with av.open(str(path), "w") as container:
        opened = [container.add_stream("aac", rate=CLIP_RATE, layout="mono") for _ in streams]
        for stream, samples in zip(opened, streams, strict=True):
            frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = CLIP_RATE, 0
            container.mux(stream.encode(frame))
            container.mux(stream.encode())
    return path


def beside_the_centre(path: Path) -> Path:
    mix = np.stack([VOICE, VOICE, QUIET, QUIET, QUIET, QUIET])
    if path.suffix == ".wav":
        soundfile.write(path, mix.T, CLIP_RATE)
        return path
    return write_mp4(path, mix, bit_rate=256_000)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.wav"])
def test_where_the_centre_is_silent_the_mean_of_all_channels_is_taken(name, tmp_path):
    clip = decode(Media(beside_the_centre(tmp_path / name)), tmp_path)
    assert codes(clip) == [("other_channel_used", None)] and peak(clip) > 0.05
    assert "the centre channel is silent" in (clip.findings[0].detail or "")


def test_where_channels_cancel_each_other_out_the_loudest_is_taken(tmp_path):
    soundfile.write(tmp_path / "clip.wav", np.stack([VOICE * 0.9, -VOICE * 0.9], 1), CLIP_RATE)
    clip = decode(Media(tmp_path / "clip.wav"), tmp_path)
    assert codes(clip) == [("other_channel_used", 1)] and peak(clip) > 0.1


def test_where_the_first_stream_is_silent_the_next_that_is_not_is_taken(tmp_path):
    path = write_streams(tmp_path / "clip.mp4", QUIET, QUIET, VOICE)
    clip = decode(Media(path), tmp_path)
    assert codes(clip) == [("other_stream_used", 3)] and peak(clip) > 0.1
    part = decode(Media(path, 0.2, 0.5), tmp_path)
    assert part.duration == pytest.approx(0.3, abs=0.01) and peak(part) > 0.1


def test_a_first_stream_that_speaks_is_taken_whatever_else_there_is(tmp_path, monkeypatch):
    path = write_streams(tmp_path / "clip.mp4", VOICE, hum(0.8, 310.0))
    mixes: list[Mix] = []
    read = decoding._decode_container
    monkeypatch.setattr(
        decoding, "_decode_container", lambda *of: (mixes.append(of[-1]), read(*of))[1]
    )
    assert codes(decode(Media(path), tmp_path)) == []
    assert len(mixes) == 1 and mixes[0].streams == 2


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_what_is_silent_everywhere_is_silent(channels, tmp_path):
    path = write_mp4(tmp_path / "clip.mp4", np.stack([QUIET] * channels))
    assert codes(decode(Media(path), tmp_path)) == [("clip_silent", None)]


def test_a_channel_that_cannot_be_decoded_leaves_the_silent_one(tmp_path):
    broken = np.full_like(VOICE, np.nan)
    mix = np.stack([broken, VOICE, QUIET, QUIET, QUIET, QUIET], 1)
    soundfile.write(tmp_path / "clip.wav", mix, CLIP_RATE, subtype="FLOAT")
    assert codes(decode(Media(tmp_path / "clip.wav"), tmp_path)) == [("clip_silent", None)]


def test_silent_clips_are_not_said_to_be_the_same_audio(tmp_path):
    make_meld_tree(tmp_path, clips={f"dev/dia0_utt{n}": stereo(QUIET) for n in (0, 1)})
    paths = sorted((tmp_path / "dev_splits_complete").iterdir())
    said = [
        Utterance("0", str(n), n, "Marta", "Well.", "neutral", media=Media(path), id=f"clip-{n}")
        for n, path in enumerate(paths)
    ]
    with kept_in(tmp_path / "side") as (values, clips):
        hearing = Hearing(tmp_path, values, clips)
        hearing.listen(((u, False) for u in said), 1)
        heard = [hearing.of(u, False).clip for u in said]
    found = [[finding.code for finding in clip.findings] for clip in heard]
    assert all("clip_silent" in codes and "same_audio_as" not in codes for codes in found)
