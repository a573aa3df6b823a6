"""Decoding: one clip of a corpus, in whatever container it lies, to 16 kHz mono FLAC."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from builders.records import Clip, Media

if TYPE_CHECKING:
    from av import AudioFrame, AudioStream, Packet
    from av.container import InputContainer

RATE = 16_000
# Seconds that a whole clip may have less than its container says: codecs pad and drop a frame or
# two. Of a short clip it is less, a tenth of it and 0.05 s.
MISSING_AT_MOST = 0.25
LONGEST = 900.0
# MELD's cuts lie within 0.1 s of their annotation in 99.9 % of the training clips.
DURATION_TOLERANCE = 0.1
SILENCE_PEAK = 0.001

# What libsndfile logs when a WAV file's header promises more than the file holds.
_DATA_SHORT = re.compile(r"^data : .*should be", re.MULTILINE)
_LFS = b"version https://git-lfs"
_SOUNDFILE = (b"fLaC", b"OggS", b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xfa", b"RF64")

Samples = NDArray[np.float32]


class ClipError(Exception):
    """A clip that cannot be used: `reason` is a code that is counted, `detail` says what is wrong.

    Reasons: clip_missing, clip_empty, clip_truncated, clip_unreadable, clip_too_long, lfs_pointer,
    no_audio_stream, path_outside_corpus.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


def decode(media: Media, root: Path) -> Clip:
    """Return a clip as 16 kHz mono FLAC; the same file gives the same bytes.

    Of a 5.1 mix the centre channel is taken, where the speech is; else the mean of the channels.
    With `media.start` and `media.end` (seconds) only that part is decoded. `media.path` must lie
    under `root` once links are followed. The findings are the media's own, then decode_errors and
    clip_silent where they apply. Raises ClipError.
    """
    path = _inside(media.path, root)
    head = _head(path)
    if head.startswith(_SOUNDFILE) or (head.startswith(b"RIFF") and head[8:12] == b"WAVE"):
        samples, rate, errors = _decode_soundfile(path, media)
    else:
        if head[4:8] == b"ftyp":
            _check_boxes(path)
        samples, rate, errors = _decode_container(path, media)
    pcm = _to_pcm(samples, rate, path)
    found = {"decode_errors": errors > 0, "clip_silent": np.abs(samples).max() < SILENCE_PEAK}
    flac = BytesIO()
    soundfile.write(flac, pcm, RATE, format="FLAC", subtype="PCM_16")
    return Clip(
        flac=flac.getvalue(),
        sha256_pcm=hashlib.sha256(pcm.astype("<i2").tobytes()).hexdigest(),
        samples=len(pcm),
        duration=round(len(pcm) / RATE, 6),
        source_file=path.relative_to(root.resolve()).as_posix(),
        source_sha256=_digest(path, path.stat().st_mtime_ns),
        start=media.start,
        end=media.end,
        findings=(*media.findings, *(code for code, applies in found.items() if applies)),
    )


def duration_findings(clip: Clip, start: float | None, end: float | None) -> tuple[str, ...]:
    """Return ``duration_mismatch`` when a clip is not as long as its annotation (seconds) says."""
    if start is None or end is None:
        return ()
    off = abs(clip.duration - (end - start))
    return ("duration_mismatch",) if off > DURATION_TOLERANCE else ()


def _inside(path: Path, root: Path) -> Path:
    try:
        found = (root / path).resolve(strict=True)
    except FileNotFoundError:
        raise ClipError("clip_missing", f"there is no file {path}") from None
    except (OSError, RuntimeError, ValueError) as error:
        raise ClipError("clip_unreadable", f"{path}: {error}") from error
    if not found.is_relative_to(root.resolve()):
        raise ClipError("path_outside_corpus", f"{path} leads out of {root}")
    return found


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            head = stream.read(64)
    except OSError as error:
        raise ClipError("clip_unreadable", f"{path}: {error}") from error
    if not head:
        raise ClipError("clip_empty", f"{path.name} has no bytes")
    if head.startswith(_LFS):
        do = "run `git lfs pull` in the corpus folder"
        raise ClipError("lfs_pointer", f"{path.name} is a Git LFS pointer, not a clip; {do}")
    return head


