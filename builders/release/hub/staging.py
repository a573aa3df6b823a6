"""Staging: all files of a version, in a separate folder.

    data/<config>/<split>-NNNNN-of-NNNNN.parquet    one for each of the build's shards, or two
    README.md croissant.json pictures/               made from the counts
    manifest.json                                    the build's, without unpublished parts
    mappings/ schemas/                               the tables and schemas, unchanged
    SHA256SUMS                                       of all of these

The build's files are linked first and compared with its manifest, so that a build that changes
in the meantime cannot mix two states. One row group is in memory at a time, and its clips pass
through unchanged.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pyarrow as pa

from builders.errors import VerificationError
from builders.record.data_file import DataFile
from builders.record.manifest_views import Manifest
from builders.record.messages import AUDIO_MARK
from builders.record.reply_views import ReviewPart
from builders.record.schema import SchemaNode, Validator, as_document, validator, violations
from builders.record.views import ClipFile, SampleRecord
from builders.release.eligibility import (
    ClosedTexts,
    Eligible,
    Extent,
    Purpose,
    Restrictions,
    eligibility,
)
from builders.release.hub.files import RowFile, clips_of, digests, link, replies_of
from builders.release.hub.fingerprints import Fingerprint
from builders.release.hub.groups import Key, StagedPlace, StagedRows
from builders.release.hub.pair_rows import PairRows, Pairs, whole_pairs
from builders.release.layouts import (
    AUDIO_CLASSES,
    CONFIGS,
    Rows,
    as_text,
    audio_class,
    schemas_of,
)
from builders.release.output_terms import OutputTerms
from builders.release.pairs.bag_of_words import ToldByWords
from builders.release.rights import Terms, withheld, withhold
from builders.release.row_views import PublishedRecord
from builders.release.splits import PublishedSplits, SplitsAsked
from builders.release.tally import ReleaseTally

INPUTS = ".inputs"
REPLY_AUDIO = "reply_audio"


@dataclass
class Staged:
    """The rows of a version on disk.

    `files` are the Parquet files of each kind of row, by split; `fingerprints` go by config and
    split; `schemas` are those of the kinds of row; `ids` are the published utterances, each with
    its review, `split_by_id` has their splits; `splits` says which one a record is in; `closed`
    knows the texts that may not go out; `words_alone` says what the words of the replies alone tell
    of the pairs, by origin; `output_terms` are those of the models that drafted.
    """

    folder: Path
    terms: Terms
    tally: ReleaseTally
    schemas: dict[str, SchemaNode]
    files: dict[str, dict[str, list[Path]]] = field(default_factory=dict)
    fingerprints: dict[str, dict[str, Fingerprint]] = field(default_factory=dict)
    ids: dict[str, ReviewPart | None] = field(default_factory=dict)
    split_by_id: dict[str, str] = field(default_factory=dict)
    splits: PublishedSplits = field(default_factory=lambda: PublishedSplits({}))
    closed: ClosedTexts = field(default_factory=ClosedTexts)
    words_alone: list[ToldByWords] = field(default_factory=list)
    output_terms: list[OutputTerms] = field(default_factory=list)

    @property
    def configs(self) -> list[str]:
        """Return the configs that have rows, the default one first."""
        return [config for config in CONFIGS if self.fingerprints.get(config)]

    def add_file(self, kind: str, split: str, path: Path) -> None:
        """Note a file of a kind of row."""
        self.files.setdefault(kind, {}).setdefault(split, []).append(path)

    def fingerprint(self, config: str, split: str) -> Fingerprint:
        """Return the fingerprint of a config's split, a new one where there is none yet."""
        return self.fingerprints.setdefault(config, {}).setdefault(split, Fingerprint())


def link_inputs(build: Path, manifest: Manifest, folder: Path) -> list[Path]:
    """Link a build's files into `folder` and return its shards, compared with the manifest.

    Raises:
        VerificationError: a file is missing, or does not match the manifest.
    """
    inputs = folder / INPUTS
    shutil.rmtree(folder, ignore_errors=True)
    inputs.mkdir(parents=True)
    listed = {file["path"]: file["sha256"] for file in manifest["result"]["files"]}
    there = [path for path in listed if (build / path).is_file()]
    for path in there:
        link(build / path, inputs / path)
    found = dict(zip(there, digests([inputs / path for path in there]), strict=True))
    for path, digest in listed.items():
        if found.get(path) != digest:
            raise VerificationError(
                f"{path} is {'not what' if path in found else 'missing, though'} "
                "manifest.json says",
                where=build,
                do="restore it, or build it again; cached responses are kept",
            )
    return [inputs / path for path in listed if path.startswith("data/")]


