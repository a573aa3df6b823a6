"""Mirrors of corpora on the Hub, as a local snapshot has them: Parquet files for each split.

`hub.toml` in the folder of a corpus says which column of the owner's files is which of a mirror's,
and what to get where one is missing. A row is then read as a row of the owner's file. Numbers that
stand for names (`ClassLabel`) are told by the names that the file carries.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from builders import resources
from builders.corpora.files import AGAIN, CsvRow
from builders.errors import SourceError
from builders.record.types import Media

# train-00000-of-00001.parquet, or train/0000.parquet as the Hub converts files itself.
_NAME = re.compile(r"(?:.*/)?([a-z]+)(?:-\d{5}-of-\d{5}|/\d{4})\.parquet")
_SPLITS = {"train": "train", "validation": "dev", "valid": "dev", "dev": "dev", "test": "test"}
_DEPTHS = ("*.parquet", "*/*.parquet", "*/*/*.parquet")
_BATCH = 256


@dataclass(frozen=True)
class Mirror:
    """Parquet files by split, and where each column of the owner's files is in them."""

    slug: str
    root: Path
    paths: dict[str, tuple[Path, ...]]

    @property
    def files(self) -> tuple[Path, ...]:
        """Return all files."""
        return tuple(path for paths in self.paths.values() for path in paths)

    def rows(self, split: str) -> Iterator[CsvRow]:
        """Yield the rows of a split with the owner's columns; a null is an empty cell.

        A column that a mirror may lack, and does, is not among the fields. Raises SourceError where
        a file cannot be read, or lacks a column that it must have.
        """
        for path in self.paths.get(split, ()):
            for number, values in enumerate(_rows(path, self._columns(path)), start=1):
                fields = {name: _text(value) for name, value in values.items()}
                yield CsvRow(path.name, number, list(fields.values()), fields)

    def values(self, split: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield ``file:row`` and the values of each row, by the owner's columns."""
        for path in self.paths.get(split, ()):
            for number, values in enumerate(_rows(path, self._columns(path)), start=1):
                yield f"{path.name}:{number}", values

    def clips(self, split: str, ids: tuple[str, ...]) -> Iterator[tuple[list[str], str, Media]]:
        """Yield of each row those of `ids` that it has, the name of its clip, and where that is.

        Nothing where a file has no column of clips, which `hub.toml` names. No clip is read.
        """
        import pyarrow.parquet as pq

        for path in self.paths.get(split, ()):
            if (column := _clip_column(path, _table(self.slug).get("clip", ()))) is None:
                continue
            columns = self._columns(path)
            wanted = [columns[name] for name in ids if name in columns]
            with pq.ParquetFile(path) as file:
                told = file.read(columns=[*wanted, f"{column}.path"])
            names = [one["path"] if one else None for one in told.column(column).to_pylist()]
            cells = [told.column(name).to_pylist() for name in wanted]
            for row, name in enumerate(names):
                own = [cell[row] for cell in cells]
                yield [*map(_text, own)], _text(name), Media(path, column=column, row=row)

    def _columns(self, path: Path) -> dict[str, str]:
        """Return the mirror's name of each of the owner's columns that it has."""
        import pyarrow.parquet as pq

        try:
            there = pq.read_schema(path).names
        except (OSError, ValueError) as error:
            raise _unreadable(path, error) from error
        table = _table(self.slug)
        found = {}
        for ours, theirs in table["columns"].items():
            if (name := next((name for name in theirs if name in there), None)) is not None:
                found[ours] = name
        if missing := [name for name in table["columns"] if name not in found]:
            self._check_lacks(path, missing, there)
        return found

    def _check_lacks(self, path: Path, missing: list[str], there: list[str]) -> None:
        table = _table(self.slug)
        if needed := [name for name in missing if name not in table.get("may_lack", ())]:
            raise SourceError(
                f"this mirror of {self.slug} on the Hub has no {', '.join(needed)}",
                where=path,
                expected=f"columns as in {', '.join(table['columns'])} (found: {', '.join(there)})",
                do=table["get"],
            )


def find_mirror(slug: str, root: Path, splits: tuple[str, ...]) -> Mirror | None:
    """Return the mirror in a folder, a snapshot or the cache folder around snapshots, or None.

    Raises SourceError where there are several revisions, or a split is missing.
    """
    if (snapshots := root / "snapshots").is_dir():
        revisions = sorted(path for path in snapshots.iterdir() if path.is_dir())
        if len(revisions) > 1:
            raise SourceError(
                f"there are {len(revisions)} revisions of the mirror",
                where=snapshots,
                do=f"pass one of them with --source: {', '.join(p.name for p in revisions)}",
            )
        root = revisions[0] if revisions else root
    found: dict[str, list[Path]] = {}
    for pattern in _DEPTHS:
        for path in sorted(root.glob(pattern)):
            name = _NAME.fullmatch(path.relative_to(root).as_posix())
            if name and (split := _SPLITS.get(name[1])):
                found.setdefault(split, []).append(path)
    if not found:
        return None
    if missing := [split for split in splits if split not in found]:
        raise SourceError(
            f"this mirror of {slug} on the Hub has no {', '.join(missing)} split",
            where=root,
            expected="Parquet files named like train-00000-of-00001.parquet for each split",
            do=f"download them, or read --split {' --split '.join(sorted(found))}",
        )
    return Mirror(slug, root, {split: tuple(paths) for split, paths in found.items()})


def refuse(mirror: Mirror) -> SourceError:
    """Return the error for a mirror that lacks what the corpus is about."""
    table = _table(mirror.slug)
    return SourceError(
        f"this is a mirror of {mirror.slug} on the Hub: {table['refused']}",
        where=mirror.root,
        expected="the files as their owner distributes them",
        do=table["get"],
    )


def without_votes(mirror: Mirror) -> str:
    """Return what to do about a mirror whose labels are those that its names tell."""
    return f"add --label-view intended, or {_table(mirror.slug)['get']}, for the votes"


def refuse_media(mirror: Mirror) -> SourceError:
    """Return the error for clips that are asked of a mirror without them."""
    return SourceError(
        f"this mirror of {mirror.slug} on the Hub has no clips",
        where=mirror.root,
        expected="a column of clips (bytes and path) in its Parquet files",
        do=f"read its words with --text-only; {_table(mirror.slug)['get']}",
    )


def _clip_column(path: Path, names: Iterable[str]) -> str | None:
    """Return which of some columns has clips: structs of their bytes and their name."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pq.read_schema(path)
    for name in (name for name in names if name in schema.names):
        kind = schema.field(name).type
        if pa.types.is_struct(kind) and {"bytes", "path"} <= {field.name for field in kind}:
            return name
    return None


@cache
def _table(slug: str) -> dict[str, Any]:
    return tomllib.loads((resources.corpora() / slug / "hub.toml").read_text(encoding="utf-8"))


def _rows(path: Path, columns: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the values of each row by the owner's columns, classes by their names."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            classes = _classes(file.schema_arrow.metadata or {})
            for batch in file.iter_batches(_BATCH, columns=sorted(set(columns.values()))):
                for row in batch.to_pylist():
                    yield {
                        ours: _named(row[theirs], classes.get(theirs))
                        for ours, theirs in columns.items()
                    }
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> SourceError:
    said = str(error).splitlines()[0]
    return SourceError(f"the Parquet file cannot be read ({said})", where=path, do=AGAIN)


def _classes(metadata: dict[bytes, bytes]) -> dict[str, Any]:
    """Return the features of a file by column, from the metadata of the library `datasets`."""
    try:
        found = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def _named(value: Any, feature: Any) -> Any:
    """Return a value with the names of classes in place of their numbers, however deep."""
    if isinstance(feature, list) and len(feature) == 1:
        feature = {"feature": feature[0]}
    if not isinstance(feature, dict):
        return value
    names = feature.get("names")
    if feature.get("_type") == "ClassLabel" and isinstance(names, list) and type(value) is int:
        return names[value] if 0 <= value < len(names) else value
    inner = feature.get("feature", feature)
    if isinstance(value, list):
        return [_named(one, inner) for one in value]
    if isinstance(value, dict) and isinstance(inner, dict):
        return {name: _named(one, inner.get(name)) for name, one in value.items()}
    return value


def _text(value: Any) -> str:
    """Return a value as a cell of the owner's file; a whole number that is a float as it was."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)
