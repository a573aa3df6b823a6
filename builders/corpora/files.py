"""Opening a corpus's files: shared by all readers, with the same errors.

An error in one record is a `BrokenRecord`, which becomes a `Reject`; an error in a file
is a `SourceError`. Bytes that are not UTF-8 are read as surrogates, so that only the
record that contains them is rejected, not the whole file.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from builders.corpora.opening import bounded_lines, open_text
from builders.corpora.rows import rows_in
from builders.errors import SourceError
from builders.record.manifest_views import ReaderNote
from builders.record.types import Dialogue, Reject, Utterance, sample_id

AGAIN = "unpack or download it again"

_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar")
# Characters of one text. A clip of 900 s, the longest that is decoded, has fewer at 200 words a
# minute and six characters a word.
LONGEST_TEXT = 20_000
# Characters of a dialogue's or an utterance's id: together they name files, of 255 bytes at most.
LONGEST_ID = 100
# From so many rows that do not decode on, and where they are most of all, it is the file's fault.
_MOST = 10
_FRACTION = re.compile(r"([0-9]{1,9})\.0{1,9}")
_NOT_UTF8 = re.compile("[\ud800-\udfff]")


class BrokenRecord(Exception):
    """A record that cannot be used: the reason as a code, and a sentence for people.

    `readable` is the utterance where its words and speaker could be read all the same.
    """

    readable: Utterance | None = None

    @property
    def reason(self) -> str:
        """Return the code that is counted."""
        return str(self.args[0])

    @property
    def detail(self) -> str:
        """Return the sentence."""
        return str(self.args[1])


@dataclass(slots=True)
class CsvRow:
    """One row of a table: its file, the number of its last line, its cells.

    `fields` are the cells by column; empty if there are too many or too few cells. `fault` says
    why the row cannot be read, if it cannot.
    """

    file: str
    number: int
    cells: list[str]
    fields: dict[str, str]
    fault: str = ""

    @property
    def place(self) -> str:
        """Return ``file:line``."""
        return f"{self.file}:{self.number}"

    @property
    def line(self) -> str:
        """Return the number of its last line, as text."""
        return str(self.number)


def open_root(source: Path, expected: str, *inside: str) -> Path:
    """Return the folder `source`, or the first of the folders `inside` that it contains.

    Raises SourceError if there is no such folder; `expected` describes the right one.
    """
    if source.is_file():
        archive = source.name.endswith(_ARCHIVES)
        do = "unpack it and pass" if archive else "pass"
        raise SourceError(
            f"{source} is a file", expected=expected, do=f"{do} the folder with --source"
        )
    if not source.is_dir():
        raise SourceError(
            f"there is no folder {source}",
            expected=expected,
            do="check the path given with --source",
        )
    return next((source / name for name in inside if (source / name).is_dir()), source)


def not_found(what: str, root: Path, expected: str) -> SourceError:
    """Return the error for a missing file, which names the archives to unpack."""
    packed = archives(root)
    do = f"unpack {packed} there" if packed else "check the path given with --source"
    return SourceError(f"{what} not found", where=root, expected=expected, do=do)


def archives(folder: Path) -> str:
    """Return the names of the archives in a folder, separated by commas."""
    return ", ".join(path.name for path in visible(folder) if path.name.endswith(_ARCHIVES))


def visible(folder: Path, pattern: str = "*") -> list[Path]:
    """Return the content of a folder without hidden files, sorted by name.

    Archives made on a Mac contain ``._name`` files beside the real ones.
    """
    return sorted(path for path in folder.glob(pattern) if not path.name.startswith("."))


def csv_rows(path: Path, columns: Collection[str], *, quoted: bool = True) -> Iterator[CsvRow]:
    """Yield the rows of a comma-separated file with at least `columns`; blank lines are skipped.

    `quoted` says whether quotation marks enclose cells or are text. A row that cannot be read says
    so in `fault`, and the rows after it are read. Raises SourceError if the file cannot be read or
    lacks a column.
    """
    name = path.name
    try:
        with open_text(path, newline="") as stream:
            rows = rows_in(stream, quoted=quoted)
            header = _checked(_as_published(next(rows)[1]), columns, path)
            width = len(header)
            for number, cells, fault in rows:
                # Not strict, which doubles the cost; the lengths are known to be equal.
                whole = len(cells) == width and not fault
                fields = dict(zip(header, cells)) if whole else {}  # noqa: B905
                yield CsvRow(name, number, cells, fields, fault)
    except (OSError, csv.Error) as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> SourceError:
    """Return the error for a file that cannot be read."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else error
    return SourceError(f"the file cannot be read ({said})", where=path, do=AGAIN)