class Stage:
    """Writes the rows of a version.

    Args:
        folder: the staging folder.
        terms: what may be published.
        with_audio: include the clips in the small configs too.
        known: the ids that may not be used.
        pairs: the preference pairs, by the id of their target.
        splits: whether a corpus without splits is divided, or stays as it is.
    """

    def __init__(  # noqa: PLR0913 - each is an option of publishing
        self,
        folder: Path,
        terms: Terms,
        with_audio: bool,
        known: Restrictions,
        pairs: Pairs,
        splits: SplitsAsked = "divided",
    ) -> None:
        schemas = schemas_of(terms.may, with_audio)
        self.staged = Staged(folder, terms, ReleaseTally(), schemas)
        self._rows = Rows(terms.may, schemas, terms.card.two_parties)
        self._whole = validator("sample")
        self._valid = {name: Validator(as_document(schema)) for name, schema in schemas.items()}
        self._withheld = withheld(terms.may)
        self._known, self._pairs, self._consent = known, pairs, terms.consent
        self._splits_asked = splits

    def write(self, shards: list[Path]) -> Staged:
        """Write the rows of all shards and return what was written.

        Raises:
            VerificationError: a record of the build does not fit the sample schema.
        """
        if "text" not in self.staged.terms.may:
            rejected = self.staged.folder / INPUTS / "rejected.parquet"
            self.staged.closed = ClosedTexts.of(shards, rejected)
        if self._splits_asked == "divided":
            self.staged.splits = PublishedSplits.of(self._usable(shards))
        pairs = whole_pairs(shards, self._rows, self._withheld, self._known, self._pairs)
        self._pair_rows = PairRows(self._rows, self.staged.closed, *pairs)
        for shard in shards:
            self._shard(shard)
        self.staged.words_alone = self._pair_rows.words_alone.told()
        out = self.staged.tally.rows.get("utterances", Counter()).total()
        if self.staged.tally.read != out + self.staged.tally.left_out.total():
            raise RuntimeError(f"{self.staged.tally.read} read, but {out} written or left out")
        return self.staged

    def _usable(self, shards: list[Path]) -> Iterator[SampleRecord]:
        """Yield what decides about the splits, of each record that nobody asked to leave out."""
        for shard in shards:
            with DataFile(shard) as file:
                for table in file.groups(("id", "source", "target_utterance", "contrast")):
                    records = cast("list[SampleRecord]", table.to_pylist())
                    yield from (r for r in records if not self._known.excluded(r["id"]))

    def _shard(self, shard: Path) -> None:
        files = _ShardFiles(self.staged, shard.name)
        with DataFile(shard) as file:
            tables = file.groups(self._columns(file))
            # One thread reads ahead and one writes behind; both mostly release the interpreter
            # lock.
            with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
                written: Future[None] | None = None
                coming = reader.submit(next, tables, None)
                while (table := coming.result()) is not None:
                    coming = reader.submit(next, tables, None)
                    group = self._group(table)
                    if written:
                        written.result()
                    written = writer.submit(files.write, group)
                if written:
                    written.result()
        files.close()

    def _group(self, table: pa.Table) -> StagedRows:
        group = StagedRows(clips_of(table), replies_of(table))
        for index, record in enumerate(_records(table)):
            self._record(record, index, group)
        return group

    def _columns(self, file: DataFile) -> list[str]:
        """Return the columns to read from a shard: everything except unpublished clips."""
        held_back = {f"{name}.bytes" for name in ("audio", REPLY_AUDIO) if name in self._withheld}
        return [leaf for leaf in file.leaves if leaf not in held_back]

    def _record(self, record: SampleRecord, index: int, group: StagedRows) -> None:
        """Add the rows of a record to a group, or count why there are none."""
        tally, split = self.staged.tally, self.staged.splits.split_of(record)
        tally.read += 1
        self._check(self._whole, record)
        self._check_terms(record)
        record, had = self._consent.heard(record), record["audio"]
        spoken = record if record["audio_info"]["origin"] == "synthetic" else None
        record = as_text(record) if spoken else record
        answer = eligibility(record, Purpose.PUBLISH, self._known)
        tally.somebody_asked |= self._known.names_excluded(record)
        published = withhold(self._without_names(record), self._withheld)
        utterance = self._rows.utterance(published)  # without a reply, it has the clip
        quoting = "quotes_unpublished_text" if self.staged.closed.quotes(utterance) else None
        nothing = answer.extent is Extent.NOTHING
        if reason := answer.reason if nothing else quoting:
            tally.left_out[reason] += 1
            return
        tally.utterance(record, split)
        tally.voices_held_back += bool(had and not (spoken or record)["audio"])
        self.staged.ids[record["id"]] = record["review"]
        self.staged.split_by_id[record["id"]] = split
        at = StagedPlace(group, index, split)
        reason = self._reply(record, published, at, answer)
        if reason:
            tally.without_reply[reason] += 1
        else:
            utterance = self._rows.utterance(published, clip=False)
        self._add(at, "utterances", utterance)
        if spoken and spoken["audio"] and not reason:
            self._spoken(spoken, at)

    def _without_names(self, record: SampleRecord) -> SampleRecord:
        """Return a record whose minimal pairs name no excluded ids."""
        contrast = record["contrast"]
        if contrast is None or not any(map(self._known.excluded, contrast["twin_of"])):
            return record
        kept = [name for name in contrast["twin_of"] if not self._known.excluded(name)]
        return {**record, "contrast": {**contrast, "twin_of": kept}}

    def _spoken(self, record: SampleRecord, at: StagedPlace) -> None:
        """Add the row of a record with a synthetic utterance; its text is a row of `default`."""
        published = withhold(self._without_names(record), self._withheld)
        said = self._rows.exchange(record, published)
        if said is not None:
            self.staged.tally.voices(record)
            self._add(at, "synthetic", self._rows.synthetic(said))

    def _reply(
        self,
        record: SampleRecord,
        published: PublishedRecord,
        at: StagedPlace,
        answer: Eligible,
    ) -> str | None:
        """Add the rows with a record's reply; return why they are left out, or None."""
        if not self.staged.terms.replies:
            return "replies_not_published"
        said = self._rows.exchange(record, published)
        if said is None:
            return "neither_words_nor_clip_published"
        if _marks(said.single) != self._rows.is_marked(record):
            return "words_hold_the_mark_of_a_clip"
        for config, row in self._pair_rows.of(said, answer.extent, record):
            self._add(at, config, row)
        if self.staged.closed.quotes({**published, **said.talk}):
            return "reply_quotes_unpublished_text"
        if answer.extent >= Extent.VERDICT:
            self._add(at, "kto", self._rows.kto(said))
        if answer.extent is not Extent.RECORD:
            return answer.reason
        self.staged.tally.reply(record)
        self.staged.tally.voices(record)
        self._add(at, "default", self._rows.default(said), audio_class(published))
        self._add(at, "record", self._rows.record(published))
        self._add(at, "prompts", self._rows.prompt(said, record["desired_response"]))
        return None

    def _add(
        self,
        at: StagedPlace,
        kind: str,
        row: Mapping[str, object] | None,
        measured: str | None = None,
    ) -> None:
        if row is None:
            return
        self._check(self._valid[kind], row)
        at.group.add((kind, at.split, measured or ""), row, at.index)
        self.staged.tally.row(kind, at.split)

    def _check_terms(self, record: SampleRecord) -> None:
        """Raise VerificationError if a record's terms differ from those of the first."""
        terms = self.staged.terms
        strange = record["audio_info"]["origin"] == "synthetic" and not terms.synthetic
        other = record["rights"] != terms.recorded or record["source"]["corpus"] != terms.card.slug
        if other or strange:
            raise VerificationError(
                f"{record['id']} has different terms from the records before it",
                where=self.staged.folder / INPUTS,
                expected="one corpus and one set of rights in a build",
                do="publish the build of each corpus on its own",
            )

    def _check(self, checker: Validator, row: Mapping[str, object]) -> None:
        if wrong := violations(checker, row):
            raise VerificationError(
                f"{row['id']} does not fit its schema: {wrong[0]}",
                where=self.staged.folder / INPUTS,
                do="build it again with this version; cached responses are kept",
            )


