"""Reading a model's answer: find the object, coerce, then the schema, then the checks.

The object is read wherever it stands in the answer (`llm/objects.py`). Coercing rewrites only case,
blanks, declared aliases and the published one-string forms of a list. Each rewriting and whatever
was left out is recorded; the raw text stays in the store. What is still wrong afterwards is a
list of `ReplyFault`, whose code is counted as the reason of a reject and whose sentence the model
is shown when it is asked again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar, cast

import orjson

from builders.labels import strategies
from builders.labels.vocabulary import vocabulary
from builders.llm.objects import find_object
from builders.record.planned_reply import CheckNote
from builders.record.reply_views import ReplyPart
from builders.record.schema import Validator, as_document, load_schema, violations
from builders.record.types import Emotions
from builders.tasks.reply.checks.candidate import Candidate, Scene
from builders.tasks.reply.checks.registry import OF_PEOPLE, ReplyFault, run_checks

Parts = TypeVar("Parts")


class Reply(NamedTuple):
    """An accepted answer, what was rewritten in it ({field, from, to} each), and what is noted."""

    document: dict[str, object]
    coercions: list[dict[str, str]]
    notes: tuple[CheckNote, ...] = ()


def read_answer(  # noqa: PLR0913 - one argument for each part
    text: str,
    checker: Validator,
    emotions: Emotions,
    neutral_twin: bool = False,
    caption: str | None = None,
    scene: Scene | None = None,
    own_names: Callable[[str], str] | None = None,
) -> Reply | list[ReplyFault]:
    """Return the accepted reply, or what is wrong with it (never empty).

    Args:
        text: what the model answered, JSON by agreement, with whatever is around it.
        checker: the validator of the reply schema narrowed to this request.
        emotions: the target's mapped label.
        neutral_twin: whether the same words were said with a feeling elsewhere, and not here.
        caption: how the voice was described to the model.
        scene: what the reply answers; None where it is not known.
        own_names: gives a text the names of the corpus back, where the model was told others.
    """
    found = find_object(text, as_document(load_schema("reply")))
    if found is None:
        return [ReplyFault("not_json", f"the answer is not one JSON object: {_why_none(text)}")]
    document = found.document
    if own_names and isinstance(document.get("text"), str):
        document["text"] = own_names(document["text"])
    coercions = [*found.coercions, *coerce(document, emotions)]
    wrong = violations(checker, document)
    if wrong:
        return [ReplyFault(_schema_code(line), line) for line in wrong]
    seen = run_checks(Candidate(cast(ReplyPart, document), emotions, neutral_twin, caption, scene))
    return list(seen.faults) or Reply(document, coercions, seen.notes)


def _why_none(text: str) -> str:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return str(error)
    return "it is JSON of another kind"


def rule_faults(
    document: dict[str, object],
    emotions: Emotions,
    neutral_twin: bool = False,
    caption: str | None = None,
) -> list[ReplyFault]:
    """Return what the checks refuse in a schema-valid reply that somebody wrote.

    To a `neutral_twin`, of whose words only another voice makes a feeling, it may name none; it may
    not repeat the `caption` of the voice.
    """
    candidate = Candidate(cast(ReplyPart, document), emotions, neutral_twin, caption)
    return list(run_checks(candidate, OF_PEOPLE).faults)


def coerce(document: dict[str, object], emotions: Emotions) -> list[dict[str, str]]:
    """Rewrite case, blanks and declared aliases in place; return what was rewritten."""
    made: list[dict[str, str]] = []
    _coerce_text(document, made)
    _coerce_strategies(document, emotions.valence, made)
    _coerce_awareness(document, made)
    emotion = document.get("emotion")
    if isinstance(emotion, str):
        document["emotion"] = _reply_emotion(emotion, made)
    return made


def _coerce_text(document: dict[str, object], made: list[dict[str, str]]) -> None:
    text = document.get("text")
    if isinstance(text, str):
        lines = (" ".join(line.split()) for line in text.strip().splitlines())
        document["text"] = _note("text", text, "\n".join(lines), made)


def _coerce_strategies(
    document: dict[str, object], valence: str, made: list[dict[str, str]]
) -> None:
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


def _coerce_awareness(document: dict[str, object], made: list[dict[str, str]]) -> None:
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


def _unfold(field: str, given: str, parts: Parts, made: list[dict[str, str]]) -> Parts:
    """Return the parts of a published one-string form."""
    made.append({"field": field, "from": given, "to": orjson.dumps(parts).decode()})
    return parts


def _node(field: str, word: str, made: list[dict[str, str]]) -> str:
    return _note(field, word, vocabulary().resolve(word) or word, made)


def _reply_emotion(word: str, made: list[dict[str, str]]) -> str:
    """Return the reply's own emotion as a coarse label, as only those are asked for."""
    known = vocabulary()
    node = known.resolve(word)
    return _note("emotion", word, known.root_of(node) if node else word, made)


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
