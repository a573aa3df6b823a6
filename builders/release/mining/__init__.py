"""Mining: the replies that people really gave in a corpus, as rows beside a finished build.

Each sample's next turn by another speaker is taken where the rules of `answering.py` say that it
answers the sample. It is tagged and checked as drafts are (`judging.py`). Every sample is counted:
read = kept + left out, by reason. The build itself is not changed; what is written lies in
`human_replies/` of its folder, see `builders.record.human_replies`.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import cast

import orjson
import polars as pl

from builders.corpora.exclusions import Exclusions
from builders.errors import ConfigError, VerificationError
from builders.record.dataset import Build
from builders.record.folder import BuildFolder
from builders.record.human_replies import FOLDER, HumanReplies, MinedManifest, were_mined
from builders.record.manifest import RESTORE
from builders.record.manifest_views import Manifest
from builders.record.next_turns import COLUMNS, next_turns
from builders.record.types import MISSING_AFTER
from builders.record.views import SampleRecord
from builders.release.eligibility import (
    EXCLUDED,
    Extent,
    Purpose,
    Restrictions,
    eligibility,
    restrictions,
)
from builders.release.mining.answering import NO_NEXT_TURN, AnswerRules, NextTurn
from builders.release.mining.clips import SourceClips
from builders.release.mining.judging import JudgedReply, judge_reply, judging_digest
from builders.release.mining.rows import MinedRows
from builders.review.outcome.applied import applied

# Read to decide; clips are read later, of samples that are kept.
_LIGHT = (
    *("id", "language", "text_context", "target_utterance", "background", "review"),
    *("reference_response", "safety", "source.dialogue_id"),
)
_BATCH = 8192


@dataclass(frozen=True, slots=True)
class Mined:
    """The result of a run: `fresh` is false where everything was there already."""

    folder: Path
    manifest: MinedManifest
    fresh: bool
    broken_clips: Mapping[str, int] = field(default_factory=dict)


def mine(
    folder: Path,
    store: str,
    exclusions: Exclusions,
    source: Path | None = None,
    only: Callable[[str], bool] = lambda _: True,
    *,
    follow_links: bool = False,
) -> Mined:
    """Take people's replies from a build.

    Args:
        folder: the folder of a finished build.
        store: the address of the store with the reviewers' decisions; there may be none.
        exclusions: the ids that must not be used, as a sample or as a reply.
        source: the corpus folder, for the clips of turns that are no samples; None for none.
        only: whether a sample may be used; by default all may.
        follow_links: whether clips may be links out of `source`.

    Raises:
        ConfigError: the build is not finished, has no replies, or was mined in another state.
        SourceError: `source` is not the corpus that the build was made from.
        VerificationError: a file of the build is not what the build wrote.
        OutputError: the folder cannot be written, or is in use.
    """
    seen = Build(applied(folder, store, exclusions.covers))
    identity = _identity(Build(folder), seen, exclusions, source, follow_links)
    if were_mined(folder):
        return _there(folder, identity)
    known = restrictions(seen.shards(), exclusions.covers)
    decided = _Decided(seen, known, AnswerRules.load(), only).run()
    if not decided.kept:
        raise _nothing(folder, decided.left_out)
    clips = None
    if source is not None:
        clips = SourceClips(seen, source, decided.replies - decided.samples, follow_links)
    with BuildFolder(folder).hold("OUTPUT/NAME"):
        if were_mined(folder):  # by another run in the meantime
            return _there(folder, identity)
        manifest = _write(folder, seen, decided, identity, clips)
    return Mined(folder, manifest, True, clips.broken if clips else {})


def digest_of_build(manifest: Manifest) -> str:
    """Return a digest of what was built."""
    said = orjson.dumps(manifest["result"], option=orjson.OPT_SORT_KEYS)
    return sha256(said).hexdigest()


class _Decided:
    """The decision about each sample of a build, from one pass without clips."""

    def __init__(
        self,
        build: Build,
        known: Restrictions,
        rules: AnswerRules,
        only: Callable[[str], bool],
    ) -> None:
        self._build, self._known, self._rules, self._only = build, known, rules, only
        self.turns = _turns_of(build)
        self.kept: dict[str, JudgedReply | None] = {}
        self.left_out: Counter[str] = Counter()
        self.samples: set[str] = set()
        # Crisis lines wait for people: nobody learns to say them either.
        self._waiting = {*_waiting(build)}

    @property
    def replies(self) -> set[str]:
        """Return the ids of the turns that are kept as replies."""
        return {self.turns[name].id for name in self.kept}

    def run(self) -> _Decided:
        """Decide about every sample, in order."""
        for record in self._build.rows(_LIGHT):
            self.samples.add(record["id"])
            reason = self._take(record)
            if reason:
                self.left_out[reason] += 1
        return self

    def _take(self, record: SampleRecord) -> str | None:
        """Keep the next turn of a sample, or return why not."""
        name = record["id"]
        if not self._only(name):
            return "not_published"
        answer = eligibility(record, Purpose.TRAIN, self._known)
        if answer.extent is Extent.NOTHING:
            return answer.reason
        turn = self.turns.get(name)
        if turn is None:
            flags = record["target_utterance"]["flags"] or ()
            return MISSING_AFTER if MISSING_AFTER in flags else NO_NEXT_TURN
        if self._known.excluded(turn.id):
            return EXCLUDED
        if turn.id in self._known.unsafe or turn.id in self._waiting:
            return "reply_unfit"
        if reason := self._rules.against(record, turn):
            return reason
        judged = judge_reply(record, turn.text, turn.speaker)
        if judged and judged.refused:
            return f"check_{judged.refused}"
        self.kept[name] = judged
        return None


def _turns_of(build: Build) -> dict[str, NextTurn]:
    """Return the next turn of each sample that has one."""
    parts = [pl.DataFrame(pl.from_arrow(part)) for part in build.batches(COLUMNS, batch=_BATCH)]
    if not parts:
        return {}
    samples = pl.concat(parts)
    _check_columns(build, samples)
    # What was rejected after reading, or waits for people, stands in the contexts of others.
    others = [row["id"] for row in build.rejects(("id", "stage")) if row["stage"] != "read"]
    others += _waiting(build)
    found = next_turns(samples, pl.Series("id", others, dtype=pl.String))
    return {
        row["id"]: NextTurn(
            *(row["next_id"], row["next_speaker"], row["next"], row["next_emotion"]),
            *(row["gap_seconds"], row["is_direct"], row["hole_after"], row["hole_before"]),
        )
        for row in found.filter(pl.col("next_id").is_not_null()).iter_rows(named=True)
    }


def _waiting(build: Build) -> list[str]:
    """Return the ids of the utterances that wait for people."""
    return [name for table in build.held_groups() for name in table.column("id").to_pylist()]


def _check_columns(build: Build, samples: pl.DataFrame) -> None:
    """Raise VerificationError where the files have other columns than a build's."""
    wanted = dict.fromkeys(name.partition(".")[0] for name in (*_LIGHT, *COLUMNS))
    there = {*next(build.batches(_LIGHT, batch=1)).schema.names, *samples.columns}
    if missing := [name for name in wanted if name not in there]:
        raise VerificationError(
            f"the files of the build have no column {', '.join(missing)}",
            where=build.folder / "data",
            expected="the columns of schemas/sample.schema.json",
            do=RESTORE,
        )