def _as_published(header: list[str]) -> list[str]:
    """Return a header in which the first column has no name, where a program gave it one."""
    return ["" if name == "Unnamed: 0" else name for name in header]


def _column(name: str) -> str:
    return name or "(the first, which has no name)"


def _checked(header: list[str], columns: Collection[str], path: Path) -> list[str]:
    if missing := [_column(name) for name in columns if name not in header]:
        raise SourceError(
            f"column {', '.join(missing)} is missing",
            where=path,
            expected=f"{', '.join(map(_column, columns))} (found: {ascii(header)})",
            do="use the file as originally distributed",
        )
    return header


def in_dialogues(
    split: str,
    rows: Iterable[CsvRow],
    parse: Callable[[CsvRow], Utterance],
    reject: Callable[[CsvRow, BrokenRecord], Reject],
    sort_by: str,
    first_number: int | None = None,
) -> Iterator[tuple[Dialogue, CsvRow] | Reject]:
    """Yield the dialogues in the rows, each with its first row, and a reject per broken row.

    Args:
        split: the split.
        rows: those of a dialogue must be consecutive.
        parse: returns the utterance in a row, or raises BrokenRecord.
        reject: returns what a broken row becomes.
        sort_by: the columns to sort the file by, for the message if the rows are not consecutive.
        first_number: that of a dialogue's first turn, where its turns are numbered one by one.

    A row of a dialogue that continues after another one is a reject as well.
    """
    gathered: tuple[Dialogue, CsvRow] | None = None
    seen: set[int] = set()  # hashes, because there may be millions of names
    decoding = _Decoding()
    for row in rows:
        try:
            require_whole(row)
            utterance = parse(row)
        except BrokenRecord as error:
            decoding.failed(error, row)
            yield reject(row, error)
            if (readable := error.readable) is None:
                continue
            utterance = as_context(readable)
        if gathered is None or gathered[0].id != utterance.dialogue:
            if (name := hash(utterance.dialogue)) in seen:
                what = f"dialogue {utterance.dialogue} continues after another one has begun"
                why = BrokenRecord("out_of_place", f"{what}; sort the file by {sort_by}")
                if not utterance.rejected:
                    yield reject(row, why)
                continue
            if gathered is not None:
                yield gathered
            seen.add(name)
            gathered = Dialogue(split, utterance.dialogue, [], first_number=first_number), row
        gathered[0].utterances.append(utterance)
    if gathered is not None:
        yield gathered


def require_whole(row: CsvRow) -> None:
    """Raise BrokenRecord where a row cannot be read."""
    if row.fault:
        raise BrokenRecord("broken_row", row.fault)


@dataclass(slots=True)
class _Decoding:
    """Counts the rows that do not decode: a few are faults of rows, most are one of the file."""

    failures: int = 0

    def failed(self, error: BrokenRecord, row: CsvRow) -> None:
        """Count a broken row; SourceError where so many of the rows so far do not decode."""
        self.failures += error.reason == "not_utf8"
        if self.failures >= _MOST and self.failures * 2 > row.number - 1:
            raise SourceError(
                f"{self.failures} of the first {row.number - 1} rows are in an encoding that is "
                "neither UTF-8 nor Windows-1252",
                where=row.file,
                expected="the file as its owner distributes it, in UTF-8",
                do="download it again, or save it as UTF-8 with the program that saved it last",
            )


