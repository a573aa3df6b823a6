"""What the Parquet files of a build hold, as types: a sample and its parts, a reject.

They are those of `schemas/sample.schema.json`, field by field, which a test holds equal.
Rows that were read with some of their columns only have only those keys.
"""

from __future__ import annotations

from typing import TypedDict


class ClipFile(TypedDict):
    """The Hub's Audio feature: FLAC, 16 kHz, mono; no bytes where only the name was read."""

    path: str
    bytes: bytes | None


class ClipFinding(TypedDict):
    """Something odd about a clip: a code that is counted, what was measured, a sentence."""

    code: str
    value: float | None
    detail: str | None


class SpeechShare(TypedDict):
    """How much of a clip is speech, 0 to 1, and from when to when, in seconds."""

    by: str
    share: float
    start: float | None
    end: float | None


class SoundQuality(TypedDict):
    """What listeners would give a clip's sound, 1 to 5."""

    overall: float
    signal: float
    background: float


class ClipTranscript(TypedDict):
    """What a recogniser heard in a clip."""

    model: str
    text: str
    word_error_rate: float


class SpeechSynthesis(TypedDict):
    """How a synthetic voice was made."""

    engine: str
    voice: str
    style: str | None
    seed: int
    word_error_rate: float | None
    sha256_pcm: str


class AudioInfo(TypedDict):
    """What is known of a clip; times in seconds, `samples` at 16 kHz."""

    origin: str
    sha256_pcm: str | None
    samples: int | None
    duration: float | None
    source_file: str | None
    source_sha256: str | None
    start: float | None
    end: float | None
    findings: list[ClipFinding]
    speech: SpeechShare | None
    quality: SoundQuality | None
    transcript: ClipTranscript | None
    synthesis: SpeechSynthesis | None


class BackgroundPart(TypedDict):
    """What was so before the dialogue."""

    text: str
    origin: str


class ContextTurn(TypedDict):
    """An earlier turn of the same dialogue."""

    id: str
    speaker: str | None
    role: str
    text: str
    emotion: str | None
    audio_sha256: str | None
    gap_seconds: float | None


class SpeakerPart(TypedDict):
    """Who speaks."""

    id: str | None
    sex: str | None
    age: int | None


class EmotionsPart(TypedDict):
    """The label on our vocabulary."""

    primary: str
    secondary: str | None
    root: str
    alternatives: list[str]
    valence: str
    arousal: str


class TargetUtterance(TypedDict):
    """The utterance that is replied to."""

    speaker: SpeakerPart
    text: str
    emotions: EmotionsPart


class VoteCount(TypedDict):
    """How many votes a label got, by whom where that is known."""

    rater: str | None
    label: str
    count: int


class DimensionRating(TypedDict):
    """A rating on a scale; `rater` is None for the mean."""

    name: str
    value: float | None
    minimum: float | None
    maximum: float | None
    rater: str | None


class LabelView(TypedDict):
    """The label as others had it: other annotators, another modality, another set of classes."""

    name: str
    label: str | None
    votes: list[VoteCount] | None
    agreement: float | None
    level: float | None


class LabelsPart(TypedDict):
    """What the corpus says of the emotion, as it writes it."""

    raw: str | None
    source: str | None
    match_leaf: str
    match_root: str
    votes: list[VoteCount] | None
    agreement: float | None
    intensity: float | None
    dimensions: list[DimensionRating] | None
    views: list[LabelView] | None
    elicitor: str | None
    conduct: str | None
    mapping_version: str


class VoiceDescriptor(TypedDict):
    """One measure of a voice; `z` is against the reference."""

    name: str
    value: float | None
    unit: str
    z: float | None


class VoicePart(TypedDict):
    """How the utterance was said."""

    descriptors: list[VoiceDescriptor]
    reference: str
    words: str | None
    caption: str | None
    reliable: bool


class ModelVote(TypedDict):
    """The root that a model chose from the words, or ``cannot_tell``."""

    model: str
    emotion: str


