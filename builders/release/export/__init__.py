"""Exports: a build in a trainer's format, with clips beside the rows, and every record counted.

    DIR/
      <split>.jsonl     the rows (webdataset: <split>-NNNNNN.tar); with pairs from several sources
                        <split>.<source>.jsonl
      audio/<split>/    the clips as FLAC, each once
      left_out.jsonl    the records left out: id, split, reason, detail
      export.json       options, counts, digests
      README.md         how to start a run; also tells `load_dataset` where the rows are

Splits are those of the corpus. The same build and options give the same bytes.
"""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from builders.errors import ConfigError, OutputError
from builders.progress import ProgressLine, ProgressState
from builders.record.dataset import Build
from builders.record.folder import writable
from builders.record.views import SampleRecord
from builders.release.consent import NO_VOICES, VoiceTable
from builders.release.eligibility import EXCLUDED, gates_of, nobody, restrictions
from builders.release.export.choosing import Choice, LeftOut
from builders.release.export.counting import Counts
from builders.release.export.describing import LEFT_OUT, MARKER, describe
from builders.release.export.examples import Example
from builders.release.export.making import Making, Pairs, balanced
from builders.release.export.options import Options
from builders.release.export.people import PEOPLE, PeoplesReplies
from builders.release.export.reading import (
    COLUMNS,
    REPLY_AUDIO,
    any_known,
)
from builders.release.export.sources import pairs_for
from builders.release.export.writing import Form, Writer
from builders.release.pairs.bag_of_words import ToldByWords, WordsAlone
from builders.release.pairs.reply_pair import PLANTED
from builders.release.rewards import prefers
from builders.review.outcome.applied import applied
from builders.settings import STORE_FILE
from builders.store.address import store_exists


@dataclass(frozen=True, slots=True)
class Exported:
    """The result of an export, and the command that starts a run on it, None for a test split.

    `clips_found` of `clips_wanted` earlier turns have a clip; `words_alone` says what the words of
    the replies alone tell of the pairs, by origin.
    """

    counts: Counts
    start: str | None
    clips_found: int
    clips_wanted: int
    words_alone: list[ToldByWords]


def export(  # noqa: PLR0913 - what to write, and who is against it
    folder: Path,
    to: Path,
    options: Options,
    store: str | None = None,
    excluded: Callable[[str], bool] = nobody,
    quiet: bool = True,
    voices: VoiceTable = NO_VOICES,
) -> Exported:
    """Write a build in a trainer's format.

    Args:
        folder: the folder of a finished build.
        to: the export folder: new, empty, or an earlier export, which is replaced.
        options: the export options.
        store: the store with the decisions, by default beside the build.
        excluded: returns whether an id must not be used.
        quiet: show no progress.
        voices: who consented; a clip of a voice that did not is in no export.

    Raises:
        ConfigError: there is no such build, or nothing in it can be exported.
        OutputError: `to` contains something else or cannot be written; a file of the build is
        damaged.
    """
    address = store or str(folder.parent / STORE_FILE)
    build = Build(applied(folder, address, excluded))
    _check_known(build, options, address)
    # What is gated is a draft; people's replies take its place.
    gates = {} if options.of_people else gates_of(folder)
    known = restrictions(build.shards(), excluded, gates)
    people = (
        PeoplesReplies(folder, options.reply_audio, known, voices) if options.of_people else None
    )
    say = _silent if quiet else print
    pairs = pairs_for(Build(folder), build, options, address, known, say)
    to = to.resolve()
    _check_free(to, folder.resolve())
    staged = to.with_name(f".{to.name}.partial")
    with writable(to.parent, "--to"):
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir(parents=True)
        try:
            run = _Run(build, staged, options, pairs, Choice(options, known), people, voices)
            with ProgressLine(run.state, quiet) as progress:
                exported = run.write(progress)
            _replace(staged, to)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
    return exported