def as_context(utterance: Utterance) -> Utterance:
    """Return what a rejected record leaves of itself: words that others see, and no target."""
    utterance.rejected, utterance.targetable, utterance.label = True, False, None
    utterance.media = utterance.video = None
    return utterance


def text_lines(path: Path) -> Iterator[tuple[str, str]]:
    """Yield each line of a text file as ``file:line`` and the text without its end.

    A line that is longer than anything we read is cut. Raises SourceError when the file cannot be
    read.
    """
    try:
        with open_text(path) as stream:
            name = path.name
            for number, line in enumerate(bounded_lines(stream), start=1):
                yield f"{name}:{number}", line.rstrip("\n")
    except OSError as error:
        raise unreadable(path, error) from error


def require_utf8(text: str) -> str:
    """Return a text; BrokenRecord when it contains bytes that are not UTF-8 or half a character."""
    if not text.isascii() and _NOT_UTF8.search(text):
        raise BrokenRecord("not_utf8", "it contains bytes that are not UTF-8")
    return text


def notes_of(counts: Mapping[str, Counter[str]]) -> list[ReaderNote]:
    """Return what a reader counted by split as its notes, without what it did not meet."""
    return [
        {"note": note, "split": split, "count": count}
        for split, found in counts.items()
        for note, count in sorted(found.items())
        if count
    ]


def whole_number(written: str, counts: Counter[str] | None = None) -> str:
    """Return a number that was saved as a fraction, as ``12.0``, as the whole one it was.

    Counted as ``ids_saved_as_fractions``; what is no such number is returned as it is.
    """
    if (found := _FRACTION.fullmatch(written)) is None:
        return written
    if counts is not None:
        counts["ids_saved_as_fractions"] += 1
    return found[1]


def broken(
    slug: str, split: str, ids: tuple[str, str], place: str, raw: str, error: BrokenRecord
) -> Reject:
    """Return the reject that a broken record becomes.

    Args:
        slug: the corpus.
        split: the split.
        ids: dialogue and utterance, or ``("line", "12")`` where the record has no ids.
        place: ``file:line``.
        raw: the record as it was read.
        error: what is wrong with it.
    """
    name = sample_id(slug, split, *map(id_part, ids))
    row = shortened(printable(raw))
    detail = shortened(printable(f"{place}: {error.detail}"))
    return Reject(name, split, "read", error.reason, detail, {"row": row})


def printable(text: str) -> str:
    """Return a text with what is no character in it written out, as ``\\xff``."""
    if text.isascii() or not _NOT_UTF8.search(text):
        return text
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # half of a character
        return text.encode("utf-8", "backslashreplace").decode("utf-8")


def shortened(text: str, longest: int = LONGEST_TEXT) -> str:
    """Return a text, or the beginning of one that is too long to be read by anybody."""
    return text if len(text) <= longest else f"{text[:longest]}... ({len(text):,} characters)"


def id_part(part: str) -> str:
    """Return what a part of an id is called in a reject: a digest where it is no name."""
    if len(part) <= LONGEST_ID and (part.isascii() or not _NOT_UTF8.search(part)):
        return part
    digest = hashlib.sha256(part.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{printable(part[:20])}~{digest}"


def as_json(value: object) -> str:
    """Return a value from a JSON file as a text, to be looked at."""
    try:
        return json.dumps(value, ensure_ascii=False)
    except (RecursionError, ValueError, TypeError):
        return f"({type(value).__name__} that cannot be shown)"


def is_number(written: str) -> bool:
    """Return whether a text is a whole number as ids and counts have them: nine digits at most."""
    return written.isdecimal() and written.isascii() and len(written) <= 9
