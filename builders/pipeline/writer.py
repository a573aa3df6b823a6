"""The writer: samples go to the shards of their split, the rest to files of their own."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from builders.llm.task import GivenUp, Pending
from builders.record.held import Held, Unrouted
from builders.record.manifest import Ledger
from builders.record.manifest_views import ManifestFile
from builders.record.sample import Origin, assemble
from builders.record.types import Drafted, Reject, Target

if TYPE_CHECKING:  # Arrow takes its time to import: the first requests go out meanwhile
    from builders.record.parquet import RejectWriter, SplitWriter


# Ids of targets that were left which are kept for `hearten status`.
_MOST_LEFT = 1000
# Rejects that wait to be written: the first ones come before anything is asked.
_REJECTS = 1000


class Sink:
    """Writes outcomes: samples to the shards of their split, the rest to files of their own."""

    def __init__(self, folder: Path, origin: Origin, ledger: Ledger) -> None:
        self._folder = folder
        self._origin = origin
        self._ledger = ledger
        self._writers: dict[str, SplitWriter] = {}
        self._rejected: list[Mapping[str, object]] = []
        self.example_left: str | None = None
        self.example_rejected: str | None = None
        self.left: list[tuple[str, str, str]] = []

    @cached_property
    def _rejects(self) -> RejectWriter:
        from builders.record.parquet import RejectWriter

        return RejectWriter(self._folder / "rejected.parquet")

    @cached_property
    def _held(self) -> RejectWriter:
        from builders.record.parquet import HELD, RejectWriter

        return RejectWriter(self._folder / "held_for_people.parquet", HELD)

    def take(self, item: tuple[Target, Drafted | GivenUp | Pending] | Reject) -> None:
        """Write one item and count it."""
        if isinstance(item, Held):
            self._hold(item)
            return
        if isinstance(item, Unrouted):
            self._leave(item.id, item.reason, item.detail)
            return
        if isinstance(item, Reject):
            self._reject(item)
            return
        target, outcome = item
        if target.caption:
            self._ledger.captioned(target.caption.dropped)
        if target.summary:
            self._ledger.summarised(target.summary.dropped)
        if isinstance(outcome, Drafted):
            self._keep(target, outcome)
        elif isinstance(outcome, GivenUp):
            said = {"text": target.utterance.text, "label": target.utterance.label}
            raw = {**said, "answer": outcome.answer}
            self._reject(
                Reject(target.id, target.split, "draft", outcome.reason, outcome.detail, raw)
            )
        else:
            self._leave(target.id, outcome.kind, outcome.detail)

    def _leave(self, target_id: str, kind: str, detail: str) -> None:
        """Count what has no answer yet, and remember which it is."""
        self._ledger.left(kind)
        self.example_left = self.example_left or detail
        if kind != "stopped" and len(self.left) < _MOST_LEFT:
            self.left.append((target_id, kind, detail))

    @property
    def left_shown(self) -> str:
        """Return the first ids of targets that were left, as a message names them."""
        ids = [target_id for target_id, *_ in self.left]
        return ", ".join(ids[:3]) + (", …" if len(ids) > len(ids[:3]) else "")

    def close(self) -> list[ManifestFile]:
        """Finish all files and return the path, bytes, rows and SHA-256 of each."""
        from builders.record.parquet import describe_file

        shards = [path for writer in self._writers.values() for path in writer.close()]
        self._write_rejects()
        self._rejects.close()
        self._held.close()
        others = ("rejected.parquet", "held_for_people.parquet")
        files = [*shards, *(self._folder / name for name in others)]
        return [describe_file(path, self._folder) for path in files]

    def _keep(self, target: Target, drafted: Drafted) -> None:
        record = assemble(target, drafted, self._origin)
        writer = self._writers.get(target.split)
        if writer is None:
            from builders.record.parquet import SplitWriter

            writer = self._writers[target.split] = SplitWriter(self._folder / "data", target.split)
        said, reply = (clip.flac if clip else None for clip in (target.clip, drafted.spoken))
        writer.add(orjson.dumps(record), said, reply)
        self._ledger.kept(target.split)

    def _hold(self, held: Held) -> None:
        row = {n: getattr(held, n) for n in ("id", "split", "by", "speaker", "text", "emotion")}
        names = ("id", "speaker", "role", "text")
        turns = [dict(zip(names, turn, strict=True)) for turn in held.turns]
        row |= {"route": held.reason, "codes": [*held.codes], "text_context": turns}
        self._held.add(row)
        self._ledger.held(held.split, held.reason)

    def _reject(self, reject: Reject) -> None:
        row = {name: getattr(reject, name) for name in ("id", "split", "stage", "reason", "detail")}
        self._rejected.append({**row, "raw": orjson.dumps(reject.raw).decode()})
        self._ledger.rejected(reject.split, reject.reason)
        self.example_rejected = self.example_rejected or f"{reject.id}: {reject.detail[:200]}"
        if len(self._rejected) >= _REJECTS:
            self._write_rejects()

    def _write_rejects(self) -> None:
        for row in self._rejected:
            self._rejects.add(row)
        self._rejected = []
