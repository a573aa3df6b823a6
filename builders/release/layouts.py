"""The configs of a published dataset: which columns, and a record's row in each of them.

`sft` holds the record as far as it may go out, and `messages`. `utterances` is a view of its files,
without what a model wrote, and of further files for records whose reply stays behind. `preference`,
`kto` and `prompts` are small rows that name the clip instead of repeating it. Where an engine
speaks the utterances, all of these hold the records as text, and `synthetic` those with the voice.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from builders.record.messages import AUDIO_MARK, instruction, messages
from builders.record.schema import load_schema
from builders.record.types import ReviewStatus
from builders.release.rights import published_schema, withheld

CONFIGS = (
    *("sft", "utterances", "weak_audio", "strong_audio"),
    *("preference", "kto", "prompts", "synthetic"),
)
# Configs over the files of `sft`, by what a build has measured.
AUDIO_CLASSES = {"weak_audio": "text_solvable", "strong_audio": "audio_solvable"}
# What a model or a reviewer made of a record; `utterances` does without.
_MADE = {
    *("plan", "demonstrations", "desired_response", "executed", "reply_audio"),
    *("drafting", "checks", "judgements", "review"),
}

Row = dict[str, Any]


def audio_class(record: Mapping[str, Any]) -> str | None:
    """Return what the audio adds to a record's words, as measured; None where it is not known."""
    measured = record["audio_contribution"]
    return measured["class"] if measured else None


def schemas_of(may: frozenset[str], with_audio: bool) -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of the rows of each config that has files.

    Args:
        may: the permissions given.
        with_audio: whether `preference`, `kto` and `prompts` carry clips too.
    """
    record = published_schema(withheld(may))
    sft = copy.deepcopy(record)
    sft["properties"]["messages"] = load_schema("prompts")["properties"]["prompt"]
    sft["$defs"]["message"] = load_schema("prompts")["$defs"]["message"]
    sft["required"] = list(sft["properties"])
    utterances = record
    utterances["properties"] = {k: v for k, v in record["properties"].items() if k not in _MADE}
    utterances["required"] = list(utterances["properties"])
    found = {"sft": sft, "utterances": utterances, "synthetic": sft}
    for name in ("preference", "kto", "prompts"):
        found[name] = copy.deepcopy(load_schema(name))
        if not (with_audio and "audio" in may):
            del found[name]["properties"]["audio"]
            found[name]["required"].remove("audio")
    return found


class Rows:
    """Makes the rows of a record.

    Args:
        may: the permissions given.
        schemas: the schema of each kind of row, as `schemas_of` returns them.
    """

    def __init__(self, may: frozenset[str], schemas: Mapping[str, dict[str, Any]]) -> None:
        self._may = may
        self._columns = {name: tuple(schema["properties"]) for name, schema in schemas.items()}

    def is_marked(self, record: Row) -> bool:
        """Return whether a mark stands for a record's clip: it goes out, or nothing else may."""
        return bool(record["audio"]) and ("audio" in self._may or "text" not in self._may)

    def messages(self, record: Row, published: Row) -> list[dict[str, str]] | None:
        """Return the record as chat messages of published words, or None where there is nothing."""
        text, marked = "text" in self._may, self.is_marked(record)
        if not text and not marked:
            return None
        turns = [{**turn, "role": turn["role"] or "other"} for turn in published["text_context"]]
        shown = {**published, "audio": record["audio"], "text_context": turns if text else []}
        wording = instruction(record["id"], spoken=marked)
        mark = AUDIO_MARK if marked else None
        return messages(shown, instruction=wording, system=None, mark=mark)

    def utterance(self, published: Row) -> Row:
        """Return the row of `utterances`."""
        return {name: published[name] for name in self._columns["utterances"]}

    def sft(self, published: Row, said: list[dict[str, str]]) -> Row:
        """Return the row of `sft`."""
        return {**published, "messages": said}

    def preference(self, sft: Row, chosen: str, rejected: str, origin: str) -> Row:
        """Return the row of `preference`: the reply that people prefer to another, and how."""
        said = {"chosen": [_assistant(chosen)], "rejected": [_assistant(rejected)]}
        return self._small("preference", sft, {**said, "origin": origin})

    def kto(self, sft: Row) -> Row | None:
        """Return the row of `kto`: a reply that was reviewed, and whether it was accepted."""
        status = sft["review"] and sft["review"]["status"]
        if status is None or status == ReviewStatus.DISPUTED:
            return None
        label = status != ReviewStatus.REJECTED
        said = {"completion": [sft["messages"][-1]], "label": label}
        return self._small("kto", sft, said)

    def prompt(self, sft: Row) -> Row:
        """Return the row of `prompts`, with what a reward can be computed from."""
        reply, emotions = sft["desired_response"], sft["target_utterance"]["emotions"] or {}
        said = {
            "root": emotions.get("root"),
            "valence": emotions.get("valence"),
            "strategies": reply["strategies"],
            "awareness_act": reply["awareness"]["act"],
            "awareness_emotions": reply["awareness"]["emotions"],
            "reply_emotion": reply["emotion"],
            "solution": reply["text"],
        }
        return self._small("prompts", sft, said)

    def _small(self, name: str, sft: Row, said: Row) -> Row:
        emotions = sft["target_utterance"]["emotions"] or {}
        row = {
            "id": sft["id"],
            "language": sft["language"],
            "corpus": sft["source"]["corpus"],
            "split": sft["source"]["split"],
            "licence": sft["rights"]["licence"],
            "audio": sft["audio"],
            "audio_path": sft["audio"] and sft["audio"]["path"],
            "audio_sha256": sft["audio_info"]["sha256_pcm"],
            "emotion": emotions.get("primary"),
            "prompt": sft["messages"][:-1],
            **said,
        }
        return {column: row[column] for column in self._columns[name]}


def as_text(record: Row) -> Row:
    """Return a record whose utterance was given a voice as it would be without any sound."""
    info = dict.fromkeys(record["audio_info"])
    info |= {"origin": "none", "findings": record["audio_info"]["findings"]}
    reply = {**record["desired_response"], "synthesis": None}
    silent = {"audio": None, "audio_info": info, "desired_response": reply, "reply_audio": None}
    return {**record, **silent}


def _assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}
