"""The samples of builds, whatever the version of their record: digests of their canonical rows.

    python tests/net/rows.py [--write FOLDER]

Builds the samples of all corpora, and real tables where there are any, and compares every row with
that of record version 1, whose digests are in rows.json: read as version 2, as canonical JSON,
clips as their SHA-256. What version 2 fills and version 1 could not (`checks`) is left out, and so
is `schema_version`. --write takes the digests from builds of version 1 in FOLDER.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from digests import HERE, REAL, ROOT, SAMPLES, _need, names, real_data, run, surroundings

sys.path.insert(0, str(ROOT))

from builders import load  # noqa: E402 - needs the path

EXPECTED = HERE / "rows.json"
_LEFT_OUT = ("checks", "schema_version")


def canonical(row: dict[str, Any]) -> bytes:
    """Return a row of record version 2 as bytes that any version of it comes to."""
    kept = {name: value for name, value in row.items() if name not in _LEFT_OUT}
    return json.dumps(kept, sort_keys=True, default=_sha256).encode()


def _sha256(value: bytes) -> str:
    return hashlib.sha256(value).hexdigest()


def digest_of(folder: Path) -> dict[str, Any]:
    """Return how many rows a build has, and one digest over all of them in order."""
    digest, count = hashlib.sha256(), 0
    for row in load(folder).rows():
        digest.update(canonical(row) + b"\n")
        count += 1
    return {"rows": count, "sha256": digest.hexdigest()}


def built(name: str, folder: Path) -> Path:
    """Build what has this name, as `digests.py` does, and return the build's folder."""
    if name in SAMPLES:
        told = ("--corpus", SAMPLES[name], "--sample", "--show", 0)
    else:
        corpus, *more = REAL[name]
        source = real_data() / corpus
        told = ("--corpus", corpus, "--source", source, "--text-only", *more)
    _need(run(folder, "build", *told, "--output", ".", "--name", name))
    return folder / name


def main() -> int:
    """Compare or write the digests; return the exit code."""
    parser = argparse.ArgumentParser(description="Compare canonical rows with record version 1.")
    parser.add_argument("--write", type=Path, metavar="FOLDER")
    asked = parser.parse_args()
    known = [name for name in names() if name in {**SAMPLES, **REAL}]
    if asked.write:
        found = {name: digest_of(asked.write / name) for name in known}
        EXPECTED.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
        return 0
    expected = json.loads(EXPECTED.read_text("utf-8"))
    off = 0
    with surroundings() as (folder, _):
        for name in known:
            same = digest_of(built(name, folder)) == expected[name]
            off += not same
            print(f"{name}: {expected[name]['rows']:,} rows, {'equal' if same else 'DIFFERENT'}")
    return 1 if off else 0


if __name__ == "__main__":
    sys.exit(main())
