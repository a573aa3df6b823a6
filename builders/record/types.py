"""The records that flow through a build. This module imports no others but of the record.

A reader yields `Dialogue` and `Reject`; mapping, context and the voice turn an utterance into a
`Target`; drafting and checking turn that into a record (`schemas/sample.schema.json`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

from builders.record.background import DialogueSummary
from builders.record.other_drafts import OtherDraft
from builders.record.planned_reply import CheckNote, PlannedReply
from builders.record.reply_views import ExecutedPart
from builders.record.safety import Safety
from builders.record.views import (
    ClipTranscript,
    DimensionRating,
    LabelView,
    SoundQuality,
    SpeechShare,
    VoiceDescriptor,
    VoteCount,
)

Sentiment = Literal["positive", "negative", "neutral"]
# The label source if reviewers of an earlier draft heard an emotion other than the corpus label.
REVIEWED = "review"
# Flags: beside a turn that is missing, rejected or left out; a label given to the whole dialogue;
# words given to the speaker in a language that no table reads, answered in English.
MISSING_AFTER, MISSING_BEFORE = "turn_missing_after", "turn_missing_before"
LABEL_OF_DIALOGUE, LANGUAGE_UNCHECKED = "label_of_dialogue", "language_unchecked"
# A vote that finds no emotion in the text.
CANNOT_TELL = "cannot_tell"


class ReviewStatus(StrEnum):
    """The review status of a reply, as in `review.status` of a record."""

    ACCEPTED = "accepted"
    EDITED = "edited"
    REJECTED = "rejected"
    DISPUTED = "disputed"


def sample_id(corpus: str, split: str, dialogue: str, utterance: str) -> str:
    """Return ``<corpus>-<split>-<dialogue>-<utterance>``, which never changes.

    The last two are percent-encoded, hyphens too, so that the four parts can always be told apart.
    """
    return utterance_id(dialogue_prefix(corpus, split, dialogue), utterance)


def dialogue_prefix(corpus: str, split: str, dialogue: str) -> str:
    """Return the common prefix of the ids of a dialogue's utterances, including the last hyphen."""
    return f"{corpus}-{split}-{_encoded(dialogue)}-"


def utterance_id(prefix: str, utterance: str) -> str:
    """Return the id of an utterance, given the prefix of its dialogue."""
    return prefix + _encoded(utterance)


def _encoded(part: str) -> str:
    if part.isalnum() and part.isascii():  # nearly all ids: five times faster than quoting
        return part
    return quote(part, safe="", errors="backslashreplace").replace("-", "%2D")


@dataclass(slots=True)
class Media:
    """Where a clip is: file, `start` to `end` seconds of one, or a Parquet file's `column`, `row`.

    `findings` are codes a reader already knows, such as ``recut_twin_used``; rows count from 0.
    """

    path: Path
    start: float | None = None
    end: float | None = None
    findings: tuple[str, ...] = ()
    column: str | None = None
    row: int | None = None


# Endings of files that hold a picture beside the sound.
_FILMS = frozenset({".mp4", ".avi", ".flv", ".mkv", ".mov", ".webm", ".m4v"})


@dataclass(slots=True)
class Annotation:
    """Annotation of a label beyond its name; a reader fills in what its corpus has.

    Each list holds plain dicts of the shapes under `labels` in the sample schema.
    """

    source: str | None = None
    votes: list[VoteCount] | None = None
    agreement: float | None = None
    intensity: float | None = None
    dimensions: list[DimensionRating] | None = None
    views: list[LabelView] | None = None
    elicitor: str | None = None
    conduct: str | None = None