# `class` is a word of Python, so that this type cannot be written as a class.
ContributionPart = TypedDict(
    "ContributionPart",
    {
        "text_votes": int,
        "audio_votes": float | None,
        "class": str | None,
        "votes": list[ModelVote],
    },
)


class ContrastPart(TypedDict):
    """The sample's place among the same words said otherwise."""

    group: str | None
    role: str | None
    twin_of: list[str]


class AwarenessPart(TypedDict):
    """What the reply does with which emotions."""

    act: str
    emotions: list[str]


class ReplyPart(TypedDict):
    """The reply as it was drafted, in the shape of `schemas/reply.schema.json`."""

    text: str
    emotion: str | None
    strategies: list[str]
    awareness: AwarenessPart


class DesiredResponse(ReplyPart):
    """The reply, the names that are derived from its lists, and its sound."""

    response_strategy: str
    emotion_awareness: str
    audio: ClipFile | None
    synthesis: SpeechSynthesis | None


class ReferenceResponse(TypedDict):
    """What the next other speaker really said."""

    id: str
    speaker: str | None
    text: str


class SourcePart(TypedDict):
    """Where in the corpus the utterance stands."""

    corpus: str
    corpus_version: str
    split: str
    dialogue_id: str
    utterance_id: str
    folds: list[str]
    evaluation_overlap: list[str]
    context: str


# `from` is a word of Python.
Coercion = TypedDict("Coercion", {"field": str, "from": str, "to": str})


class DraftingPart(TypedDict):
    """How the reply came about."""

    provider: str
    model: str
    prompt_version: str
    request_key: str | None
    planned_strategies: list[str] | None
    demonstrations: list[str] | None
    heard_audio: bool
    attempts: int
    coercions: list[Coercion]


class CheckResult(TypedDict):
    """What one check found of the reply."""

    name: str
    passed: bool
    value: float | None
    detail: str | None


class SafetyPart(TypedDict):
    """What may be done with the sample, as far as safety goes."""

    route: str
    flags: list[str]
    pii_text: bool | None
    pii_in_audio: bool | None


class JudgeScore(TypedDict):
    """What a judge gave the reply in one dimension."""

    dimension: str
    score: float


class JudgePart(TypedDict):
    """What a judge made of the reply."""

    model: str
    scores: list[JudgeScore]
    order_flips: int | None


class ScaleRating(TypedDict):
    """The mean of reviewers on one scale."""

    scale: str
    mean: float
    count: int


class EmotionCount(TypedDict):
    """How many reviewers hear an emotion."""

    emotion: str
    count: int


class HeardEmotion(TypedDict):
    """What reviewers hear; None where they disagree."""

    heard: str | None
    policy: str
    votes: list[EmotionCount]


class ReviewPart(TypedDict):
    """What reviewers decided."""

    status: str
    policy: str
    reviewers: int
    ratings: list[ScaleRating]
    flags: list[str]
    emotion: HeardEmotion


class RightsPart(TypedDict):
    """What may be published: yes, no or unknown."""

    licence: str
    audio: str
    text: str
    labels: str
    derived: str


class SampleRecord(TypedDict):
    """One sample, as `schemas/sample.schema.json` has it."""

    schema_version: str
    id: str
    language: str
    audio: ClipFile | None
    audio_info: AudioInfo
    background: BackgroundPart | None
    text_context: list[ContextTurn]
    target_utterance: TargetUtterance
    labels: LabelsPart
    voice: VoicePart | None
    audio_contribution: ContributionPart | None
    contrast: ContrastPart | None
    desired_response: DesiredResponse
    reference_response: ReferenceResponse | None
    source: SourcePart
    drafting: DraftingPart
    checks: list[CheckResult] | None
    safety: SafetyPart | None
    judge: JudgePart | None
    review: ReviewPart | None
    rights: RightsPart


class RejectRow(TypedDict):
    """A row of `rejected.parquet`; `raw` is what was read, as JSON."""

    id: str
    split: str
    stage: str
    reason: str
    detail: str
    raw: str
