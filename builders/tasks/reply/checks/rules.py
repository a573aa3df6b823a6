"""Checking a model's answer: coerce, then the schema, then the rules that no schema can say.

Coercing rewrites only case, blanks, declared aliases and the published one-string forms of a list,
and records each rewriting; the raw text stays in the store. What is still wrong afterwards is a
list of `Fault`, whose code is counted as the reason of a reject and whose sentence the model is
shown when it is asked again.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import orjson

from builders.labels import strategies
from builders.labels import vocabulary as labels
from builders.record.schema import Validator, violations
from builders.record.types import Emotions

WORDS = (3, 60)

_UNSPEAKABLE = (
    ("a line break", re.compile(r"[\r\n\u2028\u2029]")),
    ("a list", re.compile(r"(?m)^\s*(?:[-*•·‣]|\d{1,2}[.)])\s")),
    ("a link or an address", re.compile(r"https?:|www\.|\w@\w|\b\w+\.(?:com|org|net|io)\b")),
    ("markdown", re.compile(r"\*\*|__|`|^#{1,6}\s|\]\(|(?<!\w)[*_]\w[^*_]*[*_](?!\w)|~~|\|")),
    ("a stage direction", re.compile(r"[\[\]{}<>]|\((?:[A-Za-z]+ ?){1,3}\)|\*[a-z]")),
    ("a control character", re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd]")),
    (
        "an emoji or a picture",
        re.compile("[\u2190-\u2bff\u3030\u303d\u3297\u3299\ufe0f\U0001f000-\U0001faff]"),
    ),
    (
        "an emoticon",
        re.compile(r"[:;=][-'^]?[)(]|(?<!\w)(?:[:;=][-'^]?[DPpo3/\\|]|8-[)D])(?!\w)"),
    ),
)
# What nobody says of another's voice to their face. "You sound tired" is fine; measures are not.
_MEASURE = r"(?:pitch|loudness|volume|intonation|melody|tempo|pace|tone|cadence|inflection)"
_MEASURED = (
    r"(?:high(?:er)?|low(?:er)?|loud(?:er|ly)?|quiet(?:er|ly)?|soft(?:er|ly)?|fast(?:er)?|quick(?:er|ly)?|"
    r"slow(?:er|ly)?|rapid(?:ly)?|flat(?:ter)?|monotone|monotonous|raised|rising|falling|dropping)"
)
_SPEAKING = r"(?:speaking|talking|spoke|speak|talk|talked|sound|sounded|said (?:that|it|this))"
_ACOUSTIC = re.compile(
    rf"\b{_MEASURE} (?:of|in) your (?:voice|speech|words)\b"
    rf"|\byour (?:voice|speech|{_MEASURE}|speaking rate)(?: (?!\w*n't\b)\w+){{0,4}} {_MEASURED}\b"
    rf"|\byour voice(?:'s|’s)? {_MEASURE}\b"
    r"|\b(?:speaking rate|pauses? in your (?:voice|speech)|high-pitched)\b"
    r"|\b(?:decibels?|semitones?|hertz)\b"
    rf"|\byou(?:'re|’re| are| were)? {_SPEAKING}(?: \w+){{0,2}} {_MEASURED}\b",
    re.IGNORECASE,
)


class Fault(NamedTuple):
    """One thing wrong with an answer: the code that is counted, and a sentence."""

    code: str
    sentence: str


class Reply(NamedTuple):
    """An accepted answer, and what was rewritten in it: {field, from, to} each."""

    document: dict[str, Any]
    coercions: list[dict[str, str]]


def read_answer(
    text: str, checker: Validator, emotions: Emotions, neutral_twin: bool = False
) -> Reply | list[Fault]:
    """Return the accepted reply, or what is wrong with it (never empty).

    Args:
        text: what the model answered, JSON by agreement.
        checker: the validator of the reply schema narrowed to this request.
        emotions: the target's mapped label.
        neutral_twin: whether the same words were said with a feeling elsewhere, and not here.
    """
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return [Fault("not_json", f"the answer is not one JSON object: {error}")]
    if not isinstance(document, dict):
        return [Fault("not_json", "the answer is not one JSON object")]
    coercions = coerce(document, emotions)
    wrong = violations(checker, document)
    if wrong:
        return [Fault(_schema_code(line), line) for line in wrong]
    faults = rule_faults(document, emotions, neutral_twin)
    return faults or Reply(document, coercions)


def rule_faults(
    document: dict[str, Any], emotions: Emotions, neutral_twin: bool = False
) -> list[Fault]:
    """Return which rules a schema-valid reply breaks: strategies, awareness, length, speech.

    To a `neutral_twin`, of whose words only another voice makes a feeling, it may name none.
    """
    order = strategies.order_errors(document["strategies"], emotions)
    faults = [Fault("strategy_order", line) for line in order]
    named = document["awareness"]["emotions"]
    for name in dict.fromkeys(n for n in named if named.count(n) > 1):
        faults.append(Fault("emotion_repeated", f"awareness: {name} is named more than once"))
    if neutral_twin and (words := labels.feelings().named_in(document["text"])):
        sentence = (
            f"text: it names a feeling ({words!r}), but the speaker's voice shows none; "
            "answer what was said and name no feeling"
        )
        faults.append(Fault("feeling_named", sentence))
    return faults + text_faults(document["text"])


def text_faults(text: str) -> list[Fault]:
    """Return why a text cannot be spoken as a reply; empty when it can."""
    words = len(text.split())
    faults = []
    if not WORDS[0] <= words <= WORDS[1]:
        limits = f"{WORDS[0]} to {WORDS[1]}"
        faults.append(Fault("length", f"text: it has {words} words; a reply has {limits}"))
    for name, pattern in _UNSPEAKABLE:
        found = pattern.search(text)
        if found:
            sentence = (
                f"text: it holds {name} ({found[0].strip() or found[0]!r}), which nobody speaks"
            )
            faults.append(Fault("not_speakable", sentence))
    if found := _ACOUSTIC.search(text):
        sentence = f"text: it talks of how the voice measures ({found[0]!r}); answer the speaker"
        faults.append(Fault("acoustic_talk", sentence))
    return faults


def coerce(document: dict[str, Any], emotions: Emotions) -> list[dict[str, str]]:
    """Rewrite case, blanks and declared aliases in place; return what was rewritten."""
    made: list[dict[str, str]] = []
    _coerce_text(document, made)
    _coerce_strategies(document, emotions.valence, made)
    _coerce_awareness(document, made)
    emotion = document.get("emotion")
    if isinstance(emotion, str):
        document["emotion"] = _reply_emotion(emotion, made)
    return made


def _coerce_text(document: dict[str, Any], made: list[dict[str, str]]) -> None:
    text = document.get("text")
    if isinstance(text, str):
        lines = (" ".join(line.split()) for line in text.strip().splitlines())
        document["text"] = _note("text", text, "\n".join(lines), made)


def _coerce_strategies(document: dict[str, Any], valence: str, made: list[dict[str, str]]) -> None:
    given = document.get("strategies")
    if isinstance(given, str):
        given = _unfold("strategies", given, strategies.split(given.strip().lower()), made)
    if isinstance(given, list):
        document["strategies"] = [
            _note("strategies", word, strategies.resolve(word, valence) or word, made)
            if isinstance(word, str)
            else word
            for word in given
        ]


def _coerce_awareness(document: dict[str, Any], made: list[dict[str, str]]) -> None:
    given = document.get("awareness")
    if isinstance(given, str):
        act, _, rest = given.strip().lower().partition("_")
        parts = {"act": act, "emotions": rest.split("_and_")}
        document["awareness"] = given = _unfold("awareness", given, parts, made)
    if not isinstance(given, dict):
        return
    if isinstance(given.get("act"), str):
        given["act"] = _note("awareness.act", given["act"], given["act"].strip().lower(), made)
    if isinstance(given.get("emotions"), list):
        given["emotions"] = [
            _node("awareness.emotions", word, made) if isinstance(word, str) else word
            for word in given["emotions"]
        ]


def _unfold(field: str, given: str, parts: Any, made: list[dict[str, str]]) -> Any:
    """Return the parts of a published one-string form."""
    made.append({"field": field, "from": given, "to": orjson.dumps(parts).decode()})
    return parts


def _node(field: str, word: str, made: list[dict[str, str]]) -> str:
    return _note(field, word, labels.vocabulary().resolve(word) or word, made)


def _reply_emotion(word: str, made: list[dict[str, str]]) -> str:
    """Return the reply's own emotion; a leaf stands for its root, as only roots are asked for."""
    vocabulary = labels.vocabulary()
    node = vocabulary.resolve(word)
    return _note("emotion", word, vocabulary.root_of(node) if node else word, made)


def _note(field: str, given: str, canonical: str, made: list[dict[str, str]]) -> str:
    if canonical != given:
        made.append({"field": field, "from": given, "to": canonical})
    return canonical


def _schema_code(line: str) -> str:
    field = line.partition(":")[0]
    if field.startswith("strategies.") and " is not one of" in line:
        return "strategy_not_allowed"
    if field.startswith("awareness.emotions") and " is not one of" in line:
        return "emotion_out_of_line"
    return "schema"
