"""Importing a record written elsewhere: convert it to a valid sample through declared aliases.

Field names go through `schemas/field_aliases.tsv`, emotions and strategies through the tables of
`label_maps/`. Every conversion is recorded as a coercion; missing fields are
null, and an audio path becomes a finding, since the clip was not read.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Literal, TypedDict

from builders import resources
from builders.errors import ConfigError
from builders.labels import strategies
from builders.labels.tables import read_rows
from builders.labels.vocabulary import allowed_emotions, vocabulary
from builders.record.sample import Origin, assemble
from builders.record.schema import Validator, as_document, narrowed_reply, violations
from builders.record.types import Drafted, Emotions, Target, Turn, Utterance, sample_id
from builders.record.views import ClipFinding, SampleRecord
from builders.tasks.reply.checks.reading import coerce, rule_faults

CORPUS = "imported"
UNKNOWN = "unknown"
_REPLY = "desired_response"


class LooseEmotions(TypedDict, total=False):
    """Emotions in any wording."""

    primary: str
    secondary: str | None


class LooseTurn(TypedDict, total=False):
    """A turn of a record written elsewhere; the target has emotions."""

    text: str
    speaker: str | None
    emotions: LooseEmotions
    votes: object


class LooseRecord(TypedDict, total=False):
    """A record written elsewhere, limited to the fields that are read."""

    id: str | int
    language: str
    audio: dict[str, str | None] | None
    text_context: list[LooseTurn]
    target_utterance: LooseTurn
    desired_response: dict[str, object]


def adopt(document: LooseRecord) -> SampleRecord:
    """Return the valid sample for a record written elsewhere.

    Args:
        document: has `id`, `text_context` [{speaker, text}], `target_utterance` {text, emotions
            {primary, secondary}} and `desired_response` {text, response_strategy,
            emotion_awareness}.

    Raises:
        ConfigError: a field is missing, a word has no alias, or a rule for replies is broken; names
            record and field.
    """
    where = f"record {document.get('id', 'without id')!r}"
    _require(document, where)
    coercions: list[dict[str, str]] = []
    response = _renamed(document["desired_response"], coercions)
    emotions = _emotions(document["target_utterance"]["emotions"], coercions, where)
    target = _target(document, emotions)
    own = sum(turn.role == "user" for turn in target.turns)
    reply = _reply(response, emotions, own, coercions, where)
    sample = assemble(target, Drafted(reply, coercions, None, 1), _origin(document))
    if path := (document.get("audio") or {}).get("path"):
        finding: ClipFinding = {"code": "audio_not_read", "value": None, "detail": path}
        sample["audio_info"]["findings"] = [finding]
    return sample


def _require(document: LooseRecord, where: str) -> None:
    wrong = violations(_looser(), document)
    if wrong:
        raise ConfigError(wrong[0], where=where, do="add or fix that field")


@cache
def _looser() -> Validator:
    return Validator({**loose_schema(), "required": [*loose_schema()["required"], _REPLY]})


def loose_schema() -> dict[str, Any]:
    """Return the JSON Schema of a record before its words are looked up; it need have no reply."""
    text, perhaps = {"type": "string", "minLength": 1}, {"type": ["string", "null"]}
    turn = {"text": text, "speaker": perhaps}
    count = {"type": "integer", "minimum": 1}
    vote = {
        "type": ["object", "string"],
        "required": ["label"],
        "properties": {"label": text, "rater": perhaps, "count": count},
    }
    votes = {"type": ["object", "array", "null"], "additionalProperties": count, "items": vote}
    emotions = {
        "type": "object",
        "required": ["primary"],
        "properties": {"primary": text, "secondary": perhaps},
    }
    properties = {
        "id": {"type": ["string", "integer"]},
        "audio": {"type": ["object", "null"]},
        "text_context": {
            "type": "array",
            "items": {"type": "object", "required": ["text"], "properties": turn},
        },
        "target_utterance": {
            "type": "object",
            "required": ["text", "emotions"],
            "properties": {**turn, "emotions": emotions, "votes": votes},
        },
        _REPLY: {"type": "object"},
    }
    return {
        "type": "object",
        "required": ["id", "target_utterance"],
        "properties": properties,
    }


@cache
def _field_aliases() -> dict[str, str]:
    path = resources.schemas() / "field_aliases.tsv"
    rows = read_rows(path, ("alias", "field"), key=("alias",))
    return {row.text("alias"): row.text("field") for row in rows}


def _renamed(given: dict[str, object], coercions: list[dict[str, str]]) -> dict[str, object]:
    renamed = {}
    for name, value in given.items():
        field = _field_aliases().get(name, name)
        if field != name:
            coercions.append({"field": "desired_response", "from": name, "to": field})
        renamed[field] = value
    return renamed


def _emotions(given: LooseEmotions, coercions: list[dict[str, str]], where: str) -> Emotions:
    tree = vocabulary()
    words = {"primary": given.get("primary"), "secondary": given.get("secondary")}
    nodes: dict[str, str | None] = {}
    for field, word in words.items():
        node = nodes[field] = tree.resolve(word) if word else None
        if word and node is None:
            raise ConfigError(
                f"unknown {field} emotion {word!r}",
                where=where,
                expected=", ".join(tree.nodes),
                do="use one of these or add an alias to label_maps/emotion/_aliases.tsv",
            )
        if node and node != word:
            coercions.append({"field": f"emotions.{field}", "from": str(word), "to": node})
    primary = str(nodes["primary"])
    return Emotions(
        primary=primary,
        root=tree.root_of(primary),
        valence=tree.valence(primary),
        arousal=tree.arousal(primary),
        secondary=nodes["secondary"],
    )


def _reply(
    response: dict[str, object],
    emotions: Emotions,
    own_turns: int,
    coercions: list[dict[str, str]],
    where: str,
) -> dict[str, object]:
    reply = {
        "text": response.get("text"),
        "emotion": response.get("emotion"),
        "strategies": response.get("strategies", response.get("response_strategy")),
        "awareness": response.get("awareness", response.get("emotion_awareness")),
    }
    coercions += coerce(reply, emotions)
    allowed = strategies.allowed(emotions, own_turns)
    schema = narrowed_reply(allowed, allowed_emotions(emotions))
    said = {field: value for field, value in reply.items() if value is not None}
    schema["required"].remove("emotion")
    wrong = violations(Validator(as_document(schema)), said)
    wrong = wrong or [fault.sentence for fault in rule_faults(reply, emotions)]
    if wrong:
        raise ConfigError(wrong[0], where=where, do="change the reply in that record")
    return reply


def _role(turn: LooseTurn) -> Literal["user", "assistant", "other"]:
    role = str(turn.get("speaker", "")).lower()
    return "user" if role == "user" else "assistant" if role == "assistant" else "other"


def _utterance(document: LooseRecord, number: int, said: LooseTurn) -> Utterance:
    dialogue = str(document["id"])
    return Utterance(
        dialogue=dialogue,
        utterance=str(number),
        order=number,
        speaker=said.get("speaker"),
        text=said["text"],
        label=said.get("emotions", {}).get("primary"),
        id=sample_id(CORPUS, "all", dialogue, str(number)),
    )


def _target(document: LooseRecord, emotions: Emotions) -> Target:
    turns = document.get("text_context", [])
    utterances = [_utterance(document, number, turn) for number, turn in enumerate(turns)]
    return Target(
        split="all",
        utterance=_utterance(document, len(turns), document["target_utterance"]),
        emotions=emotions,
        background=None,
        background_origin=None,
        turns=[
            Turn(utterance, _role(turn), None, None)
            for utterance, turn in zip(utterances, turns, strict=True)
        ],
        reference=None,
    )


def _origin(document: LooseRecord) -> Origin:
    """Return the origin of the record, with no permissions."""
    return Origin(
        corpus=CORPUS,
        corpus_version=UNKNOWN,
        language=document.get("language", "en"),
        label_source=None,
        audio_origin="none",
        context="dialogue" if document.get("text_context") else "none",
        evaluation_overlap={},
        rights=dict.fromkeys(("licence", "audio", "text", "labels", "derived"), UNKNOWN),
        mapping_version="aliases",
        provider=CORPUS,
        model=UNKNOWN,
        prompt_version=UNKNOWN,
    )