@lru_cache(maxsize=16)
def _digest(path: Path, _mtime_ns: int) -> str:
    """Return the SHA-256 of a file; remembered, as many segments come from one recording."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _check_span(media: Media, length: float | None, name: str) -> float | None:
    """Return how many seconds the part asked for should have; None when nothing says so."""
    start = media.start or 0.0
    end = media.end if media.end is not None else length
    if end is None:
        return None
    if end <= start:
        raise ClipError("clip_empty", f"{name}: from {start} to {end} s there is nothing")
    if end - start > LONGEST:
        raise ClipError("clip_too_long", f"{name}: {end - start:.1f} s, at most {LONGEST} s")
    return end - start


def _check_whole(samples: Samples, rate: int, expected: float | None, name: str) -> None:
    if not len(samples):
        raise ClipError("clip_empty", f"{name} holds no audio samples")
    seconds = len(samples) / rate
    if expected is not None and seconds < expected - min(MISSING_AT_MOST, 0.05 + expected / 10):
        detail = f"{name}: {seconds:.3f} s decoded, {expected:.3f} s expected"
        raise ClipError("clip_truncated", detail)


def _to_pcm(samples: Samples, rate: int, path: Path) -> NDArray[np.int16]:
    if not np.isfinite(samples).all():
        raise ClipError("clip_unreadable", f"{path.name} holds samples that are not numbers")
    resampled = soxr.resample(samples, rate, RATE, quality="HQ") if rate != RATE else samples
    if not len(resampled):
        raise ClipError("clip_empty", f"{path.name} holds no audio samples")
    # Lossy codecs overshoot full scale; wrapping around would be a click.
    pcm: NDArray[np.int16] = np.clip(np.rint(resampled * 32768), -32768, 32767).astype(np.int16)
    return pcm


def _decode_soundfile(path: Path, media: Media) -> tuple[Samples, int, int]:
    try:
        with soundfile.SoundFile(path) as sound:
            rate = sound.samplerate
            expected = _check_span(media, sound.frames / rate, path.name)
            sound.seek(min(round((media.start or 0.0) * rate), sound.frames))
            wanted = -1 if media.end is None or expected is None else round(expected * rate)
            frames = sound.read(wanted, dtype="float32", always_2d=True)
            cut_short = _DATA_SHORT.search(sound.extra_info) is not None
            # The third channel of 5.1 and 7.1, but not in Ogg, which has another order.
            surround = sound.channels in (6, 8) and sound.format != "OGG"
    except (soundfile.SoundFileError, OSError) as error:
        raise ClipError("clip_unreadable", f"{path.name}: {error}") from error
    if cut_short and media.end is None:
        raise ClipError("clip_truncated", f"{path.name}: its header says that it is longer")
    mono = frames[:, 2] if surround else frames.mean(axis=1)
    _check_whole(mono, rate, expected, path.name)
    return np.ascontiguousarray(mono), rate, 0


def _check_boxes(path: Path) -> None:
    """Raise ClipError when the index or the data of an mp4 ends beyond the file."""
    size, at = path.stat().st_size, 0
    with path.open("rb") as stream:
        while at + 8 <= size:
            stream.seek(at)
            header = stream.read(16)
            length, kind = int.from_bytes(header[:4]), header[4:8]
            if length == 1:
                length = int.from_bytes(header[8:])
            if kind in (b"moov", b"mdat", b"moof") and at + length > size:
                raise ClipError("clip_truncated", f"{path.name} lacks {at + length - size} bytes")
            if length < 8:  # to the end of the file, or nothing an mp4 would hold
                break
            at += length


def _decode_container(path: Path, media: Media) -> tuple[Samples, int, int]:
    import av  # here, as it takes a tenth of a second and text-only builds do without

    try:
        with av.open(str(path)) as container:
            stream = container.streams.best("audio")
            if isinstance(stream, av.AudioStream):
                return _decode_stream(container, stream, media, path.name)
            if container.streams.video:
                raise ClipError("no_audio_stream", f"{path.name} holds no audio stream")
            raise ClipError("clip_unreadable", f"{path.name} holds no streams; truncated?")
    except (av.error.FFmpegError, ValueError) as error:
        detail = f"{path.name} cannot be decoded ({error}); truncated?"
        raise ClipError("clip_unreadable", detail) from error


def _decode_stream(
    container: InputContainer, stream: AudioStream, media: Media, name: str
) -> tuple[Samples, int, int]:
    expected = _check_span(media, _declared(container, stream), name)
    pieces = _Pieces(media, name)
    if media.start and stream.time_base:
        # A little early: a decoder's first frame after a jump lacks its overlap with the last one.
        early = max(0.0, media.start - 0.2)
        container.seek(int(early / stream.time_base), stream=stream)
    for packet in container.demux(stream):
        if pieces.add(packet):
            break
    samples = pieces.joined()
    _check_whole(samples, pieces.rate, expected, name)
    return samples, pieces.rate, pieces.errors


def _declared(container: InputContainer, stream: AudioStream) -> float | None:
    """Return the stream's length in seconds as its container says it, if it does."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return None if container.duration is None else container.duration / 1_000_000


