"""What comparing two builds' drafts has come to: whose people prefer, and whether place matters.

Each target counts once, by whose draft more people prefer; as many for the one as for the other is
a tie. The share of targets won leaves ties out and has Wilson's 95 % interval. Votes are counted by
place too: the draft that is shown first should win as often as the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

import sqlalchemy as sa

from builders.drafting.store import Store
from builders.review.alpha import Alpha, alpha
from builders.review.decided import Event, standing
from builders.review.events import Reviews
from builders.review.tables import items

_Z = 1.96


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, with a 95 % interval; None where there are none."""

    won: int
    of: int
    share: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the drafts of a build compare with those of another, over a part of the targets.

    Attributes:
        against: the other build.
        corpus: which part, "" for all.
        wins, losses, ties: targets whose draft more people prefer, fewer, or as many.
        preferred: the share of wins among wins and losses.
        first: of the votes that are not equal, those for the draft that was shown first.
        alpha: agreement of those who compared the same two drafts.
    """

    against: str
    corpus: str
    wins: int
    losses: int
    ties: int
    preferred: Share
    first: Share
    alpha: Alpha


@dataclass(frozen=True, slots=True)
class _Vote:
    """One person's choice, as seen from a build: mine, theirs or equal; and whose was first."""

    against: str
    item: str
    corpus: str
    annotator: str
    choice: str
    first: str | None


def comparisons(store: Store, build: str) -> tuple[list[Comparison], int]:
    """Return how a build compares with each other one, over all and by corpus, and how many
    comparisons are about drafts that have changed since. The items must be registered.
    """
    seen = _seen(store)
    votes, outdated = [], 0
    for event in standing(Reviews(store).of_build(build)):
        if event.kind != "comparison":
            continue
        vote = _vote(event, build, seen)
        if vote is None:
            outdated += 1
        else:
            votes.append(vote)
    found = []
    for against in sorted({vote.against for vote in votes}):
        of = [vote for vote in votes if vote.against == against]
        corpora = sorted({vote.corpus for vote in of})
        found.append(_comparison(against, "", of))
        if len(corpora) > 1:
            found += [_comparison(against, c, [v for v in of if v.corpus == c]) for c in corpora]
    return found, outdated


def compared_with(store: Store, build: str) -> list[str]:
    """Return the names of the builds with which people compared a build."""
    return [one.against for one in comparisons(store, build)[0] if not one.corpus]


def wilson(won: int, of: int) -> Share:
    """Return a share with Wilson's 95 % interval."""
    if not of:
        return Share(won, of, None, None, None)
    share, z2 = won / of, _Z**2
    centre = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = _Z * sqrt(share * (1 - share) / of + z2 / (4 * of**2)) / (1 + z2 / of)
    return Share(won, of, share, max(0.0, centre - half), min(1.0, centre + half))


def _seen(store: Store) -> dict[tuple[str, str], tuple[str, str]]:
    """Return the present content hash and the corpus of every item, by build and item."""
    query = sa.select(items.c.build, items.c.item, items.c.seen, items.c.corpus)
    with store.translated(), store.engine.connect() as connection:
        return {(row.build, row.item): (row.seen, row.corpus) for row in connection.execute(query)}


def _vote(event: Event, build: str, seen: dict[tuple[str, str], tuple[str, str]]) -> _Vote | None:
    """Return a comparison as seen from a build; None where it is about other drafts."""
    mine, corpus = seen[build, event.item]
    drafts = {"a": event.seen, "b": event.body["other"]}
    letter = next((name for name, draft in drafts.items() if draft == mine), None)
    against = str(event.body.get("against", "")) if event.build == build else event.build
    theirs = seen.get((against, event.item))
    if letter is None or (theirs and theirs[0] not in drafts.values()):
        return None
    named = {letter: "mine", "b" if letter == "a" else "a": "theirs"}
    first = named.get(str(event.body.get("first")))
    choice = named.get(event.verdict, "equal")
    return _Vote(against or "another draft", event.item, corpus, event.annotator, choice, first)


def _comparison(against: str, corpus: str, votes: Sequence[_Vote]) -> Comparison:
    by_item: dict[str, dict[str, str]] = {}
    for vote in votes:
        by_item.setdefault(vote.item, {})[vote.annotator] = vote.choice
    results = Counter(_result(choices.values()) for choices in by_item.values())
    clear = [vote for vote in votes if vote.first and vote.choice != "equal"]
    return Comparison(
        against=against,
        corpus=corpus,
        wins=results["mine"],
        losses=results["theirs"],
        ties=results["equal"],
        preferred=wilson(results["mine"], results["mine"] + results["theirs"]),
        first=wilson(sum(vote.choice == vote.first for vote in clear), len(clear)),
        alpha=alpha([*by_item.values()], "nominal"),
    )


def _result(choices: Iterable[str]) -> str:
    counts = Counter(choices)
    if counts["mine"] == counts["theirs"]:
        return "equal"
    return "mine" if counts["mine"] > counts["theirs"] else "theirs"
