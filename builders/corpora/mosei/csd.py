"""Computational sequences, the `.csd` files of the CMU Multimodal SDK, which are HDF5.

One group at the root, whose name differs between releases; under it `data/<video>/features` and
`data/<video>/intervals`, a row for each segment, and `metadata/<name>`, each a text in JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builders.corpora.files import AGAIN, BrokenRecord
from builders.errors import SourceError

if TYPE_CHECKING:
    import h5py


class Sequence:
    """An open computational sequence.

    `videos` are the ids it has rows for, in order; `columns` what it calls its features, in lower
    case, or None where it does not say.
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
        self._data = data
        self.videos: tuple[str, ...] = tuple(sorted(data))
        said = file.get(f"{data.parent.name}/metadata/dimension names")
        self.columns = None if said is None else _names(said.asstr()[()].ravel().tolist())

    def __contains__(self, video: str) -> bool:
        return video in self._data

    def rows(self, video: str, width: int) -> list[tuple[list[Any], list[float]]]:
        """Return the rows of a video: `width` features, then start and end in seconds.

        Raises BrokenRecord when they cannot be read or are not as many of each.
        """
        try:
            group = self._data[video]
            features, intervals = group["features"][()], group["intervals"][()]
            shapes = features.shape, intervals.shape
        except (OSError, LookupError, RuntimeError, TypeError, ValueError, AttributeError) as error:
            detail = f"its rows in {self.path.name} cannot be read ({error})"
            raise BrokenRecord("broken_video", detail) from error
        if shapes != (((n := shapes[1][0]), width), (n, 2)):
            detail = f"in {self.path.name} its features are {shapes[0]}, its intervals {shapes[1]}"
            raise BrokenRecord("broken_video", f"{detail}; expected (n, {width}) and (n, 2)")
        return list(zip(features.tolist(), intervals.tolist(), strict=True))


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
            sequence = Sequence(path, stack.enter_context(h5py.File(path, "r")))
        except (OSError, LookupError, RuntimeError, TypeError, ValueError, AttributeError) as error:
            what = f"the file is not a complete HDF5 file ({error})"
            raise SourceError(what, where=path, do=AGAIN) from error
        yield sequence
