"""Runs the real commands in processes of their own, as a user does."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[1]
_PROGRESS = re.compile(r"[\d,]+ of [\d,]+, ")


@dataclass
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


def command(*arguments: Any) -> list[str]:
    """Return the command line of `hearten` with these arguments."""
    return [sys.executable, "-m", "builders", *map(str, arguments)]


def environment(**more: str) -> dict[str, str]:
    """Return this process's environment, which the tests keep clean, with the package in reach."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def hearten(*arguments: Any, cwd: Path | None = None, **env: str) -> Ended:
    """Run `hearten` and return how it ended."""
    done = subprocess.run(
        command(*arguments), capture_output=True, text=True, cwd=cwd, env=environment(**env)
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def one_line_error(ended: Ended) -> str:
    """Return the one error line a command ended with; only progress may stand beside it."""
    lines = [line for line in ended.err.splitlines() if not _PROGRESS.match(line)]
    assert len(lines) == 1 and lines[0].startswith("error: "), ended.err
    return lines[0]


def manifest(folder: Path) -> dict[str, Any]:
    """Return a build's manifest."""
    return json.loads((folder / "manifest.json").read_text())


def samples(folder: Path) -> list[dict[str, Any]]:
    """Return all samples of a build."""
    shards = sorted((folder / "data").glob("*.parquet"))
    return [row for shard in shards for row in pq.read_table(shard).to_pylist()]


def rejected(folder: Path) -> list[dict[str, Any]]:
    """Return all rejects of a build."""
    return pq.read_table(folder / "rejected.parquet").to_pylist()


def result_bytes(folder: Path) -> dict[str, bytes]:
    """Return what must be the same whenever the answers are: the data and the manifest's result."""
    files = {p.name: p.read_bytes() for p in sorted((folder / "data").glob("*.parquet"))}
    files["rejected.parquet"] = (folder / "rejected.parquet").read_bytes()
    files["result"] = json.dumps(manifest(folder)["result"], sort_keys=True).encode()
    return files
