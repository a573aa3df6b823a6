"""A published dataset, opened as a build: downloaded by the Hub's client, which keeps the files.

What was published is there: its rows of the config `record`, without the fields that its licence
keeps back, and with the clips of `default`. They are compared with `SHA256SUMS` and put together
once, in a folder beside the client's copy.
"""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import orjson

from builders.errors import ConfigError, HeartenError, VerificationError
from builders.record.manifest_views import Manifest, ManifestFile

if TYPE_CHECKING:
    from builders.record.clips_by_id import ClipsById

_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_ROWS, _CLIPS = "data/record/", "data/default/"
_SUMS = "SHA256SUMS"
# The order in which builds have them.
_SPLITS = ("train", "validation", "dev", "test", "unsplit")
_FILES = "files.json"


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
    patterns = ["manifest.json", _SUMS, f"{_ROWS}*.parquet", f"{_CLIPS}*.parquet"]
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
    together = folder.parents[1] / "hearten" / folder.name
    if not (together / _FILES).is_file():
        _put_together(folder, together, name)
    result["files"] = orjson.loads((together / _FILES).read_bytes())
    return together, cast(Manifest, {"result": result, "run": run, "hydrated": {}})


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


def _put_together(folder: Path, to: Path, name: str) -> None:
    """Write the records with their clips as a build has them, and a list of these files."""
    from builders.record.clips_by_id import ClipsById

    listed = _listed(folder, name)
    clips = ClipsById([folder / path for path in listed if path.startswith(_CLIPS)])
    to.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=to.parent) as made:
        place = Path(made) / to.name
        (place / "data").mkdir(parents=True)
        files = [
            _with_clips(folder / path, place / "data" / Path(path).name, clips)
            for path in listed
            if path.startswith(_ROWS)
        ]
        (place / _FILES).write_bytes(orjson.dumps(files))
        # Another process may have been first, with the same bytes.
        with suppress(OSError):
            os.replace(place, to)


def _with_clips(source: Path, target: Path, clips: ClipsById) -> ManifestFile:
    """Write the records of a file with their clips, and return its entry in a manifest."""
    import pyarrow as pa

    from builders.record.data_file import DataFile
    from builders.record.parquet import file_digest, open_writer, sample_schema

    schema, rows = sample_schema(), 0
    with DataFile(source) as file, open_writer(target, schema) as writer:
        for table in file.groups(None):
            held = [clips.get(name) for name in table.column("id").to_pylist()]
            audio = pa.array(held, schema.field("audio").type)
            table = table.append_column(schema.field("audio"), audio)
            writer.write_table(table.select(schema.names).cast(schema))
            rows += table.num_rows
    size, digest = target.stat().st_size, file_digest(target)
    return {"path": f"data/{target.name}", "rows": rows, "bytes": size, "sha256": digest}


def _listed(folder: Path, name: str) -> list[str]:
    """Return the paths of the files with records and clips, split by split, after comparing them.

    Raises:
        VerificationError: one is missing, or is not the one that was published.
    """
    from builders.record.parquet import file_digest

    pairs = (line.partition("  ") for line in (folder / _SUMS).read_text("utf-8").splitlines())
    sums = {path: digest for digest, _, path in pairs if path.startswith((_ROWS, _CLIPS))}
    listed = sorted(sums, key=lambda path: (_SPLITS.index(Path(path).name.split("-")[0]), path))
    for path in listed:
        if not (folder / path).is_file() or file_digest(folder / path) != sums[path]:
            wrong = "not the one that was published" if (folder / path).is_file() else "missing"
            raise VerificationError(
                f"{path} is {wrong}",
                where=name,
                expected=f"the files that {_SUMS} lists",
                do="delete the client's copy of it, and load it again",
            )
    return listed
