"""The records that flow through a build. No other module of ours is imported here.

A reader yields `Dialogue` and `Reject`; mapping, context and the voice turn one utterance of a
dialogue into a `Target`; drafting and checking turn a target into the published record, whose
shape is `schemas/sample.schema.json`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

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
# Whose label it is where reviewers of an earlier draft hear another emotion than the corpus says.
REVIEWED = "review"
# What a vote says that finds no emotion in the words.
CANNOT_TELL = "cannot_tell"


class ReviewStatus(StrEnum):
    """What reviewers have made of a reply, as `review.status` of a record says it."""

    ACCEPTED = "accepted"
    EDITED = "edited"
    REJECTED = "rejected"
    DISPUTED = "disputed"


def sample_id(corpus: str, split: str, dialogue: str, utterance: str) -> str:
    """Return ``<corpus>-<split>-<dialogue>-<utterance>``, which is stable for ever.

    The last two are percent-encoded, hyphens too, so that the four parts can always be told apart.
    """
    return utterance_id(dialogue_prefix(corpus, split, dialogue), utterance)


def dialogue_prefix(corpus: str, split: str, dialogue: str) -> str:
    """Return what the ids of a dialogue's utterances begin with, the last hyphen included."""
    return f"{corpus}-{split}-{_encoded(dialogue)}-"


def utterance_id(prefix: str, utterance: str) -> str:
    """Return the id of an utterance, given what those of its dialogue begin with."""
    return prefix + _encoded(utterance)


def _encoded(part: str) -> str:
    if part.isalnum() and part.isascii():  # nearly all ids: five times faster than quoting
        return part
    return quote(part, safe="").replace("-", "%2D")


@dataclass(slots=True)
class Media:
    """Where an utterance's clip is: a whole file, or `start` to `end` seconds of one.

    `findings` are codes a reader already knows about the file, such as ``recut_twin_used``.
    """

    path: Path
    start: float | None = None
    end: float | None = None
    findings: tuple[str, ...] = ()


# Endings of files that hold a picture beside the sound.
_FILMS = frozenset({".mp4", ".avi", ".flv", ".mkv", ".mov", ".webm", ".m4v"})


@dataclass(slots=True)
class Annotation:
    """What a corpus says of a label beside its name; a reader fills in what its corpus has.

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

    `order` sorts the utterances of a dialogue; `label` is the raw label, None on turns that carry
    none (a system's); `sentiment` is the corpus's own polarity column, where it has one.
    `id` is filled in by the shared reading code, never by a reader; `video` is where its picture
    is, if that is not in the file of the clip.
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

    @property
    def film(self) -> Media | None:
        """Return where its picture is: in a file of its own, or in that of the clip; or None."""
        if self.video is None and self.media and self.media.path.suffix.lower() in _FILMS:
            return self.media
        return self.video


@dataclass(slots=True)
class Dialogue:
    """The utterances of one dialogue of one split, and what was so before it.

    `background_origin` says what `background` is: situation, goal, scenario or scene. `assistant`
    is the speaker for whom a reply speaks, where the corpus has one (a system, a listener). `folds`
    are those of a published cross-validation, as ``session_1:test``. `excluded` counts the
    utterances that the shared reading code took out because they must not be used.
    """

    split: str
    id: str
    utterances: list[Utterance]
    background: str | None = None
    background_origin: str | None = None
    assistant: str | None = None
    folds: tuple[str, ...] = ()
    excluded: int = 0


@dataclass(slots=True)
class Reject:
    """One utterance that does not become a sample, and why.

    `reason` is a code that is counted (``broken_time``), `detail` the sentence for a person, `raw`
    what was read, so that nothing is lost.
    """

    id: str
    split: str
    stage: str
    reason: str
    detail: str
    raw: dict = field(default_factory=dict)


@dataclass(slots=True, frozen=True)
class Emotions:
    """A label on our vocabulary. `valence` and `arousal` are the words of `_vocabulary.tsv`."""

    primary: str
    root: str
    valence: str
    arousal: str
    secondary: str | None = None
    alternatives: tuple[str, ...] = ()
    match_leaf: str = "exact"
    match_root: str = "exact"


class Finding(NamedTuple):
    """Something odd about a clip: a code that is counted, what was measured, a sentence."""

    code: str
    value: float | None = None
    detail: str | None = None


@dataclass(slots=True, frozen=True)
class Synthesis:
    """How synthetic speech came about, as the published `synthesis` says it.

    `style` is None where none was given, `seed` counts the tries from 0, `word_error_rate` is None
    where nobody has listened.
    """

    engine: str
    voice: str
    style: str | None
    seed: int
    word_error_rate: float | None


@dataclass(slots=True)
class Clip:
    """One clip: 16 kHz mono FLAC bytes, and what the published `audio_info` says of it.

    `samples` counts 16 kHz samples, `duration` is seconds, `sha256_pcm` the digest of the 16-bit
    little-endian PCM. `speech`, `quality` and `transcript` are what was heard in it, as the record
    has them; None is what nobody asked for. Synthetic speech comes from no file and has its
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
    """How an utterance was said, as the published `voice` says it.

    `descriptors` are {name, value, unit, z} each, `reference` whose voices z is against, `words`
    what a prompt says of it; where there was too little voice, `words` is None and `reliable` not.
    """

    descriptors: list[VoiceDescriptor]
    reference: Literal["speaker", "group", "corpus", "none"]
    words: str | None
    reliable: bool


