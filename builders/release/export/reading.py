"""Reading a build for an export: only the exported columns, and the clips of earlier turns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from builders.record.dataset import Build
from builders.record.views import SampleRecord
from builders.release.export.examples import ExportedClip, sound_of

COLUMNS = (
    "id",
    "language",
    "audio",
    "audio_info.origin",
    "audio_info.samples",
    "audio_info.sha256_pcm",
    "audio_info.synthesis",
    "background",
    "text_context",
    "target_utterance",
    "annotation.match_root",
    "annotation.votes",
    "annotation.agreement",
    "contrast.group",
    "plan",
    "voice.words",
    "audio_contribution.class",
    "desired_response.text",
    "desired_response.strategies",
    "desired_response.synthesis",
    "source.split",
    "source.dialogue_id",
    "source.context",
    "drafting.request_key",
    "drafting.provider",
    "safety.route",
    "review.status",
    "review.emotion",
    "rights.licence",
)
REPLY_AUDIO = ("reply_audio",)


def any_known(build: Build, column: str) -> bool:
    """Return whether any record has a field such as ``review.status``."""
    outer, inner = column.split(".")
    rows: Iterator[Mapping[str, Any]] = build.rows((column,))
    return any(row[outer] and row[outer][inner] for row in rows)


class EarlierTurns:
    """The clips of a dialogue so far, for the context of its later turns.

    Records come in corpus order, so only one dialogue is in memory.
    """

    def __init__(self) -> None:
        self._dialogue: tuple[str, str] | None = None
        self._clips: dict[str, tuple[str | None, ExportedClip]] = {}
        self.found = self.wanted = 0

    def of(self, record: SampleRecord) -> dict[str, ExportedClip]:
        """Return the clips of a record's context turns by id, and keep its clip for later turns.

        A turn's digest, if it has one, must match the clip.
        """
        source = record["source"]
        dialogue = (record["id"].split("-")[0] + source["split"], source["dialogue_id"])
        if dialogue != self._dialogue:
            self._dialogue, self._clips = dialogue, {}
        found = {}
        for turn in record["text_context"]:
            digest, sound = self._clips.get(turn["id"], ("", None))
            if sound and turn["audio_sha256"] in (None, digest):
                found[turn["id"]] = sound
        self.wanted += len(record["text_context"])
        self.found += len(found)
        if (own := sound_of(record)) is not None:
            self._clips[record["id"]] = (record["audio_info"]["sha256_pcm"], own)
        return found
