"""The releases of `datasets` that trainers pin, each in an environment of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from locked import constraints, pins

NEWEST = pins("test")["datasets"]
# The older ones stand beside libraries of their own time: what wrote the files is newer than these.
RELEASES = {
    "3.6.0": ("pyarrow==20.0.0", "huggingface_hub==0.33.4", "pandas==2.2.3", "numpy==2.2.6"),
    "4.0.0": ("pyarrow==21.0.0", "huggingface_hub==0.34.4", "pandas==2.3.1", "numpy==2.3.2"),
    NEWEST: (),
}


def make_release(folder: Path, version: str, *more: str) -> Path:
    """Make an environment with one of the releases and return its interpreter."""
    beside = RELEASES[version]
    if version == NEWEST:
        beside = ("-c", str(constraints("test", Path(f"{folder}.txt"))))
    return make_environment(folder, f"datasets=={version}", *more, *beside)


def make_environment(folder: Path, *wanted: str) -> Path:
    """Make a fresh environment with these packages and return its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-I", "-m", "pip", "install", "-q", *wanted], check=True)
    return python
