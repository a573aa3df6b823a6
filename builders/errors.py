"""Every error a user can meet, and the exit code it ends the command with.

    HeartenError                 1   the user must fix something; one line, no traceback
    ├── SourceError              1   the corpus folder: missing, wrong level, a column missing
    ├── ConfigError              1   a setting, or a build that was started with other settings
    ├── LabelError               1   a label without a row in a mapping table
    ├── EndpointError            1   the model's server: wrong key, no such model, no response
    ├── StoreError               1   the store: another version, locked, cannot be opened
    ├── OutputError              1   the output folder: unwritable, full, in use by another build
    ├── UsageError               2   the command line itself
    ├── StoppedEarly             3   stopped before the end; the same command continues
    └── VerificationError        4   data did not verify against what was published

Any other exception is a bug in Hearten and keeps its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Sequence
from typing import TypedDict

# Characters of a part of a message; of longer ones, so many at the beginning and at the end.
_LONGEST, _BEGINNING, _END = 3_000, 2_000, 800


class HeartenError(Exception):
    """One line for the user: what was wrong, where, what was expected, what to do.

    Args:
        what: what was wrong, with the offending value in it.
        where: the file, row, field or address.
        expected: what would have been right.
        do: the next step, as an instruction.

    Attributes:
        beside: further faults of the same record or file, for who lists all of them.
    """

    exit_code = 1

    def __init__(
        self, what: str, *, where: object = None, expected: str | None = None, do: str | None = None
    ) -> None:
        self.what, self.where, self.expected, self.do = what, where, expected, do
        self.beside: Sequence[HeartenError] = ()
        parts = [_shown(what)]
        if where is not None:
            parts.append(f"in {where}")
        line = " ".join(parts)
        if expected:
            line += f"; expected {_shown(expected)}"
        if do:
            line += f"; {do}"
        super().__init__(" ".join(line.split()))


def first_of(faults: Iterable[HeartenError]) -> HeartenError | None:
    """Return the first of some faults, with the others beside it; None where there is none."""
    every = [*faults]
    if not every:
        return None
    every[0].beside = every[1:]
    return every[0]


def _shown(text: str) -> str:
    """Return a text, or the ends of one that quotes a value of any length."""
    return text if len(text) <= _LONGEST else f"{text[:_BEGINNING]} ... {text[-_END:]}"


class SourceError(HeartenError):
    """The corpus cannot be read from disk."""


class ConfigError(HeartenError):
    """A setting is wrong, or differs from what the build was started with."""


class LabelError(HeartenError):
    """A label or a table of labels is wrong."""


class EndpointError(HeartenError):
    """The model's endpoint cannot be used as requested."""


class StoreError(HeartenError):
    """The store of cached responses cannot be used."""


class OutputError(HeartenError):
    """The output folder cannot be used."""


class UsageError(HeartenError):
    """The command line asks for something that does not exist."""

    exit_code = 2


class StoppedEarly(HeartenError):
    """Stopped before the end; cached responses are kept and the same command continues."""

    exit_code = 3


class VerificationError(HeartenError):
    """What was read does not match what was published."""

    exit_code = 4


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the word that was probably meant, or None where nothing known is like it."""
    plain = {one.casefold(): one for one in known}
    found = difflib.get_close_matches(word.casefold(), plain, n=1)
    return plain[found[0]] if found else None


class Suggested(TypedDict):
    """What an error about an unknown word says beside it; see `suggested`."""

    expected: str | None
    do: str | None


# So many words are a list that one reads.
_LISTED = 12


def suggested(word: str, known: Collection[str], do: str | None = None) -> Suggested:
    """Return what an error says of a word that there is not: the known ones, and the nearest.

    Args:
        word: what was written.
        known: the words that there are; a long list is left out where one of them is meant.
        do: the next step where none is near.
    """
    near = nearest(word, known)
    listed = f"one of {', '.join(known)}" if known and (len(known) <= _LISTED or not near) else None
    return {"expected": listed, "do": f"did you mean {near}?" if near else do}
