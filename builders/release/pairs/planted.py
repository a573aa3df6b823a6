"""Pairs of the kept reply and the same with one fault planted in it.

A sample makes one pair: which kind and which edit of those that are minimal is drawn by a hash, so
that no kind is made by one phrase. What the edit makes must have the fault that it is for: another
emotion than the label allows, a strategy that does not suit it. The kept reply of another sample is
never the bad one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from builders.labels import strategies
from builders.labels.vocabulary import allowed_emotions, vocabulary
from builders.pipeline.selection import rank
from builders.record.dataset import Build
from builders.record.views import SampleRecord
from builders.release.eligibility import Restrictions
from builders.release.pairs.planting import (
    Kind,
    PlantedEdit,
    edited,
    is_minimal,
    load_edits,
    load_kinds,
    tables_version,
)
from builders.release.pairs.reply_pair import (
    PLANTED,
    KeptReplies,
    ReplyPair,
    same_words,
    trained_rows,
)
from builders.review.data.decisions import emotions_of
from builders.tasks.reply.tagging import tag

_COLUMNS = (
    "annotation.match_leaf",
    "annotation.match_root",
    "language",
    "desired_response",
    "review",
    "target_utterance.emotions",
    "text_context.role",
)


def planted_pairs(build: Build, known: Restrictions) -> tuple[list[ReplyPair], Counter[str]]:
    """Return a pair for each kept reply in which a fault can be planted, and why others have none.

    Args:
        build: the build as people have left it.
        known: the ids that may not be used.
    """
    kept, by = KeptReplies(build, known), tables_version()
    found: list[ReplyPair] = []
    without: Counter[str] = Counter()
    for record in trained_rows(build, known, _COLUMNS):
        if not load_edits(record["language"]):
            without["in_a_language_without_edits"] += 1
            continue
        pair = _pair(record, kept, by)
        if pair:
            found.append(pair)
        else:
            without["without_a_minimal_edit"] += 1
    return found, without


def _pair(record: SampleRecord, kept: KeptReplies, by: str) -> ReplyPair | None:
    name, text = record["id"], record["desired_response"]["text"]
    by_kind: dict[str, list[str]] = {}
    for kind, made in _faulty(record):
        if not same_words(made, text) and not kept.has(made):
            by_kind.setdefault(kind, []).append(made)
    if not by_kind:
        return None
    kind = min(by_kind, key=lambda kind: rank(f"{name}|{kind}"))
    made = min(by_kind[kind], key=lambda text: rank(f"{name}|{text}"))
    return ReplyPair(name, PLANTED, PLANTED, kind, text, made, by)


def _faulty(record: SampleRecord) -> Iterator[tuple[str, str]]:
    """Yield each reply that a minimal edit makes faulty, with the kind of fault."""
    kinds = {kind.name: kind for kind in load_kinds()}
    label = record["target_utterance"]["emotions"]
    text = record["desired_response"]["text"]
    for edit in load_edits(record["language"]):
        if not edit.suits & {"any", label["root"], label["valence"]}:
            continue
        if not _is_wrong(edit, kinds[edit.kind], record):
            continue
        for made in edited(text, edit):
            if is_minimal(text, made) and _carries_out(edit, kinds[edit.kind], made, record):
                yield edit.kind, made


def _is_wrong(edit: PlantedEdit, kind: Kind, record: SampleRecord) -> bool:
    """Return whether what an edit puts is wrong for a sample: its mark, emotion or strategy."""
    review = record["review"]
    if kind.mark and (review is None or kind.mark not in review["flags"]):
        return False
    emotions = emotions_of(record)
    if kind.means == "emotion":
        roots = {vocabulary().root_of(node) for node in allowed_emotions(emotions)}
        return vocabulary().root_of(edit.means) not in roots
    if kind.means == "strategy":
        able = strategies.allowed(emotions, own_turns(record))
        return edit.means not in (*able, *record["desired_response"]["strategies"])
    return True


def _carries_out(edit: PlantedEdit, kind: Kind, made: str, record: SampleRecord) -> bool:
    """Return whether the cues find the wrong strategy in the edited reply."""
    if kind.means != "strategy":
        return True
    valence = record["target_utterance"]["emotions"]["valence"]
    return edit.means in {one.strategy for one in tag(made, valence, record["language"])}


def own_turns(record: SampleRecord) -> int:
    """Return how many earlier turns the speaker has; two are as good as more."""
    return min(2, sum(turn["role"] == "user" for turn in record["text_context"]))
