"""The forms of records that can be taken in: ours, the owner's, or rows with a map of columns.

What is wrong with a record is said in one line: the record, the path in it, the rule of the schema
and what it expected, which `jsonschema` finds by its best match.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from builders.corpora import slugs
from builders.corpora.own_records import SPLITS, OwnDialogue, OwnUtterance
from builders.errors import ConfigError, first_of, suggested
from builders.labels.vocabulary import label_map
from builders.pipeline.imported import LooseRecord, adopt, loose_schema
from builders.pipeline.importing.column_map import Columns
from builders.record.schema import as_document, load_schema, validator
from builders.record.views import SampleRecord, VoteCount

_SPLIT_NAMES = {"validation": "dev", "valid": "dev", "val": "dev"}
_VERSION = "2"
_BETWEEN = re.compile(r"[,;|]")
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Given:
    """A record as it is taken in: its split and dialogue, its clip, its sample if it has a reply.

    `audio` is a path as the record has it, `clip` the bytes of a clip that lies in the record,
    `nothing` are the labels of votes that stand for no emotion on purpose.
    """

    where: str
    split: str
    dialogue: OwnDialogue
    audio: str | None = None
    clip: bytes | None = None
    sample: SampleRecord | None = None
    nothing: frozenset[str] = frozenset()


def given(record: object, where: str, columns: Columns | None) -> Given:
    """Return a record as it is taken in; ConfigError where it is not valid."""
    if not isinstance(record, dict):
        raise ConfigError("the record is no JSON object", where=where, expected="fields by name")
    if columns:
        return _mapped(record, where, columns)
    if "schema_version" in record:
        return _ours(record, where)
    return _owners(record, where)


def explain(schema: dict[str, Any], record: object, where: str, name: object) -> ConfigError:
    """Return the error for a record that its schema does not allow, the other faults beside it."""
    every = [*Draft202012Validator(schema).iter_errors(record)]
    best = best_match(every)
    if best is None:
        return ConfigError(f"record {name!r} is not valid", where=where)
    others = [best_match([one]) for one in every]
    found = [best, *(one for one in others if one and not _same(one, best))]
    return cast(ConfigError, first_of(_explained(one, where, name) for one in found))


def _same(one: ValidationError, other: ValidationError) -> bool:
    return (one.absolute_path, one.message) == (other.absolute_path, other.message)


def _explained(found: ValidationError, where: str, name: object) -> ConfigError:
    path = ".".join(map(str, found.absolute_path)) or "the record itself"
    expected = str(found.validator_value)
    return ConfigError(
        f"record {name!r}: {path} breaks the rule {found.validator} ({_short(found.message)})",
        where=where,
        expected=_short(expected),
        do="add or fix that field",
    )


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _ours(record: dict[str, Any], where: str) -> Given:
    """Return a record of our own form; one of a published dataset has its messages besides."""
    name, version = record.get("id"), record["schema_version"]
    if version != _VERSION:
        raise ConfigError(
            f"record {name!r} is of version {version!r}",
            where=where,
            expected=f"version {_VERSION}",
            do="run hearten upgrade on its build, and import that",
        )
    audio = record.get("audio") or {}
    plain = {key: value for key, value in record.items() if key != "messages"}
    plain |= {"audio": None} if audio else {}
    plain |= {"reply_audio": None} if plain.get("reply_audio") else {}
    if not validator("sample").is_valid(plain):
        raise explain(as_document(load_schema("sample")), plain, where, name)
    sample = cast(SampleRecord, plain)
    turns: list[OwnUtterance] = [
        _said(turn["id"], turn["speaker"] or turn["role"], turn["text"])
        for turn in sample["text_context"]
    ]
    target = sample["target_utterance"]
    speaker = target["speaker"]["id"] or "user"
    turns.append(_said("target", speaker, target["text"], target["emotions"]["primary"]))
    votes, nothing = _in_our_words(sample["annotation"]["votes"], sample["source"]["corpus"])
    _tell_more(turns[-1], target["emotions"]["secondary"], votes)
    answering = (
        t["speaker"] or "assistant" for t in sample["text_context"] if t["role"] == "assistant"
    )
    background = sample["background"]
    dialogue = _dialogue(
        sample["id"], turns, background and background["text"], next(answering, None)
    )
    clip = audio.get("bytes")
    return Given(
        where,
        sample["source"]["split"],
        dialogue,
        None if clip else audio.get("path"),
        clip,
        sample,
        nothing,
    )


def _owners(record: dict[str, Any], where: str) -> Given:
    """Return a record of the form with `target_utterance` and `text_context`."""
    schema = loose_schema()
    if not Draft202012Validator(schema).is_valid(record):
        raise explain(schema, record, where, record.get("id", "without id"))
    document = cast(LooseRecord, record)
    context = document.get("text_context") or []
    speakers = [turn.get("speaker") for turn in context]
    turns = [_said(str(n), turn.get("speaker"), turn["text"]) for n, turn in enumerate(context)]
    target = document["target_utterance"]
    own = target.get("speaker") or next((s for s in speakers if str(s).lower() == "user"), "User")
    label = target["emotions"]["primary"]
    turns.append(_said("target", own, target["text"], label))
    other = next((s for s in speakers if str(s).lower() == "assistant"), None)
    sample = adopt(document) if document.get("desired_response") else None
    dialogue = _dialogue(str(document["id"]), turns, None, other)
    if language := document.get("language"):
        turns[-1]["language"] = language
    _tell_more(turns[-1], target["emotions"].get("secondary"), votes_of(target.get("votes")))
    return Given(where, "all", dialogue, (document.get("audio") or {}).get("path"), None, sample)


def _mapped(row: dict[str, Any], where: str, columns: Columns) -> Given:
    """Return a row with the columns that a map names."""
    cells: dict[str, str | None] = {}
    fields = columns.model_dump(exclude_none=True)
    if wrong := first_of(_no_columns(row, where, fields)):
        raise wrong
    votes = votes_of(row[fields.pop("votes")]) if "votes" in fields else []
    for field, column in fields.items():
        value = row[column]
        cells[field] = None if value is None or value == "" else str(value)
    name = cells["id"]
    if wrong := first_of(_empty(cells, where, name)):
        raise wrong
    said = _said(str(name), cells.get("speaker"), str(cells["text"]), cells["emotion"])
    if cells.get("language"):
        said["language"] = str(cells["language"])
    _tell_more(said, cells.get("secondary"), votes)
    dialogue = _dialogue(cells.get("dialogue") or str(name), [said], cells.get("background"), None)
    return Given(where, _split(cells.get("split"), where, name), dialogue, cells.get("audio"))


def votes_of(value: object) -> list[VoteCount]:
    """Return votes as our record has them: from such, from counts by label, or from the labels.

    A text has labels with a comma, a semicolon or a bar between them, one for each rater.
    """
    if isinstance(value, str):
        value = [label.strip() for label in _BETWEEN.split(value) if label.strip()]
    if isinstance(value, dict):
        value = [{"label": label, "count": count} for label, count in value.items() if count]
    votes: list[VoteCount] = []
    for one in value if isinstance(value, list) else ():
        vote: dict[str, Any] = one if isinstance(one, dict) else {"label": str(one)}
        rater = vote.get("rater")
        votes.append(
            {
                "rater": None if rater is None else str(rater),
                "label": str(vote["label"]),
                "count": vote.get("count") or 1,
            }
        )
    return votes


def _in_our_words(
    votes: list[VoteCount] | None, corpus: str
) -> tuple[list[VoteCount], frozenset[str]]:
    """Return votes with our word for each label of a corpus that we know, as its label has one.

    Labels that the corpus's table maps to nothing on purpose are returned beside them.
    """
    if not votes or corpus not in slugs():
        return votes or [], frozenset()
    meanings = {vote["label"]: _meaning(corpus, vote["label"]) for vote in votes}
    told: list[VoteCount] = [
        {**vote, "label": meanings[vote["label"]] or vote["label"]} for vote in votes
    ]
    return told, frozenset(label for label, node in meanings.items() if node is None)


def _meaning(corpus: str, label: str) -> str | None:
    try:
        found = label_map(corpus).emotions(label)
    except KeyError:
        return label  # said to have no emotion, where it has none
    return found.primary if found else None


def _tell_more(said: OwnUtterance, second: str | None, votes: list[VoteCount]) -> None:
    """Add a second emotion and votes to a target, where it has any."""
    if second:
        said["second"] = second
    if votes:
        said["votes"] = votes


def _no_columns(row: dict[str, Any], where: str, fields: dict[str, str]) -> Iterator[ConfigError]:
    for field, column in fields.items():
        if column not in row:
            yield ConfigError(
                f"there is no column {column!r}, which the map has for {field}",
                where=where,
                **suggested(column, [*map(str, row)]),
            )


def _empty(cells: dict[str, str | None], where: str, name: object) -> Iterator[ConfigError]:
    for field in ("id", "text"):
        if cells[field] is None:
            yield ConfigError(
                f"record {name!r}: {field} is empty",
                where=where,
                expected="some text",
                do="fill it in",
            )


def _split(written: str | None, where: str, name: object) -> str:
    split = _SPLIT_NAMES.get((written or "all").lower(), (written or "all").lower())
    if split not in SPLITS:
        raise ConfigError(
            f"record {name!r} is of split {written!r}",
            where=where,
            expected=f"one of {', '.join(SPLITS)}",
        )
    return split


def _said(name: str, speaker: str | None, text: str, label: str | None = None) -> OwnUtterance:
    return {"id": name, "speaker": speaker, "text": text, "label": label}


def _dialogue(
    name: str, turns: list[OwnUtterance], background: str | None, assistant: str | None
) -> OwnDialogue:
    made: OwnDialogue = {"id": name, "utterances": turns}
    if background:
        made["background"] = background
    if assistant:
        made["assistant"] = assistant
    return made
