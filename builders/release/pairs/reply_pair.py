"""A pair of replies to train on, the better one first, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from builders.errors import UsageError
from builders.record.dataset import Build
from builders.record.types import ReviewStatus
from builders.record.views import SampleRecord
from builders.release.eligibility import COLUMNS, Extent, Purpose, Restrictions, eligibility
from builders.release.preferences import PreferencePair
from builders.tasks.reply.checks.wording import pieces

PEOPLE, JUDGE, CONTRAST, PLANTED = "people", "judge", "contrast", "planted"
SOURCES = (PEOPLE, JUDGE, CONTRAST, PLANTED)


@dataclass(frozen=True, slots=True)
class ReplyPair:
    """Two replies to one target, of which the first is better.

    Attributes:
        id: of the target.
        source: one of `SOURCES`.
        origin: `edit`, `rejection` or `compared` of people's pairs; else the source.
        kind: what is wrong with the rejected reply, in a word; of people's the origin.
        chosen: the text of the better reply.
        rejected: the text of the other one.
        by: who preferred it: the model, or the version of the tables.
        beside: the sample whose reply the rejected one is, of a contrast pair.
    """

    id: str
    source: str
    origin: str
    kind: str
    chosen: str
    rejected: str
    by: str
    beside: str | None = None


def checked_sources(given: Iterable[str], known: Sequence[str]) -> tuple[str, ...]:
    """Return sources of pairs, each once; UsageError for one that is not known."""
    for one in given:
        if one not in known:
            raise UsageError(
                f"--pairs-from {one} is no source of pairs",
                expected=f"one of {', '.join(known)}",
                do="pass one of them, several by --pairs-from again",
            )
    return tuple(dict.fromkeys(given))


def of_people(pairs: Iterable[PreferencePair]) -> dict[str, list[ReplyPair]]:
    """Return people's pairs with two different texts, by target id: those to train on."""
    found: dict[str, list[ReplyPair]] = {}
    for pair in pairs:
        chosen, rejected = pair["chosen"], pair["rejected"]["text"]
        if chosen is not None and chosen["text"] != rejected:
            origin, by = pair["origin"], f"{pair['reviewers']} people"
            made = ReplyPair(pair["id"], PEOPLE, origin, origin, chosen["text"], rejected, by)
            found.setdefault(pair["id"], []).append(made)
    return found


def same_words(one: str, other: str) -> bool:
    """Return whether two replies have the same words, whatever stands between them."""
    return pieces(one) == pieces(other)


def trained_rows(
    build: Build, known: Restrictions, columns: Iterable[str]
) -> Iterator[SampleRecord]:
    """Yield the samples of which everything may be trained on, with these columns."""
    for record in build.rows(tuple(dict.fromkeys((*COLUMNS, *columns))), batch=1000):
        if eligibility(record, Purpose.TRAIN, known).extent is Extent.RECORD:
            yield record


class KeptReplies:
    """The replies of a build, by their words: none of them is a bad reply elsewhere.

    Args:
        build: the build as people have left it.
        known: the ids that may not be used.
    """

    def __init__(self, build: Build, known: Restrictions) -> None:
        rows = trained_rows(build, known, ("desired_response.text",))
        self._by_words: dict[int, str] = {}
        self._accepted: set[int] = set()
        for record in rows:
            said = _key(record["desired_response"]["text"])
            held = self._by_words.setdefault(said, record["id"])
            if held != record["id"]:
                self._by_words[said] = ""  # of several samples
            review = record["review"]
            if review and review["status"] in (ReviewStatus.ACCEPTED, ReviewStatus.EDITED):
                self._accepted.add(said)

    def has(self, text: str, besides: str = "") -> bool:
        """Return whether a text is a kept reply of a sample other than `besides`, or accepted."""
        said = _key(text)
        return self._by_words.get(said, besides) != besides or said in self._accepted


def _key(text: str) -> int:
    return hash(tuple(pieces(text)))
