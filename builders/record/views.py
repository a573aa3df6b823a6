"""What the Parquet files of a build hold, as types: a sample and its parts, a reject.

They are those of `schemas/sample.schema.json`, field by field; a test checks that.
Rows that were read with some of their columns only have only those keys.
"""

from __future__ import annotations

from typing import TypedDict

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
    SpeechSynthesis,
)


class ClipFile(TypedDict):
    """The Hub's Audio feature: FLAC, 16 kHz, mono; no bytes where only the name was read."""

    path: str
    bytes: bytes | None


class ClipFinding(TypedDict):
    """A quality flag of a clip: a code that is counted, the measured value, a sentence."""

    code: str
    value: float | None
    detail: str | None


class SpeechShare(TypedDict):
    """The share of speech in a clip, 0 to 1, with its start and end in seconds."""

    by: str
    share: float
    start: float | None
    end: float | None


class SoundQuality(TypedDict):
    """Predicted listener ratings of a clip's sound, 1 to 5."""

    overall: float
    signal: float
    background: float


class ClipTranscript(TypedDict):
    """The ASR transcript of a clip."""

    model: str
    text: str
    word_error_rate: float


class AudioInfo(TypedDict):
    """Properties of a clip; times in seconds, `samples` at 16 kHz."""

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


class VideoPointer(TypedDict):
    """Where the video of the utterance is in the owner's release; times in seconds."""

    source_file: str
    source_sha256: str
    start: float | None
    end: float | None


class BackgroundPart(TypedDict):
    """The background of the dialogue."""

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
    flags: list[str] | None


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
    flags: list[str] | None


class VoteCount(TypedDict):
    """The number of votes for a label, by rater if known."""

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
    """Another version of the label: other annotators, another modality, another set of classes."""

    name: str
    label: str | None
    votes: list[VoteCount] | None
    agreement: float | None
    level: float | None


class AnnotationPart(TypedDict):
    """The annotation of the emotion, as in the corpus."""

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
    """The coarse label that a model chose from the text, or ``cannot_tell``."""

    model: str
    emotion: str


# `class` is a Python keyword, so this type needs the functional syntax.
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
    """The sample's minimal pairs: the same words said differently."""

    group: str | None
    role: str | None
    twin_of: list[str]


class ReferenceResponse(TypedDict):
    """What the next other speaker really said."""

    id: str
    speaker: str | None
    text: str


class SourcePart(TypedDict):
    """Where the utterance is in the corpus."""

    corpus: str
    corpus_version: str
    split: str
    dialogue_id: str
    utterance_id: str
    folds: list[str]
    evaluation_overlap: list[str]
    context: str


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
    video: VideoPointer | None
    background: BackgroundPart | None
    text_context: list[ContextTurn]
    target_utterance: TargetUtterance
    annotation: AnnotationPart
    voice: VoicePart | None
    audio_contribution: ContributionPart | None
    contrast: ContrastPart | None
    plan: ReplyPlan | None
    demonstrations: DemonstrationsPart | None
    desired_response: DesiredResponse
    executed: ExecutedPart | None
    reply_audio: ClipFile | None
    reference_response: ReferenceResponse | None
    source: SourcePart
    drafting: DraftingPart
    checks: ChecksPart | None
    safety: SafetyPart | None
    judgements: list[JudgedValue] | None
    review: ReviewPart | None
    rights: RightsPart


class RejectRow(TypedDict):
    """A row of `rejected.parquet`; `raw` is the source record as JSON."""

    id: str
    split: str
    stage: str
    reason: str
    detail: str
    raw: str
