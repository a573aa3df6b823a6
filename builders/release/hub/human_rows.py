"""Staging the config `human_replies`: what people answered to the published utterances.

The rows are those that `hearten mine` wrote beside the build. Each goes out as far as the terms of
the corpus allow, and only with an utterance that goes out too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pyarrow as pa

from builders.errors import ConfigError
from builders.record.data_file import DataFile
from builders.record.human_replies import FOLDER, SCHEMA, HumanReplies, HumanReply, were_mined
from builders.record.manifest_views import Manifest
from builders.record.schema import Validator, as_document, violations
from builders.record.views import ClipFile
from builders.release.eligibility import Restrictions
from builders.release.hub.files import Clips, RowFile, replies_of
from builders.release.hub.staging import Staged
from builders.release.layouts import schemas_of
from builders.release.mining import digest_of_build
from builders.release.mining.answering import AnswerRules
from builders.release.rights import withheld


def stage_human_replies(
    staged: Staged, folder: Path, manifest: Manifest, known: Restrictions
) -> None:
    """Add the rows of people's replies to a version, if the build was mined.

    Args:
        staged: the version, with all its other rows.
        folder: the build's folder.
        manifest: the build's own.
        known: the ids that may not be used.

    Raises:
        ConfigError: they were mined from another state of the build.
        VerificationError: a file is not what was mined.
    """
    if not were_mined(folder):
        return
    mined = HumanReplies(folder).verify()
    if mined.manifest["identity"].get("the build") != digest_of_build(manifest):
        raise ConfigError(
            "the build was replaced after its replies of people were mined",
            where=folder,
            do=f"delete {folder / FOLDER} and run hearten mine {folder}",
        )
    _HumanRows(staged, known).write(mined)


class _HumanRows:
    """Writes the rows, one row group of the mined files after the other."""

    def __init__(self, staged: Staged, known: Restrictions) -> None:
        may = staged.terms.may
        # The clips of people are not those of a synthetic voice, whatever the terms of that are.
        self._may = may - {"audio"} if staged.terms.synthetic else may
        self._staged, self._known = staged, known
        self._schema = schemas_of(self._may, False)[SCHEMA]
        staged.schemas[SCHEMA] = self._schema
        self._valid = Validator(as_document(self._schema))
        self._withheld = withheld(self._may, SCHEMA)
        self._rules = AnswerRules.load()

    def write(self, mined: HumanReplies) -> None:
        """Write the rows of all shards."""
        for shard in mined.shards():
            rest = shard.name.partition("-")[2]
            files: dict[str, RowFile] = {}
            with DataFile(shard) as held:
                for table in held.groups(self._columns(held)):
                    self._group(table, files, rest)
            for split, file in files.items():
                file.close()
                self._staged.add_file(SCHEMA, split, file.path)

    def _columns(self, held: DataFile) -> list[str]:
        """Return the columns to read: no clip that does not go out."""
        gone = {"audio"} | ({"reply_audio"} & self._withheld.keys())
        return [leaf for leaf in held.leaves if leaf.partition(".bytes")[0] not in gone]

    def _group(self, table: pa.Table, files: dict[str, RowFile], rest: str) -> None:
        clips = self._clips(table)
        rows: dict[str, list[tuple[int, dict[str, object]]]] = {}
        for place, row in enumerate(self._silent(table)):
            out = self._published(row) if self._goes_out(row) else None
            if out is not None:
                split = self._staged.split_by_id[row["id"]]
                rows.setdefault(split, []).append((place, out))
        for split, found in rows.items():
            if split not in files:
                path = self._staged.folder / "data" / SCHEMA / f"{split}-{rest}"
                files[split] = RowFile(path, self._schema)
            taken = None if clips is None else clips.take(pa.array([place for place, _ in found]))
            back = files[split].write([row for _, row in found], None, taken)
            self._staged.fingerprint(SCHEMA, split).add(back)
            for _ in found:
                self._staged.tally.row(SCHEMA, split)

    def _clips(self, table: pa.Table) -> Clips:
        return None if "reply_audio" in self._withheld else replies_of(table)

    def _silent(self, table: pa.Table) -> Iterator[HumanReply]:
        """Yield the rows, the reply's clip by name only."""
        bare = table.drop_columns([n for n in ("audio", "reply_audio") if n in table.schema.names])
        for name, row in zip(_names(table), bare.to_pylist(), strict=True):
            clip: ClipFile | None = {"path": name, "bytes": None} if name else None
            yield cast(HumanReply, {**row, "audio": None, "reply_audio": clip})

    def _goes_out(self, row: HumanReply) -> bool:
        """Return whether the utterance is published, and nobody is against either turn."""
        ids = self._staged.ids
        if row["id"] not in ids or self._rules.of_review(ids[row["id"]]):
            return False
        out = self._known.excluded
        return not (out(row["id"]) or out(row["reply_id"]) or self._is_unsafe(row))

    def _is_unsafe(self, row: HumanReply) -> bool:
        return bool({row["id"], row["reply_id"]} & self._known.unsafe.keys())

    def _published(self, row: HumanReply) -> dict[str, object] | None:
        """Return the part of a row that goes out; a clip that a sample has lies with the sample.

        None where it would repeat words that may not go out.
        """
        whole: dict[str, object] = {**row, **self._withheld}
        held_back = not self._staged.terms.consent.speaker(row["reply_speaker"])
        if held_back or row["reply_id"] in self._staged.ids:
            whole["reply_audio"] = None
        out = {name: whole[name] for name in self._schema["properties"]}
        if wrong := violations(self._valid, out):
            raise RuntimeError(f"{row['id']} does not fit its schema: {wrong[0]}")
        return None if self._staged.closed.quotes(out) else out


def _names(table: pa.Table) -> list[str | None]:
    """Return the name of each reply's clip, None where there is none or none was read."""
    if "reply_audio" not in table.schema.names:
        return [None] * table.num_rows
    audio = table.column("reply_audio").combine_chunks()
    paths = zip(audio.field("path").to_pylist(), audio.is_valid().to_pylist(), strict=True)
    return [path if there else None for path, there in paths]
