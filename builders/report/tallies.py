"""Counts over the files of a build: one pass over the needed columns, in batches.

A tally is a pandas Series of counts by what was counted. Memory grows with the number of different
values, not with the number of samples, and no byte of audio is read.
"""

from __future__ import annotations

import string
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from builders.record.data_file import DataFile
from builders.record.parquet import REJECTED, sample_schema
from builders.record.views import SampleRecord

BATCH = 8192
OPENING_WORDS = 3
# The text does not tell the emotion, and nobody judged the voice.
OPEN = "open"
# No votes: the label is not known, or votes failed.
NONE = "none"

_COLUMNS = (
    "target_utterance.emotions.primary",
    "desired_response.strategies",
    "desired_response.text",
    "text_context.role",
    "audio_info.duration",
    "audio_info.findings.code",
    "target_utterance.flags",
    "audio_info.speech.share",
    "audio_info.quality.overall",
    "audio_info.transcript.word_error_rate",
    "annotation.match_leaf",
    "annotation.match_root",
    "drafting.attempts",
    "review.status",
    "review.emotion.heard",
    "source.corpus",
    "target_utterance.emotions.root",
    "audio_contribution.class",
    "audio_contribution.votes.model",
    "audio_contribution.votes.emotion",
)
_REJECTED = ("split", "stage", "reason", "detail")
_EXAMPLE = (
    "id",
    "language",
    "target_utterance.text",
    "target_utterance.emotions.primary",
    "desired_response.text",
    "desired_response.response_strategy",
    "voice",
    "rights.text",
    "rights.derived",
)


@dataclass(frozen=True, slots=True)
class Samples:
    """The tallies of the samples.

    Each counts samples, except `strategies` (by emotion and strategy: the samples whose reply uses
    it), `findings` (by code: the samples that have it) and `votes` (by corpus, model, the label's
    root and the vote). `emotions` is by split and emotion, `classes` by corpus, root and class
    (``open`` where it is null, ``none`` where there is no `audio_contribution`), the others by one
    value. `seconds` leaves out samples without audio, `speech`, `quality` and `word_errors` those
    that were not checked; these three are in hundredths. `review` (by status) and `heard` (by label
    and by the emotion reviewers hear, if they agree) leave out unreviewed samples.
    """

    emotions: pd.Series
    strategies: pd.Series
    words: pd.Series
    openings: pd.Series
    turns: pd.Series
    seconds: pd.Series
    findings: pd.Series
    speech: pd.Series
    quality: pd.Series
    word_errors: pd.Series
    match_leaf: pd.Series
    match_root: pd.Series
    attempts: pd.Series
    review: pd.Series
    heard: pd.Series
    votes: pd.Series
    classes: pd.Series

    @property
    def count(self) -> int:
        """Return the number of samples."""
        return int(self.emotions.sum())


@dataclass(frozen=True, slots=True)
class Reason:
    """Rejects of one stage for one reason: number, share, and the detail of the first."""

    stage: str
    reason: str
    count: int
    share: float
    detail: str


@dataclass(frozen=True, slots=True)
class Rejects:
    """The rejects by reason, the most common first, and their number by split."""

    reasons: list[Reason]
    splits: dict[str, int]


def samples(paths: Sequence[Path], out: Collection[str] = ()) -> Samples:
    """Count the samples of Parquet files, without these ids.

    Raises:
        VerificationError: a file cannot be read.
    """
    # With an empty batch first, every tally exists even without samples.
    empty = pa.RecordBatch.from_pylist([], sample_schema())
    parts = [_tallies(empty, "")]
    for path in paths:
        # A file is a split; in a combined set, not always the owner's split.
        split = path.name.split("-")[0]
        parts += [_tallies(batch, split) for batch in batches(path, _COLUMNS, out)]
    return Samples(**{name: _sum([part[name] for part in parts]) for name in parts[0]})


def rejects(path: Path, out: Collection[str] = ()) -> Rejects:
    """Count the rejects of a file, without these ids.

    Raises:
        VerificationError: it cannot be read.
    """
    empty = pa.RecordBatch.from_pylist([], REJECTED)
    parts = [_reject_tallies(batch) for batch in chain([empty], batches(path, _REJECTED, out))]
    splits = _sum([by_split for by_split, _ in parts])
    found = pd.concat([by_reason for _, by_reason in parts])
    found = found.groupby(level=["stage", "reason"]).agg({"size": "sum", "first": "first"})
    total = int(found["size"].sum())
    reasons = [
        Reason(stage, reason, int(count), int(count) / total, detail)
        for (stage, reason), count, detail in found.itertuples()
    ]
    reasons.sort(key=lambda row: (-row.count, row.stage, row.reason))
    return Rejects(reasons, {split: int(count) for split, count in splits.items()})


def examples(paths: Sequence[Path], out: Collection[str] = (), most: int = 3) -> list[SampleRecord]:
    """Return a few samples of different emotions from the first batch of the first file.

    Only samples whose rights allow publishing the text and derived data.
    """
    chosen: dict[str, SampleRecord] = {}
    for batch in chain(*(batches(path, _EXAMPLE, out, first_group=True) for path in paths)):
        for row in batch.to_pylist():
            if row["rights"] == {"text": "yes", "derived": "yes"} and len(chosen) < most:
                chosen.setdefault(row["target_utterance"]["emotions"]["primary"], row)
    return list(chosen.values())


