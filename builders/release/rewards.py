"""What our checks compute of a response, as rewards: for GRPO of TRL and of ms-swift.

`export --task grpo --rewards` writes `rewards.py`, which both trainers load, and the column
``checked`` that these functions read. Each takes the completions of a batch, texts or lists of
messages, and returns a number from 0 to 1 for each.

    form      no check refuses the words: they can be spoken, are whole, safe, and claim nothing
    length    as many words as planned, or as can be listened to
    strategy  what the cues find is legal for the label, and the row's strategies are carried out
    emotion   every feeling that is named is one that the label allows
    voice     how the voice measures is not talked of, nor a feeling named that it does not show

They know rules and no empathy: a response may have all of them and say nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson

from builders.labels import strategies as known
from builders.labels.vocabulary import allowed_emotions, feelings, vocabulary
from builders.record.reply_views import ReplyPart
from builders.record.types import Emotions
from builders.record.views import SampleRecord
from builders.tasks.reply.checks.candidate import Candidate, Scene
from builders.tasks.reply.checks.language import answered_in
from builders.tasks.reply.checks.registry import all_hits
from builders.tasks.reply.checks.rules import WORDS
from builders.tasks.reply.tagging import UNKNOWN, tag

Completions = Sequence[str | Sequence[Mapping[str, str]]]

COLUMN = "checked"
# What the other rewards measure, and what a response in words alone does not say.
_OF_OTHERS = frozenset({"length", "acoustic_talk", "feeling_named", "strategy_order"})
_GOOD_OR_BAD = ("positive", "negative")
_OF_VOICE = frozenset({"acoustic_talk", "feeling_named"})


def told(record: SampleRecord) -> str:
    """Return what the rewards of a response to a record are computed from, as JSON."""
    label, turns = record["target_utterance"]["emotions"], record["text_context"]
    plan, contrast = record["plan"], record["contrast"]
    names = [record["target_utterance"]["speaker"]["id"], *(turn["speaker"] for turn in turns)]
    found = {
        "emotions": label,
        "own_turns": min(2, sum(turn["role"] == "user" for turn in turns)),
        "language": answered_in(record["language"]).partition("-")[0].lower(),
        "utterance": record["target_utterance"]["text"],
        "turns": [turn["text"] for turn in turns],
        "names": list(dict.fromkeys(name for name in names if name)),
        "neutral_twin": bool(contrast and contrast["group"]) and label["root"] == "neutral",
        "words": [plan["min_words"], plan["max_words"]] if plan else [None, None],
        "strategies": record["desired_response"]["strategies"],
    }
    return orjson.dumps(found).decode()


def form(completions: Completions, checked: Sequence[str], **_: Any) -> list[float]:
    """Return 1 for each response that no check refuses, 0 for the others."""
    return _each(completions, checked, lambda text, row: float(not _refused(text, row)))


def length(completions: Completions, checked: Sequence[str], **_: Any) -> list[float]:
    """Return 1 for each response within its length, less the further it is outside."""
    return _each(completions, checked, _length)


def strategy(completions: Completions, checked: Sequence[str], **_: Any) -> list[float]:
    """Return the share of the strategies that is carried out; 0 where another one is not legal.

    A response whose strategies no cue tells has half of it.
    """
    return _each(completions, checked, _strategy)


def emotion(completions: Completions, checked: Sequence[str], **_: Any) -> list[float]:
    """Return 1 for each response that names no feeling but those that its label allows."""
    return _each(completions, checked, _emotion)


def voice(completions: Completions, checked: Sequence[str], **_: Any) -> list[float]:
    """Return 1 for each response that neither measures the voice nor hears in it what is not."""

    def found(text: str, row: Mapping[str, Any]) -> float:
        return float(not any(check.code in _OF_VOICE for check, _ in all_hits(_asked(text, row))))

    return _each(completions, checked, found)


REWARDS = (form, length, strategy, emotion, voice)


def prefers(chosen: str, rejected: str, record: SampleRecord) -> bool:
    """Return whether the sum of the rewards is larger for the chosen reply."""
    both = [chosen, rejected], [told(record)] * 2
    found = [reward(*both) for reward in REWARDS]
    return sum(one for one, _ in found) > sum(other for _, other in found)


def _each(
    completions: Completions,
    checked: Sequence[str],
    reward: Callable[[str, Mapping[str, Any]], float],
) -> list[float]:
    pairs = zip(completions, checked, strict=True)
    return [reward(_text(said), _row(row)) for said, row in pairs]


def _text(said: str | Sequence[Mapping[str, str]]) -> str:
    """Return the words of a completion: TRL gives messages for prompts of messages."""
    return (said if isinstance(said, str) else said[-1]["content"]).strip()


@lru_cache(maxsize=1024)
def _row(checked: str) -> Mapping[str, Any]:
    row: Mapping[str, Any] = orjson.loads(checked)
    return row


def _asked(text: str, row: Mapping[str, Any]) -> Candidate:
    scene = Scene(
        utterance=row["utterance"],
        turns=tuple(row["turns"]),
        names=tuple(row["names"]),
        language=row["language"],
    )
    reply: ReplyPart = {
        **{"text": text, "emotion": None, "strategies": row["strategies"]},  # type: ignore[typeddict-item]
        "awareness": {"act": "", "emotions": []},
    }
    return Candidate(reply, _label(row), row["neutral_twin"], scene=scene)


def _label(row: Mapping[str, Any]) -> Emotions:
    return Emotions(**{**row["emotions"], "alternatives": tuple(row["emotions"]["alternatives"])})


def _refused(text: str, row: Mapping[str, Any]) -> bool:
    if not text:
        return True
    hits = all_hits(_asked(text, row))
    return any(one.severity == "reject" and one.code not in _OF_OTHERS for one, _ in hits)


def _length(text: str, row: Mapping[str, Any]) -> float:
    low, high = (given or limit for given, limit in zip(row["words"], WORDS, strict=True))
    count = len(text.split())
    beyond = max(low - count, 0) / low + max(count - high, 0) / high
    return max(0.0, 1 - beyond)


def _strategy(text: str, row: Mapping[str, Any]) -> float:
    if not text:
        return 0.0
    label = _label(row)
    done = {one.strategy for one in tag(text, label.valence, row["language"])} - {UNKNOWN}
    wanted = row["strategies"]
    if not done:
        return 0.5
    if done - {*known.allowed(label, row["own_turns"]), *wanted}:
        return 0.0
    return sum(name in done for name in wanted) / len(wanted) if wanted else 1.0


def _emotion(text: str, row: Mapping[str, Any]) -> float:
    words = vocabulary()
    roots = {words.root_of(node) for node in allowed_emotions(_label(row))}
    # "What a surprise" suits good news and bad: only what is itself good or bad can be wrong.
    named = (n for n in feelings().emotions_in(text) if words.valence(n) in _GOOD_OR_BAD)
    return float(all(words.root_of(node) in roots for node in named))
