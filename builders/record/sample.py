"""Assembling a sample: source, label, context, voice and reply as one record.

The shape is `schemas/sample.schema.json`, which every record is checked against here, before it is
written. Nothing that varies from run to run (times, cost, hosts) is in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import cast

from builders.labels import strategies
from builders.labels.class_sets import views_of
from builders.record.manifest import SCHEMA_VERSION
from builders.record.other_drafts import OtherDraft
from builders.record.planned_reply import CheckNote
from builders.record.reply_views import (
    CandidatePart,
    CheckResult,
    ChecksPart,
    Coercion,
    DemonstrationsPart,
    DesiredResponse,
    DraftingPart,
    PersonalData,
    ReplyPart,
    ReplyPlan,
    SafetyPart,
    SpeechSynthesis,
)
from builders.record.schema import validator, violations
from builders.record.types import (
    Annotation,
    Clip,
    Drafted,
    Emotions,
    Finding,
    Target,
    Turn,
    Utterance,
)
from builders.record.views import (
    AnnotationPart,
    AudioInfo,
    BackgroundPart,
    ClipFile,
    ClipTranscript,
    ContextTurn,
    ContrastPart,
    ContributionPart,
    LabelView,
    ReferenceResponse,
    RightsPart,
    SampleRecord,
    SoundQuality,
    SourcePart,
    SpeechShare,
    TargetUtterance,
    VideoPointer,
    VoicePart,
)
from builders.safety.replacing import REPLACED
from builders.tasks.reply.checks.foreign import told_language


@dataclass(frozen=True, slots=True)
class Origin:
    """What all samples of a build share: corpus, terms, versions and drafting model."""

    corpus: str
    corpus_version: str
    language: str
    label_source: str | None
    audio_origin: str
    context: str
    evaluation_overlap: dict[str, list[str]]
    rights: dict[str, str]
    mapping_version: str
    provider: str
    model: str
    prompt_version: str
    checks_version: str | None = None
    demonstrations_digest: str | None = None
    output_terms: Mapping[str, str] = field(default_factory=dict)  # by model


def assemble(target: Target, drafted: Drafted, origin: Origin) -> SampleRecord:
    """Return the sample as JSON values; its audio names the clip, whose bytes are kept separately.

    Raises:
        RuntimeError: the record is not valid, which is a bug, not a problem of the data.
    """
    utterance = target.utterance
    record: SampleRecord = {
        "schema_version": SCHEMA_VERSION,
        "id": utterance.id,
        "language": utterance.language or told_language(utterance.text, origin.language),
        "audio": {"path": f"{utterance.id}.flac", "bytes": None} if target.clip else None,
        "audio_info": _audio_info(target, origin),
        "video": _video(target),
        "background": _background(target),
        "text_context": [_turn(turn) for turn in target.turns],
        "target_utterance": _target_utterance(target),
        "annotation": _annotation(target, origin),
        "voice": _voice(target),
        "audio_contribution": _contribution(target),
        "contrast": _contrast(target),
        "plan": _plan(drafted),
        "demonstrations": _demonstrations(drafted, origin),
        "desired_response": _desired_response(drafted),
        "executed": drafted.executed,
        "reply_audio": _reply_audio(utterance.id, drafted),
        "reference_response": _reference(target.reference),
        "source": _source(target, origin),
        "drafting": _drafting(drafted, origin),
        "checks": _checks(drafted, origin),
        "safety": _safety(target),
        "judgements": None,
        "review": None,
        "rights": cast(RightsPart, origin.rights),
    }
    wrong = violations(validator("sample"), record)
    if wrong:
        raise RuntimeError(f"{utterance.id} does not fit the sample schema: {'; '.join(wrong)}")
    return record


def desired_response(reply: ReplyPart) -> DesiredResponse:
    """Return the reply with the two fields derived from its lists."""
    awareness = reply["awareness"]
    return {
        "text": reply["text"],
        "emotion": reply["emotion"],
        "response_strategy": strategies.join(reply["strategies"]),
        "strategies": reply["strategies"],
        "emotion_awareness": f"{awareness['act']}_{'_and_'.join(awareness['emotions'])}",
        "awareness": awareness,
        "synthesis": None,
    }


def _desired_response(drafted: Drafted) -> DesiredResponse:
    response = desired_response(cast(ReplyPart, drafted.reply))
    if drafted.spoken:
        response["synthesis"] = synthesis(drafted.spoken)
    return response


def _demonstrations(drafted: Drafted, origin: Origin) -> DemonstrationsPart | None:
    if not drafted.demonstrations or origin.demonstrations_digest is None:
        return None
    return {"ids": [*drafted.demonstrations], "set_digest": origin.demonstrations_digest}


def _safety(target: Target) -> SafetyPart | None:
    """Return where the utterance was routed; None for one that nobody routed."""
    if target.safety is None:
        return None
    found = target.safety
    texts = (target.utterance, target.reference, *(turn.utterance for turn in target.turns))
    personal = any(REPLACED in one.findings for one in texts if one)
    heard = target.voice is not None
    own = REPLACED in target.utterance.findings
    pii: PersonalData = {"text": personal, "sound": own if heard else None}
    return {"route": found.route, "codes": [*found.codes], "by": found.by, "pii": pii}


def _plan(drafted: Drafted) -> ReplyPlan | None:
    plan = drafted.plan
    if plan is None:
        return None
    return {
        "strategies": [*plan.strategies],
        "min_words": plan.words[0],
        "max_words": plan.words[1],
        "emotions": [*plan.reply_emotions],
        "by": plan.by,
    }


def _reply_audio(name: str, drafted: Drafted) -> ClipFile | None:
    return {"path": f"{name}.reply.flac", "bytes": None} if drafted.spoken else None


def _checks(drafted: Drafted, origin: Origin) -> ChecksPart | None:
    """Return the notes of the checks on an accepted reply; None if no check was run."""
    if origin.checks_version is None:
        return None
    return {"set_version": origin.checks_version, "results": _check_results(drafted.notes)}


def without_bytes(audio: ClipFile | None) -> ClipFile | None:
    """Return a clip's name without its bytes."""
    return audio and {"path": audio["path"], "bytes": None}


