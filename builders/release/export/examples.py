"""A record prepared for a trainer: messages, clips and preferences."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import soundfile

from builders.record.messages import instruction, messages
from builders.record.reply_views import ReviewPart
from builders.record.types import ReviewStatus
from builders.record.views import ClipFile, SampleRecord
from builders.release.export.choosing import LeftOut
from builders.release.export.options import Options
from builders.release.pairs.reply_pair import PEOPLE, ReplyPair
from builders.release.rewards import COLUMN, told

RATE = 16_000


@dataclass(frozen=True, slots=True)
class ExportedClip:
    """An exported clip: path relative to the manifest; seconds; 16 kHz samples; FLAC."""

    path: str
    seconds: float
    samples: int
    flac: bytes | None


@dataclass(slots=True)
class Example:
    """One record in the form that trainers' formats use.

    `messages` end with the reply; `sounds` are in the order of the placeholders; `spoken_reply` is
    the clip of the reply; `pair` has the rejected reply and where it comes from; `label` is from
    people's decisions, `reviewed` says whether the build has any.
    """

    record: SampleRecord
    messages: list[dict[str, str]]
    sounds: list[ExportedClip]
    spoken_reply: ExportedClip | None = None
    pair: ReplyPair | None = None
    label: bool | None = None
    reviewed: bool = False

    @property
    def id(self) -> str:
        """Return the record's id."""
        return str(self.record["id"])

    @property
    def prompt(self) -> list[dict[str, str]]:
        """Return the messages up to the user turn."""
        return self.messages[:-1]

    @property
    def reply(self) -> str:
        """Return the text of the reply."""
        return self.messages[-1]["content"]

    @property
    def rejected(self) -> str | None:
        """Return the text of the rejected reply; None where it is no pair."""
        return self.pair.rejected if self.pair else None

    @property
    def paths(self) -> list[str]:
        """Return the paths of the clips, in the order of the placeholders."""
        return [sound.path for sound in self.sounds]

    def rewards(self, options: Options | None = None) -> dict[str, str | list[str]]:
        """Return the fields a reward function compares a response with."""
        checked = {COLUMN: told(self.record)} if options and options.rewards else {}
        return {**self.labels(), "solution": self.reply, **checked}

    def preference(self, options: Options) -> dict[str, str]:
        """Return where a pair comes from, and if not all are people's, its kind and by whom."""
        if self.pair is None:
            return {}
        told = {"origin": self.pair.origin}
        if options.sources == (PEOPLE,):
            return told
        return {**told, "kind": self.pair.kind, "by": self.pair.by}

    def labels(self) -> dict[str, str | list[str]]:
        """Return the emotion of the speaker and the strategies of the reply."""
        return {**self.emotions(), "strategies": self.record["desired_response"]["strategies"]}

    def emotions(self) -> dict[str, str]:
        """Return the label, and for reviewed builds the emotion reviewers hear.

        A word replaces a missing value: a column of nulls would have no type.
        """
        label = {"emotion": self.record["target_utterance"]["emotions"]["primary"]}
        if not self.reviewed:
            return label
        review = self.record["review"]
        return {**label, "emotion_heard": _heard(review)}


def _heard(review: ReviewPart | None) -> str:
    if review is None:
        return "not_reviewed"
    silent = "disputed" if review["emotion"]["votes"] else "not_said"
    return str(review["emotion"]["heard"] or silent)


def make(record: SampleRecord, options: Options, earlier: Mapping[str, ExportedClip]) -> Example:
    """Return a record as an example.

    Args:
        record: a sample with the bytes of its clip.
        options: the export options.
        earlier: clips of earlier turns by id, which replace their text.
    """
    mark = options.facts.mark or None
    heard = [turn["id"] for turn in record["text_context"] if turn["id"] in earlier]
    shown = messages(
        record,
        instruction=instruction(record["id"], spoken=bool(mark and record["audio"])),
        system=options.system,
        mark=mark,
        heard=heard,
        voice_words=options.voice_words,
    )
    own = sound_of(record)
    sounds = [*(earlier[one] for one in heard), *([own] if own else [])]
    spoken = record["reply_audio"] if options.reply_audio else None
    return Example(record, shown, sounds, _reply_sound(record, spoken) if spoken else None)


def with_preferences(
    example: Example, task: str, pairs: Mapping[str, Sequence[ReplyPair]]
) -> tuple[list[Example], LeftOut | None]:
    """Return the examples made from one by people's decisions, or why there are none.

    Args:
        example: the prepared record.
        task: dpo, which takes the pairs, kto, which takes verdicts, or another one.
        pairs: the preference pairs by id.
    """
    review = example.record["review"]
    if task == "dpo":
        made = [_paired(example, pair) for pair in pairs.get(example.id, ())]
        return made, None if made else _no_pair(review)
    if task != "kto":
        return [example], None
    if review is None:
        return [], LeftOut("not_reviewed", "the reply has not been reviewed")
    example.label = review["status"] != ReviewStatus.REJECTED
    return [example], None


def _paired(example: Example, pair: ReplyPair) -> Example:
    answer = {**example.messages[-1], "content": pair.chosen}
    return replace(example, messages=[*example.prompt, answer], pair=pair)


def _no_pair(review: ReviewPart | None) -> LeftOut:
    if review is None:
        return LeftOut("not_reviewed", "the reply has been neither reviewed nor compared")
    return LeftOut("no_pair", f"the reply was {review['status']} and is in no preference pair")


def sound_of(record: SampleRecord) -> ExportedClip | None:
    """Return the clip of a record, or None if it has none."""
    if record["audio"] is None:
        return None
    samples = record["audio_info"]["samples"] or 0
    return ExportedClip(_path(record, ""), samples / RATE, samples, record["audio"]["bytes"])


def _reply_sound(record: SampleRecord, audio: ClipFile) -> ExportedClip:
    info = soundfile.info(io.BytesIO(audio["bytes"] or b""))
    return ExportedClip(_path(record, ".reply"), info.duration, info.frames, audio["bytes"])


def _path(record: SampleRecord, kind: str) -> str:
    return f"audio/{record['source']['split']}/{record['id']}{kind}.flac"
