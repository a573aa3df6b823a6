"""The report's drawings: waveform and pitch of a few samples, only where there is a voice."""

from __future__ import annotations

import io
import json
import re
from base64 import b64decode
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import orjson
import pytest
import soundfile
from audio.voices import RATE, pause, spoken
from builds import hearten
from pages import Page, make_build, sample, section, written

from builders import report
from builders.errors import VerificationError
from builders.record.parquet import SplitWriter
from builders.report.voices import FLOOR, PITCH, WAVE, WIDTH, drawings


def with_voice(number: int, **given) -> dict:
    one = sample(number, seconds=2.0, **given)
    one["voice"] = {
        "descriptors": [
            {
                "name": "pitch_level",
                "value": 1.25,
                "unit": "semitones above the reference",
                "z": 0.5,
            },
            {"name": "loudness", "value": None, "unit": "dB of full scale", "z": None},
        ],
        "reference": "speaker",
        "words": "louder (against how this speaker usually sounds)",
        "caption": None,
        "reliable": True,
    }
    return one


def drawn(folder: Path, pcm: np.ndarray):
    """Return the drawing of a sample with this sound."""
    flac = io.BytesIO()
    soundfile.write(flac, pcm, RATE, format="FLAC")
    one = with_voice(0)
    writer = SplitWriter(folder, "train")
    writer.add(orjson.dumps(one), flac.getvalue())
    paths = list(writer.close())
    (found,) = drawings(paths, [one])
    return found


def test_a_waveform_is_as_high_as_the_sound_and_a_pitch_stands_where_it_is(tmp_path):
    (tmp_path / "data").mkdir()
    found = drawn(tmp_path / "data", np.concatenate([pause(1.0), spoken(200.0, 1.0, level=0.3)]))
    outline = np.array([p.split() for p in found.wave.strip("MZ").split(" L")], float)
    left, right = (outline[(outline[:, 0] < 280)], outline[(outline[:, 0] > 320)])
    assert np.ptp(left[:, 1]) < 1 < 20 < np.ptp(right[:, 1]) <= WAVE
    points = np.array([p.split(",") for s in found.pitch for p in s.split()], float)
    assert points[:, 0].min() > 280 and points[:, 0].max() <= WIDTH + 1
    height = PITCH * (1 - np.log2(200 / FLOOR) / np.log2(500 / FLOOR))
    assert np.median(points[:, 1]) == pytest.approx(height, abs=0.5)
    assert dict(found.lines)[200] == pytest.approx(height, abs=0.1)
    assert found.marks == [("pitch level", 1.25, "semitones above the reference", 0.5)]


def test_a_sound_without_voice_is_drawn_without_pitch(tmp_path):
    (tmp_path / "data").mkdir()
    assert drawn(tmp_path / "data", pause(1.0)).pitch == []


def test_a_report_shows_the_voices_of_its_examples(tmp_path):
    ended = hearten("build", "--corpus", "crema_d", "--sample", "--show", 0, cwd=tmp_path)
    assert ended.code == 0, ended.err
    html = (tmp_path / "output" / "crema_d-sample" / "report.html").read_text()
    voices = section(html, "Voices")
    assert (
        "against how" in voices.text and "The baselines were measured on 20 clips." in voices.text
    )
    pictures = re.findall(r'<svg class="voice".*?</svg>', html, re.DOTALL)
    assert len(pictures) == 3
    for picture in pictures:
        root = ElementTree.fromstring(picture)
        assert (
            root.findall("path") and root.findall("g/polyline") and len(root.findall("g/line")) == 3
        )
    assert len({re.search('d="(.*?)"', picture)[1] for picture in pictures}) == 3
    assert Page(html).open == []


def test_no_voice_is_shown_of_what_may_not_be(tmp_path):
    records = [with_voice(0, may_derive="no"), with_voice(1, may_show="unknown")]
    html = written(tmp_path / "b", make_build(tmp_path / "b", records))
    assert "<h2>Voices</h2>" not in html


def test_audio_that_cannot_be_drawn_is_one_line(tmp_path):
    manifest = make_build(tmp_path / "b", [with_voice(0)])  # its audio is no FLAC
    with pytest.raises(
        VerificationError, match=r"audio of train-.* cannot be read .*; restore the"
    ):
        report.write(tmp_path / "b", manifest)


@pytest.mark.slow  # librosa takes seconds to start, and most of a minute the first time
def test_a_report_written_again_has_mel_spectrograms_and_says_what_pyin_finds(tmp_path):
    ended = hearten(
        *("build", "--corpus", "crema_d", "--sample", "--show", 0, "--check", "pitch"), cwd=tmp_path
    )
    assert ended.code == 0, ended.err
    folder = tmp_path / "output" / "crema_d-sample"
    manifest = json.loads((folder / "manifest.json").read_text())
    found = manifest["result"]["voice"]["pitch"]
    assert 0 < found["clips"] <= 20 and found["frames"] > found["frames_off"]
    said = section((folder / "report.html").read_text(), "Pitch beside pYIN").text
    assert f"{found['clips']}" in said and f"{found['frames']:,}" in said
    numbers = hearten("stats", folder, cwd=tmp_path)
    assert (
        f"pitch an octave from pYIN's: {found['clips_off']} of {found['clips']} clips"
        in numbers.out
    )
    assert json.loads(hearten("stats", folder, "--json", cwd=tmp_path).out)["pitch"] == found
    again = hearten("report", folder, cwd=tmp_path)
    assert again.code == 0, again.err
    html = Path(again.out.strip()).read_text()
    pictures = re.findall(r'<img class="mel" src="data:image/svg\+xml;base64,(.*?)" alt="Mel', html)
    assert len(set(pictures)) == 3 and "img-src data:" in html
    for picture in pictures:
        assert ElementTree.fromstring(b64decode(picture)).tag.endswith("svg")
    assert Page(html).open == []