@dataclass(slots=True)
class Utterance:
    """One utterance as its corpus has it. Times are seconds on the corpus's own clock.

    `order` sorts the utterances of a dialogue; `label` is the raw label, None without one, `second`
    that of a second emotion; `sentiment` is the corpus's own polarity. `id` is filled in by the
    shared reading code; `video` is where its picture is, if not in the file of the clip. `rejected`
    is one that became a reject: others see what was said, and it is no target. `findings` are about
    its clip and its row, `flags` about its words and its place in the dialogue.
    """

    dialogue: str
    utterance: str
    order: float
    speaker: str | None
    text: str
    label: str | None
    sentiment: Sentiment | None = None
    start: float | None = None
    end: float | None = None
    media: Media | None = None
    sex: str | None = None
    age: int | None = None
    annotation: Annotation | None = None
    findings: tuple[str, ...] = ()
    targetable: bool = True
    id: str = ""
    video: Media | None = None
    rejected: bool = False
    flags: tuple[str, ...] = ()
    language: str | None = None
    second: str | None = None

    @property
    def film(self) -> Media | None:
        """Return where its picture is: in a file of its own, or in that of the clip; or None."""
        if self.video is None and self.media and self.media.path.suffix.lower() in _FILMS:
            return self.media
        return self.video


@dataclass(slots=True)
class Dialogue:
    """The utterances of one dialogue of one split, and its background.

    `background_origin` says what `background` is: situation, goal, scenario or scene. `assistant`
    is the speaker whose role the reply takes, if the corpus has one (a system, a listener). `folds`
    are those of a published cross-validation, as ``session_1:test``. `excluded` counts the
    utterances that the shared reading code took out because they must not be used. `first_number`
    is that of the first turn where `order` counts turns one by one, so that a missing turn can be
    told; None where `order` is a time. `missing` are the orders of turns that cannot be read.
    """

    split: str
    id: str
    utterances: list[Utterance]
    background: str | None = None
    background_origin: str | None = None
    assistant: str | None = None
    folds: tuple[str, ...] = ()
    excluded: int = 0
    first_number: int | None = None
    missing: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Reject:
    """Why an utterance is no sample: a `reason` that is counted, a sentence, the `raw` source."""

    id: str
    split: str
    stage: str
    reason: str
    detail: str
    raw: dict = field(default_factory=dict)


@dataclass(slots=True, frozen=True)
class Emotions:
    """A label in our vocabulary. `valence` and `arousal` are the words of `_vocabulary.tsv`."""

    primary: str
    root: str
    valence: str
    arousal: str
    secondary: str | None = None
    alternatives: tuple[str, ...] = ()
    match_leaf: str = "exact"
    match_root: str = "exact"


class Finding(NamedTuple):
    """A quality flag of a clip: a code that is counted, the measured value, a sentence."""

    code: str
    value: float | None = None
    detail: str | None = None


@dataclass(slots=True, frozen=True)
class Synthesis:
    """How synthetic speech was made, as in the published `synthesis`.

    `style` is None if none was given, `seed` counts the attempts from 0, `word_error_rate` is None
    if there was no ASR check.
    """

    engine: str
    voice: str
    style: str | None
    seed: int
    word_error_rate: float | None


@dataclass(slots=True)
class Clip:
    """One clip: 16 kHz mono FLAC bytes, and the fields of the published `audio_info`.

    `samples` counts 16 kHz samples, `duration` is seconds, `sha256_pcm` the digest of the 16-bit
    little-endian PCM. `speech`, `quality` and `transcript` are results of checks, as the record
    has them; None if the check was not requested. Synthetic speech has no source file but its
    `synthesis`.
    """

    flac: bytes
    sha256_pcm: str
    samples: int
    duration: float
    source_file: str | None
    source_sha256: str | None
    start: float | None = None
    end: float | None = None
    findings: tuple[Finding, ...] = ()
    synthesis: Synthesis | None = None
    speech: SpeechShare | None = None
    quality: SoundQuality | None = None
    transcript: ClipTranscript | None = None


@dataclass(slots=True, frozen=True)
class VideoClip:
    """The picture and sound of an utterance as a model is sent them, and where they are from.

    `sha256` is the digest of the MP4, which `read` returns; `seconds` its length. `source_file` is
    relative to the corpus folder; `start` and `end` are seconds in it, None for the whole of it.
    """

    sha256: str
    seconds: float
    source_file: str
    source_sha256: str
    start: float | None
    end: float | None
    read: Callable[[], bytes] = field(repr=False, compare=False)


