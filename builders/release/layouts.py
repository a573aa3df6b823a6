"""The configs of a published dataset: which columns, and a record's row in each of them.

`sft` holds the record as far as it may go out, and `messages`. `utterances` is a view of its files,
without what a model wrote, and of further files for records whose reply stays behind. `preference`,
`kto` and `prompts` are small rows that name the clip instead of repeating it. Where an engine
speaks the utterances, all of these hold the records as text, and `synthetic` those with the voice.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import cast

from builders.record.messages import AUDIO_MARK, instruction, messages
from builders.record.reply_views import DesiredResponse
from builders.record.sample import audio_info
from builders.record.schema import SchemaNode, load_schema
from builders.record.types import ReviewStatus
from builders.record.views import SampleRecord
from builders.release.rights import published_schema, withheld
from builders.release.row_views import (
    KtoRow,
    PreferenceRow,
    PromptsRow,
    PublishedRecord,
    SftRow,
    SmallRow,
)

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


def audio_class(record: SampleRecord | PublishedRecord) -> str | None:
    """Return what the audio adds to a record's words, as measured; None where it is not known."""
    measured = record["audio_contribution"]
    return measured["class"] if measured else None


def schemas_of(may: frozenset[str], with_audio: bool) -> dict[str, SchemaNode]:
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

    def __init__(self, may: frozenset[str], schemas: Mapping[str, SchemaNode]) -> None:
        self._may = may
        self._columns = {name: tuple(schema["properties"]) for name, schema in schemas.items()}

    def is_marked(self, record: SampleRecord) -> bool:
        """Return whether a mark stands for a record's clip: it goes out, or nothing else may."""
        return bool(record["audio"]) and ("audio" in self._may or "text" not in self._may)

    def messages(
        self, record: SampleRecord, published: PublishedRecord
    ) -> list[dict[str, str]] | None:
        """Return the record as chat messages of published words, or None where there is nothing."""
        text, marked = "text" in self._may, self.is_marked(record)
        if not text and not marked:
            return None
        turns = [{**turn, "role": turn["role"] or "other"} for turn in published["text_context"]]
        shown = {**published, "audio": record["audio"], "text_context": turns if text else []}
        wording = instruction(record["id"], spoken=marked)
        mark = AUDIO_MARK if marked else None
        # What is withheld of it is not among the words that are shown.
        whole = cast(SampleRecord, shown)
        return messages(whole, instruction=wording, system=None, mark=mark)

    def utterance(self, published: PublishedRecord) -> dict[str, object]:
        """Return the row of `utterances`."""
        columns: Mapping[str, object] = published
        return {name: columns[name] for name in self._columns["utterances"]}

    def sft(self, published: PublishedRecord, said: list[dict[str, str]]) -> SftRow:
        """Return the row of `sft`."""
        return {**published, "messages": said}

    def preference(self, sft: SftRow, chosen: str, rejected: str, origin: str) -> PreferenceRow:
        """Return the row of `preference`: the reply that people prefer to another, and how."""
        return {
            **self._small("preference", sft),
            "chosen": [_assistant(chosen)],
            "rejected": [_assistant(rejected)],
            "origin": origin,
        }

    def kto(self, sft: SftRow) -> KtoRow | None:
        """Return the row of `kto`: a reply that was reviewed, and whether it was accepted."""
        status = sft["review"] and sft["review"]["status"]
        if status is None or status == ReviewStatus.DISPUTED:
            return None
        label = status != ReviewStatus.REJECTED
        return {**self._small("kto", sft), "completion": [sft["messages"][-1]], "label": label}

    def prompt(self, sft: SftRow, reply: DesiredResponse) -> PromptsRow:
        """Return the row of `prompts`, with what a reward can be computed from."""
        emotions = sft["target_utterance"]["emotions"]
        return {
            **self._small("prompts", sft),
            "root": emotions["root"] if emotions else None,
            "valence": emotions["valence"] if emotions else None,
            "strategies": reply["strategies"],
            "awareness_act": reply["awareness"]["act"],
            "awareness_emotions": reply["awareness"]["emotions"],
            "reply_emotion": reply["emotion"],
            "solution": reply["text"],
        }

    def _small(self, name: str, sft: SftRow) -> SmallRow:
        emotions = sft["target_utterance"]["emotions"]
        row: SmallRow = {
            "id": sft["id"],
            "language": sft["language"],
            "corpus": sft["source"]["corpus"],
            "split": sft["source"]["split"],
            "licence": sft["rights"]["licence"],
            "audio_path": sft["audio"] and sft["audio"]["path"],
            "audio_sha256": sft["audio_info"]["sha256_pcm"],
            "emotion": emotions["primary"] if emotions else None,
            "prompt": sft["messages"][:-1],
        }
        if "audio" in self._columns[name]:
            row["audio"] = sft["audio"]
        return row


def as_text(record: SampleRecord) -> SampleRecord:
    """Return a record whose utterance was given a voice as it would be without any sound."""
    info = audio_info("none", None)
    info["findings"] = record["audio_info"]["findings"]
    return {
        **record,
        "audio": None,
        "audio_info": info,
        "desired_response": {**record["desired_response"], "synthesis": None},
        "reply_audio": None,
    }


def _assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}