def synthesis(clip: Clip) -> SpeechSynthesis | None:
    """Return how a synthetic clip was made, or None for human speech."""
    if clip.synthesis is None:
        return None
    by = clip.synthesis
    return {
        "engine": by.engine,
        "voice": by.voice,
        "style": by.style,
        "seed": by.seed,
        "word_error_rate": by.word_error_rate,
        "sha256_pcm": clip.sha256_pcm,
    }


def audio_info(origin: str, clip: Clip | None, findings: Iterable[Finding] = ()) -> AudioInfo:
    """Return the description of a clip; without a clip, `origin` is ``none``."""
    by = synthesis(clip) if clip else None
    return {
        "origin": "synthetic" if by else origin if clip else "none",
        "sha256_pcm": clip.sha256_pcm if clip else None,
        "samples": clip.samples if clip else None,
        "duration": clip.duration if clip else None,
        "source_file": clip.source_file if clip else None,
        "source_sha256": clip.source_sha256 if clip else None,
        "start": clip.start if clip else None,
        "end": clip.end if clip else None,
        "findings": [
            {"code": one.code, "value": one.value, "detail": one.detail} for one in findings
        ],
        "speech": cast("SpeechShare | None", clip and clip.speech),
        "quality": cast("SoundQuality | None", clip and clip.quality),
        "transcript": cast("ClipTranscript | None", clip and clip.transcript),
        "synthesis": by,
    }


def _audio_info(target: Target, origin: Origin) -> AudioInfo:
    # A measured finding is more informative than a code known beforehand.
    findings = {code: Finding(code) for code in target.utterance.findings}
    findings |= {found.code: found for found in (target.clip.findings if target.clip else ())}
    return audio_info(origin.audio_origin, target.clip, findings.values())


def _voice(target: Target) -> VoicePart | None:
    voice = target.voice
    if voice is None:
        return None
    return {
        "descriptors": voice.descriptors,
        "reference": voice.reference,
        "words": voice.words,
        "caption": target.caption.text if target.caption else None,
        "reliable": voice.reliable,
    }


def _video(target: Target) -> VideoPointer | None:
    """Return where the picture is that the model was sent; nothing of it is in the record."""
    if target.video is None:
        return None
    return {
        "source_file": target.video.source_file,
        "source_sha256": target.video.source_sha256,
        "start": target.video.start,
        "end": target.video.end,
    }


