"""What the test endpoint does with videos in a request: decodes them, picture and sound."""

from __future__ import annotations

import hashlib
import io
from base64 import b64decode
from typing import Any, NamedTuple

import av

_PREFIX = "data:video/mp4;base64,"
_COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 200, 30),
    "blue": (30, 30, 220),
    "yellow": (240, 220, 20),
    "black": (0, 0, 0),
    "white": (255, 255, 255),
}


class Video(NamedTuple):
    """A video as it arrived: digest of its bytes, size, pictures, seconds of sound, its colour."""

    digest: str
    size: tuple[int, int]
    pictures: int
    sound: float
    colour: str


def video_of(part: dict[str, Any]) -> Video:
    """Return the video in a part of a message; ValueError where it is none."""
    url = part["video_url"]["url"]
    if not url.startswith(_PREFIX):
        raise ValueError("Invalid value: video_url.url")
    content = b64decode(url.removeprefix(_PREFIX), validate=True)
    with av.open(io.BytesIO(content)) as container:
        frames = list(container.decode(video=0))
    with av.open(io.BytesIO(content)) as container:
        heard = [frame.samples / frame.sample_rate for frame in container.decode(audio=0)]
    size = frames[0].width, frames[0].height
    digest = hashlib.sha256(content).hexdigest()
    return Video(digest, size, len(frames), sum(heard), _colour(frames[len(frames) // 2]))


def _colour(frame: av.VideoFrame) -> str:
    mean = frame.to_ndarray(format="rgb24").mean(axis=(0, 1))
    distances = {
        name: sum((a - b) ** 2 for a, b in zip(mean, rgb, strict=True))
        for name, rgb in _COLOURS.items()
    }
    return min(distances, key=distances.__getitem__)
