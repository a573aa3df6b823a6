"""The reader of a corpus of one's own: what `hearten import` wrote, one dialogue a line.

corpora/NAME/
  card.toml                 what it is and what may be published; for its owner to fill in
  labels.sssom.tsv          one row per label
  records/<split>.jsonl     one dialogue a line
  audio/                    the clips
  samples.jsonl             records that came with a reply, as samples of ours
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NotRequired, TypedDict

import orjson

from builders import resources
from builders.corpora.files import BrokenRecord, broken, text_lines
from builders.errors import SourceError
from builders.record.manifest_views import ReaderNote
from builders.record.types import Annotation, Dialogue, Media, Reject, Utterance
from builders.record.views import VoteCount

RECORDS = "records"
SPLITS = ("train", "dev", "test", "all")


class OwnUtterance(TypedDict):
    """An utterance in a file of records; `label` is None for one that is no target."""

    id: str
    speaker: str | None
    text: str
    label: str | None
    audio: NotRequired[str]
    language: NotRequired[str]
    second: NotRequired[str]
    votes: NotRequired[list[VoteCount]]


class OwnDialogue(TypedDict):
    """A line of a file of records."""

    id: str
    utterances: list[OwnUtterance]
    background: NotRequired[str]
    assistant: NotRequired[str]


class OwnCorpus:
    """A corpus of one's own: called as the class `Reader` of other corpora is."""

    def __init__(self, slug: str) -> None:
        self._slug = slug
        there = resources.corpus_folder(slug) / RECORDS
        self.splits = tuple(split for split in SPLITS if (there / f"{split}.jsonl").is_file())

    def __call__(self, source: Path, with_media: bool, splits: tuple[str, ...]) -> OwnRecords:
        """Return the reader of the corpus that lies in `source`."""
        return OwnRecords(self._slug, source, with_media, splits)


class OwnRecords:
    """Reads the records of some splits."""

    def __init__(self, slug: str, source: Path, with_media: bool, splits: tuple[str, ...]) -> None:
        self._slug, self.root, self.splits, self._with_media = slug, source, splits, with_media
        self.files = tuple(source / RECORDS / f"{split}.jsonl" for split in splits)
        self.notes: list[ReaderNote] = []
        for path in self.files:
            if not path.is_file():
                raise SourceError(
                    f"there is no {path}",
                    expected="the folder that hearten import wrote",
                    do="leave out --source and --sample, or import the records again",
                )

    def read(self, split: str) -> Iterator[Dialogue | Reject]:
        """Yield each dialogue of a split, and a reject for each line that is none."""
        path = self.root / RECORDS / f"{split}.jsonl"
        for place, line in text_lines(path):
            try:
                yield self._dialogue(split, line)
            except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
                number = place.rpartition(":")[2]
                fault = BrokenRecord("broken_record", f"it is no dialogue ({error!r})")
                yield broken(self._slug, split, ("line", number), place, line, fault)

    def _dialogue(self, split: str, line: str) -> Dialogue:
        found: OwnDialogue = orjson.loads(line)
        background = found.get("background")
        return Dialogue(
            split,
            found["id"],
            [self._utterance(found["id"], n, one) for n, one in enumerate(found["utterances"])],
            background=background,
            background_origin="situation" if background else None,
            assistant=found.get("assistant"),
            first_number=0,
        )

    def _utterance(self, dialogue: str, order: int, one: OwnUtterance) -> Utterance:
        audio, votes = one.get("audio") if self._with_media else None, one.get("votes")
        return Utterance(
            dialogue=dialogue,
            utterance=one["id"],
            order=order,
            speaker=one["speaker"],
            text=one["text"],
            label=one["label"],
            media=Media(self.root / audio) if audio else None,
            targetable=one["label"] is not None,
            annotation=Annotation(votes=votes) if votes else None,
            language=one.get("language"),
            second=one.get("second"),
        )
