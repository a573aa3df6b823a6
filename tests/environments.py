"""Environments of their own for tests: a new virtual environment with just what is asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


class Environment:
    """A new virtual environment below `folder`; nothing of this checkout is in its reach."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)

    def install(self, *requirements: object) -> None:
        """Install requirements with pip."""
        self.run("python", "-m", "pip", "install", "-q", *requirements).check_returncode()

    def run(
        self, program: str, *arguments: object, cwd: Path | None = None, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment in a folder and return how it ended."""
        clean = {n: v for n, v in os.environ.items() if not n.startswith(("PYTHON", "VIRTUAL"))}
        return subprocess.run(
            [self.folder / "bin" / program, *map(str, arguments)],
            cwd=cwd or self.folder,
            env=clean | env,
            capture_output=True,
            text=True,
        )
