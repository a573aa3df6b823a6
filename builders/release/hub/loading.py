"""Loads a version of a repository as a user would, in a separate process with a clean cache.

Run as a module, it reads one JSON object from stdin (repo, revision, configs) and prints on its
last line, for each config and split, the number of rows and the sum of their hashes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from builders.errors import HeartenError, StoppedEarly, VerificationError
from builders.release.hub.fingerprints import Fingerprint, RowDigest

# By config and split.
Found: TypeAlias = dict[str, dict[str, RowDigest]]
_BATCH = 100
_TROUBLE = ("ConnectionError", "ConnectError", "Timeout", "HfHubHTTPError", "RemoteProtocolError")


def check_loads(
    repo: str, revision: str, expected: Found, endpoint: str, token: str | None
) -> None:
    """Load every config and split of a revision in another process; compare with the staged rows.

    Raises:
        VerificationError: something does not load, or differs from the staged rows.
        StoppedEarly: the Hub could not be reached.
    """
    asked = {"repo": repo, "revision": revision, "configs": list(expected)}
    with tempfile.TemporaryDirectory(prefix="hearten-") as home:
        done = subprocess.run(
            [sys.executable, "-m", __name__],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            env=_environment(home, endpoint, token),
        )
    if done.returncode:
        raise _does_not_load(repo, revision, done.stderr)
    found: Found = json.loads(done.stdout.splitlines()[-1])
    for config in sorted(expected.keys() | found.keys()):
        if found.get(config) != expected.get(config):
            raise VerificationError(
                f"{config} of {repo} at {revision[:12]} loads as {found.get(config)}",
                expected=str(expected.get(config)),
                do="nothing was merged; run the same command again",
            )


def _environment(home: str, endpoint: str, token: str | None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_HOME")}
    own = {"HF_HOME": home, "HF_ENDPOINT": endpoint, "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
    for name in ("HF_HUB_CACHE", "HF_DATASETS_CACHE", "HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
        kept.pop(name, None)
    # The package may be run from a checkout that is not installed.
    path = os.pathsep.join(filter(None, (str(Path(__file__).parents[3]), kept.get("PYTHONPATH"))))
    return {**kept, **own, "PYTHONPATH": path, **({"HF_TOKEN": token} if token else {})}


def _does_not_load(repo: str, revision: str, said: str) -> HeartenError:
    last = next((line for line in reversed(said.splitlines()) if line.strip()), "no message")
    if any(word in last for word in _TROUBLE):
        return StoppedEarly(
            f"{repo} could not be reached to check that it loads ({last[:200]})",
            do="nothing was merged; run the same command again",
        )
    return VerificationError(
        f"{repo} at {revision[:12]} does not load ({last[:300]})",
        expected="every config and split to load",
        do="nothing was merged; report this with the message above",
    )


def _fingerprint(rows: Any, audio: Any) -> RowDigest:
    if "audio" in rows.features:
        rows = rows.cast_column("audio", audio(decode=False))
    seen = Fingerprint()
    for batch in rows.with_format("arrow").iter(batch_size=_BATCH):
        seen.add(batch.to_pylist())
    return seen.as_json()


def main() -> None:
    """Load what is requested on stdin, and print the result."""
    from datasets import Audio, load_dataset

    asked: Mapping[str, Any] = json.load(sys.stdin)
    told: Found = {}
    for config in asked["configs"]:
        cache = tempfile.mkdtemp(dir=os.environ["HF_HOME"])
        splits = load_dataset(asked["repo"], config, revision=asked["revision"], cache_dir=cache)
        told[config] = {name: _fingerprint(rows, Audio) for name, rows in splits.items()}
        shutil.rmtree(cache)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
