"""Reading a corpus in a test: what comes out of it, and the line that refuses it."""

from __future__ import annotations

from pathlib import Path

import pytest

from builders.corpora import open_reader
from builders.corpora.reading import Defects, ReadingRules, read_split
from builders.errors import SourceError
from builders.record.types import Dialogue, Reject, Utterance

AS_EVER = ReadingRules()


def read(
    slug: str, source: Path, *splits: str, media: bool = False, rules: ReadingRules = AS_EVER
) -> list[Dialogue | Reject]:
    """Return what the reader of a corpus makes of a folder, without the defects we know of."""
    reader = open_reader(slug, source, media, splits)
    return [i for s in reader.splits for i in read_split(reader, slug, s, Defects(), rules)]


def utterances(items: list[Dialogue | Reject]) -> dict[str, Utterance]:
    """Return the utterances by their id, but for what rejects leave of themselves."""
    return {u.id: u for u in _said(items) if not u.rejected}


def left_of_rejects(items: list[Dialogue | Reject]) -> dict[str, Utterance]:
    """Return by their id the utterances that are rejects and context for others."""
    return {u.id: u for u in _said(items) if u.rejected}


def _said(items: list[Dialogue | Reject]) -> list[Utterance]:
    return [u for item in items if isinstance(item, Dialogue) for u in item.utterances]


def only_reject(items: list[Dialogue | Reject]) -> Reject:
    """Return the one reject there is."""
    (reject,) = [item for item in items if isinstance(item, Reject)]
    return reject


def refused(slug: str, source: Path, *, media: bool = False) -> str:
    """Return the one line with which a folder is refused."""
    with pytest.raises(SourceError) as error:
        read(slug, source, media=media)
    assert "\n" not in str(error.value)
    return str(error.value)
