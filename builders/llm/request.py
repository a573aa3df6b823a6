"""What is asked of a model, and the key under which its response is cached.

The key is the SHA-256 of everything that can change the response and of nothing else: where the
request is sent, in which structured-output mode, how long we wait and how many are in flight are
not in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict

import orjson

# Kept out of what is sent: strict servers refuse them, and every answer is checked against the
# whole schema by us.
_NOT_SENT = frozenset({"$schema", "$id", "minLength", "maxLength"})


class NarrowedSchema:
    """A JSON Schema for one kind of answer, with the forms of it that every request needs.

    Make it once per set of allowed values and share it between requests; `document` must not be
    changed afterwards.

    Attributes:
        document: the schema that the answer is checked against.
        canonical: its canonical JSON, which goes into the key.
        sent: the schema as an endpoint gets it.
        sent_text: `sent` as JSON text.
    """

    __slots__ = ("canonical", "document", "sent", "sent_text")

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.canonical = orjson.Fragment(_canonical(document))
        self.sent = _as_sent(document)
        self.sent_text = orjson.dumps(self.sent).decode()


class Message(TypedDict):
    """One chat message: `role` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class AudioInput:
    """A clip that a model hears: 16 kHz mono FLAC of so many `seconds`, whose bytes nobody shows.

    `sha256_pcm` is the digest of the 16-bit little-endian PCM.
    """

    flac: bytes = field(repr=False)
    sha256_pcm: str
    seconds: float


@dataclass(frozen=True, slots=True)
class VideoInput:
    """A clip that a model sees and hears: an MP4 of so many `seconds`, which `read` returns.

    `sha256` is the digest of the MP4. `sound` is its sound alone, for servers that take picture and
    sound apart only.
    """

    read: Callable[[], bytes] = field(repr=False)
    sha256: str
    seconds: float
    sound: AudioInput


@dataclass(frozen=True, slots=True)
class Request:
    """One request to a model, before any provider has written it in its own form.

    `messages` are chat messages ``{"role", "content"}`` in order; `audio_sha256` is the digest of
    the clip the model hears, or None; `record_id` and `attempt` say what the request is for and
    reach the key only through `seed` (see `seed_for`). `prompt_version` is that of the template,
    None for that of all drafts. `audio` is the clip itself, of which the key knows the digest, and
    `video` a clip with its picture likewise.
    """

    model: str
    messages: tuple[Message, ...]
    schema: NarrowedSchema
    audio_sha256: str | None
    temperature: float
    top_p: float
    max_tokens: int
    seed: int
    record_id: str
    attempt: int
    prompt_version: str | None = None
    audio: AudioInput | None = None
    video: VideoInput | None = None

    def with_video(self, video: VideoInput) -> Request:
        """Return the same request with a clip to see and hear."""
        return replace(self, video=video)

    def with_audio(self, audio: AudioInput) -> Request:
        """Return the same request with a clip to hear."""
        return replace(self, audio_sha256=audio.sha256_pcm, audio=audio)


def key(request: Request) -> str:
    """Return the request's key, 64 hexadecimal digits."""
    asked: dict[str, object] = {
        "audio_sha256": request.audio_sha256,
        "max_tokens": request.max_tokens,
        "messages": request.messages,
        "model": request.model,
        "schema": request.schema.canonical,
        "seed": request.seed,
        "temperature": float(request.temperature),
        "top_p": float(request.top_p),
    }
    if request.video:
        asked["video_sha256"] = request.video.sha256
    return hashlib.sha256(_canonical(asked)).hexdigest()


def seed_for(record_id: str, attempt: int) -> int:
    """Return the 31-bit sampling seed of one attempt at one record."""
    digest = hashlib.sha256(f"{record_id}|{attempt}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def _canonical(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _as_sent(schema: object) -> object:
    if isinstance(schema, dict):
        return {k: _as_sent(v) for k, v in schema.items() if k not in _NOT_SENT}
    if isinstance(schema, list):
        return [_as_sent(item) for item in schema]
    return schema
