"""The provider for OpenAI-compatible ``/audio/speech``: one text as sound for one request."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from builders.audio.clips import ClipError
from builders.audio.decode import as_flac, read_bytes
from builders.audio.resampling import Resampler
from builders.llm.concurrency import AdaptiveLimit
from builders.llm.failures import Failure
from builders.llm.providers import Capabilities, Help, Memory, SpeechAudio, SpeechRequest
from builders.llm.providers.openai_http import (
    ADDRESS_FORM,
    UNKNOWN_FORM,
    OpenAIServer,
    classify,
)
from builders.llm.settings import KEY_VARIABLES
from builders.llm.transport import Transport

SPEECH = "/audio/speech"
# In this order they are asked for; all are without loss, and `pcm` has no header to tell its rate.
FORMATS = ("wav", "flac", "pcm")
_PCM_RATE = 24_000
_LONGEST = 900.0
# A WAV whose length was not known when it was begun says so with a number of this size.
_UNKNOWN_LENGTH = 0x7FFF0000


_TOO_LONG = ("too long", "too_long", "at most", "maximum length")


@dataclass(frozen=True, slots=True)
class SpeechCapabilities(Capabilities):
    """What one server understands: the format asked for, and whether it takes instructions."""

    format: str = FORMATS[0]
    styled: bool = True

    def adapted(self, complaint: str, with_style: bool) -> SpeechCapabilities | None:
        """Return what is left when a complaint refuses a field of a request, or None.

        Args:
            complaint: what the endpoint said.
            with_style: whether the request had instructions.
        """
        said = complaint.lower()
        if with_style and self.styled and "instruction" in said:
            return replace(self, styled=False)
        at = FORMATS.index(self.format) + 1
        if ("response_format" in said or self.format in said) and at < len(FORMATS):
            return replace(self, format=FORMATS[at])
        return None


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of our own."""

    text: str
    style: str | None = None


class SpeechServer(OpenAIServer):
    """One server for speech, with one voice; see `OpenAIServer` for the other arguments.

    `models_voice` are the model and its voice, `keys` the variables that may hold its key.
    """

    def __init__(  # noqa: PLR0913 - one argument for each part
        self,
        base_url: str,
        models_voice: tuple[str, str],
        transport: Transport,
        limit: AdaptiveLimit,
        memory: Memory,
        keys: Sequence[str] = KEY_VARIABLES,
    ) -> None:
        model, self._voice = models_voice
        told = Help(SPEECH, ADDRESS_FORM, "--tts-base-url", "--tts", " or ".join(keys))
        super().__init__(base_url, model, transport, limit, memory, told)
        # Chat and speech of one name may be understood differently.
        self._remembered_as = f"speech {model}"
        known = memory.remembered_dialect(self.name, self._remembered_as)
        self.understood = SpeechCapabilities.loads(known) if known else None

    async def complete(self, request: SpeechRequest) -> SpeechAudio:
        """Send a line once, in the form the server understands; raises `Failure`."""
        if self.understood is None:
            async with self._lock:  # the first line finds out for all of them
                if self.understood is None:
                    return await self._learning(request, SpeechCapabilities())
        return await self._learning(request, self.understood)

    async def answered_before(self) -> bool:
        """Return whether it has spoken in earlier runs: only then something is remembered."""
        return self._memory.remembered_dialect(self.name, self._remembered_as) is not None

    async def check(self, like: SpeechRequest) -> bool:
        """Return whether a line of our own is spoken now; `like` is another."""
        try:
            await self._send(_Line("Good morning."), self.understood or SpeechCapabilities())
        except Failure:
            return False
        return True

    async def _learning(self, line: SpeechRequest, understood: SpeechCapabilities) -> SpeechAudio:
        """Send a line, without what the endpoint complains of; keep what was learnt of it."""
        while True:
            try:
                said = await self._send(line, understood)
            except Failure as failure:
                adapted = self._adapted(line, understood, failure)
                if adapted is None:
                    raise
                understood = adapted
                continue
            if understood != self.understood:
                self.understood = understood
                self._memory.remember_dialect(self.name, self._remembered_as, understood.dumps())
            return said

    def _adapted(
        self, line: SpeechRequest, understood: SpeechCapabilities, failure: Failure
    ) -> SpeechCapabilities | None:
        if failure.kind != "bad_request" or failure.status not in UNKNOWN_FORM:
            return None
        return understood.adapted(failure.detail, bool(line.style))

    async def _send(self, line: SpeechRequest, understood: SpeechCapabilities) -> SpeechAudio:
        asked = body(line, self.model, self._voice, understood)
        status, headers, content = await self._transport.send(SPEECH, asked)
        if status != 200:
            raise _kind_of(classify(status, headers, content))
        try:
            flac = await asyncio.to_thread(flac_of, content, understood)
        except ClipError as error:
            raise Failure("bad_response", f"no sound in the answer ({error})", 200) from error
        return SpeechAudio(flac, line.style if understood.styled else None)


def _kind_of(failure: Failure) -> Failure:
    """Return a failure, as one of the text where the endpoint calls that too long."""
    said = failure.detail.lower()
    if failure.kind == "bad_request" and any(words in said for words in _TOO_LONG):
        return Failure("context_length", failure.detail, failure.status)
    return failure


def body(
    line: SpeechRequest, model: str, voice: str, understood: SpeechCapabilities
) -> dict[str, object]:
    """Return the body of a speech request."""
    asked: dict[str, object] = {
        "model": model,
        "voice": voice,
        "input": line.text,
        "response_format": understood.format,
    }
    if line.style and understood.styled:
        asked["instructions"] = line.style
    return asked


def flac_of(content: bytes, understood: SpeechCapabilities) -> bytes:
    """Return the sound of an answer as 16 kHz mono FLAC.

    Raises:
        ClipError: it holds no sound, or a broken one.
    """
    # Some servers answer in the format they like; most say which in their first bytes.
    if understood.format == "pcm" and content[:4] not in (b"RIFF", b"fLaC", b"OggS"):
        pcm = _raw(content)
    else:
        pcm = read_bytes(_with_length(content), "the speech")
    if not np.any(pcm):
        raise ClipError("clip_silent", "the speech has no sound in it")
    return as_flac(pcm, synthetic=True)


def _raw(content: bytes) -> np.ndarray:
    if content[:1] in (b"{", b"<"):
        raise ClipError("clip_unreadable", "the speech is a text")
    samples = np.frombuffer(content[: len(content) // 2 * 2], "<i2")
    resampler = Resampler(_PCM_RATE, _LONGEST, "the speech")
    resampler.add((samples / np.float32(32768)).astype(np.float32))
    return resampler.pcm()


def _with_length(content: bytes) -> bytes:
    """Return a WAV that says how long it is; a streamed one does not."""
    at = content.find(b"data", 12, 4096)
    if content[:4] != b"RIFF" or at < 0:
        return content
    if int.from_bytes(content[at + 4 : at + 8], "little") < _UNKNOWN_LENGTH:
        return content
    length, whole = len(content) - at - 8, len(content) - 8
    head = content[:4] + whole.to_bytes(4, "little") + content[8 : at + 4]
    return head + length.to_bytes(4, "little") + content[at + 8 :]
