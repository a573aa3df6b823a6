"""Which channel of which stream speaks: the usual one, unless it is silent and another is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from builders.audio.clips import ClipError
from builders.audio.resampling import Samples
from builders.record.types import Finding

# Of what is done here; results of another version are computed again.
VERSION = "channels 1"
SILENCE_PEAK = 0.001


@dataclass(slots=True)
class Mix:
    """How a sound of several channels becomes one, and what there is to choose from.

    Attributes:
        stream: which audio stream, the container's best one first.
        centre: whether the centre channel is taken where there is one; else the mean of all.
        only: the one channel that is taken, None for none.
        channels: how many channels the stream has, once it was read.
        streams: how many audio streams the file has, once it was read.
        peaks: the loudest sample of each channel, where the mean of all was asked for.
    """

    stream: int = 0
    centre: bool = True
    only: int | None = None
    channels: int = 0
    streams: int = 1
    peaks: Samples = field(default_factory=lambda: np.zeros(0, np.float32))

    def mono(self, frames: Samples, centre: int | None) -> Samples:
        """Return one channel of (samples, channels); `centre` is the number of the centre's."""
        self.channels = frames.shape[1]
        number = self.only if self.only is not None else centre if self.centre else None
        if number is not None:
            return frames[:, number].copy()
        if not self.centre and len(frames):
            loud = np.abs(frames).max(axis=0)
            self.peaks = np.maximum(self.peaks, loud) if len(self.peaks) else loud
        # Overflowing samples become non-numbers and are rejected as such.
        with np.errstate(over="ignore", invalid="ignore"):
            mean: Samples = frames.mean(axis=1)
        return mean


@dataclass(frozen=True, slots=True)
class MixedSound:
    """A sound as a mix gave it: PCM, its loudest sample, the findings about it."""

    pcm: NDArray[np.int16]
    peak: float
    findings: tuple[Finding, ...]


def speaking(read: Callable[[Mix], MixedSound]) -> MixedSound:
    """Return the sound of the usual channels, or of others where only those are not silent.

    What was chosen instead is a finding: other_channel_used (its number from 1, None for the mean
    of all) or other_stream_used (its number from 1).

    Args:
        read: decodes the clip with a mix.

    Raises:
        ClipError: the usual channels cannot be decoded.
    """
    usual = Mix()
    first = read(usual)
    if first.peak >= SILENCE_PEAK:
        return first
    return next(_others(read, usual), first)


def _others(read: Callable[[Mix], MixedSound], usual: Mix) -> Iterator[MixedSound]:
    """Yield the sounds that are not silent: of other channels, then of other streams."""
    yield from _other_channels(read, usual)
    for number in range(1, usual.streams):
        mix = Mix(stream=number)
        said = Finding(
            "other_stream_used", number + 1, "the first audio stream is silent, this one is not"
        )
        yield from _loud(read, mix, said)
        yield from _other_channels(read, mix, said)


def _other_channels(
    read: Callable[[Mix], MixedSound], usual: Mix, *said: Finding
) -> Iterator[MixedSound]:
    if usual.channels < 2:
        return
    every = Mix(usual.stream, centre=False)
    detail = "the centre channel is silent: this is the mean of all channels"
    yield from _loud(read, every, *said, Finding("other_channel_used", None, detail))
    # Channels can cancel each other out in their mean.
    if len(every.peaks) and (loudest := int(every.peaks.argmax())) < every.channels:
        detail = "the usual channels are silent together, this one is not"
        found = Finding("other_channel_used", loudest + 1, detail)
        yield from _loud(read, Mix(usual.stream, only=loudest), *said, found)


def _loud(read: Callable[[Mix], MixedSound], mix: Mix, *said: Finding) -> Iterator[MixedSound]:
    """Yield the sound of a mix with a finding, unless it is silent too or cannot be decoded."""
    try:
        found = read(mix)
    except ClipError:
        return
    if found.peak >= SILENCE_PEAK:
        yield MixedSound(found.pcm, found.peak, (*said, *found.findings))