def _background(target: Target) -> BackgroundPart | None:
    if target.summary and target.summary.text:
        return {"text": target.summary.text, "origin": "summary"}
    if target.background is None:
        return None
    return {"text": target.background, "origin": cast(str, target.background_origin)}


def _turn(turn: Turn) -> ContextTurn:
    return {
        "id": turn.utterance.id,
        "speaker": turn.utterance.speaker,
        "role": turn.role,
        "text": turn.utterance.text,
        "emotion": turn.emotion,
        "audio_sha256": turn.audio_sha256,
        "gap_seconds": turn.gap_seconds,
        "flags": list(turn.utterance.flags),
    }


def _target_utterance(target: Target) -> TargetUtterance:
    utterance, emotions = target.utterance, target.emotions
    return {
        "speaker": {"id": utterance.speaker, "sex": utterance.sex, "age": utterance.age},
        "text": utterance.text,
        "emotions": {
            "primary": emotions.primary,
            "secondary": emotions.secondary,
            "root": emotions.root,
            "alternatives": list(emotions.alternatives),
            "valence": emotions.valence,
            "arousal": emotions.arousal,
        },
        "flags": list(utterance.flags),
    }


def _annotation(target: Target, origin: Origin) -> AnnotationPart:
    said = target.utterance.annotation or Annotation()
    return {
        "raw": target.utterance.label,
        "source": said.source or origin.label_source,
        "match_leaf": target.emotions.match_leaf,
        "match_root": target.emotions.match_root,
        "votes": said.votes,
        "agreement": said.agreement,
        "intensity": said.intensity,
        "dimensions": said.dimensions,
        "views": [*(said.views or ()), *_class_views(target.emotions)],
        "elicitor": said.elicitor,
        "conduct": said.conduct,
        "mapping_version": origin.mapping_version,
    }


def _class_views(emotions: Emotions) -> tuple[LabelView, ...]:
    return views_of(emotions.primary, emotions.match_root)


def _contribution(target: Target) -> ContributionPart | None:
    if target.contribution is None:
        return None
    found = target.contribution
    return {
        "text_votes": found.text_votes,
        "audio_votes": found.audio_votes,
        "class": found.kind,
        "votes": [{"model": model, "emotion": emotion} for model, emotion in found.votes],
    }


def _contrast(target: Target) -> ContrastPart | None:
    if target.contrast is None or (target.clip and target.clip.synthesis):
        return None  # one synthetic voice says the same words in one way
    contrast = target.contrast
    return {"group": contrast.group, "role": contrast.role, "twin_of": list(contrast.twin_of)}


def _reference(reference: Utterance | None) -> ReferenceResponse | None:
    if reference is None:
        return None
    return {"id": reference.id, "speaker": reference.speaker, "text": reference.text}


def _source(target: Target, origin: Origin) -> SourcePart:
    return {
        "corpus": origin.corpus,
        "corpus_version": origin.corpus_version,
        "split": target.split,
        "dialogue_id": target.utterance.dialogue,
        "utterance_id": target.utterance.utterance,
        "folds": list(target.folds),
        "evaluation_overlap": origin.evaluation_overlap.get(target.split, []),
        "context": origin.context,
    }


def _drafting(drafted: Drafted, origin: Origin) -> DraftingPart:
    return {
        "provider": origin.provider,
        "model": drafted.model or origin.model,
        "output_terms": origin.output_terms.get(drafted.model or origin.model),
        "prompt_version": drafted.prompt_version or origin.prompt_version,
        "request_key": drafted.request_key,
        "heard_audio": drafted.heard_audio,
        "attempts": drafted.attempts,
        "coercions": cast("list[Coercion]", drafted.coercions),
        "candidates": [_candidate(other, origin) for other in drafted.others] or None,
    }


def _candidate(other: OtherDraft, origin: Origin) -> CandidatePart:
    return {
        "model": other.model,
        "draft": other.draft,
        "seed": other.seed,
        "request_key": other.request_key,
        "prompt_version": other.prompt_version or origin.prompt_version,
        "attempts": other.attempts,
        "reason": other.reason,
        "reply": cast("ReplyPart | None", other.reply),
        "checks": _check_results(other.notes) if other.reply else None,
    }


def _check_results(notes: Iterable[CheckNote]) -> list[CheckResult]:
    return [
        {"code": note.code, "severity": note.severity, "value": note.value, "detail": note.detail}
        for note in notes
    ]
