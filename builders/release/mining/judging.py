"""Tags and checks of people's replies.

`label_maps/reply/_off_for_people.tsv` has the codes of the checks that are off, since people's
lives rightly set them off.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import sha256

import orjson

from builders import resources
from builders.labels.tables import read_rows
from builders.record.reply_views import CheckResult, StrategySpan
from builders.record.types import Emotions
from builders.record.views import SampleRecord
from builders.tasks.reply.checks.candidate import Candidate, Scene
from builders.tasks.reply.checks.language import known_languages
from builders.tasks.reply.checks.registry import all_hits, checks_digest, load_checks
from builders.tasks.reply.tagging import UNKNOWN, Tag, cues_version, tag

BY_CUES = "cues"


@dataclass(frozen=True, slots=True)
class JudgedReply:
    """The strategies of a reply, the notes of the checks, and the code that refuses it, if any."""

    strategies: list[StrategySpan]
    notes: list[CheckResult]
    refused: str | None


@cache
def switched_off() -> frozenset[str]:
    """Return the codes of the checks that are off; LabelError where the table is wrong."""
    known = [check.code for check in load_checks()]
    rows = read_rows(
        resources.label_maps() / "reply" / "_off_for_people.tsv", ("code", "reason"), key=("code",)
    )
    for row in rows:
        row.text("reason")
    return frozenset(row.choice("code", known) for row in rows)


def judging_digest(language: str) -> str:
    """Return a digest of all that decides about tags and checks of a language."""
    has_tables = language in known_languages()
    cues = cues_version(language) if has_tables else None
    said = orjson.dumps([checks_digest(), sorted(switched_off()), cues])
    return sha256(said).hexdigest()[:12]


def judge_reply(record: SampleRecord, text: str, speaker: str | None) -> JudgedReply | None:
    """Return the tags and checks of a reply; None where its language has no tables.

    Args:
        record: the sample that is answered, with its text, context and background.
        text: the reply.
        speaker: who gives it.
    """
    language = record["language"].partition("-")[0].lower()
    if language not in known_languages():
        return None
    emotions = _emotions(record)
    tags = tag(text, emotions.valence, language)
    candidate = Candidate(
        {
            "text": text,
            # An emotion that a corpus labels is not one that a reply was to be spoken in.
            "emotion": None,
            "strategies": [one.strategy for one in tags if one.strategy != UNKNOWN],
            "awareness": {"act": "", "emotions": []},
        },
        emotions,
        scene=_scene(record, speaker, language),
    )
    off, notes, refused = switched_off(), [], None
    for check, hit in all_hits(candidate):
        if check.code in off:
            continue
        if check.severity == "reject":
            refused = refused or check.code
        detail = check.said_of(hit)
        notes.append(_result(check.code, check.severity, hit.value, detail))
    return JudgedReply([_span(one) for one in tags], notes, refused)


def _scene(record: SampleRecord, speaker: str | None, language: str) -> Scene:
    turns, background = record["text_context"], record["background"]
    said = [*(turn["speaker"] for turn in turns), record["target_utterance"]["speaker"]["id"]]
    return Scene(
        utterance=record["target_utterance"]["text"],
        turns=tuple(turn["text"] for turn in turns),
        background=background["text"] if background else None,
        names=tuple(dict.fromkeys(name for name in (*said, speaker) if name)),
        persona="addressee",
        language=language,
    )


def _emotions(record: SampleRecord) -> Emotions:
    said = record["target_utterance"]["emotions"]
    return Emotions(
        said["primary"],
        said["root"],
        said["valence"],
        said["arousal"],
        said["secondary"],
        tuple(said["alternatives"]),
    )


def _span(found: Tag) -> StrategySpan:
    return {"strategy": found.strategy, "start": found.start, "end": found.end}


def _result(code: str, severity: str, value: float | None, detail: str) -> CheckResult:
    return {"code": code, "severity": severity, "value": value, "detail": detail}
