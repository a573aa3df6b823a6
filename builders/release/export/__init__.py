"""Exports: a build in a trainer's format, with clips beside the rows, and every record counted.

    DIR/
      <split>.jsonl     the rows (webdataset: <split>-NNNNNN.tar)
      audio/<split>/    the clips as FLAC, each once
      left_out.jsonl    the records left out: id, split, reason, detail
      export.json       options, counts, digests
      README.md         how to start a run; also tells `load_dataset` where the rows are

Splits are those of the corpus. The same build and options give the same bytes.
"""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from builders.errors import ConfigError, OutputError
from builders.progress import ProgressLine, ProgressState
from builders.record.dataset import Build
from builders.record.folder import writable
from builders.record.views import SampleRecord
from builders.release.eligibility import EXCLUDED, Restrictions, gates_of, nobody, restrictions
from builders.release.export.choosing import Choice, LeftOut
from builders.release.export.counting import Counts
from builders.release.export.describing import LEFT_OUT, MARKER, describe
from builders.release.export.examples import make, with_preferences
from builders.release.export.options import Options
from builders.release.export.people import PEOPLE, PeoplesReplies
from builders.release.export.reading import (
    COLUMNS,
    REPLY_AUDIO,
    EarlierTurns,
    any_known,
)
from builders.release.export.rules import broken
from builders.release.export.writing import Form, Writer
from builders.release.preferences import PreferencePair, pairs_of, trained_on
from builders.review.outcome.applied import applied
from builders.settings import STORE_FILE
from builders.store.database import store_exists

_Pairs = Mapping[str, Sequence[PreferencePair]]


@dataclass(frozen=True, slots=True)
class Exported:
    """The result of an export, and the command that starts a run on it.

    `clips_found` of `clips_wanted` earlier turns have a clip.
    """

    counts: Counts
    start: str
    clips_found: int
    clips_wanted: int


def export(
    folder: Path,
    to: Path,
    options: Options,
    store: str | None = None,
    excluded: Callable[[str], bool] = nobody,
    quiet: bool = True,
) -> Exported:
    """Write a build in a trainer's format.

    Args:
        folder: the folder of a finished build.
        to: the export folder: new, empty, or an earlier export, which is replaced.
        options: the export options.
        store: the store with the decisions, by default beside the build.
        excluded: returns whether an id must not be used.
        quiet: show no progress.

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
    people = PeoplesReplies(folder, options.reply_audio, known) if options.of_people else None
    pairs = _pairs(folder, options, address, known, _silent if quiet else print)
    to = to.resolve()
    _check_free(to, folder.resolve())
    staged = to.with_name(f".{to.name}.partial")
    with writable(to.parent, "--to"):
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir(parents=True)
        try:
            run = _Run(build, staged, options, pairs, Choice(options, known), people)
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
        pairs: _Pairs,
        choice: Choice,
        people: PeoplesReplies | None,
    ) -> None:
        self._people = people
        self._build = build
        self._to = to
        self._options = options
        self._pairs = pairs
        self._choice = choice
        self._counts = Counts()
        self._earlier = EarlierTurns()
        self._form = _form(options)
        self._reviewed = any_known(build, "review.status")
        self._writers: dict[str, Writer] = {}
        self.state = ProgressState(total=build.count)

    def write(self, progress: ProgressLine) -> Exported:
        """Write every file of the export."""
        with (self._to / LEFT_OUT).open("wb") as left_out:
            columns = COLUMNS + (REPLY_AUDIO if self._options.reply_audio else ())
            for record in self._build.rows(columns):
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
        start = describe(self._to, result, self._options, self._counts, files)
        return Exported(self._counts, start, self._earlier.found, self._earlier.wanted)

    def _take(self, record: SampleRecord, split: str) -> LeftOut | None:
        """Write one record as a row, or return why it is left out."""
        # Before filtering: a later turn may refer to this one's clip.
        earlier = self._earlier.of(record) if self._options.context_audio else {}
        if left := self._choice.against(record):
            return left
        if self._people:
            found = self._people.instead(record)
            if isinstance(found, LeftOut):
                return found
            record = found
        example, rows = make(record, self._options, earlier), 0
        example.reviewed = self._reviewed
        examples, left = with_preferences(example, self._options.task, self._pairs)
        for one in examples:
            if broke := broken(one, self._options):
                left = left or broke
                continue
            if split not in self._writers:
                self._writers[split] = self._form.open(self._to, split)
            self._writers[split].add(one, self._form.row(one))
            rows += 1
        if not rows:
            return left
        self._counts.written(split, rows)
        return None

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


def _pairs(
    folder: Path,
    options: Options,
    address: str,
    known: Restrictions,
    say: Callable[[str], None],
) -> _Pairs:
    """Return the preference pairs, if the task needs them."""
    if options.task != "dpo":
        return {}
    found = trained_on(pairs_of(Build(folder), address, known, say))
    if not found:
        raise ConfigError(
            "there are no preference pairs: no reply of this build was edited, drafted again after "
            "a rejection, or compared with another",
            where=folder,
            do="review the build first, or use --task sft",
        )
    return found


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
    if options.task == "dpo" and not store_exists(address):
        raise ConfigError(
            f"there is no store {address}",
            expected="the store with the review decisions",
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
