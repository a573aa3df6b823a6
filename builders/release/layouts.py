"""The configs of a published dataset: their columns, and a record's row in each.

`default` is flat, to train on, and has the clips. `record` has the whole publishable record without
its clip, `utterances` the same without model output, and a clip only where the record has no row in
`default`. `preference`, `preference_ai`, `kto` and `prompts` are small rows that name the clip
instead of repeating it. If the utterances are synthetic speech, all of these have the records as
text, and `synthetic` has them with audio.
`human_replies` has what people answered, where a build was mined; a clip that is a sample's own
lies in `default` or `utterances` only.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from builders.record.human_replies import SCHEMA as HUMAN_REPLIES
from builders.record.messages import AUDIO_MARK, conversation, instruction, messages
from builders.record.reply_views import DesiredResponse
from builders.record.sample import audio_info
from builders.record.schema import SchemaNode, load_schema
from builders.record.types import ReviewStatus
from builders.record.views import SampleRecord
from builders.release.pairs.reply_pair import ReplyPair
from builders.release.rights import published_schema, withheld
from builders.release.row_views import (
    DefaultRow,
    KtoRow,
    PreferenceAiRow,
    PreferenceRow,
    PromptsRow,
    PublishedRecord,
    SmallRow,
)

CONFIGS = (
    *("default", "record", "utterances", "weak_audio", "strong_audio"),
    *("preference", "preference_ai", "kto", "prompts", "synthetic", HUMAN_REPLIES),
)
# Configs over the files of `default`, by audio contribution.
AUDIO_CLASSES = {"weak_audio": "text_solvable", "strong_audio": "audio_solvable"}
# Fields from models and reviewers; `utterances` does not have them.
_MADE = {
    *("plan", "demonstrations", "desired_response", "executed", "reply_audio"),
    *("drafting", "checks", "judgements", "review"),
}


# The columns of chat turns: of `default` and `synthetic`.
_TALK = ("prompt", "completion", "audio_prompt", "messages")


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
    whole = published_schema(withheld(may))
    talk = load_schema("default")
    synthetic = _with(whole, {name: talk["properties"][name] for name in _TALK})
    synthetic["$defs"]["message"] = talk["$defs"]["message"]
    found = {
        "default": copy.deepcopy(talk),
        "record": _without(whole, "audio"),
        "utterances": _without(whole, *_MADE),
        "synthetic": synthetic,
    }
    for name in ("preference", "preference_ai", "kto", "prompts"):
        found[name] = copy.deepcopy(load_schema(name))
        if not (with_audio and "audio" in may):
            del found[name]["properties"]["audio"]
            found[name]["required"].remove("audio")
    found[HUMAN_REPLIES] = published_schema(withheld(may, HUMAN_REPLIES), HUMAN_REPLIES)
    del found[HUMAN_REPLIES]["properties"]["audio"]
    found[HUMAN_REPLIES]["required"].remove("audio")
    return found


def _with(schema: SchemaNode, more: Mapping[str, SchemaNode]) -> SchemaNode:
    """Return a copy of a schema with more properties."""
    made = copy.deepcopy(schema)
    made["properties"] |= copy.deepcopy(dict(more))
    return {**made, "required": list(made["properties"])}


def _without(schema: SchemaNode, *names: str) -> SchemaNode:
    """Return a copy of a schema without some properties."""
    made = copy.deepcopy(schema)
    made["properties"] = {k: v for k, v in made["properties"].items() if k not in names}
    return {**made, "required": list(made["properties"])}


@dataclass(frozen=True, slots=True)
class ChatExchange:
    """The publishable part of a record with its reply, and what is said, as chat turns.

    `prompt` ends before the reply, in words alone where words are published; `audio_prompt` has the
    placeholder of a published clip; `single` has all that is said before the reply as one turn, so
    that a trainer that learns every assistant turn learns the reply only.
    """

    record: PublishedRecord
    prompt: list[dict[str, str]]
    audio_prompt: list[dict[str, str]] | None
    single: list[dict[str, str]]

    @property
    def completion(self) -> list[dict[str, str]]:
        """Return the reply as the one turn to learn."""
        return self.single[-1:]

    @property
    def talk(self) -> dict[str, object]:
        """Return the columns that are chat turns."""
        made = self.prompt, self.completion, self.audio_prompt, self.single
        return dict(zip(_TALK, made, strict=True))


class Rows:
    """Makes the rows of a record.

    Args:
        may: the permissions given.
        schemas: the schema of each kind of row, as `schemas_of` returns them.
        two_parties: whether each dialogue of the corpus is one between two people.
    """

    def __init__(
        self, may: frozenset[str], schemas: Mapping[str, SchemaNode], two_parties: bool = False
    ) -> None:
        self._may = may
        # Who speaks is a label.
        self._two_parties = two_parties and "labels" in may
        self._columns = {name: tuple(schema["properties"]) for name, schema in schemas.items()}

    def is_marked(self, record: SampleRecord) -> bool:
        """Return whether a placeholder represents a clip: it is published, or the text is not."""
        return bool(record["audio"]) and ("audio" in self._may or "text" not in self._may)

    def exchange(self, record: SampleRecord, published: PublishedRecord) -> ChatExchange | None:
        """Return what is said in a record with published text, or None if nothing is."""
        text, marked = "text" in self._may, self.is_marked(record)
        if not text and not marked:
            return None
        turns = [{**turn, "role": turn["role"] or "other"} for turn in published["text_context"]]
        shown = {**published, "audio": record["audio"], "text_context": turns if text else []}
        # Withheld fields must not appear in the text.
        whole = cast(SampleRecord, shown)
        prompt = self._prompt(whole, None if text else AUDIO_MARK)
        heard = self._prompt(whole, AUDIO_MARK) if marked and "audio" in self._may else None
        mark = AUDIO_MARK if marked else None
        wording = instruction(record["id"], spoken=marked)
        single = messages(whole, instruction=wording, system=None, mark=mark)
        return ChatExchange(published, prompt, heard, single)

    def _prompt(self, record: SampleRecord, mark: str | None) -> list[dict[str, str]]:
        wording = instruction(record["id"], spoken=mark is not None)
        parties = self._two_parties
        return conversation(record, instruction=wording, mark=mark, two_parties=parties)

    def utterance(self, published: PublishedRecord, clip: bool = True) -> dict[str, object]:
        """Return the row of `utterances`; its clip only where `default` has no row of it."""
        row = {**published, "audio": published["audio"] if clip else None}
        return {name: row[name] for name in self._columns["utterances"]}

    def record(self, published: PublishedRecord) -> dict[str, object]:
        """Return the row of `record`."""
        columns: Mapping[str, object] = published
        return {name: columns[name] for name in self._columns["record"]}

    def synthetic(self, said: ChatExchange) -> dict[str, object]:
        """Return the row of `synthetic`: the whole record and its exchange."""
        return {**said.record, **said.talk}

    def default(self, said: ChatExchange) -> DefaultRow:
        """Return the row of `default`."""
        record = said.record
        emotions, reply = record["target_utterance"]["emotions"], record["desired_response"]
        if reply is None:
            raise RuntimeError(f"{record['id']} has no reply that may be published")
        return {
            "id": record["id"],
            "audio": record["audio"],
            "utterance": record["target_utterance"]["text"],
            "emotion": emotions["primary"] if emotions else None,
            "speaker": record["target_utterance"]["speaker"]["id"],
            "strategy": reply["response_strategy"],
            "reply": reply["text"],
            "duration": record["audio_info"]["duration"],
            "corpus": record["source"]["corpus"],
            "prompt": said.prompt,
            "completion": said.completion,
            "audio_prompt": said.audio_prompt,
            "messages": said.single,
        }

    def preference(self, said: ChatExchange, pair: ReplyPair) -> PreferenceRow:
        """Return the row of `preference`: the preferred and the rejected reply, and the origin."""
        return {
            **self._small("preference", said),
            "chosen": [_assistant(pair.chosen)],
            "rejected": [_assistant(pair.rejected)],
            "origin": pair.origin,
        }

    def preference_ai(self, said: ChatExchange, pair: ReplyPair) -> PreferenceAiRow:
        """Return the row of `preference_ai`: the same, what is wrong, and who preferred it."""
        small = self._small("preference_ai", said)
        return {**self.preference(said, pair), **small, "kind": pair.kind, "by": pair.by}

    def kto(self, said: ChatExchange) -> KtoRow | None:
        """Return the row of `kto`: a reply that was reviewed, and whether it was accepted."""
        review = said.record["review"]
        status = review and review["status"]
        if status is None or status == ReviewStatus.DISPUTED:
            return None
        label = status != ReviewStatus.REJECTED
        return {**self._small("kto", said), "completion": said.completion, "label": label}

    def prompt(self, said: ChatExchange, reply: DesiredResponse) -> PromptsRow:
        """Return the row of `prompts`, with the fields a reward can be computed from."""
        emotions = said.record["target_utterance"]["emotions"]
        return {
            **self._small("prompts", said),
            "root": emotions["root"] if emotions else None,
            "valence": emotions["valence"] if emotions else None,
            "strategies": reply["strategies"],
            "awareness_act": reply["awareness"]["act"],
            "awareness_emotions": reply["awareness"]["emotions"],
            "reply_emotion": reply["emotion"],
            "solution": reply["text"],
        }

    def _small(self, name: str, said: ChatExchange) -> SmallRow:
        record = said.record
        emotions = record["target_utterance"]["emotions"]
        row: SmallRow = {
            "id": record["id"],
            "language": record["language"],
            "corpus": record["source"]["corpus"],
            "split": record["source"]["split"],
            "licence": record["rights"]["licence"],
            "audio_path": record["audio"] and record["audio"]["path"],
            "audio_sha256": record["audio_info"]["sha256_pcm"],
            "emotion": emotions["primary"] if emotions else None,
            "prompt": said.prompt,
            "audio_prompt": said.audio_prompt,
        }
        if "audio" in self._columns[name]:
            row["audio"] = record["audio"]
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
