"""The provider that answers without a model: deterministic replies from ``prompts/phrasebook/``.

It is there so that the whole pipeline runs anywhere. Its replies know only the emotion, not what
was said: they are for trying out, not for training. Two emotions of different roots never get the
same reply: each phrase is said to one root alone, and none begins with another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from builders import resources
from builders.errors import LabelError
from builders.labels import strategies
from builders.labels.tables import TableRow, read_rows
from builders.labels.vocabulary import vocabulary
from builders.record.schema import load_schema
from builders.record.types import Emotions

ANY_EMOTION = "*"
PHRASE_WORDS = range(3, 31)

# A first choice of the policy is drawn this many times as often as another fitting strategy.
_FIRST_CHOICE_WEIGHT = 3
# One reply in this many carries two strategies: the mix that a data set should have.
_ONE_IN_TWO_STRATEGIES = 3


@dataclass(frozen=True, slots=True)
class _Manner:
    """The emotion a reply is spoken in, and what it does with the speaker's."""

    reply_emotion: str
    act: str


@dataclass(frozen=True, slots=True)
class _Repertoire:
    """All that can be answered to one emotion with one set of allowed strategies."""

    singles: tuple[tuple[str, ...], ...]
    pairs: tuple[tuple[str, ...], ...]
    phrases: Mapping[str, tuple[str, ...]]
    manner: _Manner


@cache
def tables_version() -> str:
    """Return the first 12 hex digits of the SHA-256 over both tables, as part of a model's name."""
    digest = sha256()
    for name in ("phrases.tsv", "replies.tsv"):
        digest.update(_path(name).read_bytes())
    return digest.hexdigest()[:12]


def check() -> None:
    """Raise LabelError where some emotion could not be replied to with some strategy.

    A secondary emotion brings strategies along that suit no reply to the primary one by itself, so
    each strategy needs phrases for each root.
    """
    known = vocabulary()
    for strategy in strategies.strategies():
        for root in known.roots:
            _phrases_for(strategy, root, root)
    for node in known.nodes:
        root = known.root_of(node)
        emotions = Emotions(node, root, known.valence(node), known.arousal(node))
        _repertoire(node, strategies.allowed(emotions, own_turns=0))


def answer(schema: Mapping[str, Any], seed: int) -> str:
    """Return the JSON text of a reply that is valid under `schema`.

    Args:
        schema: the reply schema, narrowed to the allowed strategies and emotions, the target's
            primary emotion first.
        seed: chooses among what fits; the same seed always gives the same bytes.

    Raises:
        LabelError: a phrase table is wrong, or no allowed strategy can begin a reply.
    """
    properties = schema["properties"]
    allowed = tuple(properties["strategies"]["items"]["enum"])
    primary = properties["awareness"]["properties"]["emotions"]["items"]["enum"][0]
    repertoire = _repertoire(primary, allowed)
    draw, remainder = divmod(_mixed(seed), _ONE_IN_TWO_STRATEGIES)
    plans = repertoire.singles if remainder else repertoire.pairs
    draw, at = divmod(draw, len(plans))
    plan, texts = plans[at], []
    for strategy in plan:
        phrases = repertoire.phrases[strategy]
        draw, at = divmod(draw, len(phrases))
        texts.append(phrases[at])
    reply = {
        "text": " ".join(texts),
        "emotion": repertoire.manner.reply_emotion,
        "strategies": plan,
        "awareness": {"act": repertoire.manner.act, "emotions": [primary]},
    }
    return orjson.dumps(reply).decode()


def _mixed(seed: int) -> int:
    """Return 64 well-mixed bits, so that neighbouring seeds draw differently (SplitMix64)."""
    bits = (seed + 1) * 0x9E3779B97F4A7C15 % 2**64
    bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EB % 2**64
    return bits ^ bits >> 31


@lru_cache(maxsize=4096)
def _repertoire(primary: str, allowed: tuple[str, ...]) -> _Repertoire:
    known = vocabulary()
    root = known.root_of(primary)
    emotions = Emotions(primary, root, known.valence(primary), known.arousal(primary))
    singles, pairs = _plans(allowed, emotions)
    if not singles:
        raise LabelError(
            f"none of the strategies {', '.join(allowed)} can stand alone in a reply to {primary}",
            where=resources.label_maps() / "strategy" / "_policy.tsv",
            expected="at least one that may come first",
            do="add a row with place 'first' for this emotion",
        )
    phrases = {strategy: _phrases_for(strategy, primary, root) for strategy in allowed}
    manners = _manners()
    return _Repertoire(singles, pairs or singles, phrases, manners.get(primary) or manners[root])


