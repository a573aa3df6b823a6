"""The configs of a published dataset: their columns, and a record's row in each.

`sft` has the publishable part of the record, and `messages`. `utterances` is a view of its files,
without model output, and of further files for records whose reply is withheld. `preference`,
`preference_ai`, `kto` and `prompts` are small rows that name the clip instead of repeating it. If
the utterances are synthetic speech, all of these have the records as text, and `synthetic` has them
with audio.
`human_replies` has what people answered, where a build was mined; a clip that is a sample's own
lies in `sft` or `utterances` only.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import cast

from builders.record.human_replies import SCHEMA as HUMAN_REPLIES
from builders.record.messages import AUDIO_MARK, instruction, messages
from builders.record.reply_views import DesiredResponse
from builders.record.sample import audio_info
from builders.record.schema import SchemaNode, load_schema
from builders.record.types import ReviewStatus
from builders.record.views import SampleRecord
from builders.release.pairs.reply_pair import ReplyPair
from builders.release.rights import published_schema, withheld
from builders.release.row_views import (
    KtoRow,
    PreferenceAiRow,
    PreferenceRow,
    PromptsRow,
    PublishedRecord,
    SftRow,
    SmallRow,
)

CONFIGS = (
    *("sft", "utterances", "weak_audio", "strong_audio"),
    *("preference", "preference_ai", "kto", "prompts", "synthetic", HUMAN_REPLIES),
)
# Configs over the files of `sft`, by audio contribution.
AUDIO_CLASSES = {"weak_audio": "text_solvable", "strong_audio": "audio_solvable"}
# Fields from models and reviewers; `utterances` does not have them.
_MADE = {
    *("plan", "demonstrations", "desired_response", "executed", "reply_audio"),
    *("drafting", "checks", "judgements", "review"),
}


def audio_class(record: SampleRecord | PublishedRecord) -> str | None:
    """Return the audio contribution class of a record; None if unknown."""
    measured = record["audio_contribution"]
    return measured["class"] if measured else None


def schemas_of(may: frozenset[str], with_audio: bool) -> dict[str, SchemaNode]:
    """Return the JSON Schema of the rows of each config that has files.

    Args:
        may: the permissions given.
        with_audio: whether the small rows include clips too.
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
    for name in ("preference", "preference_ai", "kto", "prompts"):
        found[name] = copy.deepcopy(load_schema(name))
        if not (with_audio and "audio" in may):
            del found[name]["properties"]["audio"]
            found[name]["required"].remove("audio")
    found[HUMAN_REPLIES] = published_schema(withheld(may, HUMAN_REPLIES), HUMAN_REPLIES)
    del found[HUMAN_REPLIES]["properties"]["audio"]
    found[HUMAN_REPLIES]["required"].remove("audio")
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
        """Return whether a placeholder represents a clip: it is published, or the text is not."""
        return bool(record["audio"]) and ("audio" in self._may or "text" not in self._may)

    def messages(
        self, record: SampleRecord, published: PublishedRecord
    ) -> list[dict[str, str]] | None:
        """Return the record as chat messages with published text, or None if there is none."""
        text, marked = "text" in self._may, self.is_marked(record)
        if not text and not marked:
            return None
        turns = [{**turn, "role": turn["role"] or "other"} for turn in published["text_context"]]
        shown = {**published, "audio": record["audio"], "text_context": turns if text else []}
        wording = instruction(record["id"], spoken=marked)
        mark = AUDIO_MARK if marked else None
        # Withheld fields must not appear in the text.
        whole = cast(SampleRecord, shown)
        return messages(whole, instruction=wording, system=None, mark=mark)

    def utterance(self, published: PublishedRecord) -> dict[str, object]:
        """Return the row of `utterances`."""
        columns: Mapping[str, object] = published
        return {name: columns[name] for name in self._columns["utterances"]}

    def sft(self, published: PublishedRecord, said: list[dict[str, str]]) -> SftRow:
        """Return the row of `sft`."""
        return {**published, "messages": said}

    def preference(self, sft: SftRow, pair: ReplyPair) -> PreferenceRow:
        """Return the row of `preference`: the preferred and the rejected reply, and the origin."""
        return {
            **self._small("preference", sft),
            "chosen": [_assistant(pair.chosen)],
            "rejected": [_assistant(pair.rejected)],
            "origin": pair.origin,
        }

    def preference_ai(self, sft: SftRow, pair: ReplyPair) -> PreferenceAiRow:
        """Return the row of `preference_ai`: the same, what is wrong, and who preferred it."""
        small = self._small("preference_ai", sft)
        return {**self.preference(sft, pair), **small, "kind": pair.kind, "by": pair.by}

    def kto(self, sft: SftRow) -> KtoRow | None:
        """Return the row of `kto`: a reply that was reviewed, and whether it was accepted."""
        status = sft["review"] and sft["review"]["status"]
        if status is None or status == ReviewStatus.DISPUTED:
            return None
        label = status != ReviewStatus.REJECTED
        return {**self._small("kto", sft), "completion": [sft["messages"][-1]], "label": label}

    def prompt(self, sft: SftRow, reply: DesiredResponse) -> PromptsRow:
        """Return the row of `prompts`, with the fields a reward can be computed from."""
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
    """Return a record with a synthetic utterance as a text-only record."""
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