class _Run:
    """One export run over the records of a build, in order."""

    def __init__(  # noqa: PLR0913 - what a run needs
        self,
        build: Build,
        to: Path,
        options: Options,
        pairs: Pairs,
        choice: Choice,
        people: PeoplesReplies | None,
        voices: VoiceTable,
    ) -> None:
        self._people = people
        self._build = build
        self._to = to
        self._options = options
        self._columns = COLUMNS + (REPLY_AUDIO if options.reply_audio else ())
        rest = people, any_known(build, "review.status"), voices.may_be_heard
        trial = Making(options, choice, pairs, *rest)
        pairs = balanced(build, self._columns, trial, pairs)
        self._making = Making(options, choice, pairs, *rest)
        self._counts = Counts()
        self._words_alone = WordsAlone()
        self._dialogues = _dialogues(build, pairs)
        self._form = _form(options)
        self._writers: dict[str, Writer] = {}
        self.state = ProgressState(total=build.count)

    def write(self, progress: ProgressLine) -> Exported:
        """Write every file of the export."""
        with (self._to / LEFT_OUT).open("wb") as left_out:
            for record in self._build.rows(self._columns):
                self.state.done += 1
                progress.tick()
                split = record["source"]["split"]
                self._counts.read(record, PEOPLE if self._people else None)
                if left := self._take(record, split):
                    self._counts.left_out(split, left)
                    if left.reason == EXCLUDED:
                        continue  # counted, but the id is in no file
                    row = {"id": record["id"], "split": split, **asdict(left)}
                    left_out.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
        files = {split: writer.close() for split, writer in self._writers.items()}
        if not files:
            raise self._nothing()
        self._form.finish(self._to, list(files))
        result = self._build.manifest["result"]
        told = self._words_alone.told()
        start = describe(self._to, result, self._options, self._counts, files, told)
        earlier = self._making.earlier
        return Exported(self._counts, start, earlier.found, earlier.wanted, told)

    def _take(self, record: SampleRecord, split: str) -> LeftOut | None:
        """Write the rows of one record, or return why it is left out."""
        examples, left = self._making.of(record)
        for example in examples:
            self._writer(split, example).add(example, self._form.row(example))
            if pair := example.pair:
                dialogues = (self._dialogues[pair.id], self._dialogues[pair.beside or pair.id])
                self._words_alone.add(pair.origin, pair.chosen, pair.rejected, *dialogues)
                if pair.source == PLANTED:
                    lowered = prefers(pair.chosen, pair.rejected, example.record)
                    self._words_alone.rewarded(pair.origin, lowered)
        if examples:
            self._counts.written(split, len(examples))
        return left

    def _writer(self, split: str, example: Example) -> Writer:
        """Return the writer of an example's rows: pairs of several sources lie apart."""
        apart = example.pair and len(self._options.sources) > 1
        name = f"{split}.{example.pair.source}" if example.pair and apart else split
        if name not in self._writers:
            self._writers[name] = self._form.open(self._to, name)
        return self._writers[name]

    def _nothing(self) -> ConfigError:
        top = list(self._counts.reasons().items())[:3]
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in top)
        return ConfigError(
            f"none of the {self._counts.totals['read']:,} records can be exported"
            + (f" ({reasons})" if top else ""),
            where=self._build.folder,
            do="choose other export options",
        )


def _replace(staged: Path, to: Path) -> None:
    """Move an export into place; the earlier one is deleted once the new one is there."""
    earlier = to.with_name(f".{to.name}.earlier")
    shutil.rmtree(earlier, ignore_errors=True)
    if to.exists():
        to.rename(earlier)
    staged.rename(to)
    shutil.rmtree(earlier, ignore_errors=True)


def _form(options: Options) -> Form:
    module = importlib.import_module(
        f"builders.release.export.formats.{options.format.replace('-', '_')}"
    )
    form: Form = module.Form(options)
    return form


def _silent(_line: str) -> None:
    """Print nothing."""


def _dialogues(build: Build, pairs: Pairs) -> dict[str, str]:
    """Return the dialogue of each sample, if there are pairs."""
    if not pairs:
        return {}
    rows = build.rows(("id", "source.split", "source.dialogue_id"), batch=1000)
    return {row["id"]: f"{row['source']['split']}/{row['source']['dialogue_id']}" for row in rows}


def _check_known(build: Build, options: Options, address: str) -> None:
    """Raise ConfigError before writing if the requested measurements or reviews do not exist."""
    if options.subset and not any_known(build, "audio_contribution.class"):
        unfit = (build.manifest["result"].get("contribution") or {}).get("reason")
        raise ConfigError(
            "the audio contribution of this build has not been measured"
            + (": no model qualified to vote" if unfit else ""),
            where=build.folder,
            expected="records with audio_contribution",
            do="leave out --subset, or build again with "
            + ("a --vote-model that reads emotions from words" if unfit else "--vote-model"),
        )
    if set(options.sources) - {PLANTED} and not store_exists(address):
        raise ConfigError(
            f"there is no store {address}",
            expected="the store with the review decisions and judgements",
            do="pass it with --store",
        )
    if options.task == "kto" and not any_known(build, "review.status"):
        raise ConfigError(
            "there are no verdicts: no reply of this build has been reviewed",
            where=build.folder,
            do="review the build first, or use --task sft",
        )


def _check_free(to: Path, build: Path) -> None:
    if to.is_relative_to(build):
        raise OutputError(f"the export folder {to} is inside the build", do="choose another --to")
    if to.is_file() or (to.is_dir() and any(to.iterdir()) and not (to / MARKER).is_file()):
        raise OutputError(
            f"{to} is neither empty nor an earlier export",
            expected="an empty folder, or an earlier export",
            do="choose another --to",
        )