def _marks(turns: list[dict[str, str]]) -> int:
    """Return how many placeholders of clips are in what was said before the reply."""
    return sum(turn["content"].count(AUDIO_MARK) for turn in turns[:-1])


def _records(table: pa.Table) -> Iterator[SampleRecord]:
    """Yield the records of a table, their clips by name only."""
    named = {name: _names_of(table, name) for name in ("audio", REPLY_AUDIO)}
    for index, record in enumerate(table.drop_columns(list(named)).to_pylist()):
        record |= {name: clips[index] for name, clips in named.items()}
        yield cast(SampleRecord, {column: record[column] for column in table.schema.names})


def _names_of(table: pa.Table, column: str) -> list[ClipFile | None]:
    """Return the clips of a column by name, None if there is none."""
    audio = table.column(column).combine_chunks()
    there = zip(audio.field("path").to_pylist(), audio.is_valid().to_pylist(), strict=True)
    return [{"path": name, "bytes": None} if valid else None for name, valid in there]


class _ShardFiles:
    """The files for one shard of the build, with the same number."""

    def __init__(self, staged: Staged, shard: str) -> None:
        self._staged = staged
        self._number = shard.split("-", 1)[1]
        self._open: dict[Key, RowFile] = {}

    def write(self, group: StagedRows) -> None:
        """Write a group's rows."""
        for key, rows, clips in group.tables():
            if key not in self._open:
                self._open[key] = self._file(*key)
            self._take_in(key, self._open[key].write(rows, *clips))

    def _file(self, kind: str, split: str, measured: str) -> RowFile:
        name = "-".join(filter(None, (split, measured, self._number)))
        path = self._staged.folder / "data" / kind / name
        self._staged.add_file(kind, split, path)
        return RowFile(path, self._staged.schemas[kind])

    def _take_in(self, key: Key, rows: list[dict[str, object]]) -> None:
        kind, split, measured = key
        self._staged.fingerprint(kind, split).add(rows)
        for config, of_class in AUDIO_CLASSES.items():
            if kind == "default" and of_class == measured:
                self._staged.fingerprint(config, split).add(rows)

    def close(self) -> None:
        """Finish the files."""
        for file in self._open.values():
            file.close()