@dataclass(slots=True, frozen=True)
class Caption:
    """What came of asking a model how a clip sounds: its `text`, or why there is none.

    `dropped` is a code that is counted, None where the text was kept; `answers` were used up.
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
    """An utterance's place among the same words said otherwise.

    `group` holds the same words by the same speaker with another emotion, `role` is this one's
    emotion in it; both are None where there is no other. `twin_of` are ids of the same words by
    other speakers.
    """

    group: str | None
    role: str | None
    twin_of: tuple[str, ...] = ()

    @property
    def is_neutral_twin(self) -> bool:
        """Return whether this is how the words sound without a feeling."""
        return self.group is not None and self.role == "neutral"


@dataclass(slots=True, frozen=True)
class Contribution:
    """What the words and the voice each tell of an emotion, as `audio_contribution` says it.

    `votes` are (model, root or ``cannot_tell``); `text_votes` counts those for the label's root.
    `audio_votes` is the share of people who heard it in the voice alone, None where nobody was
    asked; `kind` the class, None where the words do not tell and nobody was asked about the voice.
    """

    votes: tuple[tuple[str, str], ...]
    text_votes: int
    audio_votes: float | None
    kind: Literal["text_solvable", "audio_solvable", "unsupported"] | None


@dataclass(slots=True)
class Target:
    """An utterance to reply to, with all that is known before a reply is drafted.

    `turns` are earlier turns only, oldest first; `reference` is what the next other speaker really
    said, which no prompt may show; `addressee` is whom the reply speaks for, None for an assistant
    from outside the dialogue; `folds` are those of the dialogue; `caption` is None unless one was
    wanted.
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

    @property
    def id(self) -> str:
        """Return the sample's id."""
        return self.utterance.id


@dataclass(frozen=True, slots=True)
class CheckNote:
    """What a check notes about a reply that is accepted all the same.

    `severity` is that of the check, `value` what it measured, `detail` a sentence.
    """

    code: str
    severity: str
    value: float | None
    detail: str


@dataclass(frozen=True, slots=True)
class Drafted:
    """A reply and how it came about; `attempts` counts the answers used up.

    `prompt_version` is None where it is that of the whole build; `heard_audio` says whether the
    model was sent the clip; `spoken` is the reply in sound; `notes` are those of the checks;
    `demonstrations` are the ids of the cases that the model was shown.
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
