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
from warm import Warm, can_run

from builders.record.folder import write_json
from builders.record.parquet import describe_file

ROOT = Path(__file__).resolve().parents[1]
PLAIN = {
    "HEARTEN_REPLY_WORTHY": "0",
    "HEARTEN_PLAN": "none",
    "HEARTEN_DEMONSTRATIONS": "none",
}
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
    """Return this process's environment, which the tests keep clean, with the package in reach.

    All targets are taken: invented corpora hold lines that are not made to be worth a reply. The
    endpoint's stock replies follow no plan, so there is none, and no cases are shown, but where a
    test asks for them.
    """
    return {**os.environ, "PYTHONPATH": str(ROOT), **PLAIN, **more}


# Where commands run when the tests are run with --warm; see warm.py.
warm: Warm | None = None


def hearten(*arguments: Any, cwd: Path | None = None, **env: str) -> Ended:
    """Run `hearten` and return how it ended."""
    surroundings = environment(**env)
    if warm and can_run(surroundings, warm.started, cwd):
        return Ended(*warm.run([*map(str, arguments)], cwd, surroundings))
    done = subprocess.run(
        command(*arguments), capture_output=True, text=True, cwd=cwd, env=surroundings
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


def described(folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    """Return a manifest that is whole and says of the files in a folder what is so.

    Args:
        folder: the build's, with `data/` and `rejected.parquet`.
        manifest: what it says beside that; what every manifest has is filled in.
    """
    result, run = manifest.get("result", {}), manifest.get("run", {})
    listed = [folder / file["path"] for file in result.get("files", ())]
    names = listed or [*sorted(folder.glob("data/*.parquet")), folder / "rejected.parquet"]
    files = [describe_file(name, folder) for name in names]
    kept = sum(file["rows"] for file in files if file["path"].startswith("data/"))
    counts = {"read": kept, "rejected": 0, "not_selected": 0} | result.get("counts", {})
    empty = {"name": folder.name, "limit": None, "config": {}, "rejected": {}, "splits": {}}
    times = dict.fromkeys(("started", "finished", "seconds"), 1_700_000_000.0)
    took = {"host": "here", "versions": {}, "store": "", "endpoints": [], "requests": 0}
    cost = {"prompt_tokens": 0, "completion_tokens": 0, "usd": None}
    now = {"files": files, "counts": counts | {"kept": kept}}
    return manifest | {
        "result": empty | {"notes": []} | result | now,
        "run": times | took | {"cost": cost} | run,
    }


def describe(folder: Path) -> None:
    """Write the manifest of a build whose files were changed anew."""
    write_json(folder / "manifest.json", described(folder, manifest(folder)))


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
