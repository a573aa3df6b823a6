"""Counts over the rows of a version, collected while writing; the card is made from them."""

from __future__ import annotations

from collections import Counter

from builders.record.types import REVIEWED
from builders.record.views import SampleRecord
from builders.release.layouts import audio_class


class ReleaseTally:
    """Counts over complete records; counts are published even if the records are not."""

    def __init__(self) -> None:
        self.read = 0
        self.rows: dict[str, Counter[str]] = {}
        self.left_out: Counter[str] = Counter()
        self.somebody_asked = False  # reasons of excluded records and turns
        self.without_reply: Counter[str] = Counter()
        self.emotions: Counter[tuple[str, str]] = Counter()
        self.corrected = 0
        self.labels: Counter[tuple[str, str, str, str]] = Counter()
        self.strategies: Counter[tuple[str, str]] = Counter()
        self.findings: Counter[str] = Counter()
        self.overlap: Counter[tuple[str, str]] = Counter()
        self.reviews: Counter[str] = Counter()
        self.heard_otherwise = 0
        self.checks: Counter[str] = Counter()
        self.classes: Counter[str] = Counter()
        self.judges: Counter[str] = Counter()
        # By dimension, and whether its judge is fit in it: the sum of the scores, and their number.
        self.scores: dict[tuple[str, bool | None], list[float]] = {}
        self.dialogues: set[tuple[str, str]] = set()
        self.voiced: Counter[tuple[str, str, str]] = Counter()
        self.seconds = 0.0
        self.voices_held_back = 0

    def row(self, config: str, split: str) -> None:
        """Count a row of a config's split."""
        self.rows.setdefault(config, Counter())[split] += 1

    def utterance(self, record: SampleRecord, split: str) -> None:
        """Count the fields of a published utterance."""
        emotions, labels = record["target_utterance"]["emotions"], record["annotation"]
        self.emotions[split, emotions["primary"]] += 1
        meaning = emotions["primary"], labels["match_leaf"], labels["match_root"]
        if labels["source"] == REVIEWED:
            self.corrected += 1
        else:
            self.labels[labels["raw"] or "", *meaning] += 1
        self.findings.update(finding["code"] for finding in record["audio_info"]["findings"])
        self.overlap.update((split, name) for name in record["source"]["evaluation_overlap"])
        self.dialogues.add((record["source"]["split"], record["source"]["dialogue_id"]))
        self.seconds += record["audio_info"]["duration"] or 0.0

    def reply(self, record: SampleRecord) -> None:
        """Count the fields of a published reply."""
        emotion = record["target_utterance"]["emotions"]["primary"]
        self.strategies.update((emotion, s) for s in record["desired_response"]["strategies"])
        if record["checks"]:
            self.checks.update(found["code"] for found in record["checks"]["results"])
        if measured := audio_class(record):
            self.classes[measured] += 1
        if record["review"]:
            self.reviews[record["review"]["status"]] += 1
            self.heard_otherwise += record["review"]["emotion"]["heard"] not in (None, emotion)
        judged = record["judgements"] or ()
        self.judges.update({said["model"] for said in judged})
        for said in judged:
            score = self.scores.setdefault((said["dimension"], said["fit"]), [0.0, 0.0])
            score[0] += said["value"]
            score[1] += 1

    def voices(self, record: SampleRecord) -> None:
        """Count the synthetic voices in a record."""
        for what, by in (
            ("utterances", record["audio_info"]["synthesis"]),
            ("replies", record["desired_response"]["synthesis"]),
        ):
            if by:
                self.voiced[what, by["engine"], by["voice"]] += 1

    @property
    def left_out_told(self) -> dict[str, int]:
        """Return the left-out records by publishable reason.

        If somebody was excluded, the reasons are merged.
        """
        if self.somebody_asked:
            return {"left_out": self.left_out.total()}
        return dict(sorted(self.left_out.items()))

    @property
    def reviewed_share(self) -> float:
        """Return the share of published replies that were reviewed."""
        replies = self.rows["default"].total() if "default" in self.rows else 0
        return self.reviews.total() / replies if replies else 0.0
