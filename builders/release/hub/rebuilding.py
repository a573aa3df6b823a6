"""Restoring one published record, and comparing its clip with the original."""

from __future__ import annotations

import io
from collections.abc import Iterator, KeysView, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa
import soundfile

from builders.record.clips_by_id import ClipsById
from builders.record.data_file import DataFile
from builders.record.sample import Origin, assemble
from builders.record.types import Clip, Drafted, Target
from builders.record.views import SampleRecord
from builders.release.eligibility import Restrictions
from builders.release.row_views import PublishedRecord

DIFFERENT = "different"
_NAMED = ["id", "text_context.id", "reference_response.id"]
LSB = 2

# Assembling a record needs a reply; if none was published, this placeholder is removed again.
_NO_REPLY = Drafted(
    {
        "text": "-",
        "emotion": "neutral",
        "strategies": ["mindful_presence"],
        "awareness": {"act": "respects", "emotions": ["neutral"]},
    },
    [],
    None,
    1,
)
_MADE = (
    *("plan", "demonstrations", "desired_response", "executed", "reply_audio", "drafting"),
    *("checks", "safety", "judgements", "review"),
)


@dataclass(frozen=True)
class Verdict:
    """The comparison of a clip: `name` is counted, `detail` is a sentence.

    ``source_equal``: the same source file. ``samples_equal``: another file, the
    same samples. ``within_2_lsb``: no sample differs by more, compared with the published clip.
    ``different``; ``missing``; ``no_clip`` for text; ``not_published`` if there is nothing to
    compare with.
    """

    name: str
    detail: str = ""


class PublishedRows:
    """The published records by id, with one row group per file in memory.

    Args:
        files: the Parquet files.
        clips: the files with the clips of records that have none.
        known: the ids that must not be used, alone or as context.
    """

    def __init__(self, files: Sequence[Path], clips: Sequence[Path], known: Restrictions) -> None:
        self._clips = ClipsById(clips)
        self._files = [DataFile(path) for path in files]
        self._at: dict[str, tuple[int, int, int]] = {}
        self._held: dict[int, tuple[int, pa.Table]] = {}
        for number, file in enumerate(self._files):
            for group, table in enumerate(file.groups(_NAMED)):
                for place, row in enumerate(table.to_pylist()):
                    if not known.names_excluded(row):
                        self._at[row["id"]] = number, group, place

    def __len__(self) -> int:
        return len(self._at)

    def __contains__(self, sample_id: str) -> bool:
        return sample_id in self._at

    def __iter__(self) -> Iterator[str]:
        return iter(self._at)

    def keys(self) -> KeysView[str]:
        """Return the ids."""
        return self._at.keys()

    def __getitem__(self, sample_id: str) -> PublishedRecord:
        number, group, place = self._at[sample_id]
        if self._held.get(number, (None,))[0] != group:
            self._held[number] = group, self._files[number].group(group)
        row: PublishedRecord = self._held[number][1].slice(place, 1).to_pylist()[0]
        return row if row.get("audio") else {**row, "audio": self._clips.get(sample_id)}


def verdict_of(clip: Clip | None, row: PublishedRecord) -> Verdict:
    """Return how the clip made here compares with the published record."""
    info = row["audio_info"]
    if clip is None:
        return Verdict("no_clip")
    if info["sha256_pcm"] is None:
        return Verdict("not_published", "the terms do not allow digests to be published")
    same_source = clip.source_sha256 == info["source_sha256"]
    if clip.sha256_pcm == info["sha256_pcm"]:
        return Verdict("source_equal" if same_source else "samples_equal")
    published = row["audio"] and row["audio"]["bytes"]
    if published:
        off = furthest(published, clip.flac)
        if off is not None and off <= LSB:
            return Verdict("within_2_lsb", f"at most {off} off")
        return Verdict(DIFFERENT, "another length" if off is None else f"up to {off} off")
    if same_source:
        return Verdict("source_equal", "decoded to different samples here")
    return Verdict(DIFFERENT, f"{clip.source_file} is another file, with other samples")


def furthest(one: bytes, other: bytes) -> int | None:
    """Return the maximum difference of two clips' 16-bit samples; None if their lengths differ."""
    first, second = (soundfile.read(io.BytesIO(b), dtype="int16")[0] for b in (one, other))
    if first.shape != second.shape:
        return None
    return int(np.abs(first.astype(np.int32) - second.astype(np.int32)).max(initial=0))


def rebuild(
    row: PublishedRecord, target: Target, origin: Origin, withheld: Sequence[str]
) -> tuple[PublishedRecord, bytes | None, bytes | None]:
    """Return the complete record, its clip, and its spoken reply if that was published.

    Args:
        row: the published record.
        target: the same utterance, read from the corpus.
        origin: what all samples of the build share.
        withheld: the withheld fields.
    """
    made = assemble(target, _drafted(row), origin)
    held: Mapping[str, object] = row
    fresh: Mapping[str, object] = made
    filled = {name: held.get(name) for name in fresh}
    for field in withheld:
        name = field.split(".")[0].removesuffix("[]")
        filled[name] = _filled(filled[name], fresh[name], field.partition(".")[2])
    if not held.get("desired_response"):
        filled |= {name: held.get(name) for name in _MADE}
    record = cast(PublishedRecord, filled)
    published = row["audio"] and row["audio"]["bytes"]
    spoken = record["reply_audio"]
    reply = spoken["bytes"] if spoken else None
    if target.clip and not published:
        _take_clip(record, made)
        return record, target.clip.flac, reply
    return record, published or None, reply


def _take_clip(record: PublishedRecord, made: SampleRecord) -> None:
    """Put the description of the clip made here into a record, except for check results."""
    heard = record["audio_info"]
    record["audio"] = made["audio"]
    record["audio_info"] = {
        **made["audio_info"],
        "findings": heard["findings"],
        "speech": heard["speech"],
        "quality": heard["quality"],
        "transcript": heard["transcript"],
    }
    for turn, other in zip(record["text_context"], made["text_context"], strict=True):
        turn["audio_sha256"] = other["audio_sha256"]


def named(record: PublishedRecord, clip: bytes | None, reply: bytes | None) -> PublishedRecord:
    """Return a record that names its audio, without the bytes."""
    return {
        **record,
        "audio": {"path": f"{record['id']}.flac", "bytes": None} if clip else None,
        "reply_audio": {"path": f"{record['id']}.reply.flac", "bytes": None} if reply else None,
    }


def _drafted(row: PublishedRecord) -> Drafted:
    reply, drafting = row.get("desired_response"), row.get("drafting")
    if not reply or not drafting:
        return _NO_REPLY
    said: Mapping[str, object] = reply
    told = {name: said[name] for name in ("text", "emotion", "strategies", "awareness")}
    coercions = cast("list[dict[str, str]]", drafting["coercions"])
    return Drafted(told, coercions, drafting["request_key"], drafting["attempts"])


def _filled(published: object, made: object, path: str) -> object:
    """Return a value with the field at `path` replaced by the one made here."""
    if isinstance(published, list) and isinstance(made, list) and path:
        pairs = zip(published, made, strict=True)
        return [_filled(one, other, path) for one, other in pairs]
    if not path or not (isinstance(published, dict) and isinstance(made, dict)):
        return made
    name, _, rest = path.partition(".")
    return published | {name: _filled(published[name], made[name], rest)}