class _Pieces:
    """The mono samples of a stream, or of the part of it that is asked for."""

    def __init__(self, media: Media, name: str) -> None:
        import av

        self._start, self._end, self._name = media.start or 0.0, media.end, name
        self._resampler = av.AudioResampler(format="fltp")
        self._broken = av.error.FFmpegError
        self._pieces: list[Samples] = []
        self._first = 0.0
        self._count = 0
        self.rate = 0
        self.errors = 0

    def add(self, packet: Packet[AudioStream]) -> bool:
        """Decode a packet; return whether the end of the part was reached."""
        if packet.is_corrupt:
            raise ClipError("clip_truncated", f"{self._name} ends inside a packet")
        try:
            frames = packet.decode()
        except self._broken:
            # As players do: go on. The length is checked at the end, and the finding says so.
            self.errors += 1
            return False
        return any([self._keep(frame) for frame in frames])

    def _keep(self, frame: AudioFrame) -> bool:
        time = frame.time if frame.time is not None else self._first + self._seconds()
        if self._end is not None and time >= self._end:
            return True
        if self._start and time + frame.samples / frame.sample_rate <= self._start:
            return False
        if not self._pieces:
            self._first, self.rate = time, frame.sample_rate
        for planar in self._resampler.resample(frame):
            self._pieces.append(_mono(planar))
            self._count += planar.samples
        if self._seconds() > LONGEST + 1:
            raise ClipError("clip_too_long", f"{self._name}: more than {LONGEST} s")
        return False

    def _seconds(self) -> float:
        return self._count / self.rate if self.rate else 0.0

    def joined(self) -> Samples:
        """Return the samples from the start to the end asked for."""
        if not self._pieces:
            raise ClipError("clip_empty", f"{self._name} holds no audio samples")
        first = round(max(0.0, self._start - self._first) * self.rate) if self._start else 0
        last = None if self._end is None else round((self._end - self._first) * self.rate)
        return np.concatenate(self._pieces)[first:last]


def _mono(frame: AudioFrame) -> Samples:
    planes = frame.to_ndarray().astype(np.float32, copy=False)
    names = [channel.name for channel in frame.layout.channels]
    centre = len(names) > 2 and "FC" in names
    mono: Samples = planes[names.index("FC")] if centre else planes.mean(axis=0)
    return mono