def _identity(
    build: Build, seen: Build, exclusions: Exclusions, source: Path | None, follow_links: bool
) -> dict[str, str | None]:
    """Return all that decides about the rows, by name."""
    languages = {row["language"].partition("-")[0].lower() for row in build.first(1, ["language"])}
    reviewed = cast("dict[str, object]", seen.manifest["run"]).get("reviewed")
    return {
        "the build": digest_of_build(build.manifest),
        "the reviewers' decisions": str(reviewed) if reviewed else None,
        "the exclusions": exclusions.digest,
        "the rules of label_maps/reply/_human_replies.tsv": AnswerRules.load().digest,
        "the checks and cues": ",".join(map(judging_digest, sorted(languages))),
        "--source": "read" if source else None,
        **({"--follow-links": "given"} if follow_links else {}),
    }


def _there(folder: Path, identity: Mapping[str, str | None]) -> Mined:
    """Return what was mined before; ConfigError if it would be something else now."""
    found = HumanReplies(folder).verify()
    held = found.manifest["identity"]
    changed = [name for name in identity if held.get(name) != identity[name]]
    if changed:
        raise ConfigError(
            f"{folder} was mined before, and since then {changed[0]} changed",
            where=found.folder,
            expected="the same, so that what was published from it can be made again",
            do=f"keep what is there, or delete {found.folder} and run the same command again",
        )
    return Mined(folder, found.manifest, False)


def _nothing(folder: Path, left_out: Mapping[str, int]) -> ConfigError:
    if left_out.keys() <= {NO_NEXT_TURN, MISSING_AFTER}:
        return ConfigError(
            f"there is nothing to mine: after none of the {sum(left_out.values()):,} samples does "
            "another speaker say anything",
            where=folder,
            expected="a corpus with dialogues",
        )
    top = sorted(left_out.items(), key=lambda pair: (-pair[1], pair[0]))[:3]
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in top)
    return ConfigError(
        f"no next turn answers a sample ({reasons})",
        where=folder,
        do="see what label_maps/reply/_human_replies.tsv asks for",
    )


def _write(
    folder: Path,
    seen: Build,
    decided: _Decided,
    identity: dict[str, str | None],
    clips: SourceClips | None,
) -> MinedManifest:
    """Write the rows to a folder of their own, then move it into place."""
    made = folder / f".{FOLDER}.partial"
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir()
    try:
        rows = MinedRows(made, decided.turns, decided.kept, clips)
        for dialogue in _dialogues(seen, rows.columns):
            rows.add(dialogue)
        manifest = rows.close(seen.name, identity, decided.left_out)
        made.rename(folder / FOLDER)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return manifest


def _dialogues(build: Build, columns: tuple[str, ...]) -> Iterator[list[SampleRecord]]:
    """Yield the samples of each dialogue, with their clips; one dialogue is in memory."""
    held: list[SampleRecord] = []
    # One row group at a time: batches of rows with clips would read ahead.
    records = (record for table in build.groups(columns) for record in table.to_pylist())
    for record in cast("Iterator[SampleRecord]", records):
        if held and _place(held[0]) != _place(record):
            yield held
            held = []
        held.append(record)
    if held:
        yield held


def _place(record: SampleRecord) -> str:
    return record["id"].rpartition("-")[0]
