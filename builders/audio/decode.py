"""Decoding: one clip of a corpus, from any container, to 16 kHz mono."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from numpy.typing import NDArray

from builders.audio.channels import SILENCE_PEAK, Mix, MixedSound, speaking
from builders.audio.clips import ClipError, digest_of, head_of, locate
from builders.audio.parquet_clips import inside_of, sha256_of, source_name
from builders.audio.resampling import RATE, Resampler, Samples
from builders.record.types import Clip, Finding, Media

if TYPE_CHECKING:
    from av import AudioFrame, AudioStream, Packet
    from av.container import InputContainer

# Seconds that a clip may be shorter than its container says: codecs pad and drop a frame or
# two. For a short clip it is less: a tenth of it plus 0.05 s.
MISSING_AT_MOST = 0.25
LONGEST = 900.0
# MELD's cuts lie within 0.1 s of their annotation in 99.9 % of the training clips.
DURATION_TOLERANCE = 0.1
# A lower share of clipped samples is inaudible.
CLIPPED_SHARE = 0.001

# What libsndfile logs when a WAV file's header promises more than the file holds.
_DATA_SHORT = re.compile(r"^data : .*should be", re.MULTILINE)
_SOUNDFILE = (b"fLaC", b"OggS", b"RF64")
_BLOCK = 65_536
_CHANNELS = 64


@dataclass(frozen=True, slots=True)
class DecodedSound:
    """A decoded clip: 16-bit PCM at 16 kHz, its source file, and findings."""

    pcm: NDArray[np.int16]
    source_file: str
    source_sha256: str
    findings: tuple[Finding, ...]


def decode(media: Media, root: Path, follow_links: bool = False) -> Clip:
    """Return a clip as 16 kHz mono FLAC; the same file gives the same bytes.

    The findings are the media's own, then those of `read_sound`. Raises ClipError.
    """
    sound = read_sound(media, root, follow_links)
    findings = (*map(Finding, media.findings), *sound.findings)
    return Clip(
        flac=as_flac(sound.pcm),
        sha256_pcm=pcm_digest(sound.pcm),
        samples=len(sound.pcm),
        duration=round(len(sound.pcm) / RATE, 6),
        source_file=sound.source_file,
        source_sha256=sound.source_sha256,
        start=media.start,
        end=media.end,
        findings=findings,
    )


def read_sound(media: Media, root: Path, follow_links: bool = False) -> DecodedSound:
    """Return a clip's audio.

    For a 5.1 mix, the centre channel is used, which has the speech; else the mean of the channels.
    Where that is silent and another channel or stream is not, the other one is used (`speaking`).
    With `media.start` and `media.end` (seconds) only that part is decoded. `media.path` must lie
    under `root` once links are followed, or before with `follow_links`. Memory is bounded by
    `LONGEST` seconds at 16 kHz. Findings are decode_errors (packets), clip_silent (peak in dB) and
    clip_clipped (share of samples), if they apply. Raises ClipError.
    """
    path = locate(media.path, root, follow_links)
    inside = inside_of(media, path)
    head = head_of(path) if inside is None else inside[:64]
    by_soundfile = head.startswith(_SOUNDFILE) or (
        head.startswith(b"RIFF") and head[8:12] == b"WAVE"
    )
    if inside is None and head[4:8] == b"ftyp":
        _check_boxes(path)

    def read(mix: Mix) -> MixedSound:
        if by_soundfile:
            file = path if inside is None else BytesIO(inside)
            sound, errors = _decode_soundfile(file, media, mix), 0
        else:
            sound, errors = _decode_container(path, inside, media, mix)
        pcm = sound.pcm()
        return MixedSound(pcm, sound.peak, tuple(_findings(sound, errors)))

    found = speaking(read)
    source = source_name(media, path, root)
    sha256 = digest_of(path) if inside is None else sha256_of(inside)
    return DecodedSound(found.pcm, source, sha256, found.findings)


def read_bytes(content: bytes, name: str) -> NDArray[np.int16]:
    """Return the audio of a WAV, FLAC, Ogg or MP3 in memory, as 16 kHz mono PCM.

    Memory is bounded as by `read_sound`; `name` is for messages. Raises ClipError.
    """
    if not content:
        raise ClipError("clip_empty", f"{name} is empty")
    return _decode_soundfile(BytesIO(content), Media(Path(name)), Mix()).pcm()


# The comment in the metadata of files of speech that a program made.
SYNTHETIC = "synthetic speech"


def as_flac(pcm: NDArray[np.int16], *, synthetic: bool = False) -> bytes:
    """Return 16 kHz mono PCM as FLAC; that of made speech says so in its metadata."""
    flac = BytesIO()
    with soundfile.SoundFile(flac, "w", RATE, 1, "PCM_16", format="FLAC") as file:
        if synthetic:
            file.comment = SYNTHETIC
        file.write(pcm)
    return flac.getvalue()


def pcm_digest(pcm: NDArray[np.int16]) -> str:
    """Return the SHA-256 of PCM as 16-bit little-endian numbers."""
    return hashlib.sha256(pcm.astype("<i2").tobytes()).hexdigest()


def duration_findings(clip: Clip, start: float | None, end: float | None) -> tuple[Finding, ...]:
    """Return ``duration_mismatch`` when a clip and annotation differ in length (seconds)."""
    if start is None or end is None:
        return ()
    longer = clip.duration - (end - start)
    if abs(longer) <= DURATION_TOLERANCE:
        return ()
    detail = f"the clip lasts {clip.duration:.3f} s, its annotation {end - start:.3f} s"
    return (Finding("duration_mismatch", round(longer, 3), detail),)


def _findings(sound: Resampler, errors: int) -> Iterator[Finding]:
    if errors:
        yield Finding("decode_errors", errors, f"{errors} packets could not be decoded")
    if sound.peak < SILENCE_PEAK:
        peak = round(20 * math.log10(sound.peak), 1) if sound.peak else None
        yield Finding("clip_silent", peak, "the loudest sample is below -60 dBFS")
    if (share := sound.clipped / sound.count) > CLIPPED_SHARE:
        yield Finding("clip_clipped", round(share, 4), "share of samples clipped at full scale")


def _check_span(media: Media, length: float | None, name: str) -> float | None:
    """Return the expected length of the requested part in seconds; None if unknown."""
    start = media.start or 0.0
    end = media.end if media.end is not None else length
    if end is None:
        return None
    if end <= start:
        raise ClipError("clip_empty", f"{name} has no audio from {start} to {end} s")
    if end - start > LONGEST:
        raise ClipError(
            "clip_too_long", f"{name} lasts {end - start:.1f} s; the limit is {LONGEST} s"
        )
    return end - start


def _check_whole(seconds: float, expected: float | None, name: str) -> None:
    if not seconds:
        raise ClipError("clip_empty", f"{name} contains no audio samples")
    if expected is not None and seconds < expected - min(MISSING_AT_MOST, 0.05 + expected / 10):
        detail = f"{name}: {seconds:.3f} s decoded, {expected:.3f} s expected"
        raise ClipError("clip_truncated", detail)


def _decode_soundfile(file: Path | BytesIO, media: Media, mix: Mix) -> Resampler:
    name = media.path.name
    try:
        with soundfile.SoundFile(file) as sound:
            return _read_soundfile(sound, media, mix)
    except (soundfile.SoundFileError, OSError, ValueError) as error:
        # A number of frames below zero, as a header may say, is a ValueError.
        raise ClipError("clip_unreadable", f"{name}: {error}") from error


def _read_soundfile(sound: soundfile.SoundFile, media: Media, mix: Mix) -> Resampler:
    rate, name = sound.samplerate, media.path.name
    resampler = Resampler(rate, LONGEST + 1, name)
    if sound.channels > _CHANNELS:
        raise ClipError(
            "clip_unreadable", f"{name} has an invalid number of channels: {sound.channels}"
        )
    expected = _check_span(media, sound.frames / rate, name)
    if _DATA_SHORT.search(sound.extra_info) and media.end is None:
        raise ClipError("clip_truncated", f"{name} ends before the length given in its header")
    if media.start:
        sound.seek(min(round(media.start * rate), sound.frames))
    # The third channel of 5.1 and 7.1, but not in Ogg, which has another order.
    centre = 2 if sound.channels in (6, 8) and sound.format != "OGG" else None
    left = round(expected * rate) if expected is not None else 0
    # In blocks, because the length in the header may be wrong.
    while left > 0:
        frames = sound.read(min(_BLOCK, left), dtype="float32", always_2d=True)
        if not len(frames):
            break
        resampler.add(mix.mono(frames, centre))
        left -= len(frames)
    _check_whole(resampler.seconds, expected, name)
    return resampler


def _check_boxes(path: Path) -> None:
    """Raise ClipError if the index or data of an mp4 extends beyond the file."""
    size, at = path.stat().st_size, 0
    with path.open("rb") as stream:
        while at + 8 <= size:
            stream.seek(at)
            header = stream.read(16)
            length, kind = int.from_bytes(header[:4]), header[4:8]
            if length == 1:
                length = int.from_bytes(header[8:])
            if kind in (b"moov", b"mdat", b"moof") and at + length > size:
                raise ClipError(
                    "clip_truncated", f"{path.name} is {at + length - size} bytes short"
                )
            if length < 8:  # to the end of the file, or nothing an mp4 would hold
                break
            at += length


def _decode_container(
    path: Path, inside: bytes | None, media: Media, mix: Mix
) -> tuple[Resampler, int]:
    import av  # imported here: it takes a tenth of a second, and text-only builds do not need it

    try:
        with av.open(str(path) if inside is None else BytesIO(inside), "r") as container:
            stream = container.streams.best("audio")
            if isinstance(stream, av.AudioStream):
                others = [other for other in container.streams.audio if other != stream]
                mix.streams = 1 + len(others)
                return _decode_stream(container, [stream, *others][mix.stream], media, mix)
            if container.streams.video:
                raise ClipError("no_audio_stream", f"{path.name} has no audio stream")
            raise ClipError("clip_unreadable", f"{path.name} has no streams; truncated?")
    except (av.error.FFmpegError, ValueError, OverflowError, IndexError) as error:
        # The last three are what PyAV makes of numbers and streams that cannot be.
        detail = f"{path.name} cannot be decoded ({error}); truncated?"
        raise ClipError("clip_unreadable", detail) from error


def _decode_stream(
    container: InputContainer, stream: AudioStream, media: Media, mix: Mix
) -> tuple[Resampler, int]:
    name = media.path.name
    expected = _check_span(media, _declared(container, stream), name)
    begins = (container.start_time or 0) / 1_000_000
    pieces = _Pieces(media, begins, mix)
    # Not in MP3, where seeking is only a guess and libsndfile loses its position between two reads.
    if media.start and stream.time_base and container.format.name != "mp3":
        # A little early: a decoder's first frame after a jump lacks its overlap with the last one.
        early = begins + max(0.0, media.start - 0.2)
        container.seek(int(early / stream.time_base), stream=stream)
    for packet in container.demux(stream):
        if pieces.add(packet):
            break
    if pieces.sound is None:
        raise ClipError("clip_empty", f"{name} contains no audio samples")
    _check_whole(pieces.sound.seconds, expected, name)
    return pieces.sound, pieces.errors


def _declared(container: InputContainer, stream: AudioStream) -> float | None:
    """Return the stream's length in seconds as its container says it, if it does."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return None if container.duration is None else container.duration / 1_000_000


