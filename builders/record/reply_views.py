"""Types for the reply part of a sample: the reply, its origin, and judgements of it.

They are those of `schemas/sample.schema.json`, field by field; `views.py` has the rest.
"""

from __future__ import annotations

from typing import TypedDict


class SpeechSynthesis(TypedDict):
    """How a synthetic voice was made."""

    engine: str
    voice: str
    style: str | None
    seed: int
    word_error_rate: float | None
    sha256_pcm: str


class AwarenessPart(TypedDict):
    """How the reply shows awareness of which emotions."""

    act: str
    emotions: list[str]


class ReplyPart(TypedDict):
    """The reply as it was drafted, in the shape of `schemas/reply.schema.json`."""

    text: str
    emotion: str | None
    strategies: list[str]
    awareness: AwarenessPart


class DesiredResponse(ReplyPart):
    """The reply, fields derived from its lists, and how it was spoken."""

    response_strategy: str
    emotion_awareness: str
    synthesis: SpeechSynthesis | None


class ReplyPlan(TypedDict):
    """The plan for the reply; `by` says who made it, the length band is in words."""

    strategies: list[str]
    min_words: int | None
    max_words: int | None
    emotions: list[str]
    by: str


class DemonstrationsPart(TypedDict):
    """The examples that the model was shown."""

    ids: list[str]
    set_digest: str


class StrategySpan(TypedDict):
    """A strategy found in the reply: start and end (exclusive) in characters."""

    strategy: str
    start: int
    end: int


class ExecutedPart(TypedDict):
    """Strategies found in the reply; `adherence` is the share of the plan carried out, 0 to 1."""

    strategies: list[StrategySpan]
    by: str
    adherence: float | None


# `from` is a word of Python.
Coercion = TypedDict("Coercion", {"field": str, "from": str, "to": str})


class CheckResult(TypedDict):
    """The result of one check of the reply."""

    code: str
    severity: str
    value: float | None
    detail: str | None


class CandidatePart(TypedDict):
    """Another draft of the target: the reply and what the checks note, or why it was given up."""

    model: str
    draft: int
    seed: int
    request_key: str
    prompt_version: str
    attempts: int | None
    reason: str | None
    reply: ReplyPart | None
    checks: list[CheckResult] | None


class DraftingPart(TypedDict):
    """How the reply was drafted."""

    provider: str
    model: str
    output_terms: str | None
    prompt_version: str
    request_key: str | None
    heard_audio: bool
    attempts: int
    coercions: list[Coercion]
    candidates: list[CandidatePart] | None


class ChecksPart(TypedDict):
    """The results of the checks, and the digest of the set of checks."""

    set_version: str
    results: list[CheckResult]


class PersonalData(TypedDict):
    """Whether the text and the audio contain personal data; None if not checked."""

    text: bool | None
    sound: bool | None


class SafetyPart(TypedDict):
    """The safety decision on the sample, the reasons, and who decided."""

    route: str
    codes: list[str]
    by: str
    pii: PersonalData


class JudgedValue(TypedDict):
    """A model's score of the reply in one dimension, and whether the model qualified as a judge."""

    test: str
    dimension: str
    value: float
    model: str
    fit: bool | None


class ScaleRating(TypedDict):
    """The mean of reviewers on one scale."""

    scale: str
    mean: float
    count: int


class EmotionCount(TypedDict):
    """The number of reviewers who hear an emotion."""

    emotion: str
    count: int


class HeardEmotion(TypedDict):
    """The emotion that reviewers hear; None if they disagree."""

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
