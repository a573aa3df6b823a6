"""Looking at the clips of a corpus: the first bytes of each, and the sound of a sample."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from hashlib import sha256
from heapq import nsmallest
from pathlib import Path

from builders.audio.clips import ClipError, head_of, locate
from builders.audio.decode import decode
from builders.audio.parquet_clips import faults_of
from builders.record.types import Dialogue, Media

# Clips of a split that are decoded.
SAMPLED = 10


class ClipInspection:
    """What can be said of the clips of a corpus without decoding all of them.

    Args:
        root: the folder of the corpus.
        known: the keys ``split-dialogue-utterance`` of known defects, which are not sampled.
        follow_links: whether links may lead out of the folder.

    Attributes:
        unusable: clips that are none, by reason.
    """

    def __init__(self, root: Path, known: Collection[str], follow_links: bool = False) -> None:
        self._root, self._known, self._follow_links = root, known, follow_links
        self.unusable: Counter[str] = Counter()
        self._good: dict[str, list[tuple[str, Media]]] = {}
        self._looked: dict[Path, str | None] = {}
        self._rows: dict[tuple[Path, str], dict[int, str]] = {}

    def look(self, dialogue: Dialogue) -> None:
        """Take from the utterances of a dialogue what is no clip, and count it."""
        for utterance in dialogue.utterances:
            if (media := utterance.media) is None:
                continue
            if reason := self._reason(media):
                self.unusable[reason] += 1
                utterance.media = None
            elif f"{dialogue.split}-{utterance.dialogue}-{utterance.utterance}" not in self._known:
                self._sample(dialogue.split, utterance.id, media)

    def _reason(self, media: Media) -> str | None:
        """Return why there is no clip where one should be; None where there is one."""
        if media.path not in self._looked:
            self._looked[media.path] = self._reason_of_file(media)
        reason = self._looked[media.path]
        if reason or media.column is None or media.row is None:
            return reason
        return self._rows[media.path, media.column].get(media.row)

    def _reason_of_file(self, media: Media) -> str | None:
        """Look at the first bytes of a file, and at those of all clips that are inside it."""
        try:
            found = locate(media.path, self._root, self._follow_links)
            head_of(found)
            if media.column is not None:
                self._rows[media.path, media.column] = faults_of(found, media.column)
        except ClipError as error:
            return error.reason
        return None

    def _sample(self, split: str, name: str, media: Media) -> None:
        """Keep those whose ids have the least digests: the same ones each time."""
        digest = sha256(name.encode()).hexdigest()
        kept = [*self._good.get(split, ()), (digest, media)]
        self._good[split] = nsmallest(SAMPLED, kept, key=lambda one: one[0])

    def decode(self) -> dict[str, dict[str, int]]:
        """Return by split how many clips of its sample decode, and how many do not by reason."""
        found: dict[str, dict[str, int]] = {}
        for split, clips in self._good.items():
            counts = Counter(self._decoded(media) for _, media in clips)
            found[split] = dict(counts.most_common())
        return found

    def _decoded(self, media: Media) -> str:
        try:
            decode(media, self._root, self._follow_links)
        except ClipError as error:
            return error.reason
        return "decoded"
