"""A published dataset, opened as a build: downloaded by the Hub's client, which keeps the files.

What was published is there: its rows of the config `sft`, without the fields that its licence
keeps back. The digests are those of its `SHA256SUMS`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, cast

import orjson
import pyarrow.parquet as pq

from builders.errors import ConfigError, HeartenError, VerificationError
from builders.record.manifest_views import Manifest, ManifestFile

_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_ROWS = "data/sft/"
_SUMS = "SHA256SUMS"
# The order in which builds have them.
_SPLITS = ("train", "dev", "test", "all")


def is_hub_name(source: str | Path, revision: str | None = None) -> bool:
    """Return whether this is ORG/NAME on the Hub: no path, and its first half no folder here."""
    text = os.fspath(source)
    if _NAME.fullmatch(text) is None or text.startswith(".") or Path(text).exists():
        return False
    return revision is not None or not Path(text).parent.is_dir()


def download(name: str, revision: str | None) -> tuple[Path, Manifest]:
    """Return where the files of a published dataset are, and its manifest.

    Raises:
        ConfigError: the client is not installed, there is no such dataset or revision, the Hub
            cannot be reached, or the dataset was not published by Hearten.
        VerificationError: its files and its digests are not of one version.
    """
    patterns = ["manifest.json", _SUMS, f"{_ROWS}*.parquet"]
    folder = snapshot(name, revision, patterns)
    if not (folder / "manifest.json").is_file() or not (folder / _SUMS).is_file():
        raise ConfigError(
            f"{name} was not published by Hearten: it lacks manifest.json or {_SUMS}",
            do="load it with datasets, or take its records in with hearten import",
        )
    try:
        published: dict[str, Any] = orjson.loads((folder / "manifest.json").read_bytes())
        result, run = {**published["result"]}, published["run"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise VerificationError(
            "manifest.json is not that of a published dataset", where=name
        ) from error
    result["files"] = _files(folder, name)
    return folder, cast(Manifest, {"result": result, "run": run, "hydrated": {}})


def snapshot(name: str, revision: str | None, patterns: list[str]) -> Path:
    """Return the folder with those files of a dataset on the Hub; raises as `download` does."""
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    except ImportError as error:
        raise ConfigError(
            "the Hub's client is not installed", do='pip install "hearten[publish]"'
        ) from error
    try:
        found = snapshot_download(
            name, repo_type="dataset", revision=revision, allow_patterns=patterns
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        raise _not_there(name, revision, error) from error
    return Path(found)


def _not_there(name: str, revision: str | None, error: Exception) -> HeartenError:
    said = str(error).strip().split("\n")[0]
    at = f" at revision {revision}" if revision else ""
    return ConfigError(
        f"the dataset {name}{at} cannot be loaded from the Hub ({said})",
        expected="the folder of a build, or ORG/NAME of a published dataset",
        do="check the name, and set HF_TOKEN if it is private",
    )


def _files(folder: Path, name: str) -> list[ManifestFile]:
    """Return the entry of each file with rows, as a build's manifest has it, split by split."""
    pairs = (line.partition("  ") for line in (folder / _SUMS).read_text("utf-8").splitlines())
    sums = {path: digest for digest, _, path in pairs}
    listed = sorted(
        (path for path in sums if path.startswith(_ROWS)),
        key=lambda path: (_SPLITS.index(Path(path).name.partition("-")[0]), path),
    )
    if gone := [path for path in listed if not (folder / path).is_file()]:
        raise VerificationError(
            f"{gone[0]} is missing", where=name, expected=f"the files that {_SUMS} lists"
        )
    return [
        {
            "path": path,
            "rows": pq.read_metadata(folder / path).num_rows,
            "bytes": (folder / path).stat().st_size,
            "sha256": sums[path],
        }
        for path in listed
    ]
