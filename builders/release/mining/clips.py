"""Clips of turns that are no samples, decoded from the owner's files as those of samples are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from pathlib import Path

from builders.audio.clips import ClipError
from builders.audio.decode import decode
from builders.corpora import open_reader
from builders.corpora.reading import Defects, ReadingRules, read_split
from builders.errors import SourceError
from builders.pipeline.plan import digest_of_files
from builders.record.dataset import Build
from builders.record.types import Clip, Dialogue, Media
from builders.safety.replacing import REPLACED

_SKIP = ReadingRules(on_error="quarantine")


class SourceClips:
    """The clips of some turns, by id, in the corpus folder that a build was made from.

    Args:
        build: the build, of one corpus.
        source: the folder of the corpus.
        wanted: the ids of the turns.
        follow_links: whether clips may be links out of that folder.

    Raises:
        SourceError: the folder is not that corpus, or another release of it.
    """

    def __init__(
        self, build: Build, source: Path, wanted: Collection[str], follow_links: bool = False
    ) -> None:
        self._follow_links = follow_links
        config = build.manifest["result"]["config"]
        slug, splits = str(config["corpus"]), config.get("splits") or ()
        reader = open_reader(slug, source, True, splits)
        expected, found = config["corpus_files"], digest_of_files(reader.files)
        if found != expected:
            raise SourceError(
                f"the annotation files are of another version (digest {found[:12]})",
                where=source,
                expected=f"digest {expected[:12]}, which {build.folder} was built from",
                do="pass the folder of that release, or leave out --source",
            )
        self._root = reader.root
        self._media: dict[str, Media] = {}
        self.broken: Counter[str] = Counter()
        defects = Defects.load(slug)
        for split in reader.splits:
            for item in read_split(reader, slug, split, defects, _SKIP):
                if isinstance(item, Dialogue):
                    self._media |= _media_of(item, wanted)

    def of(self, name: str) -> Clip | None:
        """Return the clip of a turn, 16 kHz mono FLAC; None where it has none that can be used."""
        media = self._media.get(name)
        if media is None:
            return None
        try:
            return decode(media, self._root, self._follow_links)
        except ClipError as error:
            self.broken[error.reason] += 1
            return None


def _media_of(dialogue: Dialogue, wanted: Collection[str]) -> dict[str, Media]:
    # What was replaced in the words is still heard in the clip.
    heard = [one for one in dialogue.utterances if REPLACED not in one.findings]
    return {one.id: one.media for one in heard if one.media and one.id in wanted}
