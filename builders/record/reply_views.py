"""The reply side of a sample as types: the reply, how it came about, what is said of it.

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
    """The reply, the names that are derived from its lists, and how it was spoken."""

    response_strategy: str
    emotion_awareness: str
    synthesis: SpeechSynthesis | None


class ReplyPlan(TypedDict):
    """What the reply was to do; `by` says who decided it, the band of length is in words."""

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
    """A strategy that was found in the reply, from its first character to behind its last."""

    strategy: str
    start: int
    end: int


class ExecutedPart(TypedDict):
    """What the reply does, as found in it; `adherence` is the share of the plan, 0 to 1."""

    strategies: list[StrategySpan]
    by: str
    adherence: float | None


# `from` is a word of Python.
Coercion = TypedDict("Coercion", {"field": str, "from": str, "to": str})


class CandidatePart(TypedDict):
    """Another draft, which the store holds under its key."""

    model: str
    request_key: str


class DraftingPart(TypedDict):
    """How the reply came about."""

    provider: str
    model: str
    output_terms: str | None
    prompt_version: str
    request_key: str | None
    heard_audio: bool
    attempts: int
    coercions: list[Coercion]
    candidates: list[CandidatePart] | None


class CheckResult(TypedDict):
    """What one check found of the reply."""

    code: str
    severity: str
    value: float | None
    detail: str | None


class ChecksPart(TypedDict):
    """What the checks found, and the digest of the set of checks."""

    set_version: str
    results: list[CheckResult]


class PersonalData(TypedDict):
    """Whether personal data is in the words and in the sound; None where nobody looked."""

    text: bool | None
    sound: bool | None


class SafetyPart(TypedDict):
    """What may be done with the sample, as far as safety goes, why, and who decided."""

    route: str
    codes: list[str]
    by: str
    pii: PersonalData


class JudgedValue(TypedDict):
    """What a model gave the reply in one dimension, and whether it proved fit for that."""

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
