"""Records that somebody wrote: JSON, JSON Lines, Parquet, or a folder of such files, one at a time.

Never more than a line, a JSON file of `LARGEST_WHOLE` bytes, or a hundred rows is in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import orjson

from builders.corpora.opening import LARGEST_WHOLE, LONGEST_LINE, open_bytes, read_whole
from builders.errors import HeartenError, SourceError

_LINES, _TABLE, _WHOLE = (".jsonl", ".ndjson"), ".parquet", ".json"
KINDS = (*_LINES, _WHOLE, _TABLE)
_ROWS = 100
Refuse = Callable[[HeartenError], None]


def refused(error: HeartenError) -> None:
    """Raise an error: the first fault ends the reading."""
    raise error


def given_rows(source: Path, refuse: Refuse = refused) -> Iterator[tuple[str, object]]:
    """Yield each record of a file, or of all files in a folder, with its place.

    Of the folder of a build or of a published dataset, these are its samples alone. `refuse` is
    called with the error for a line that is no JSON, and may pass over it.

    Raises:
        SourceError: there is no such file, or it cannot be read; names the line.
    """
    for path in _files(source):
        try:
            if path.suffix.lower() in _LINES:
                yield from _lines(path, refuse)
            elif path.suffix.lower() == _TABLE:
                yield from _table(path)
            else:
                yield from _document(path)
        except OSError as error:
            small = f"a file of at most {LARGEST_WHOLE >> 20} MB, or one record a line in .jsonl"
            raise SourceError(
                f"{path} cannot be read ({error.strerror or error})",
                expected=small if path.suffix.lower() == _WHOLE else "a file of records",
            ) from error


def _files(source: Path) -> list[Path]:
    if source.is_dir():
        inside = next(
            (
                source / name
                for name in ("data/record", "data/sft", "data")
                if (source / name).is_dir()
            ),
            source,
        )
        found = sorted(path for path in inside.rglob("*") if path.suffix.lower() in KINDS)
        found = [path for path in found if not path.name.startswith(".")]
    else:
        found = [source] if source.suffix.lower() in KINDS else []
    if not found:
        raise SourceError(
            f"there are no records in {source}" if source.exists() else f"there is no {source}",
            expected=f"a file that ends in {', '.join(KINDS)}, or a folder with such files",
        )
    return found


def _lines(path: Path, refuse: Refuse) -> Iterator[tuple[str, object]]:
    with open_bytes(path) as stream:
        number = 0
        while line := stream.readline(LONGEST_LINE + 1):
            number += 1
            where = f"{path}:{number}"
            if len(line) > LONGEST_LINE:
                raise SourceError(
                    f"the line is longer than {LONGEST_LINE >> 20} MB",
                    where=where,
                    expected="one record a line",
                )
            try:
                found = _parsed(line, where) if line.strip() else None
            except SourceError as error:
                refuse(error)
                continue
            if line.strip():
                yield where, found


def _document(path: Path) -> Iterator[tuple[str, object]]:
    found = _parsed(read_whole(path), str(path))
    if not isinstance(found, list):
        yield str(path), found
        return
    for number, record in enumerate(found):
        yield f"{path}[{number}]", record


def _parsed(text: bytes, where: str) -> object:
    try:
        found: object = orjson.loads(text.removeprefix(b"\xef\xbb\xbf"))
        return found
    except orjson.JSONDecodeError as error:
        raise SourceError(
            f"it is not valid JSON ({error})", where=where, expected="a JSON object", do="fix it"
        ) from error


def _table(path: Path) -> Iterator[tuple[str, object]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            number = 0
            for batch in file.iter_batches(_ROWS):
                for row in batch.to_pylist():
                    yield f"{path}:{number}", row
                    number += 1
    except pa.ArrowException as error:
        said = str(error).split("\n")[0]
        raise SourceError(
            f"{path} is no Parquet file ({said})", expected="a whole Parquet file"
        ) from error
