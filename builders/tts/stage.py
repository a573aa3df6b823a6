"""The speech stage: synthesises utterances of text-only corpora, and replies, in order.

    drafted → speak the utterance → ASR check → speak the reply → ASR check → writer

Unintelligible speech is made once more, with another seed and no style. After that the
record of an utterance becomes a reject, and a reply stays without audio and is counted.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar
from weakref import WeakValueDictionary

from builders.audio.resampling import RATE
from builders.errors import HeartenError
from builders.llm.claims import RequestClaims
from builders.llm.interrupts import Stops
from builders.llm.providers import SpeechAudio
from builders.llm.task import GivenUp, Pending
from builders.record.types import Clip, Drafted, Reject, Synthesis, Target
from builders.tts.asr_check import ReadBack
from builders.tts.engine import Engine
from builders.tts.request import Speech, Spoken, SpokenLine, Unspoken
from builders.tts.styles import styles

Item = tuple[Target, Drafted | GivenUp | Pending] | Reject
In = TypeVar("In")
Out = TypeVar("Out")


@dataclass(frozen=True, slots=True)
class SpeechWanted:
    """What is spoken: the utterances, the replies, or both."""

    utterances: bool
    replies: bool


@dataclass(frozen=True, slots=True)
class _Held:
    """Cached speech, and the style it was given, if the engine takes one."""

    speech: Speech
    style: str | None


class Voicing:
    """Adds speech to drafted records.

    Args:
        wanted: what is spoken.
        engine: the speech engine.
        spoken: the cache of speech from this and other builds.
        read_back: the ASR check; None to skip it.
        claims: tells other builds on the store what is being spoken; None where that costs nothing.

    Attributes:
        stopped: why the stage stopped early.
    """

    def __init__(
        self,
        wanted: SpeechWanted,
        engine: Engine,
        spoken: Spoken,
        read_back: ReadBack | None,
        claims: RequestClaims | None = None,
    ) -> None:
        self._claims = claims or RequestClaims(None)
        self._wanted = wanted
        self._engine = engine
        self._spoken = spoken
        self._read_back = read_back
        self._counts: dict[str, Counter[str]] = {"utterances": Counter(), "replies": Counter()}
        self._samples = 0
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self.stopped: HeartenError | None = None

    def stop(self, error: HeartenError) -> None:
        """Stop speaking; the first reason counts."""
        self.stopped = self.stopped or error
        self._engine.stop(error)

    def outcomes(
        self, items: AsyncIterator[Item], drafting: Stops | None = None
    ) -> AsyncGenerator[Item, None]:
        """Yield each outcome with its speech, and each reject, in order.

        `drafting` is told to stop when no more lines can be spoken.
        """
        return in_order(partial(self._voiced, drafting), items, self._engine.at_once)

    @property
    def result(self) -> dict[str, object]:
        """Return the manifest entry: engine, number of lines, and failures by reason.

        `read_back` is false without the ASR check.
        """
        counts = {name: dict(sorted(count.items())) for name, count in self._counts.items()}
        return {
            "engine": self._engine.name,
            "voice": self._engine.voice,
            "read_back": self._read_back is not None,
            "seconds": round(self._samples / RATE, 3),
            **{name: count for name, count in counts.items() if getattr(self._wanted, name)},
        }

    async def _voiced(self, drafting: Stops | None, item: Item) -> Item:
        if isinstance(item, Reject):
            return item
        target, drafted = item
        if not isinstance(drafted, Drafted):
            return item
        try:
            return await self._with_utterance(target, drafted)
        except HeartenError as error:
            self.stop(error)
            if drafting:
                drafting.stop(error)
            return target, Pending("stopped", str(error))

    async def _with_utterance(self, target: Target, drafted: Drafted) -> Item:
        if not self._wanted.utterances:
            return await self._with_reply(target, drafted)
        clip = await self._say(target.utterance.text, None, target.id)
        if isinstance(clip, Pending):
            return target, clip
        self._count("utterances", clip)
        if isinstance(clip, Unspoken):
            raw = {"text": target.utterance.text, "label": target.utterance.label}
            return Reject(target.id, target.split, "speak", clip.reason, clip.detail, raw)
        target.clip = clip
        return await self._with_reply(target, drafted)

    async def _with_reply(self, target: Target, drafted: Drafted) -> Item:
        if not self._wanted.replies:
            return target, drafted
        style = styles()[drafted.reply["emotion"]]
        clip = await self._say(drafted.reply["text"], style, target.id)
        if isinstance(clip, Pending):
            return target, clip
        self._count("replies", clip)
        return target, drafted if isinstance(clip, Unspoken) else replace(drafted, spoken=clip)

    def _count(self, what: str, clip: Clip | Unspoken) -> None:
        if isinstance(clip, Unspoken):
            self._counts[what][clip.reason] += 1
        else:
            self._counts[what]["spoken"] += 1
            self._samples += clip.samples

    async def _say(self, text: str, style: str | None, record_id: str) -> Clip | Unspoken | Pending:
        """Return a text spoken, with a second attempt if the first is unintelligible."""
        rates = []
        for number, how in enumerate((style, None)):
            line = SpokenLine(text, how, number, record_id)
            said = await self._take(line)
            if not isinstance(said, _Held):
                return said
            line = replace(line, style=said.style)
            clip, rate = await self._heard(line, said)
            if rate is None or self._read_back is None or self._read_back.forgives(rate, text):
                return clip
            rates.append(f"{rate:.2f}")
        shares = " and ".join(rates)
        return Unspoken("spoken_unclear", f"the ASR check found word error rates of {shares}")

    async def _take(self, line: SpokenLine) -> _Held | Unspoken | Pending:
        """Return the cached speech of a line, or speak it."""
        # Equal lines share one request: the second waits for the first.
        line = self._as_taken(line)
        turn = self._turns.setdefault(self._key(line), asyncio.Lock())
        async with turn:
            line = self._as_taken(line)  # the first one may have learnt that
            key = self._key(line)
            held = await asyncio.to_thread(self._spoken.take, key, line.record_id)
            if held is None:
                return await self._claimed(line, key)
        return _Held(held, line.style) if isinstance(held, Speech) else held

    async def _claimed(self, line: SpokenLine, key: str) -> _Held | Unspoken | Pending:
        """Speak a line, unless another build that shares the store does so just now."""
        mine = await self._claims.take(key)
        try:
            # Whoever had it before may have spoken it.
            held = await asyncio.to_thread(self._spoken.take, key, line.record_id)
            if held is None:
                return await self._have_said(line)
        finally:
            if mine:
                self._claims.free(key)
        return _Held(held, line.style) if isinstance(held, Speech) else held

    def _as_taken(self, line: SpokenLine) -> SpokenLine:
        """Return a line without its style if the engine takes none."""
        return line if self._engine.styled else replace(line, style=None)

    async def _have_said(self, line: SpokenLine) -> _Held | Unspoken | Pending:
        kept: list[Speech] = []

        async def keep(what: SpeechAudio | Unspoken) -> None:
            if isinstance(what, SpeechAudio):
                key = self._key(replace(line, style=what.style))
                hold = self._spoken.keep
                kept.append(await asyncio.to_thread(hold, key, what.flac, line.record_id))
            else:
                refuse = self._spoken.refuse
                await asyncio.to_thread(refuse, self._key(line), what, line.record_id)

        said = await self._engine.say(line, keep)
        return _Held(kept[-1], said.style) if isinstance(said, SpeechAudio) else said

    async def _heard(self, line: SpokenLine, held: _Held) -> tuple[Clip, float | None]:
        """Return the clip, and its word error rate if it was checked."""
        rate, speech = None, held.speech
        if self._read_back:
            rate = await self._read_back.errors(self._key(line), speech.flac, line)
        by = Synthesis(self._engine.name, self._engine.voice, held.style, line.number, rate)
        return _clip_of(speech, by), rate

    def _key(self, line: SpokenLine) -> str:
        return line.key(self._engine.name, self._engine.voice)


def _clip_of(speech: Speech, synthesis: Synthesis) -> Clip:
    """Return a synthetic clip, which has no source file in the corpus."""
    return Clip(
        flac=speech.flac,
        sha256_pcm=speech.sha256_pcm,
        samples=speech.samples,
        duration=round(speech.samples / RATE, 6),
        source_file=None,
        source_sha256=None,
        synthesis=synthesis,
    )


async def in_order(
    work: Callable[[In], Awaitable[Out]], items: AsyncIterator[In], ahead: int
) -> AsyncGenerator[Out, None]:
    """Yield `work(item)` for each item in order, with a limit on concurrent items."""
    waiting: deque[asyncio.Task[Out]] = deque()
    try:
        async for item in items:
            waiting.append(asyncio.ensure_future(work(item)))
            while waiting and (len(waiting) >= ahead or waiting[0].done()):
                yield await waiting.popleft()
        while waiting:
            yield await waiting.popleft()
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