@dataclass(slots=True, frozen=True)
class Voice:
    """How an utterance was said, as in the published `voice`.

    `descriptors` are {name, value, unit, z} each, `reference` the group that z refers to, `words`
    the prosody description in prompts; with too little voiced speech, `words` is None and
    `reliable` false.
    """

    descriptors: list[VoiceDescriptor]
    reference: Literal["speaker", "group", "corpus", "none"]
    words: str | None
    reliable: bool


@dataclass(slots=True, frozen=True)
class Caption:
    """A model's caption of how a clip sounds: its `text`, or why there is none.

    `dropped` is a code that is counted, None if the text was kept; `answers` is the number used.
    """

    text: str | None
    dropped: str | None
    answers: int


@dataclass(slots=True)
class Turn:
    """One earlier turn of the target's dialogue, as the model sees it.

    `gap_seconds` is from the end of this turn to the start of the next one (negative: overlap).
    """

    utterance: Utterance
    role: Literal["user", "assistant", "other"]
    emotion: str | None
    gap_seconds: float | None
    audio_sha256: str | None = None


@dataclass(slots=True, frozen=True)
class Contrast:
    """An utterance's minimal pairs: the same words said differently.

    `group` holds the same words by the same speaker with another emotion, `role` is this one's
    emotion in it; both are None if there is no other. `twin_of` are ids of the same words by
    other speakers.
    """

    group: str | None
    role: str | None
    twin_of: tuple[str, ...] = ()

    @property
    def is_neutral_twin(self) -> bool:
        """Return whether this is the neutral rendering of the words."""
        return self.group is not None and self.role == "neutral"


@dataclass(slots=True, frozen=True)
class Contribution:
    """How well text and voice each tell the emotion, as in `audio_contribution`.

    `votes` are (model, root or ``cannot_tell``); `text_votes` counts those for the label's root.
    `audio_votes` is the share of people who heard it in the voice alone, None if nobody was
    asked; `kind` the class, None if the text does not tell and nobody judged the voice.
    """

    votes: tuple[tuple[str, str], ...]
    text_votes: int
    audio_votes: float | None
    kind: Literal["text_solvable", "audio_solvable", "unsupported"] | None


@dataclass(slots=True)
class Target:
    """An utterance to reply to, with everything known before a reply is drafted.

    `turns` are earlier turns only, oldest first; `reference` is what the next other speaker really
    said, which no prompt may show; `addressee` is the speaker whose role the reply takes, None for
    an assistant from outside; `folds` are those of the dialogue; `before` are the turns before
    `turns`, which a `summary` tells of. What was not asked for, or not yet routed, is None.
    """

    split: str
    utterance: Utterance
    emotions: Emotions
    background: str | None
    background_origin: str | None
    turns: list[Turn]
    reference: Utterance | None
    addressee: str | None = None
    folds: tuple[str, ...] = ()
    contrast: Contrast | None = None
    contribution: Contribution | None = None
    clip: Clip | None = None
    video: VideoClip | None = None
    voice: Voice | None = None
    caption: Caption | None = None
    before: Sequence[Turn] = ()
    summary: DialogueSummary | None = None
    plan: PlannedReply | None = None
    safety: Safety | None = None

    @property
    def id(self) -> str:
        """Return the sample's id."""
        return self.utterance.id


@dataclass(frozen=True, slots=True)
class Drafted:
    """A reply and how it was drafted; `attempts` counts the responses used.

    `prompt_version` and `model` are None if they are the build's; `heard_audio` says whether the
    model was sent the clip; `spoken` is the synthesised reply; `notes` are those of the checks;
    `demonstrations` are the ids of the cases shown, `plan` is what the reply was to do, `executed`
    what was found in it; `others` are the drafts that were not chosen.
    """

    reply: dict[str, Any]
    coercions: list[dict[str, str]]
    request_key: str | None
    attempts: int
    prompt_version: str | None = None
    heard_audio: bool = False
    spoken: Clip | None = None
    notes: tuple[CheckNote, ...] = ()
    demonstrations: tuple[str, ...] = ()
    plan: PlannedReply | None = None
    executed: ExecutedPart | None = None
    model: str | None = None
    others: tuple[OtherDraft, ...] = ()
