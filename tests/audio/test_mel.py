"""The mel spectrogram: where a tone lies in it, what its picture says, and life without librosa."""

import io
import re
import struct
import subprocess
import sys
import zlib
from base64 import b64decode
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile
from fastapi import HTTPException

from builders.audio import mel, onnx_models, with_librosa
from builders.audio.mel import DEEPEST_DB, draw_mel, mel_decibels, mel_picture
from builders.errors import ConfigError
from builders.review.server.sound import MelPictures

SLOW = pytest.mark.slow  # librosa takes seconds to start, and most of a minute the first time
SVG = "{http://www.w3.org/2000/svg}"


def tone(hertz: float, rate: int, seconds: float = 1.0) -> np.ndarray:
    time = np.arange(round(rate * seconds)) / rate
    return (0.5 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def slaney(hertz: float) -> float:
    """Slaney's scale as he published it: linear up to 1 kHz, then 27 steps for each factor 6.4."""
    return hertz * 3 / 200 if hertz < 1000 else 15 + 27 * np.log(hertz / 1000) / np.log(6.4)


def shades(uri: str) -> np.ndarray:
    """Return the indices of the pixels of a PNG with a palette, read without a library."""
    png = b64decode(uri.partition(",")[2])
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, parts = 8, {}
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        assert (
            zlib.crc32(kind + data) == struct.unpack(">I", png[at + 8 + size : at + 12 + size])[0]
        )
        parts[kind] = data
        at += 12 + size
    width, height = struct.unpack(">II", parts[b"IHDR"][:8])
    assert len(parts[b"PLTE"]) == 768
    rows = np.frombuffer(zlib.decompress(parts[b"IDAT"]), np.uint8).reshape(height, width + 1)
    assert not rows[:, 0].any()
    return rows[:, 1:]


@SLOW
@pytest.mark.parametrize("bands", [64, 128])
@pytest.mark.parametrize(("hertz", "rate"), [(300, 16_000), (2500, 16_000), (6000, 44_100)])
def test_a_tone_is_loudest_in_its_band_at_every_rate(hertz, rate, bands):
    found = mel_decibels(tone(hertz, rate), rate, bands)
    assert found.shape == (bands, 101)
    assert found.max() == pytest.approx(0, abs=1e-4) and found.min() == -DEEPEST_DB
    expected = slaney(hertz) / slaney(rate / 2) * (bands + 1) - 1
    assert np.abs(found[:, 5:-5].argmax(axis=0) - expected).max() < 1


@SLOW
def test_twice_the_amplitude_is_six_decibels():
    sound = np.concatenate([tone(500, 16_000), tone(500, 16_000) / 2])
    found = mel_decibels(sound, 16_000)
    assert found[:, 50].max() - found[:, 150].max() == pytest.approx(6.02, abs=0.01)


@SLOW
@pytest.mark.parametrize("samples", [0, 1, 100, 16_000])
@pytest.mark.filterwarnings("error")
def test_silence_and_the_shortest_clips_have_a_picture(samples):
    found = mel_decibels(np.zeros(samples, np.float32), 16_000)
    assert found.shape == (128, 1 + samples // 160) and (found == -DEEPEST_DB).all()
    ElementTree.fromstring(draw_mel(np.zeros(samples, np.float32), 16_000))


@SLOW
def test_the_picture_has_both_axes_the_scale_and_the_tone_where_it_was():
    sound = np.concatenate([np.zeros(16_000, np.float32), tone(1000, 16_000, 2.0)])
    clip = io.BytesIO()
    soundfile.write(clip, np.stack([sound, sound], 1), 16_000, format="WAV")
    drawn = ElementTree.fromstring(mel_picture(clip.getvalue(), 64))
    assert drawn[0].text.startswith("Mel spectrogram: 3.00 s, 64 bands up to 8 kHz, in dB")
    words = [one.text for one in drawn.iter(f"{SVG}text")]
    assert {"seconds", "kHz", "dB", "0", "0.5", "3", "8", "-80"} <= set(words)
    image, scale = (shades(one.get("href")) for one in drawn.iter(f"{SVG}image"))
    assert image.shape == (64, 301) and not image[:, :90].any()
    # Row 0 is the highest band.
    assert 63 - image[:, 200].argmax() == pytest.approx(slaney(1000) / slaney(8000) * 65 - 1, abs=1)
    assert scale[0] == 255 and scale[-1] == 0


@SLOW
def test_a_long_clip_is_a_small_picture_that_loses_no_click():
    sound = np.zeros(16_000 * 120, np.float32)
    sound[16_000 * 60] = 0.9
    drawn = draw_mel(sound, 16_000)
    (image, _) = (shades(uri) for uri in re.findall(r'href="([^"]*)"', drawn))
    assert image.shape == (128, 1200) and image[:, 600].max() == 255
    assert len(drawn) < 40_000


def test_without_the_extra_one_line_says_what_brings_it(monkeypatch):
    monkeypatch.setattr(onnx_models.util, "find_spec", lambda name: None)
    line = r'the package librosa is not installed; pip install "hearten\[audio\]"'
    with pytest.raises(ConfigError, match=f"^{line}$"):
        mel_decibels(tone(500, 16_000), 16_000)
    with pytest.raises(HTTPException, match=line) as refused:
        MelPictures().of("x", lambda: _wav())
    assert refused.value.status_code == 404
    assert not with_librosa.has_librosa()


def _wav() -> bytes:
    clip = io.BytesIO()
    soundfile.write(clip, tone(500, 16_000, 0.1), 16_000, format="WAV")
    return clip.getvalue()


def test_a_picture_is_drawn_once_for_each_clip(monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "builders.review.server.sound.mel_picture", lambda clip: drawn.append(clip) or b"<svg/>"
    )
    pictures = MelPictures()
    for name in ("a", "a", "b", "a"):
        assert pictures.of(name, lambda name=name: name.encode()) == b"<svg/>"
    assert drawn == [b"a", b"b"]


def test_the_first_compile_is_said_and_later_ones_are_not(tmp_path, monkeypatch, capsys):
    import numba

    monkeypatch.delitem(sys.modules, "librosa", raising=False)
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    with_librosa.say_first_compile()
    assert capsys.readouterr().err == with_librosa.FIRST_COMPILE + "\n"
    (tmp_path / "util_1234").mkdir()
    (tmp_path / "util_1234" / "utils._cabs2-2436.py311.nbi").touch()
    with_librosa.say_first_compile()
    assert capsys.readouterr().err == ""


def test_drawing_is_ready_without_loading_librosa():
    code = f"import {mel.__name__}, sys; print('librosa' in sys.modules, 'numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
