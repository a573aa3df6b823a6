"""Replies of people as they stand in for drafts where a mined build is learnt from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from builders.record.human_replies import HumanReplies, HumanReply
from builders.record.schema import load_schema
from builders.record.views import SampleRecord
from builders.release.eligibility import Extent, Purpose, Restrictions, eligibility
from builders.tasks.reply.checks.candidate import ASSISTANT, Candidate, Scene
from builders.tasks.reply.checks.language import answered_in
from builders.tasks.reply.checks.registry import all_hits
from builders.tasks.reply.tagging import UNKNOWN

_COLUMNS = ("id", "reply_id", "reply", "reply_root", "strategies")
_ANYBODY, _PERSON = ("assistant", "addressee"), ("addressee",)


class HumanCases:
    """The mined replies of a build whose strategies are all known.

    Args:
        folder: the build's folder.
        known: the ids that may not be used.
    """

    def __init__(self, folder: Path, known: Restrictions) -> None:
        rows = HumanReplies(folder).verify().rows(_COLUMNS)
        self._rows = {row["id"]: row for row in rows if _is_known(row)}
        self._known = known
        self._emotions = load_schema("reply")["properties"]["emotion"]["enum"]

    def instead(self, record: SampleRecord) -> Iterator[tuple[SampleRecord, tuple[str, ...]]]:
        """Yield a record with what a person replied, and the personas that may say so.

        Nothing where nobody's answer was mined, or one of the two turns may not be used.
        """
        row = self._rows.get(record["id"])
        if row is None or self._known.excluded(row["reply_id"]):
            return
        if eligibility(record, Purpose.TRAIN, self._known).extent is Extent.NOTHING:
            return
        emotion = row["reply_root"] if row["reply_root"] in self._emotions else None
        said = {
            **record["desired_response"],
            "text": row["reply"],
            "emotion": emotion,
            "strategies": [one["strategy"] for one in row["strategies"]],
        }
        whole: SampleRecord = {**record, "desired_response": said}  # type: ignore[typeddict-item]
        yield whole, _personas(whole)


def _is_known(row: HumanReply) -> bool:
    names = [one["strategy"] for one in row["strategies"]]
    return bool(row["reply"] and names) and UNKNOWN not in names


def _personas(record: SampleRecord) -> tuple[str, ...]:
    """Return who may say such a reply: not an assistant, where its checks would refuse it."""
    turns = record["text_context"]
    scene = Scene(
        utterance=record["target_utterance"]["text"],
        turns=tuple(turn["text"] for turn in turns),
        names=tuple(turn["speaker"] for turn in turns if turn["speaker"]),
        persona=ASSISTANT,
        language=answered_in(record["language"]).partition("-")[0].lower(),
    )
    reply = {**record["desired_response"], "emotion": None}
    reply["awareness"] = {"act": "", "emotions": []}
    candidate = Candidate(reply, None, scene=scene)  # type: ignore[arg-type] # what checks read
    refused = any(check.severity == "reject" for check, _ in all_hits(candidate))
    return _PERSON if refused else _ANYBODY
