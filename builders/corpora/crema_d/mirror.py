"""CREMA-D in a mirror on the Hub: clips in Parquet files, each called by the owner's name.

Beside the owner's tables they stand in for `AudioWAV`. Alone, their names tell speaker, sentence,
intended emotion and level, and there are no votes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from builders.corpora.files import CsvRow
from builders.corpora.hub_mirrors import Mirror, refuse
from builders.errors import SourceError
from builders.record.types import Media

# Names of clips are cells of this column, or the names of the files that are in the rows.
_NAME = "FileName"


def clips_inside(mirror: Mirror, clip_name: Callable[[str], str | None]) -> dict[str, Media]:
    """Return the clips of a mirror by their names, sorted.

    Args:
        mirror: its files, of all splits that the mirror made.
        clip_name: what a clip is called whose file is called so, None where that is no name of one.

    Raises SourceError where no clip is called as the owner does, or a row has two such names.
    """
    found: dict[str, Media] = {}
    for split in mirror.paths:
        for cells, inside, media in mirror.clips(split, (_NAME,)):
            told = {name for cell in (*cells, inside) if (name := clip_name(_stem(cell)))}
            if len(told) > 1:
                raise SourceError(
                    f"a row of this mirror of CREMA-D has two clips' names: "
                    f"{' and '.join(sorted(told))}",
                    where=f"{media.path}, row {(media.row or 0) + 1}",
                    expected="a clip of the name that the row has",
                    do="get the clips from the owner's repository",
                )
            for name in told:
                found.setdefault(name, media)
    if not found:
        raise refuse(mirror)
    return dict(sorted(found.items()))


def rows_of(clips: Mapping[str, Media]) -> Iterator[CsvRow]:
    """Yield for each clip a row of a table that has nothing but its name."""
    for name, media in clips.items():
        yield CsvRow(media.path.name, (media.row or 0) + 1, [name], {_NAME: name})


def _stem(name: str) -> str:
    """Return a name without folders and ending."""
    name = name.replace("\\", "/").rpartition("/")[2]
    stem, dot, _ = name.rpartition(".")
    return stem if dot else name
