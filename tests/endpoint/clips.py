"""What the test endpoint does with clips in a request: takes them apart, down to their samples."""

from __future__ import annotations

import hashlib
import io
import wave
from base64 import b64decode
from typing import Any, NamedTuple

AUDIO = ("input_audio", "audio_url")
TOKENS_PER_SECOND = 25
_PREFIX = "data:audio/wav;base64,"


class NotTaken(Exception):
    """A part of a message that the server does not take."""


class Clip(NamedTuple):
    """A clip as it arrived: the SHA-256 of its PCM, how long it is, and the PCM."""

    digest: str
    seconds: float
    pcm: bytes


def clips_in(body: dict[str, Any], taken: list[str]) -> list[Clip]:
    """Return the clips of a request; NotTaken where one is of another kind, or no WAV."""
    clips = []
    for message in body["messages"]:
        for part in parts_of(message):
            if part["type"] in ("text", "video_url"):
                continue
            if part["type"] not in taken or message["role"] != "user":
                raise NotTaken(f"Unsupported content part: {part}")
            clips.append(_clip(part))
    return clips


def parts_of(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the parts of a message; a plain one has a single part of text."""
    content = message.get("content") or ""
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def text_of(message: dict[str, Any]) -> str:
    """Return the text of a message, whatever clips are in it."""
    return "".join(part["text"] for part in parts_of(message) if part["type"] == "text")


def without_clips(body: dict[str, Any]) -> dict[str, Any]:
    """Return a request as it would be without its clips."""
    said = [{**message, "content": text_of(message)} for message in body["messages"]]
    return {**body, "messages": said}


def _clip(part: dict[str, Any]) -> Clip:
    if part["type"] == "input_audio":
        if part["input_audio"]["format"] != "wav":
            raise NotTaken("Invalid value: input_audio.format")
        data = part["input_audio"]["data"]
    else:
        url = part["audio_url"]["url"]
        if not url.startswith(_PREFIX):
            raise NotTaken("Invalid value: audio_url.url")
        data = url.removeprefix(_PREFIX)
    try:
        with wave.open(io.BytesIO(b64decode(data, validate=True))) as sound:
            form = sound.getnchannels(), sound.getsampwidth(), sound.getframerate()
            pcm = sound.readframes(sound.getnframes())
    except (ValueError, wave.Error, EOFError) as error:
        raise NotTaken(f"Not a WAV file: {error}") from error
    if form != (1, 2, 16000):
        raise NotTaken(f"Not 16 kHz mono of 16 bits: {form}")
    return Clip(hashlib.sha256(pcm).hexdigest(), len(pcm) / 2 / 16000, pcm)
