"""Video clips for models: a small MP4 of the utterance with its audio.

Corpora ship MP4, AVI and FLV, complete or cut. Each utterance is converted to one format that every
server accepts: H.264, at most 360 lines and 8 frames per second (models use one or two), with
the build's decoded audio as AAC. The same input gives the same bytes on one machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from builders.audio.clips import ClipError
from builders.audio.resampling import RATE

if TYPE_CHECKING:
    from av import AudioFrame, VideoFrame
    from av.container import InputContainer, OutputContainer
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

# Incremented when the encoding changes.
VERSION = "1"
HEIGHT, PER_SECOND = 360, 8
_SETTINGS = {"preset": "veryfast", "crf": "28", "threads": "1"}
# Times are kept in milliseconds.
_CLOCK = 1000
# A picture may be taken so many seconds before it is due.
_EARLY = 0.02
# A picture that ends so many seconds before its sound, or half of a shorter one, is cut off.
_MISSING = 1.0


def encoded(path: Path, start: float, seconds: float, flac: bytes) -> bytes:
    """Return the MP4 of a part of a video.

    Args:
        path: the video.
        start: the start of the part, in seconds.
        seconds: its length, equal to that of its audio.
        flac: its audio, 16 kHz mono.

    Raises:
        ClipError: ``video_unreadable`` or ``video_truncated``; the detail is one line.
    """
    import av

    try:
        with av.open(str(path)) as source:
            if not source.streams.video:
                raise ClipError("video_unreadable", f"{path.name} holds no picture")
            return _written(_pictures(source, start, seconds), flac, path.name, seconds)
    except (av.error.FFmpegError, ValueError, OverflowError, IndexError) as error:
        detail = f"the video {path.name} cannot be decoded ({' '.join(str(error).split())})"
        raise ClipError("video_unreadable", detail) from error


def plain(colour: tuple[int, int, int], seconds: float, flac: bytes) -> bytes:
    """Return an MP4 of one colour (red, green, blue up to 255) with a sound of that length."""
    import av

    picture = av.VideoFrame.from_ndarray(np.full((240, 320, 3), colour, np.uint8), format="rgb24")
    count = round(seconds * PER_SECOND)
    pictures = ((at / PER_SECOND, picture) for at in range(count))
    return _written(pictures, flac, "the made video", seconds)


def _pictures(
    source: InputContainer, start: float, seconds: float
) -> Iterator[tuple[float, VideoFrame]]:
    """Yield the pictures of a part, at most `PER_SECOND`, each with its second in the part."""
    stream = source.streams.video[0]
    begins = (source.start_time or 0) / 1_000_000
    if start and stream.time_base:
        source.seek(int((begins + start) / stream.time_base), stream=stream)
    due = 0.0
    for frame in source.decode(stream):
        at = (frame.time or 0.0) - begins - start
        if at >= seconds:
            return
        if at >= due - _EARLY:
            yield max(0.0, at), frame
            due = max(due, at - _EARLY) + 1 / PER_SECOND


def _written(
    pictures: Iterator[tuple[float, VideoFrame]], flac: bytes, name: str, seconds: float
) -> bytes:
    import av

    last, stream = -1.0, None
    buffer = BytesIO()
    options = {"fflags": "+bitexact"}
    with av.open(buffer, "w", format="mp4", options=options) as out:
        sound = out.add_stream("aac", rate=RATE, layout="mono")
        sound.bit_rate = 32_000
        for at, frame in pictures:
            if stream is None:
                stream = _picture_stream(out, frame)
            small = frame.reformat(width=stream.width, height=stream.height, format="yuv420p")
            small.pts, small.time_base = round(at * _CLOCK), Fraction(1, _CLOCK)
            if at > last:
                out.mux(stream.encode(small))
                last = at
        if stream is None or seconds - last > min(_MISSING, seconds / 2) + 1 / PER_SECOND:
            shown = "no picture" if stream is None else f"pictures up to {last:.1f} s"
            detail = f"{name} has {shown} of the {seconds:.1f} s of this utterance"
            raise ClipError("video_truncated", detail)
        out.mux(stream.encode(None))
        for block in _sound_frames(flac):
            out.mux(sound.encode(block))
        out.mux(sound.encode(None))
    return buffer.getvalue()


def _picture_stream(out: OutputContainer, frame: VideoFrame) -> VideoStream:
    """Add the stream of pictures: as wide as the first one is for its height, in even numbers."""
    height = min(HEIGHT, frame.height)
    stream = out.add_stream("libx264", rate=PER_SECOND, options=_SETTINGS)
    stream.height = max(2, height // 2 * 2)
    stream.width = max(2, round(frame.width * height / frame.height / 2) * 2)
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = Fraction(1, _CLOCK)
    return stream


def _sound_frames(flac: bytes) -> Iterator[AudioFrame]:
    import av

    pcm: NDArray[np.int16] = soundfile.read(BytesIO(flac), dtype="int16")[0]
    for at in range(0, len(pcm), 1024):
        frame = av.AudioFrame.from_ndarray(pcm[None, at : at + 1024], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
        yield frame