class _Pieces:
    """The audio of a stream, or of the requested part of it, frame by frame."""

    def __init__(self, media: Media, begins: float, mix: Mix) -> None:
        import av

        self._start, self._end, self._name = media.start or 0.0, media.end, media.path.name
        self._begins, self._mix = begins, mix
        # Interleaved: PyAV reads beyond the planes of a frame that has eight or more.
        self._interleaved = av.AudioResampler(format="flt")
        self._broken = av.error.FFmpegError
        self._shape = (0, 0)
        # Samples at the source's rate: how many to pass over, and where the next one stands.
        self._skip = self._at = 0
        self._last: int | None = None
        self.sound: Resampler | None = None
        self.errors = 0

    def add(self, packet: Packet[AudioStream]) -> bool:
        """Decode a packet; return whether the end of the part was reached."""
        if packet.is_corrupt:
            raise ClipError("clip_truncated", f"{self._name} ends in the middle of a packet")
        try:
            frames = packet.decode()
        except self._broken:
            # Continue, as players do. The length is checked at the end, and a finding is recorded.
            self.errors += 1
            return False
        return any([self._keep(frame) for frame in frames])

    def _keep(self, frame: AudioFrame) -> bool:
        if self.sound is None and not self._begin(frame):
            return False
        if (frame.sample_rate, frame.layout.nb_channels) != self._shape:
            detail = f"{self._name} changes its sample rate or channel count midway"
            raise ClipError("clip_unreadable", detail)
        return any(
            [self._take(_mono(mixed, self._mix)) for mixed in self._interleaved.resample(frame)]
        )

    def _begin(self, frame: AudioFrame) -> bool:
        """Start where the part asked for does; return whether this frame reaches into it."""
        time = frame.time - self._begins if self._start and frame.time is not None else 0.0
        if self._start and time + frame.samples / frame.sample_rate <= self._start:
            return False
        rate, channels = self._shape = frame.sample_rate, frame.layout.nb_channels
        if channels > _CHANNELS:
            raise ClipError(
                "clip_unreadable", f"{self._name} has an invalid number of channels: {channels}"
            )
        self.sound = Resampler(rate, LONGEST + 1, self._name)
        self._skip = round(max(0.0, self._start - time) * rate) if self._start else 0
        if self._end is not None:
            self._last = round((self._end - time) * rate)
        return True

    def _take(self, mono: Samples) -> bool:
        first, self._at = self._at, self._at + len(mono)
        last = self._at if self._last is None else min(self._at, self._last)
        part = mono[max(0, self._skip - first) : max(0, last - first)]
        if self.sound and len(part):
            self.sound.add(part)
        return self._last is not None and self._at >= self._last


def _mono(frame: AudioFrame, mix: Mix) -> Samples:
    names = [channel.name for channel in frame.layout.channels]
    mixed = frame.to_ndarray().astype(np.float32, copy=False).reshape(-1, len(names))
    centre = names.index("FC") if len(names) > 2 and "FC" in names else None
    return mix.mono(mixed, centre)