def batches(
    path: Path,
    columns: Sequence[str],
    out: Collection[str] = (),
    first_group: bool = False,
) -> Iterator[pa.RecordBatch]:
    """Yield columns of a file without the rows of these ids.

    Raises:
        VerificationError: it cannot be read.
    """
    wanted = [*columns] if not out or "id" in columns else ["id", *columns]
    with DataFile(path) as file:
        for batch in file.batches(wanted, BATCH, first_group):
            kept = [name not in out for name in batch["id"].to_pylist()] if out else None
            yield batch.filter(pa.array(kept, pa.bool_())) if kept else batch


def _flags(batch: pa.RecordBatch) -> pa.Array:
    """Return the codes of all flags: of clips, and of utterances for their words or their place."""
    findings = pc.list_flatten(_column(batch, "audio_info.findings"))
    words = pc.list_flatten(_column(batch, "target_utterance.flags"))
    return pa.concat_arrays([pc.struct_field(findings, "code"), words.cast(pa.string())])


def _tallies(batch: pa.RecordBatch, split: str) -> dict[str, pd.Series]:
    emotion = _column(batch, "target_utterance.emotions.primary")
    strategies = _column(batch, "desired_response.strategies")
    replies = [text.split() for text in _column(batch, "desired_response.text").to_pylist()]
    return {
        "emotions": _tally(split=pa.array([split] * len(emotion), pa.string()), emotion=emotion),
        "strategies": _tally(
            emotion=emotion.take(pc.list_parent_indices(strategies)),
            strategy=pc.list_flatten(strategies),
        ),
        "words": _tally(words=pa.array(map(len, replies), pa.int64())),
        "openings": _tally(opening=pa.array(map(_opening, replies), pa.string())),
        "turns": _tally(turns=pc.list_value_length(batch.column("text_context"))),
        "seconds": _tally(seconds=_column(batch, "audio_info.duration")),
        "findings": _tally(code=_flags(batch)),
        "speech": _tally(share=_hundredths(batch, "audio_info.speech.share")),
        "quality": _tally(overall=_hundredths(batch, "audio_info.quality.overall")),
        "word_errors": _tally(rate=_hundredths(batch, "audio_info.transcript.word_error_rate")),
        "match_leaf": _tally(match=_column(batch, "annotation.match_leaf")),
        "match_root": _tally(match=_column(batch, "annotation.match_root")),
        "attempts": _tally(attempts=_column(batch, "drafting.attempts")),
        "review": _tally(status=_column(batch, "review.status")),
        "heard": _tally(label=emotion, heard=_heard(batch)),
        **_contributions(batch),
    }


def _contributions(batch: pa.RecordBatch) -> dict[str, pd.Series]:
    """Count votes and classes, where there are any."""
    corpus = _column(batch, "source.corpus")
    root = _column(batch, "target_utterance.emotions.root")
    votes = _column(batch, "audio_contribution.votes")
    of, cast = pc.list_parent_indices(votes), pc.list_flatten(votes)
    classes = pc.fill_null(_column(batch, "audio_contribution.class"), OPEN)
    classes = pc.if_else(batch.column("audio_contribution").is_valid(), classes, NONE)
    return {
        "votes": _tally(
            corpus=corpus.take(of),
            model=pc.struct_field(cast, "model"),
            root=root.take(of),
            vote=pc.struct_field(cast, "emotion"),
        ),
        "classes": _tally(corpus=corpus, root=root, kind=classes),
    }


def _reject_tallies(batch: pa.RecordBatch) -> tuple[pd.Series, pd.DataFrame]:
    """Return the count by split; and by stage and reason the count and the first detail."""
    frame = batch.select(list(_REJECTED)).to_pandas()
    details = frame.groupby(["stage", "reason"])["detail"]
    return frame.groupby(["split"]).size(), details.agg(["size", "first"])


def _column(batch: pa.RecordBatch, path: str) -> pa.Array:
    """Return a nested column by its dotted path."""
    name, *fields = path.split(".")
    return pc.struct_field(batch.column(name), fields) if fields else batch.column(name)


def _heard(batch: pa.RecordBatch) -> pa.Array:
    """Return the emotion reviewers hear; older files do not have it."""
    if batch.schema.field("review").type.get_field_index("emotion") < 0:
        return pa.nulls(batch.num_rows, pa.string())
    return _column(batch, "review.emotion.heard")


def _hundredths(batch: pa.RecordBatch, path: str) -> pa.Array:
    """Return a nested column of numbers in whole hundredths, of which there are few."""
    return pc.cast(pc.round(pc.multiply(_column(batch, path), 100)), pa.int64())


def _tally(**columns: pa.Array) -> pd.Series:
    """Return how often each combination occurs; nulls are left out."""
    frame = pa.table(columns).to_pandas()
    return frame.groupby(list(columns)).size()


def _sum(tallies: list[pd.Series]) -> pd.Series:
    joined = pd.concat(tallies)
    return joined.groupby(level=list(joined.index.names)).sum()


def _opening(words: list[str]) -> str:
    return " ".join(words[:OPENING_WORDS]).strip(string.punctuation).lower()
