"""Print the rows of `builders/audio/weights.tsv` for the packages that are installed here.

After a newer version of such a package, and after its weights were tried, add the rows that differ;
where the bytes are the same, add the version to the row that is there.
"""

from __future__ import annotations

import csv
import importlib.util
from hashlib import sha256
from importlib import metadata
from pathlib import Path

from builders.audio.weights import TABLE


def rows() -> list[tuple[str, str, str, str]]:
    """Return package, version, file and SHA-256 of each file that the table names."""
    lines = [line for line in TABLE.read_text("utf-8").splitlines() if not line.startswith("#")]
    files = {row["file"]: row["package"] for row in csv.DictReader(lines, delimiter="\t")}
    found = []
    for file, package in files.items():
        folder, _, inside = file.partition("/")
        spec = importlib.util.find_spec(folder)
        assert spec and spec.submodule_search_locations, f"{package} is not installed"
        path = Path(spec.submodule_search_locations[0]) / inside
        digest = sha256(path.read_bytes()).hexdigest()
        found.append((package, metadata.version(package), file, digest))
    return found


if __name__ == "__main__":
    for row in rows():
        print("\t".join(row))
