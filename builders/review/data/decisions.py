"""Validation of decisions: the codes people choose from, and the rules.

The codes, their words and meanings are in ``label_maps/review/_choices.tsv``. An edited reply
passes the same schema and the same rules as a drafted one, and the edited record is valid.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import cast

from builders import resources
from builders.labels import strategies
from builders.labels.tables import read_rows
from builders.labels.vocabulary import allowed_emotions, vocabulary
from builders.record.reply_views import ReplyPart
from builders.record.sample import desired_response, without_bytes
from builders.record.schema import (
    Validator,
    as_document,
    load_schema,
    narrowed_reply,
    validator,
    violations,
)
from builders.record.types import Contrast, Emotions
from builders.record.views import SampleRecord
from builders.review.data.bodies import LONGEST_COMMENT
from builders.review.data.events import VERDICTS, Decision
from builders.review.data.items import reply_of
from builders.tasks.reply.checks.reading import rule_faults

KINDS = ("reject", "skip", "flag", "scale", "judge_scale")
RATINGS = range(1, 6)


@dataclass(frozen=True, slots=True)
class ReviewCode:
    """A choice: its code, the words on the page, and their meaning."""

    code: str
    words: str
    meaning: str


@cache
def choices(kind: str) -> dict[str, ReviewCode]:
    """Return the choices by code. Kinds: reject, skip, flag, scale, judge_scale."""
    rows = read_rows(
        resources.label_maps() / "review" / "_choices.tsv",
        ("kind", "code", "words", "meaning"),
        key=("kind", "code"),
    )
    return {
        row.text("code"): ReviewCode(row.text("code"), row.text("words"), row.text("meaning"))
        for row in rows
        if row.choice("kind", KINDS) == kind
    }


@cache
def scales(judged: bool = True) -> dict[str, ReviewCode]:
    """Return the scales by code; `judged` says whether those for a judge's items are among them."""
    return {**choices("scale"), **(choices("judge_scale") if judged else {})}


def faults(decision: Decision, record: SampleRecord | None) -> list[str]:
    """Return what is wrong with a decision about a sample, one sentence each; empty if valid.

    Args:
        decision: as it came from the page or a file.
        record: the sample, of the shape of `schemas/sample.schema.json`, with or without audio; or
            None if it is not available, as for a decision made before it changed: then an edited
            reply is only checked against the reply schema.
    """
    found = [*_verdict_faults(decision), *_answer_faults(decision)]
    if record is None:
        edit = decision.reply
        return found or (violations(validator("reply"), edit) if edit is not None else [])
    reply = None if found else reply_wanted(decision, record)
    return found if reply is None else edit_faults(reply, record)


def reply_wanted(decision: Decision, record: SampleRecord) -> ReplyPart | None:
    """Return the reply that a decision substitutes for the draft, or None.

    An edit has its own; accepting a draft with other strategies makes a reply with those, unless
    they are kept as an opinion.
    """
    if decision.verdict == "edit":
        return cast("ReplyPart | None", decision.reply)  # `faults` has validated it
    drafted = reply_of(record)
    chosen = list(decision.strategies or drafted["strategies"])
    if decision.verdict != "accept" or decision.opinion or chosen == drafted["strategies"]:
        return None
    return {**drafted, "strategies": chosen}


def with_opinion(decision: Decision, record: SampleRecord) -> Decision:
    """Return a decision whose strategies are an opinion where the reply may not have them.

    Annotators say what they would choose, from all strategies. What the rules do not allow in a
    reply to this label is kept as said, and the reply keeps the strategies that were drafted.
    """
    if not decision.strategies or decision.verdict not in ("accept", "edit"):
        return decision
    if not faults(decision, record):
        return decision
    reply = decision.reply
    if reply is not None:
        reply = {**reply, "strategies": list(reply_of(record)["strategies"])}
    opinion = replace(decision, reply=reply, opinion=True)
    return decision if faults(opinion, record) else opinion


def fitting_strategies(record: SampleRecord) -> tuple[str, ...]:
    """Return the strategies that a reply to a sample may have."""
    return strategies.allowed(emotions_of(record), _own_turns(record))


def edit_faults(reply: ReplyPart, record: SampleRecord) -> list[str]:
    """Return what is wrong with an edited reply, by schema, rules and complete record."""
    emotions = emotions_of(record)
    wrong = violations(_reply_checker(emotions, _own_turns(record)), reply)
    if wrong:
        return wrong
    caption = record["voice"]["caption"] if record["voice"] else None
    found = rule_faults(dict(reply), emotions, _twin(record), caption)
    broken = [fault.sentence for fault in found]
    return broken or violations(validator("sample"), _by_name(edited(record, reply)))


