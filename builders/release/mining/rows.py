"""Writing the rows of people's replies, one dialogue after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson

from builders.labels.vocabulary import vocabulary
from builders.record.folder import settle, write_json
from builders.record.human_replies import MANIFEST, SCHEMA, HumanReply, MinedManifest
from builders.record.manifest import versions
from builders.record.parquet import SplitWriter, arrow_schema, describe_file
from builders.record.schema import load_schema, validator, violations
from builders.record.views import ClipFile, SampleRecord
from builders.release.mining.answering import NextTurn
from builders.release.mining.clips import SourceClips
from builders.release.mining.judging import BY_CUES, JudgedReply
from builders.tasks.reply.checks.registry import checks_digest

_MICROSECONDS = 6


class MinedRows:
    """Writes the rows of the samples that were kept.

    Args:
        folder: an empty folder.
        turns: the next turn of each sample.
        kept: the samples that were kept, with what was found of the reply.
        clips: the clips of turns that are no samples; None where they are not wanted.
    """

    # Read of a build, with the clips.
    columns = (
        *("id", "language", "audio", "audio_info.sha256_pcm", "audio_info.duration"),
        *("audio_info.origin", "target_utterance", "source", "rights"),
    )

    def __init__(
        self,
        folder: Path,
        turns: Mapping[str, NextTurn],
        kept: Mapping[str, JudgedReply | None],
        clips: SourceClips | None,
    ) -> None:
        self._folder, self._turns, self._kept, self._clips = folder, turns, kept, clips
        self._schema = arrow_schema(load_schema(SCHEMA))
        self._writers: dict[str, SplitWriter] = {}
        self._rows = self._silent = 0

    def add(self, dialogue: Sequence[SampleRecord]) -> None:
        """Write the rows of the samples of a dialogue."""
        spoken = {record["id"]: record for record in dialogue}
        for record in dialogue:
            if record["id"] in self._kept:
                turn = self._turns[record["id"]]
                self._add(record, turn, self._voice(turn.id, spoken.get(turn.id)))

    def _voice(
        self, name: str, sample: SampleRecord | None
    ) -> tuple[bytes | None, str | None, float | None]:
        """Return clip, digest and length of a reply: of its sample, else from the corpus."""
        if sample is not None:
            return _sound_of(sample)
        clip = self._clips.of(name) if self._clips else None
        if clip is None:
            return None, None, None
        return clip.flac, clip.sha256_pcm, round(clip.duration, _MICROSECONDS)

    def _add(
        self,
        record: SampleRecord,
        turn: NextTurn,
        voice: tuple[bytes | None, str | None, float | None],
    ) -> None:
        split, said = record["source"]["split"], record["target_utterance"]
        flac, digest, seconds = _sound_of(record)
        reply_flac, reply_digest, reply_seconds = voice
        judged, emotion = self._kept[record["id"]], turn.emotion
        row: HumanReply = {
            "id": record["id"],
            "language": record["language"],
            "corpus": record["source"]["corpus"],
            "split": split,
            "dialogue_id": record["source"]["dialogue_id"],
            "audio": _named(record["id"], flac),
            "audio_sha256": digest,
            "audio_seconds": seconds,
            "utterance": said["text"],
            "speaker": said["speaker"]["id"],
            "emotion": said["emotions"]["primary"],
            "root": said["emotions"]["root"],
            "gap_seconds": turn.gap_seconds,
            "reply_id": turn.id,
            "reply": turn.text,
            "reply_speaker": turn.speaker,
            "reply_emotion": emotion,
            "reply_root": vocabulary().root_of(emotion) if emotion else None,
            "reply_audio": _named(turn.id, reply_flac),
            "reply_audio_sha256": reply_digest,
            "reply_audio_seconds": reply_seconds,
            "strategies": judged.strategies if judged else [],
            "tagged_by": BY_CUES if judged else None,
            "checks": {"set_version": checks_digest(), "results": judged.notes} if judged else None,
            "rights": record["rights"],
        }
        if wrong := violations(validator(SCHEMA), row):
            raise RuntimeError(f"{row['id']} does not fit its schema: {'; '.join(wrong)}")
        if split not in self._writers:
            self._writers[split] = SplitWriter(self._folder, split, self._schema)
        self._writers[split].add(orjson.dumps(row), flac, reply_flac)
        self._rows += 1
        self._silent += reply_flac is None

    def close(
        self, build: str, identity: dict[str, str | None], left_out: Mapping[str, int]
    ) -> MinedManifest:
        """Finish the files and write the manifest, which makes them whole.

        Raises:
            RuntimeError: the rows are not those that were kept, which is a bug.
        """
        if self._rows != len(self._kept):
            raise RuntimeError(f"{len(self._kept)} kept, but {self._rows} written")
        shards = [path for writer in self._writers.values() for path in writer.close()]
        for path in shards:
            settle(path)
        ordered = sorted(left_out.items(), key=lambda pair: (-pair[1], pair[0]))
        manifest: MinedManifest = {
            "build": build,
            "identity": identity,
            "counts": {
                "read": self._rows + sum(left_out.values()),
                "kept": self._rows,
                "left_out": dict(ordered),
                "silent": self._silent,
            },
            "files": [describe_file(path, self._folder) for path in shards],
            "versions": versions(),
        }
        write_json(self._folder / MANIFEST, manifest)
        return manifest


def _sound_of(record: SampleRecord) -> tuple[bytes | None, str | None, float | None]:
    """Return clip, digest and length of a sample; nothing of a synthetic voice."""
    info, audio = record["audio_info"], record["audio"]
    if audio is None or info["origin"] == "synthetic":
        return None, None, None
    return audio["bytes"], info["sha256_pcm"], info["duration"]


def _named(name: str, flac: bytes | None) -> ClipFile | None:
    return {"path": f"{name}.flac", "bytes": None} if flac else None
