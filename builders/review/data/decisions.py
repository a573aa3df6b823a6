"""What a decision may hold: the codes people choose from, and whether a decision is whole.

The codes, their words and meanings are in ``label_maps/review/_choices.tsv``. An edited reply
passes the same schema and the same rules as a drafted one, and the edited record is valid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from builders import resources
from builders.labels import strategies
from builders.labels import vocabulary as labels
from builders.labels.vocabulary import read_table, vocabulary
from builders.record.sample import desired_response
from builders.record.schema import Validator, load_schema, narrowed_reply, validator, violations
from builders.record.types import Contrast, Emotions
from builders.review.data.bodies import LONGEST_COMMENT
from builders.review.data.events import VERDICTS, Decision
from builders.review.data.items import reply_of
from builders.tasks.reply.checks.rules import rule_faults

KINDS = ("reject", "skip", "flag", "scale")
RATINGS = range(1, 6)


@dataclass(frozen=True, slots=True)
class Choice:
    """Something to choose: its code, the words a page shows, and what they mean."""

    code: str
    words: str
    meaning: str


@cache
def choices(kind: str) -> dict[str, Choice]:
    """Return what there is to choose, by code. Kinds: reject, skip, flag, scale."""
    rows = read_table(
        resources.label_maps() / "review" / "_choices.tsv", ("kind", "code", "words", "meaning")
    )
    return {
        row.text("code"): Choice(row.text("code"), row.text("words"), row.text("meaning"))
        for row in rows
        if row.choice("kind", KINDS) == kind
    }


def faults(decision: Decision, record: Mapping[str, Any] | None) -> list[str]:
    """Return what is wrong with a decision about a sample, a sentence each; empty when it is whole.

    Args:
        decision: as it came from the page or a file.
        record: the sample, of the shape of `schemas/sample.schema.json`, with or without audio; or
            None where nobody has it, as with what was decided before it changed: then an edited
            reply need be no more than one.
    """
    found = [*_verdict_faults(decision), *_answer_faults(decision)]
    if record is None:
        reply = decision.reply
        return found or (violations(validator("reply"), reply) if reply is not None else [])
    reply = None if found else reply_wanted(decision, record)
    return found if reply is None else edit_faults(reply, record)


def reply_wanted(decision: Decision, record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the reply that a decision puts in place of the draft, or None where it puts none.

    An edit brings its own; accepting a draft under other strategies makes a reply with those.
    """
    if decision.verdict == "edit":
        return decision.reply
    drafted = reply_of(record)
    chosen = list(decision.strategies or drafted["strategies"])
    if decision.verdict != "accept" or chosen == drafted["strategies"]:
        return None
    return {**drafted, "strategies": chosen}


def edit_faults(reply: Mapping[str, Any], record: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with an edited reply, by the schema, the rules and the whole record."""
    emotions = emotions_of(record)
    document = dict(reply)
    wrong = violations(_reply_checker(emotions, _own_turns(record)), document)
    if wrong:
        return wrong
    broken = [fault.sentence for fault in rule_faults(document, emotions, _twin(record))]
    return broken or violations(validator("sample"), _by_name(edited(record, document)))


def edited(record: Mapping[str, Any], reply: Mapping[str, Any]) -> dict[str, Any]:
    """Return a sample with its reply as edited; its clip is named, its bytes are left out."""
    kept = {name: record["desired_response"][name] for name in ("audio", "synthesis")}
    if reply["text"] != record["desired_response"]["text"]:
        kept = dict.fromkeys(kept)  # the spoken reply says something else
    audio = record["audio"] and {"path": record["audio"]["path"], "bytes": None}
    response = {**desired_response(dict(reply)), **kept}
    return {**record, "audio": audio, "desired_response": response}


def _by_name(record: dict[str, Any]) -> dict[str, Any]:
    """Return a sample whose spoken reply is named, its bytes left out, as it is validated."""
    response = record["desired_response"]
    audio = response["audio"] and {**response["audio"], "bytes": None}
    return {**record, "desired_response": {**response, "audio": audio}}


def emotions_of(record: Mapping[str, Any]) -> Emotions:
    """Return the label of a sample as the checks take it."""
    found, labels = record["target_utterance"]["emotions"], record["labels"]
    return Emotions(
        **{name: found[name] for name in ("primary", "root", "valence", "arousal", "secondary")},
        alternatives=tuple(found["alternatives"]),
        match_leaf=labels["match_leaf"],
        match_root=labels["match_root"],
    )


def _verdict_faults(decision: Decision) -> list[str]:
    if decision.verdict not in VERDICTS:
        return [f"verdict: {decision.verdict!r} is not one of {', '.join(VERDICTS)}"]
    found = []
    if (decision.verdict == "edit") != (decision.reply is not None):
        found.append("reply: an edit has one, nothing else does")
    known = choices(decision.verdict)
    if known and decision.reason not in known:
        found.append(f"reason: {decision.reason!r} is not one of {', '.join(known)}")
    if not known and decision.reason is not None:
        found.append("reason: a rejection or a skip has one, nothing else does")
    return found


def _answer_faults(decision: Decision) -> list[str]:
    found = [
        f"flags: {flag!r} is not one of {', '.join(choices('flag'))}"
        for flag in decision.flags
        if flag not in choices("flag")
    ]
    for scale, value in decision.ratings.items():
        if scale not in choices("scale"):
            found.append(f"ratings: {scale!r} is not one of {', '.join(choices('scale'))}")
        elif type(value) is not int or value not in RATINGS:
            found.append(f"ratings: {scale} is {value!r}; it is 1 to 5")
    before = decision.before or {}
    found += _choice_faults(decision.strategies, decision.emotion)
    found += _choice_faults(before.get("strategies"), before.get("emotion"), "before.")
    if not 0 <= decision.seconds_heard < 86_400:
        found.append("seconds_heard: it is a number of seconds")
    return found + _comment_faults(decision.comment or "")


def _choice_faults(
    chosen: Sequence[str] | None, emotion: str | None, within: str = ""
) -> Iterator[str]:
    """Yield what is wrong with the strategies and the emotion that somebody would choose."""
    if chosen is not None:
        known = load_schema("sample")["$defs"]["strategy"]["enum"]
        if not 1 <= len(set(chosen)) == len(chosen) <= strategies.MAX_STRATEGIES:
            yield f"{within}strategies: there are one to three, each once"
        yield from (f"{within}strategies: there is no {n!r}" for n in chosen if n not in known)
    if emotion is not None and emotion not in vocabulary().nodes:
        yield f"{within}emotion: there is no {emotion!r}"


def _comment_faults(comment: str) -> list[str]:
    if len(comment) > LONGEST_COMMENT:
        return [f"comment: it has {len(comment):,} characters; at most {LONGEST_COMMENT:,}"]
    if any("\ud800" <= character <= "\udfff" for character in comment):
        return ["comment: it cannot be kept, as half a character is in it"]
    return []


@cache
def _reply_checker(emotions: Emotions, own_turns: int) -> Validator:
    """Return the validator of a reply to this label, as narrow as the model's was."""
    allowed = strategies.allowed(emotions, own_turns)
    return Validator(narrowed_reply(allowed, labels.allowed_emotions(emotions)))


def _twin(record: Mapping[str, Any]) -> bool:
    return bool(record["contrast"]) and Contrast(**record["contrast"]).is_neutral_twin


def _own_turns(record: Mapping[str, Any]) -> int:
    turns: Sequence[Mapping[str, Any]] = record["text_context"]
    return min(2, len([turn for turn in turns if turn["role"] == "user"]))
