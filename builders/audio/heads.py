"""A first look at a corpus's clips: what is wrong with all of them is no fault of a clip."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from builders.audio.clips import ClipError, locate
from builders.audio.parquet_clips import head_inside
from builders.errors import SourceError
from builders.record.types import Media

# The first ones, then one of so many: enough to see whether any can be used.
_FIRST, _EACH = 50, 50
_DO = {
    "clip_missing": ("empty rows, or links to no file", "get a copy that has them"),
    "lfs_pointer": ("Git LFS pointers, not sound", "run `git lfs pull` there"),
    "path_outside_corpus": (
        "links that lead out of the folder",
        "add --follow-links to follow them, or put the clips themselves there",
    ),
}


class ClipHeads:
    """The first bytes of some of a corpus's clips, looked at while its annotations are read.

    Args:
        root: the folder of the corpus.
        follow_links: whether links may lead out of it.
    """

    def __init__(self, root: Path, follow_links: bool = False) -> None:
        self._root, self._follow_links = root, follow_links
        self._seen, self._usable = 0, False
        self._reasons: Counter[str] = Counter()
        self._example = ""

    def look(self, media: Media | None) -> None:
        """Look at a clip, unless enough have been looked at, or one can be used."""
        if media is None or self._usable:
            return
        self._seen += 1
        if self._seen > _FIRST and self._seen % _EACH:
            return
        try:
            head_inside(media, locate(media.path, self._root, self._follow_links))
            self._usable = True
        except ClipError as error:
            self._reasons[error.reason] += 1
            self._example = self._example or media.path.name

    def check(self) -> None:
        """Raise SourceError if no clip can be used, all for one reason of the folder's."""
        reason = next(iter(self._reasons), "")
        if self._usable or len(self._reasons) != 1 or reason not in _DO:
            return
        what, do = _DO[reason]
        raise SourceError(
            f"the clips are {what} (such as {self._example})",
            where=self._root,
            do=f"{do}, or use --text-only",
        )
