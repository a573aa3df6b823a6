"""Computational sequences, the `.csd` files of the CMU Multimodal SDK, which are HDF5.

One group at the root, whose name differs between releases; under it `data/<video>/features` and
`data/<video>/intervals`, a row for each segment, and `metadata/<name>`, each a text in JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builders.corpora.files import AGAIN, BrokenRecord
from builders.corpora.opening import open_bytes
from builders.errors import SourceError

if TYPE_CHECKING:
    import h5py

# Bytes of a video's values: a file may claim to have more than any memory holds. The words of an
# hour take less than one of them.
_LARGEST = 32 << 20
_NUMBERS = "fiu"
# What h5py raises for files that are damaged.
_UNREADABLE = (
    OSError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
    AttributeError,
    MemoryError,
)
_SEGMENT = re.compile(r"(.+)\[([0-9]{1,9})\]")


class Sequence:
    """An open computational sequence.

    `videos` are the ids it has rows for, in order; `columns` what it calls its features, in lower
    case, or None where it does not say. The SDK's alignment writes a group ``video[k]`` for each
    segment: these are read as one video, and `joined` is how many there are.
    """

    def __init__(self, path: Path, file: h5py.File) -> None:
        import h5py

        self.path = path
        # By place and not by name: the root was called otherwise in earlier releases.
        root = next(iter(file.values()), None)
        data = root.get("data") if isinstance(root, h5py.Group) else None
        if not isinstance(data, h5py.Group):
            raise SourceError(
                "the file contains no computational sequence",
                where=path,
                expected="one root group that contains a group `data`",
                do=AGAIN,
            )
        self._data, self.joined = data, 0
        self._groups: dict[str, list[str]] = {}
        for number, video, name in sorted(map(_aligned, data)):
            self._groups.setdefault(video, []).append(name)
            self.joined += number >= 0
        self.videos: tuple[str, ...] = tuple(sorted(self._groups))
        said = file.get(f"{data.parent.name}/metadata/dimension names")
        if said is not None:
            _values(said)
        self.columns = None if said is None else _names(said.asstr()[()].ravel().tolist())

    def __contains__(self, video: str) -> bool:
        return video in self._groups

    def rows(self, video: str, width: int) -> list[tuple[list[Any], list[float]]]:
        """Return the rows of a video: `width` features, then start and end in seconds.

        Raises BrokenRecord when they cannot be read or are not as many of each.
        """
        if video not in self._groups:
            raise BrokenRecord("broken_video", f"{self.path.name} has no rows of it")
        groups = self._groups[video]
        return [row for group in groups for row in self._rows_of(group, width)]

    def _rows_of(self, name: str, width: int) -> list[tuple[list[Any], list[float]]]:
        try:
            group = self._data[name]
            features, intervals = _values(group["features"]), _values(group["intervals"])
            shapes = features.shape, intervals.shape
            expected = (count := len(intervals), width), (count, 2)
        except _UNREADABLE as error:
            detail = f"its rows in {self.path.name} cannot be read ({error})"
            raise BrokenRecord("broken_video", detail) from error
        if shapes != expected:
            detail = f"in {self.path.name} its features are {shapes[0]}, its intervals {shapes[1]}"
            raise BrokenRecord("broken_video", f"{detail}; expected (n, {width}) and (n, 2)")
        # Several features are numbers; a single one is a word.
        if intervals.dtype.kind not in _NUMBERS or (
            width > 1 and features.dtype.kind not in _NUMBERS
        ):
            detail = f"in {self.path.name} it has {features.dtype} and {intervals.dtype}"
            raise BrokenRecord("broken_video", f"{detail}; expected numbers")
        return list(zip(features.tolist(), intervals.tolist(), strict=True))


def _values(dataset: Any) -> Any:
    """Return the values of a dataset; ValueError where they are more than a video can have."""
    if dataset.size * dataset.dtype.itemsize > _LARGEST:
        raise ValueError(f"{dataset.size:,} values")
    return dataset[()]


def _aligned(name: str) -> tuple[int, str, str]:
    """Return the number of an aligned segment, else -1, then its video and `name`."""
    found = _SEGMENT.fullmatch(name)
    return (int(found[2]), found[1], name) if found else (-1, name, name)


def _names(said: list[str]) -> list[str]:
    """Return the names in a text in JSON; texts that are no such one are names themselves."""
    try:
        names = json.loads(said[0]) if len(said) == 1 else said
    except ValueError:
        names = said
    return [str(name).strip().lower() for name in names]


@contextmanager
def open_csd(path: Path) -> Iterator[Sequence]:
    """Open a computational sequence; SourceError when the file is none, or not whole."""
    import h5py  # here, as only this corpus needs it

    with ExitStack() as stack:
        try:
            open_bytes(path).close()  # a pipe would be waited for
            sequence = Sequence(path, stack.enter_context(h5py.File(path, "r")))
        except _UNREADABLE as error:
            what = f"the file is not a complete HDF5 file ({error})"
            raise SourceError(what, where=path, do=AGAIN) from error
        yield sequence
