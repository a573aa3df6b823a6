"""The corpora: one folder each, found by its `card.toml`; there is no list to maintain."""

from __future__ import annotations

import importlib
import re
import tomllib
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from builders import resources
from builders.corpora.clip_files import only_these
from builders.errors import ConfigError, SourceError, UsageError, nearest, suggested
from builders.record.manifest_views import ReaderNote
from builders.record.types import Dialogue, Reject

Permission = Literal["yes", "no", "unknown"]
Split = Literal["train", "dev", "test", "all"]
Shape = Literal["seen", "from documentation"]
LabelSource = Literal["intended", "voice", "audio_visual", "text", "self"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rights(_Part):
    """Which parts of a corpus may be published, and under which licence; unknown counts as no."""

    licence: str = Field(min_length=1)
    audio: Permission
    text: Permission
    labels: Permission
    derived: Permission


class ThirdParty(_Part):
    """Which parts of a corpus may be sent to a third party; unknown counts as no."""

    text: Permission
    audio: Permission


class SameWords(_Part):
    """Where a corpus has minimal pairs (same speaker, same words, said differently), and why.

    `within` says whether they are in one dialogue, which then contains nothing else, or anywhere in
    a split; utterances with fewer than `least_words` words are ignored.
    """

    within: Literal["dialogue", "split"]
    least_words: int = Field(ge=1)
    reason: str = Field(min_length=1)


class VoiceEvidence(_Part):
    """The label view with votes by people who judged the voice alone, and a note.

    Without a `view`, nobody judged the voice alone, and `note` says what is available instead.
    """

    view: str | None = None
    note: str = Field(min_length=1)


class ReadAs(_Part):
    """The corpus whose reader reads this one, too, from tables of other names.

    `tables` is the name of a table with ``{split}`` in it.
    """

    corpus: str = Field(min_length=1)
    tables: str = Field(min_length=1)


class Benchmark(_Part):
    """A benchmark that is made from a corpus, so that who trains on the corpus has seen it.

    `kind` is what both share: ``item`` the very clips or lines, ``voice`` the sound under other
    words, ``speakers`` the people alone. `looked_up` is the day on which it was read in `source`
    (at `revision`); without it nobody looked again since the name was first noted.
    """

    name: str = Field(min_length=1)
    splits: tuple[Split, ...] = Field(min_length=1)
    kind: Literal["item", "voice", "speakers"]
    source: str | None = None
    revision: str | None = None
    looked_up: date | None = None
    says: str | None = None

    @model_validator(mode="after")
    def _whole(self) -> Benchmark:
        if self.looked_up and not self.source:
            raise ValueError("what was looked up needs a source")
        return self


class Card(_Part):
    """The description of a corpus, read from `card.toml`.

    `names` are other spellings of the slug, `how_to_get` is the sentence that error messages end
    with, `label_source` what the annotators had access to, `label_views` what else `--label-view`
    may choose, `video` where its pictures lie, None where it has none, `context` what earlier turns
    are, `speakers_have_names` whether a prompt may call them as the corpus does (a number is no
    name), `scripted` the table in `prompts/names` with the people of a script that models know by
    heart, None where there is none, `benchmarks` those that are made from it.
    `fixed_words` says that speakers were given what they say, so that only their voice tells a
    feeling, `contrast` where the same words are said in several ways, `voice_evidence` who judged
    the voice alone. `combined_folds` says which folds of a corpus without splits of its own become
    which split of a combined set. `shape` says whether the reader was written to the owner's files,
    or to their documentation and what others say of them. `reads_as` is for a corpus in the form of
    another one, which needs no reader.
    """

    slug: str
    names: tuple[str, ...] = ()
    title: str = Field(min_length=1)
    owner: str = Field(min_length=1)
    homepage: str | None = None
    how_to_get: str = Field(min_length=1)
    citation: str = Field(min_length=1)
    language: str = Field(min_length=1)
    corpus_version: str | None = None
    label_source: LabelSource
    label_views: tuple[LabelSource, ...] = ()
    audio_origin: Literal["acted", "natural", "synthetic", "none"]
    video: str | None = None
    context: Literal["dialogue", "same_speaker", "none"]
    speakers_have_names: bool = False
    scripted: str | None = None
    combined_folds: dict[Split, tuple[str, ...]] = {}
    shape: Shape
    layout: str = Field(min_length=1)
    known_faults: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    benchmarks: tuple[Benchmark, ...] = ()
    rights: Rights
    send_to_third_party: ThirdParty
    fixed_words: bool = False
    contrast: SameWords | None = None
    voice_evidence: VoiceEvidence | None = None
    reads_as: ReadAs | None = None

    @property
    def evaluation_overlap(self) -> dict[Split, tuple[str, ...]]:
        """Return by split the names of the benchmarks made from it."""
        found: dict[Split, list[str]] = {}
        for one in sorted(self.benchmarks, key=lambda one: one.name):
            for split in one.splits:
                found.setdefault(split, []).append(one.name)
        return {split: tuple(names) for split, names in found.items()}

    @property
    def licence(self) -> str:
        """Return the licence of the parts that may be published."""
        return self.rights.licence


class Reader(Protocol):
    """The interface of `builders.corpora.<slug>.reader.Reader(source, with_media, splits)`.

    On the class, `splits` are all splits of the corpus; on an object, those it was opened for. Only
    their files need to exist. `root` is the folder that clip paths are relative to, `files` are the
    annotation files, `notes` the choices made while reading: ``{"note": "recut_twin_used", "split":
    "test", "count": 132}``.
    """

    @property
    def splits(self) -> tuple[str, ...]:
        """Return the splits in the order in which they are read."""

    @property
    def root(self) -> Path:
        """Return the folder that clip paths are relative to."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Return the annotation files."""

    @property
    def notes(self) -> Sequence[ReaderNote]:
        """Return the choices made so far; complete once every split was read to the end."""

    def read(self, split: str) -> Iterator[Dialogue | Reject | SourceError]:
        """Yield each dialogue of a split once, and a reject for each record that is broken.

        An error in the corpus files that leaves the rest readable (one file of many) is
        yielded; any other error is raised.
        """


# What a corpus's folder contains besides its card; its label table is in label_maps/.
_PARTS = ("counts.tsv", "defects.tsv", "sample")
# What hearten import writes.
_OWN_PARTS = ("counts.tsv", "defects.tsv", "records")
# A corpus whose labels are in the names of its files has a table in place of a reader.
_READERS = ("reader.py", "names.toml")


@cache
def slugs() -> tuple[str, ...]:
    """Return the slugs of all corpora, sorted."""
    folders = (resources.corpora(), resources.own_corpora())
    return tuple(sorted({card.parent.name for at in folders for card in at.glob("*/card.toml")}))


@cache
def load_card(slug: str) -> Card:
    """Return the card of a corpus; ConfigError names the fields that are wrong."""
    path = resources.corpus_folder(slug) / "card.toml"
    try:
        return Card(slug=slug, **tomllib.loads(path.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"not valid TOML: {error}", where=path, do="fix that line") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ConfigError(
            f"the corpus card is not valid: {wrong}", where=path, do="fix these fields"
        ) from error


def resolve_slug(name: str) -> str:
    """Return the slug for a spelling such as ``CMU-MOSEI``; UsageError lists the known slugs."""
    known = {_plain(word): slug for slug in slugs() for word in (slug, *load_card(slug).names)}
    if (slug := known.get(_plain(name))) is not None:
        return slug
    near = nearest(_plain(name), known)
    raise UsageError(
        f'there is no corpus "{name}"',
        expected=f"one of {', '.join(slugs())}",
        do=f"did you mean {known[near]}?" if near else "hearten corpora lists them",
    )


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def open_reader(slug: str, source: Path, with_media: bool, splits: Sequence[str] = ()) -> Reader:
    """Return the reader of a corpus that lies in `source`, for some of its splits or for all.

    Raises UsageError if there is no such split, SourceError if `source` is not that corpus or
    media are requested but missing.
    """
    known = splits_of(slug)
    for split in splits:
        if split not in known:
            raise UsageError(
                f"{slug} has no split {split!r}",
                **suggested(split, known, "pass one of them to --split"),
            )
    wanted = tuple(split for split in known if not splits or split in splits)
    # Absolute, because clip paths are resolved below it.
    return _opened(_reader_class(slug), source.absolute(), with_media, wanted)


def _opened(reader: Any, source: Path, with_media: bool, splits: tuple[str, ...]) -> Reader:
    """Return an open reader; an error names the splits that can be read all the same."""
    try:
        return cast(Reader, reader(source, with_media, splits))
    except SourceError as error:
        found = [split for split in splits if _opens(reader, source, with_media, split)]
        if len(splits) == 1 or not found:
            raise
        raise SourceError(f"{error}{only_these(found)}") from error


def _opens(reader: Any, source: Path, with_media: bool, split: str) -> bool:
    try:
        reader(source, with_media, (split,))
    except SourceError:
        return False
    return True


def check_view_there(slug: str, reader: Reader, view: str | None) -> None:
    """Raise SourceError where this copy of a corpus lacks the label view that gives the label.

    A reader of copies that lack some says in `lacking_views` which, each with what to do.
    """
    lacking: dict[str, str] = getattr(reader, "lacking_views", {})
    if view in lacking:
        raise SourceError(
            f"this copy of {slug} has no votes for the label view {view}",
            where=reader.root,
            do=lacking[view],
        )


def splits_of(slug: str) -> tuple[str, ...]:
    """Return the splits of a corpus in the order in which they are read."""
    return cast("tuple[str, ...]", _reader_class(slug).splits)


def check_whole(slug: str) -> None:
    """Raise ConfigError where a part of a corpus's folder, or its table of labels, is missing."""
    folder, own = resources.corpus_folder(slug), resources.is_own(slug)
    parts = [folder / name for name in _OWN_PARTS if own]
    parts += [folder / name for name in _PARTS if not own] + [resources.label_table(slug)]
    gone = [str(path.relative_to(path.parents[1])) for path in parts if not path.exists()]
    has_reader = any((folder / name).is_file() for name in _READERS)
    if not (own or has_reader) and load_card(slug).reads_as is None:
        gone.insert(0, f"{slug}/{' or '.join(_READERS)}")
    if gone:
        raise ConfigError(
            f"the corpus {slug} is incomplete: {', '.join(gone)} missing",
            where=folder,
            do="add the missing files; CONTRIBUTING.md describes each of them",
        )


def _reader_class(slug: str) -> Any:
    check_whole(slug)
    if resources.is_own(slug):
        return importlib.import_module("builders.corpora.own_records").OwnCorpus(slug)
    if (resources.corpora() / slug / "names.toml").is_file():
        return importlib.import_module("builders.corpora.named_clips").NamedCorpus(slug)
    if reads_as := load_card(slug).reads_as:
        other = importlib.import_module(f"builders.corpora.{reads_as.corpus}.reader").Reader
        return other.of(slug, reads_as.tables)
    return importlib.import_module(f"builders.corpora.{slug}.reader").Reader
