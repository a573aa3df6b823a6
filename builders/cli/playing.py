"""Playing clips with whatever player there is."""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
from pathlib import Path

from builders.errors import ConfigError

# What each player is called with before the name of the file. All of them play WAV.
PLAYERS = {
    "ffplay": ("-nodisp", "-autoexit", "-loglevel", "error"),
    "pw-play": (),
    "paplay": (),
    "aplay": ("-q",),
    "afplay": (),
    "play": ("-q",),
}


def player() -> list[str]:
    """Return the command that plays a file, without its name.

    Raises:
        ConfigError: there is no player.
    """
    for name, options in PLAYERS.items():
        if found := shutil.which(name):
            return [found, *options]
    raise ConfigError(
        "there is no player",
        expected=f"one of {', '.join(PLAYERS)} on PATH",
        do="install one, or write a page with players by --html FILE",
    )


def play(command: list[str], flac: bytes) -> None:
    """Play a clip to its end.

    Args:
        command: what `player` returned.
        flac: the clip.

    Raises:
        ConfigError: the player failed.
    """
    import soundfile

    samples, rate = soundfile.read(io.BytesIO(flac), dtype="int16")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "clip.wav")
        soundfile.write(path, samples, rate, subtype="PCM_16")
        done = subprocess.run([*command, str(path)], capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().split("\n")[-1]
        raise ConfigError(
            f"{Path(command[0]).name} cannot play a clip ({said or f'exit {done.returncode}'})",
            do="write a page with players by --html FILE",
        )
