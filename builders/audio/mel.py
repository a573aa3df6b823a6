"""The mel spectrogram of a clip: as decibels by band and frame, and as a picture.

The filters are librosa's: Slaney's scale, each of the same area, as Whisper has them. A frame is
25 ms long and 10 ms after the one before it.
"""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from functools import cache
from io import BytesIO
from pathlib import Path

import jinja2
import numpy as np
import soundfile
from numpy.typing import NDArray

from builders.audio.pitch import Floats
from builders.audio.with_librosa import say_first_compile

MEL_BANDS = 128
# Decibels below the loudest point of a clip that are drawn; what is softer is drawn as that.
DEEPEST_DB = 80.0
WINDOW_SECONDS, HOP_SECONDS = 0.025, 0.01
# Longer clips have several frames in a column, of which the loudest is drawn.
_COLUMNS = 1200
_TICKS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200)
_MOST_TICKS = 12
_HERTZ = (0, 500, 1000, 2000, 4000, 8000, 16000)
# From the softest to the loudest: red, green and blue, each lighter than the one before.
_COLOURS = ((4, 4, 16), (62, 18, 105), (158, 42, 110), (236, 105, 60), (255, 244, 190))


def mel_decibels(
    samples: Floats, rate: int, bands: int = MEL_BANDS, fft: int | None = None
) -> Floats:
    """Return the power of mono samples by mel band and frame, in dB below the loudest point.

    Args:
        samples: from -1 to 1.
        rate: of the samples, in Hz.
        bands: 64 or 128, say, from 0 Hz to half the rate.
        fft: points of the transform; by default the power of two from twice a frame on, which
            leaves no band empty.

    Returns:
        An array of `bands` by frames, `DEEPEST_DB` below zero to 0; frame n is around n times
        `HOP_SECONDS`. All of silence is as low as can be.

    Raises:
        ConfigError: the extra is not installed.
    """
    power = mel_power(samples, rate, bands, fft)
    top = float(power.max(initial=0.0))
    if not top:
        return np.full(power.shape, -DEEPEST_DB, np.float32)
    import librosa

    found: Floats = np.clip(librosa.power_to_db(power, ref=top), -DEEPEST_DB, 0)
    return found.astype(np.float32)


def mel_power(samples: Floats, rate: int, bands: int, fft: int | None = None) -> Floats:
    """Return the power of mono samples by mel band and frame; as `mel_decibels` without its scale.

    Raises:
        ConfigError: the extra is not installed.
    """
    say_first_compile()
    import librosa

    window, hop = round(WINDOW_SECONDS * rate), round(HOP_SECONDS * rate)
    points = fft or 2 ** int(np.ceil(np.log2(2 * window)))
    found: Floats = librosa.feature.melspectrogram(
        y=librosa.util.fix_length(samples.astype(np.float32), size=max(len(samples), points)),
        sr=rate,
        n_fft=points,
        win_length=window,
        hop_length=hop,
        n_mels=bands,
    )
    return found[:, : 1 + len(samples) // hop]


def mel_picture(clip: bytes, bands: int = MEL_BANDS) -> bytes:
    """Return a picture of a clip's mel spectrogram as SVG, with axes in s and kHz and a dB scale.

    Args:
        clip: WAV, FLAC, or what else libsndfile reads; of several channels the mean is drawn.
        bands: how many mel bands, 64 or 128, say.

    Raises:
        ConfigError: the extra is not installed.
        soundfile.SoundFileError: the clip cannot be read.
    """
    samples, rate = soundfile.read(BytesIO(clip), dtype="float32", always_2d=True)
    return draw_mel(samples.mean(axis=1), rate, bands).encode()


def draw_mel(samples: Floats, rate: int, bands: int = MEL_BANDS) -> str:
    """Return the picture of `mel_picture` for mono samples; it scales to any width."""
    decibels = mel_decibels(samples, rate, bands)
    seconds = max(len(samples), 1) / rate
    return _template().render(
        image=b64encode(_png(_columns(decibels)[::-1])).decode(),
        scale=b64encode(_png(np.linspace(0, -DEEPEST_DB, 81)[:, None])).decode(),
        seconds=seconds,
        times=_times(seconds),
        heights=_heights(rate),
        bands=bands,
        rate=rate,
        deepest=DEEPEST_DB,
    )


def _columns(decibels: Floats) -> Floats:
    """Return at most so many columns, each with its loudest frame."""
    count = decibels.shape[1]
    if count <= _COLUMNS:
        return decibels
    starts = np.linspace(0, count, _COLUMNS, endpoint=False).astype(int)
    fewer: Floats = np.maximum.reduceat(decibels, starts, axis=1)
    return fewer


def _times(seconds: float) -> list[tuple[str, float]]:
    """Return the ticks of the time axis: their text, and how far along they are, 0 to 1."""
    step = next((step for step in _TICKS if seconds / step <= _MOST_TICKS), _TICKS[-1])
    ticks = np.arange(int(seconds / step) + 1) * step
    return [(f"{tick:g}", float(tick / seconds)) for tick in ticks]


def _heights(rate: int) -> list[tuple[str, float]]:
    """Return the ticks of the frequency axis: kHz, and how far up they are, 0 to 1."""
    import librosa

    most = librosa.hz_to_mel(rate / 2)
    return [
        (f"{hertz / 1000:g}", float(librosa.hz_to_mel(hertz) / most))
        for hertz in _HERTZ
        if hertz <= rate / 2
    ]


@cache
def _palette() -> bytes:
    at = np.linspace(0, len(_COLOURS) - 1, 256)
    colours = np.array(_COLOURS, float)
    channels = [np.interp(at, np.arange(len(_COLOURS)), colours[:, n]) for n in range(3)]
    return np.stack(channels, 1).round().astype(np.uint8).tobytes()


def _png(decibels: NDArray[np.floating]) -> bytes:
    """Return decibels as a PNG of 256 colours, the first row on top."""
    shade = np.clip((decibels + DEEPEST_DB) / DEEPEST_DB * 255, 0, 255).astype(np.uint8)
    height, width = shade.shape
    # Each row begins with the number of its filter, none.
    rows = np.concatenate([np.zeros((height, 1), np.uint8), shade], axis=1).tobytes()
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", _palette()),
        (b"IDAT", zlib.compress(rows, 9)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


@cache
def _template() -> jinja2.Template:
    text = Path(__file__).with_name("mel.svg.j2").read_text("utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    return environment.from_string(text)
