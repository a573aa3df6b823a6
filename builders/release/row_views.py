"""The rows of a published dataset as types: publishable parts of records, and small rows."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from builders.record.reply_views import (
    ChecksPart,
    DemonstrationsPart,
    DesiredResponse,
    DraftingPart,
    ExecutedPart,
    JudgedValue,
    ReplyPlan,
    ReviewPart,
    SafetyPart,
)
from builders.record.views import (
    AudioInfo,
    BackgroundPart,
    ClipFile,
    ContrastPart,
    ContributionPart,
    EmotionsPart,
    ReferenceResponse,
    RightsPart,
    SourcePart,
    VideoPointer,
    VoicePart,
)


class PublishedTurn(TypedDict):
    """The published part of an earlier turn; see `views.ContextTurn`."""

    id: str
    speaker: str | None
    role: str | None
    text: str | None
    emotion: str | None
    audio_sha256: str | None
    gap_seconds: float | None
    flags: list[str] | None


class PublishedUtterance(TypedDict):
    """The published part of the target utterance; see `views.TargetUtterance`."""

    speaker: dict[str, str | int | None]
    text: str | None
    emotions: EmotionsPart | None
    flags: list[str] | None


class PublishedRecord(TypedDict):
    """A sample some fields of which may be withheld: they are null, lists are empty.

    A row of `utterances` has no keys for model output, one of `record` none for the clip.
    """

    schema_version: str
    id: str
    language: str
    audio: ClipFile | None
    audio_info: AudioInfo
    video: VideoPointer | None
    background: BackgroundPart | None
    text_context: list[PublishedTurn]
    target_utterance: PublishedUtterance
    annotation: dict[str, object]
    voice: VoicePart | None
    audio_contribution: ContributionPart | None
    contrast: ContrastPart | None
    plan: ReplyPlan | None
    demonstrations: DemonstrationsPart | None
    desired_response: DesiredResponse | None
    executed: ExecutedPart | None
    reply_audio: ClipFile | None
    reference_response: ReferenceResponse | None
    source: SourcePart
    drafting: DraftingPart | None
    checks: ChecksPart | None
    safety: SafetyPart | None
    judgements: list[JudgedValue] | None
    review: ReviewPart | None
    rights: RightsPart


class DefaultRow(TypedDict):
    """A row of `default`: an utterance and the reply to it, flat, and the exchange as chat turns.

    `prompt` is in words alone where words are published, `audio_prompt` has a placeholder for the
    clip. `messages` is prompt and reply for trainers that take one list.
    """

    id: str
    audio: ClipFile | None
    utterance: str | None
    emotion: str | None
    speaker: str | int | None
    strategy: str | None
    reply: str
    duration: float | None
    corpus: str
    prompt: list[dict[str, str]]
    completion: list[dict[str, str]]
    audio_prompt: list[dict[str, str]] | None
    messages: list[dict[str, str]]


class SmallRow(TypedDict):
    """The common part of the small rows; `audio` only if requested."""

    id: str
    language: str
    corpus: str
    split: str
    licence: str
    audio: NotRequired[ClipFile | None]
    audio_path: str | None
    audio_sha256: str | None
    emotion: str | None
    prompt: list[dict[str, str]]
    audio_prompt: list[dict[str, str]] | None


class PreferenceRow(SmallRow):
    """A row of `preference`: the preferred and the rejected reply, and the origin."""

    chosen: list[dict[str, str]]
    rejected: list[dict[str, str]]
    origin: str


class PreferenceAiRow(PreferenceRow):
    """A row of `preference_ai`: also what is wrong with the rejected reply, and by whom."""

    kind: str
    by: str


class KtoRow(SmallRow):
    """A row of `kto`: a reply, and whether reviewers accepted it."""

    completion: list[dict[str, str]]
    label: bool


class PromptsRow(SmallRow):
    """A row of `prompts`, with the fields a reward can be computed from."""

    root: str | None
    valence: str | None
    strategies: list[str]
    awareness_act: str
    awareness_emotions: list[str]
    reply_emotion: str | None
    solution: str
