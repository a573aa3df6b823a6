"""The preference pairs that an export asks for, by their sources."""

from __future__ import annotations

from collections.abc import Callable

from builders.errors import ConfigError
from builders.record.dataset import Build
from builders.release.eligibility import Restrictions
from builders.release.export.options import Options
from builders.release.pairs import made_pairs
from builders.release.pairs.reply_pair import (
    CONTRAST,
    JUDGE,
    PEOPLE,
    PLANTED,
    ReplyPair,
    of_people,
)
from builders.release.preferences import pairs_of

# Why a source has no pairs, and what to do for some.
_NONE = {
    PEOPLE: (
        "no reply of this build was edited, drafted again after a rejection, or compared with "
        "another",
        "review the build first, or use --task sft",
    ),
    JUDGE: (
        "no judge that is fit holds one draft of a target better than another in both orders",
        "build with --drafts 2, then run hearten judge --test pairs",
    ),
    CONTRAST: (
        "no minimal pair whose voices people heard apart was matched in both orders",
        "run hearten judge, on a corpus with minimal pairs and votes",
    ),
    PLANTED: (
        "no fault can be planted in a reply by a minimal edit",
        "add edits to label_maps/preference",
    ),
}


def pairs_for(  # noqa: PLR0913 - two views of the build, and four things about the run
    drafted: Build,
    build: Build,
    options: Options,
    address: str,
    known: Restrictions,
    say: Callable[[str], None],
) -> dict[str, list[ReplyPair]]:
    """Return the preference pairs, if the task needs them, by the id of their target.

    Args:
        drafted: the build as it was drafted.
        build: the build as people have left it.
        options: the export options.
        address: the store.
        known: the ids that may not be used.
        say: called with a line about pairs that were not made.

    Raises:
        ConfigError: a source has no pairs.
    """
    found: dict[str, list[ReplyPair]] = {}
    sources = options.sources
    if PEOPLE in sources:
        found = of_people(pairs_of(drafted, address, known, say))
    if set(sources) - {PEOPLE}:
        for name, pairs in made_pairs(build, address, known, sources, say).pairs.items():
            found.setdefault(name, []).extend(pairs)
    there = {pair.source for pairs in found.values() for pair in pairs}
    for source in sources:
        if source not in there:
            why, do = _NONE[source]
            what = "preference pairs" if source == PEOPLE else f"pairs from {source}"
            raise ConfigError(f"there are no {what}: {why}", where=drafted.folder, do=do)
    return found
