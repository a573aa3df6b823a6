import hashlib
import os
import pickle
import resource
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray
from trees import CLIP_RATE, hum, recording, stereo, surround, write_container, write_mp4

from builders import resources
from builders.audio.clips import ClipError
from builders.audio.decode import SYNTHETIC, as_flac, decode, duration_findings
from builders.audio.resampling import RATE
from builders.corpora import open_reader
from builders.record.types import Clip, Dialogue, Finding, Media

SECONDS = 1.5
VOICE = hum(SECONDS)


def sound_of(clip: Clip) -> NDArray[np.float32]:
    samples, rate = soundfile.read(BytesIO(clip.flac), dtype="float32")
    assert (rate, samples.ndim) == (RATE, 1)
    return samples


def likeness(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Return the highest normalised cross-correlation of two sounds over all shifts."""
    size = len(one) + len(other)
    product = np.fft.rfft(one, size) * np.conj(np.fft.rfft(other, size))
    return float(np.fft.irfft(product, size).max() / np.linalg.norm(one) / np.linalg.norm(other))


def at_16_khz(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    return soxr.resample(samples, CLIP_RATE, RATE)


def codes(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.code for finding in findings]


def refused(path: Path, root: Path, **span: float) -> ClipError:
    with pytest.raises(ClipError) as error:
        decode(Media(path, **span), root)
    return error.value


def write_sound(path: Path, mono: NDArray[np.float32]) -> Path:
    """Write a film or a sound file, as the name says."""
    if path.suffix == ".mp4":
        return write_mp4(path, stereo(mono), bit_rate=192_000)
    soundfile.write(path, mono, CLIP_RATE)
    return path


# What comes out


@pytest.mark.parametrize("mix", [stereo, surround])
def test_real_speech_in_an_mp4_comes_out_as_it_went_in(mix, real_data, tmp_path):
    for original in sorted((real_data / "real_speech").glob("*.wav"))[::4]:
        voice = recording(original)
        path = write_mp4(tmp_path / "clip.mp4", mix(voice), bit_rate=256_000)
        clip = decode(Media(path), tmp_path)
        assert likeness(sound_of(clip), at_16_khz(voice)) > 0.95
        assert clip.duration == pytest.approx(len(voice) / CLIP_RATE, abs=0.03)


def test_a_clip_says_what_its_bytes_are(tmp_path):
    path = write_mp4(tmp_path / "clip.mp4", stereo(VOICE))
    clip = decode(Media(path, findings=("recut_twin_used",)), tmp_path)
    pcm, _ = soundfile.read(BytesIO(clip.flac), dtype="int16")
    assert soundfile.info(BytesIO(clip.flac)).subtype == "PCM_16"
    assert clip.sha256_pcm == hashlib.sha256(pcm.astype("<i2").tobytes()).hexdigest()
    assert (clip.samples, clip.duration) == (len(pcm), round(len(pcm) / RATE, 6))
    assert clip.source_file == "clip.mp4"
    assert clip.source_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert clip.findings == (Finding("recut_twin_used"),)


def test_the_same_file_gives_the_same_bytes(tmp_path):
    media = Media(write_mp4(tmp_path / "clip.mp4", surround(VOICE)))
    assert decode(media, tmp_path) == decode(media, tmp_path)


def test_the_centre_of_a_surround_mix_is_taken_and_nothing_else(tmp_path):
    mix = np.stack([hum(SECONDS, 310.0)] * 6)
    mix[2] = VOICE
    clip = decode(Media(write_mp4(tmp_path / "clip.mp4", mix, bit_rate=320_000)), tmp_path)
    assert likeness(sound_of(clip), at_16_khz(VOICE)) > 0.98
    assert likeness(sound_of(clip), at_16_khz(mix[0])) < 0.2


def test_stereo_becomes_the_mean_of_its_channels(tmp_path):
    left, right = hum(SECONDS, 170.0), hum(SECONDS, 410.0)
    soundfile.write(tmp_path / "clip.wav", np.stack([left, right], axis=1), CLIP_RATE)
    clip = decode(Media(tmp_path / "clip.wav"), tmp_path)
    assert likeness(sound_of(clip), at_16_khz((left + right) / 2)) > 0.999


def test_the_centre_of_a_surround_sound_file_is_taken(tmp_path):
    mix = np.stack([hum(SECONDS, 310.0)] * 6, axis=1)
    mix[:, 2] = VOICE
    soundfile.write(tmp_path / "clip.wav", mix, CLIP_RATE)
    clip = decode(Media(tmp_path / "clip.wav"), tmp_path)
    assert likeness(sound_of(clip), at_16_khz(VOICE)) > 0.999


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "mp3"])
def test_sound_files_are_decoded(kind, tmp_path):
    path = tmp_path / f"clip.{kind}"
    soundfile.write(path, VOICE, CLIP_RATE)
    clip = decode(Media(path), tmp_path)
    assert likeness(sound_of(clip), at_16_khz(VOICE)) > 0.98
    assert clip.duration == pytest.approx(SECONDS, abs=0.06)


CONTAINERS = [
    ("wav", None),
    ("flac", None),
    ("ogg", None),
    ("mp3", None),
    ("mp4", "aac"),
    ("avi", "mp3"),
    ("avi", "pcm_s16le"),
    ("flv", "aac"),
    ("mkv", "ac3"),
]


@pytest.mark.parametrize(("kind", "codec"), CONTAINERS)
def test_real_speech_comes_out_of_every_container_as_it_went_in(kind, codec, real_data, tmp_path):
    voice = recording(real_data / "real_speech" / "16.wav")
    path = tmp_path / f"clip.{kind}"
    if codec:
        write_container(path, stereo(voice), codec)
    else:
        soundfile.write(path, voice, CLIP_RATE)
    clip = decode(Media(path), tmp_path)
    assert likeness(sound_of(clip), at_16_khz(voice)) > 0.95
    assert clip.duration == pytest.approx(len(voice) / CLIP_RATE, abs=0.07)


@pytest.mark.parametrize("rate", [8_000, 22_050, 192_000])
def test_any_rate_becomes_16_khz(rate, tmp_path):
    sound = soxr.resample(VOICE, CLIP_RATE, rate)
    soundfile.write(tmp_path / "clip.wav", sound, rate)
    clip = decode(Media(tmp_path / "clip.wav"), tmp_path)
    assert likeness(sound_of(clip), at_16_khz(VOICE)) > 0.99
    assert clip.duration == pytest.approx(SECONDS, abs=0.002)


@pytest.mark.parametrize(("kind", "codec"), [("wav", None), ("mkv", "flac")])
def test_of_eight_channels_the_centre_is_taken(kind, codec, tmp_path):
    mix = np.stack([hum(SECONDS, 310.0)] * 8)
    mix[2] = VOICE
    path = tmp_path / f"clip.{kind}"
    if codec:
        write_container(path, mix, codec)
    else:
        soundfile.write(path, mix.T, CLIP_RATE)
    assert likeness(sound_of(decode(Media(path), tmp_path)), at_16_khz(VOICE)) > 0.99


def test_sound_cut_off_at_full_scale_is_a_finding_with_its_share(tmp_path):
    soundfile.write(tmp_path / "clip.wav", np.clip(VOICE * 4, -1, 1), CLIP_RATE)
    soundfile.write(tmp_path / "whole.wav", VOICE / np.abs(VOICE).max(), CLIP_RATE)
    (found,) = decode(Media(tmp_path / "clip.wav"), tmp_path).findings
    share = (np.abs(VOICE * 4) >= 1).mean()
    assert (found.code, found.value) == ("clip_clipped", pytest.approx(share, abs=0.005))
    assert decode(Media(tmp_path / "whole.wav"), tmp_path).findings == ()


def test_a_wrong_extension_does_not_matter(tmp_path):
    write_mp4(tmp_path / "film.mp4", stereo(VOICE)).rename(tmp_path / "film.wav")
    assert decode(Media(tmp_path / "film.wav"), tmp_path).duration > 1.4


def test_sixteen_bit_sound_at_16_khz_is_not_changed(tmp_path):
    pcm = np.random.default_rng(1).integers(-32768, 32767, 4000, dtype=np.int16)
    soundfile.write(tmp_path / "clip.wav", pcm, RATE, subtype="PCM_16")
    clip = decode(Media(tmp_path / "clip.wav"), tmp_path)
    assert np.array_equal(soundfile.read(BytesIO(clip.flac), dtype="int16")[0], pcm)


def test_sound_beyond_full_scale_is_held_there_and_does_not_wrap_around(tmp_path):
    loud = np.full(8000, 1.7, np.float32)
    soundfile.write(tmp_path / "clip.wav", loud, RATE, subtype="FLOAT")
    clip = decode(Media(tmp_path / "clip.wav"), tmp_path)
    assert sound_of(clip).min() > 0.999


def test_a_path_may_be_relative_to_the_corpus(tmp_path):
    (tmp_path / "clips").mkdir()
    write_mp4(tmp_path / "clips" / "a.mp4", stereo(VOICE))
    assert decode(Media(Path("clips/a.mp4")), tmp_path).source_file == "clips/a.mp4"


@pytest.mark.parametrize("name", ["clip.mp4", "clip.wav", "clip.flac", "clip.mp3", "clip.ogg"])
def test_a_part_of_a_recording_is_that_part(name, tmp_path):
    long = np.concatenate([hum(1.0, 140.0), hum(1.0, 260.0), hum(1.0, 500.0)])
    path = write_sound(tmp_path / name, long)
    clip = decode(Media(path, start=1.25, end=1.75), tmp_path)
    assert (clip.start, clip.end) == (1.25, 1.75)
    assert clip.duration == pytest.approx(0.5, abs=0.002)
    part = at_16_khz(long)[int(1.25 * RATE) : int(1.75 * RATE)]
    found = sound_of(clip)[: len(part)]
    assert np.corrcoef(found, part[: len(found)])[0, 1] > 0.98


def test_silence_is_a_finding_and_not_a_reject(tmp_path):
    clip = decode(Media(write_mp4(tmp_path / "clip.mp4", stereo(VOICE * 0))), tmp_path)
    assert codes(clip.findings) == ["clip_silent"]


def test_every_clip_of_the_sample_decodes_and_lasts_as_long_as_its_annotation():
    reader = open_reader("meld", resources.corpora() / "meld" / "sample", with_media=True)
    items = [item for split in reader.splits for item in reader.read(split)]
    said = [u for item in items if isinstance(item, Dialogue) for u in item.utterances]
    for u in (u for u in said if not u.rejected):
        clip = decode(u.media, reader.root)
        assert duration_findings(clip, u.start, u.end) == ()
        assert np.abs(sound_of(clip)).max() > 0.2


# What is refused


@pytest.mark.parametrize("index_first", [False, True])
@pytest.mark.parametrize("mix", [stereo, surround])
def test_an_mp4_cut_off_anywhere_is_refused(mix, index_first, tmp_path):
    path = write_mp4(tmp_path / "whole.mp4", mix(VOICE), index_first=index_first)
    content = path.read_bytes()
    cut = tmp_path / "cut.mp4"
    for length in [*range(1, len(content), len(content) // 40), len(content) - 1]:
        cut.write_bytes(content[:length])
        error = refused(cut, tmp_path)
        # With less than eight bytes nothing says that it was to be an mp4.
        assert error.reason == ("clip_truncated" if length >= 8 else "clip_unreadable")
        assert "cut.mp4" in error.detail


def test_a_cut_mp4_says_how_many_bytes_it_lacks(tmp_path):
    path = write_mp4(tmp_path / "clip.mp4", stereo(VOICE), index_first=True)
    path.write_bytes(path.read_bytes()[:-100])
    assert refused(path, tmp_path).detail == "clip.mp4 is 100 bytes short"


def test_an_mp4_whose_sound_ends_early_is_refused(tmp_path):
    path = write_mp4(tmp_path / "clip.mp4", stereo(VOICE), index_first=True)
    content = path.read_bytes()
    # The data box says it ends here: the file is whole, and what its index promises is not there.
    at = content.index(b"mdat") - 4
    kept = (len(content) - at) // 2
    path.write_bytes(content[:at] + kept.to_bytes(4) + content[at + 4 : at + kept])
    error = refused(path, tmp_path)
    assert error.reason == "clip_truncated"


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3"])
def test_a_cut_sound_file_is_refused(kind, tmp_path):
    path = tmp_path / f"clip.{kind}"
    soundfile.write(path, VOICE, CLIP_RATE)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert refused(path, tmp_path).reason in ("clip_truncated", "clip_unreadable")


def test_an_mp4_without_sound_is_refused(tmp_path):
    error = refused(write_mp4(tmp_path / "clip.mp4", None), tmp_path)
    assert (error.reason, error.detail) == ("no_audio_stream", "clip.mp4 has no audio stream")


def test_a_git_lfs_pointer_is_refused_with_what_to_do(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n")
    error = refused(path, tmp_path)
    assert error.reason == "lfs_pointer"
    assert "clip.mp4 is a Git LFS pointer" in error.detail and "git lfs pull" in error.detail


def test_a_missing_an_empty_and_a_foreign_file_are_told_apart(tmp_path):
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "notes.mp4").write_text("This is a note and no film.\n" * 20)
    (tmp_path / "folder.mp4").mkdir()
    reasons = {
        name: refused(tmp_path / f"{name}.mp4", tmp_path).reason
        for name in ("gone", "empty", "notes", "folder")
    }
    assert reasons == {
        "gone": "clip_missing",
        "empty": "clip_empty",
        "notes": "clip_unreadable",
        "folder": "clip_unreadable",
    }


def test_a_link_out_of_the_corpus_is_refused(tmp_path):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    write_mp4(tmp_path / "secret.mp4", stereo(VOICE))
    (corpus / "clip.mp4").symlink_to(tmp_path / "secret.mp4")
    for path in (corpus / "clip.mp4", Path("../secret.mp4")):
        error = refused(path, corpus)
        assert error.reason == "path_outside_corpus"
        assert "is outside" in error.detail


def test_a_link_inside_the_corpus_is_followed(tmp_path):
    write_mp4(tmp_path / "real.mp4", stereo(VOICE))
    (tmp_path / "clip.mp4").symlink_to("real.mp4")
    assert decode(Media(tmp_path / "clip.mp4"), tmp_path).source_file == "real.mp4"


def test_a_link_to_itself_is_refused(tmp_path):
    (tmp_path / "clip.mp4").symlink_to("clip.mp4")
    assert refused(tmp_path / "clip.mp4", tmp_path).reason == "clip_unreadable"


def test_samples_that_are_not_numbers_are_refused(tmp_path):
    samples = VOICE.copy()
    samples[100] = np.nan
    soundfile.write(tmp_path / "clip.wav", samples, CLIP_RATE, subtype="FLOAT")
    error = refused(tmp_path / "clip.wav", tmp_path)
    assert (error.reason, error.detail) == (
        "clip_unreadable",
        "clip.wav contains samples that are not numbers",
    )


@pytest.mark.parametrize("value", [np.inf, -np.inf, 3e38])
def test_samples_beyond_what_can_be_added_up_are_refused(value, tmp_path):
    samples = stereo(VOICE).T.copy()
    samples[100] = value
    soundfile.write(tmp_path / "clip.wav", samples, CLIP_RATE, subtype="FLOAT")
    assert refused(tmp_path / "clip.wav", tmp_path).reason == "clip_unreadable"


def test_a_header_that_promises_a_million_hours_costs_no_memory(tmp_path):
    path = tmp_path / "clip.flac"
    soundfile.write(path, VOICE, CLIP_RATE)
    content = bytearray(path.read_bytes())
    content[21] |= 0x0F  # the upper four bits of the number of samples
    content[22:26] = b"\xff" * 4
    path.write_bytes(content)
    assert refused(path, tmp_path).reason == "clip_too_long"
    assert refused(path, tmp_path, start=0.0, end=800.0).reason in (
        "clip_truncated",
        "clip_unreadable",
    )


def test_two_hours_where_a_clip_was_promised_are_refused_unread(tmp_path):
    path = tmp_path / "clip.wav"
    soundfile.write(path, VOICE, CLIP_RATE, subtype="PCM_16")
    content = bytearray(path.read_bytes())
    size = 2 * 3600 * CLIP_RATE * 2
    content[4:8], content[40:44] = (size + 36).to_bytes(4, "little"), size.to_bytes(4, "little")
    path.write_bytes(content)
    with path.open("r+b") as stream:
        stream.truncate(size + 44)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert refused(path, tmp_path).detail == "clip.wav lasts 7200.0 s; the limit is 900.0 s"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000
    part = decode(Media(path, start=0.25, end=1.25), tmp_path)
    assert likeness(sound_of(part), at_16_khz(VOICE)[4_000:20_000]) > 0.99


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "clip.wav")
    assert "not a file" in refused(tmp_path / "clip.wav", tmp_path).detail


def test_links_in_a_circle_are_refused(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert refused(tmp_path / "a" / "clip.wav", tmp_path).reason == "clip_unreadable"


@pytest.mark.parametrize("name", ["clip.mp4", "clip.wav"])
def test_a_recording_where_a_clip_was_promised_is_refused(name, tmp_path, monkeypatch):
    monkeypatch.setattr("builders.audio.decode.LONGEST", 1.0)
    path = write_sound(tmp_path / name, VOICE)
    error = refused(path, tmp_path)
    assert (error.reason, error.detail) == (
        "clip_too_long",
        f"{name} lasts 1.5 s; the limit is 1.0 s",
    )
    assert decode(Media(path, start=0.5, end=1.2), tmp_path).duration == pytest.approx(0.7)


def test_a_packet_that_does_not_decode_is_a_finding(tmp_path):
    path = write_mp4(tmp_path / "clip.mp4", surround(VOICE), index_first=True)
    content = bytearray(path.read_bytes())
    middle = len(content) * 2 // 3
    content[middle : middle + 40] = b"\xff" * 40
    path.write_bytes(content)
    assert "decode_errors" in codes(decode(Media(path), tmp_path).findings)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.wav"])
def test_a_part_beyond_the_end_is_refused(name, tmp_path):
    path = write_sound(tmp_path / name, VOICE)
    assert refused(path, tmp_path, start=1.0, end=9.0).reason == "clip_truncated"
    assert refused(path, tmp_path, start=5.0, end=6.0).reason == "clip_empty"
    assert refused(path, tmp_path, start=1.0, end=1.0).reason == "clip_empty"


def test_an_error_passes_between_processes():
    error = pickle.loads(pickle.dumps(ClipError("clip_empty", "a.mp4 is empty")))
    assert (error.reason, error.detail) == ("clip_empty", "a.mp4 is empty")
    assert str(error) == "clip_empty: a.mp4 is empty"


# Against the annotation


def test_a_clip_that_is_not_as_long_as_its_annotation_is_a_finding(tmp_path):
    clip = decode(Media(write_mp4(tmp_path / "clip.mp4", stereo(VOICE))), tmp_path)
    assert duration_findings(clip, 10.0, 10.0 + SECONDS) == ()
    (found,) = duration_findings(clip, 10.0, 10.3 + SECONDS)
    assert (found.code, found.value) == ("duration_mismatch", pytest.approx(-0.3, abs=0.03))
    assert found.detail.startswith("the clip lasts 1.5")
    assert codes(duration_findings(clip, 10.0, 10.0)) == ["duration_mismatch"]
    assert duration_findings(clip, None, 11.5) == ()


def test_made_speech_says_so_in_its_metadata_and_sounds_the_same():
    pcm = np.arange(1600, dtype=np.int16)
    for made, comment in ((as_flac(pcm), ""), (as_flac(pcm, synthetic=True), SYNTHETIC)):
        with soundfile.SoundFile(BytesIO(made)) as file:
            assert file.comment == comment
            assert (file.read(dtype="int16") == pcm).all()