def edited(record: SampleRecord, reply: ReplyPart) -> SampleRecord:
    """Return a sample with its reply as edited; its clip is named, its bytes are left out."""
    draft, response = record["desired_response"], desired_response(reply)
    spoken = record["reply_audio"]
    if reply["text"] == draft["text"]:
        response["synthesis"] = draft["synthesis"]
    else:
        spoken = None  # the audio has the earlier text
    return {
        **record,
        "audio": without_bytes(record["audio"]),
        "desired_response": response,
        "reply_audio": spoken,
        "checks": None,  # they were about the draft
    }


def _by_name(record: SampleRecord) -> SampleRecord:
    """Return a sample whose spoken reply is named, its bytes left out, as it is validated."""
    return {**record, "reply_audio": without_bytes(record["reply_audio"])}


def emotions_of(record: SampleRecord) -> Emotions:
    """Return the label of a sample in the form the checks expect."""
    found, labels = record["target_utterance"]["emotions"], record["annotation"]
    return Emotions(
        primary=found["primary"],
        root=found["root"],
        valence=found["valence"],
        arousal=found["arousal"],
        secondary=found["secondary"],
        alternatives=tuple(found["alternatives"]),
        match_leaf=labels["match_leaf"],
        match_root=labels["match_root"],
    )


def _verdict_faults(decision: Decision) -> list[str]:
    if decision.verdict not in VERDICTS:
        return [f"verdict: {decision.verdict!r} is not one of {', '.join(VERDICTS)}"]
    found = []
    if (decision.verdict == "edit") != (decision.reply is not None):
        found.append("reply: required for an edit, not allowed otherwise")
    known = choices(decision.verdict)
    if known and decision.reason not in known:
        found.append(f"reason: {decision.reason!r} is not one of {', '.join(known)}")
    if not known and decision.reason is not None:
        found.append("reason: required for a rejection or a skip, not allowed otherwise")
    return found


def _answer_faults(decision: Decision) -> list[str]:
    found = [
        f"flags: {flag!r} is not one of {', '.join(choices('flag'))}"
        for flag in decision.flags or ()
        if flag not in choices("flag")
    ]
    for scale, value in (decision.ratings or {}).items():
        if scale not in scales():
            found.append(f"ratings: {scale!r} is not one of {', '.join(scales())}")
        elif type(value) is not int or value not in RATINGS:
            found.append(f"ratings: {scale} is {value!r}; expected 1 to 5")
    before = decision.before or {}
    found += _choice_faults(decision.strategies, decision.emotion)
    found += _choice_faults(before.get("strategies"), before.get("emotion"), "before.")
    if not 0 <= (decision.seconds_heard or 0.0) <= 86_400:
        found.append("seconds_heard: expected a number of seconds from 0 to 86,400")
    if not 0 <= (decision.seconds or 0.0) <= 86_400:
        found.append("seconds: expected a number of seconds from 0 to 86,400")
    return found + _comment_faults(decision.comment or "")


def _choice_faults(
    chosen: Sequence[str] | None, emotion: str | None, within: str = ""
) -> Iterator[str]:
    """Yield what is wrong with the chosen strategies and emotion."""
    if chosen is not None:
        known = load_schema("sample")["$defs"]["strategy"]["enum"]
        if not 1 <= len(set(chosen)) == len(chosen) <= strategies.MAX_STRATEGIES:
            yield f"{within}strategies: expected one to three different ones"
        yield from (f"{within}strategies: unknown strategy {n!r}" for n in chosen if n not in known)
    if emotion is not None and emotion not in vocabulary().nodes:
        yield f"{within}emotion: unknown emotion {emotion!r}"


def _comment_faults(comment: str) -> list[str]:
    if len(comment) > LONGEST_COMMENT:
        return [f"comment: {len(comment):,} characters long; the limit is {LONGEST_COMMENT:,}"]
    if any("\ud800" <= character <= "\udfff" for character in comment):
        return [
            "comment: it cannot be stored, because it contains half a character (a lone surrogate)"
        ]
    return []


@cache
def _reply_checker(emotions: Emotions, own_turns: int) -> Validator:
    """Return the validator of a reply to this label, as narrow as the model's was."""
    allowed = strategies.allowed(emotions, own_turns)
    narrowed = narrowed_reply(allowed, allowed_emotions(emotions))
    return Validator(as_document(narrowed))


def _twin(record: SampleRecord) -> bool:
    found = record["contrast"]
    return found is not None and Contrast(found["group"], found["role"]).is_neutral_twin


def _own_turns(record: SampleRecord) -> int:
    return min(2, sum(turn["role"] == "user" for turn in record["text_context"]))