def _plans(
    allowed: tuple[str, ...], emotions: Emotions
) -> tuple[tuple[tuple[str, ...], ...], tuple[tuple[str, ...], ...]]:
    """Return what one-strategy and two-strategy replies may carry; what fits best stands oftener.

    The second of two is a question, or a strategy that may not come first (advice to a sad
    speaker).
    """
    first_choices = strategies.first_choices(emotions)
    alone = [one for one in allowed if not strategies.order_errors([one], emotions)]
    weights = {one: _FIRST_CHOICE_WEIGHT if one in first_choices else 1 for one in alone}
    openers = [one for one in alone for _ in range(weights[one])]
    seconds = [one for one in allowed if _asks(one) or one not in weights]
    pairs = [(opener, second) for opener in openers for second in seconds]
    legal = [pair for pair in pairs if not strategies.order_errors(pair, emotions)]
    return tuple((one,) for one in openers), tuple(legal)


def _asks(strategy: str) -> bool:
    return strategies.strategies()[strategy].kind == "question"


def _phrases_for(strategy: str, primary: str, root: str) -> tuple[str, ...]:
    """Return the phrases of the emotion, else of its coarse label, else its part of the general."""
    table = _phrases()
    for emotion in (primary, root):
        if (strategy, emotion) in table:
            return table[strategy, emotion]
    general = table.get((strategy, ANY_EMOTION), ())
    # Dealt out like cards among the coarse labels that have none of their own.
    sharing = [one for one in vocabulary().roots if (strategy, one) not in table]
    if len(general) < len(sharing):
        raise LabelError(
            f"strategy {strategy} has {len(general)} general phrases for {len(sharing)} emotions",
            where=_path("phrases.tsv"),
            expected=f"one at least for each of {', '.join(sharing)}",
            do=f"add rows for {ANY_EMOTION}, or for one of these emotions",
        )
    return general[sharing.index(root) :: len(sharing)]


@cache
def _phrases() -> Mapping[tuple[str, str], tuple[str, ...]]:
    """Return the phrases by (strategy, emotion or `ANY_EMOTION`)."""
    table: dict[tuple[str, str], tuple[str, ...]] = {}
    for row in read_rows(_path("phrases.tsv"), ("strategy", "emotion", "text"), key=("text",)):
        strategy = row.choice("strategy", strategies.strategies())
        emotion = row.choice("emotion", (ANY_EMOTION, *vocabulary().nodes))
        others = table.get((strategy, emotion), ())
        table[strategy, emotion] = (*others, _phrase(row, strategy))
    return table


def _phrase(row: TableRow, strategy: str) -> str:
    text = row.text("text")
    if len(text.split()) not in PHRASE_WORDS:
        raise row.error("text", "3 to 30 words")
    if _asks(strategy) and (text.count("?"), text[-1]) != (1, "?"):
        raise row.error("text", f"its only '?' at its end, since {strategy} asks")
    if not _asks(strategy) and "?" in text:
        raise row.error("text", f"no '?', since {strategy} does not ask")
    return text


@cache
def _manners() -> Mapping[str, _Manner]:
    """Return how an emotion is replied to; without a row of its own, as its coarse label is."""
    path = _path("replies.tsv")
    reply = load_schema("reply")["properties"]
    spoken, acts = reply["emotion"]["enum"], reply["awareness"]["properties"]["act"]["enum"]
    table: dict[str, _Manner] = {}
    for row in read_rows(path, ("emotion", "reply_emotion", "act"), key=("emotion",)):
        emotion = row.choice("emotion", vocabulary().nodes)
        table[emotion] = _Manner(row.choice("reply_emotion", spoken), row.choice("act", acts))
    missing = [root for root in vocabulary().roots if root not in table]
    if missing:
        what = f"no row for {', '.join(missing)}"
        raise LabelError(what, where=path, expected="one for each root", do="add it")
    return table


def _path(name: str) -> Path:
    return resources.prompts() / "phrasebook" / name
