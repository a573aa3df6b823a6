"""Results of comparing drafts: which are preferred, and whether position matters.

A person counts once per two drafts, with their latest answer, in either order. Each
target counts once, for the draft that more people prefer; equal numbers are a
tie. Votes are also counted by position: the draft shown first should win as often as the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from builders.review.data.decided import Event, standing
from builders.review.data.events import Reviews
from builders.review.data.tables import items
from builders.review.outcome.alpha import Alpha, alpha
from builders.stats import Share, share
from builders.store.database import Store

MINE, THEIRS, EQUAL = "mine", "theirs", "equal"


@dataclass(frozen=True, slots=True)
class DraftPreference:
    """One person's preference between two drafts: hashes in the order shown, and the better one.

    `better` is None if both are equal.
    """

    item: str
    annotator: str
    first: str
    second: str
    better: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The drafts of a build compared with those of another, over a part of the targets.

    Attributes:
        against: the other build.
        corpus: which part, "" for all.
        wins, losses, ties: targets whose draft is preferred by more, fewer or equally many people.
        preferred: the share of wins among wins and losses.
        first: among the votes for one draft, those for the draft shown first.
        alpha: agreement among people who compared the same two drafts.
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
    """A choice from a build's view: `MINE`, `THEIRS` or `EQUAL`; and whose draft was first."""

    against: str
    item: str
    corpus: str
    annotator: str
    choice: str
    first: str


def said_of(made: Iterable[Event]) -> list[DraftPreference]:
    """Return each person's preference on each two drafts, from the events in force."""
    latest: dict[tuple[str, str, frozenset[str]], DraftPreference] = {}
    for event in standing(made):
        if event.kind == "comparison":
            a, b = event.seen, str(event.body["other"])
            better = {"a": a, "b": b}.get(event.verdict)
            order = (b, a) if event.body.get("first") == "b" else (a, b)
            one = DraftPreference(event.item, event.annotator, *order, better)
            latest[event.item, event.annotator, frozenset(order)] = one
    return list(latest.values())


def comparisons(store: Store, build: str) -> tuple[list[Comparison], int]:
    """Return a build's results against each other build, overall and by corpus; register it first.

    The number counts comparisons with a draft that no registered build has any more.
    """
    votes, unknown = _votes(store, build)
    found = []
    for against in sorted({vote.against for vote in votes}):
        of = [vote for vote in votes if vote.against == against]
        corpora = sorted({vote.corpus for vote in of})
        found.append(_comparison(against, "", of))
        if len(corpora) > 1:
            found += [_comparison(against, c, [v for v in of if v.corpus == c]) for c in corpora]
    return found, unknown


def opponents(store: Store, build: str) -> list[str]:
    """Return the other builds whose drafts were compared with a build's."""
    return sorted({vote.against for vote in _votes(store, build)[0]})


def _votes(store: Store, build: str) -> tuple[list[_Vote], int]:
    """Return the votes from a build's point of view, and how many are about unknown drafts."""
    said = said_of(Reviews(store).of_build(build))
    names, corpora = _drafts_of(store, said, build), _corpora(store, build)
    votes, unknown = [], 0
    for one in said:
        if one.item not in corpora:
            continue  # the build does not have the target, or it may not be shown
        whose = names.get(one.first), names.get(one.second)
        if None in whose:
            unknown += 1
        elif build in whose:
            choice = EQUAL if one.better is None else _whose(names[one.better], build)
            against = next(str(name) for name in whose if name != build)
            first = _whose(str(whose[0]), build)
            corpus = corpora[one.item]
            votes.append(_Vote(against, one.item, corpus, one.annotator, choice, first))
    return votes, unknown


def _whose(name: str, build: str) -> str:
    return MINE if name == build else THEIRS


def _comparison(against: str, corpus: str, votes: Sequence[_Vote]) -> Comparison:
    by_item: dict[str, dict[str, str]] = {}
    for vote in votes:
        by_item.setdefault(vote.item, {})[vote.annotator] = vote.choice
    results = Counter(_result(choices.values()) for choices in by_item.values())
    won = [result == MINE for result in results.elements() if result != EQUAL]
    return Comparison(
        against=against,
        corpus=corpus,
        wins=results[MINE],
        losses=results[THEIRS],
        ties=results[EQUAL],
        preferred=share(won),
        first=share([vote.choice == vote.first for vote in votes if vote.choice != EQUAL]),
        alpha=alpha([*by_item.values()], "nominal"),
    )


def _result(choices: Iterable[str]) -> str:
    counts = Counter(choices)
    if counts[MINE] == counts[THEIRS]:
        return EQUAL
    return MINE if counts[MINE] > counts[THEIRS] else THEIRS


def _drafts_of(store: Store, said: Sequence[DraftPreference], build: str) -> dict[str, str]:
    """Return the build of each draft, by hash: this one, or the first that has it."""
    wanted = sorted({h for one in said for h in (one.first, one.second)})
    found: dict[str, str] = {}
    with store.translated(), store.engine.connect() as connection:
        for start in range(0, len(wanted), 500):
            part = items.c.seen.in_(wanted[start : start + 500])
            query = sa.select(items.c.seen, items.c.build).where(part)
            for seen, name in connection.execute(query.order_by(items.c.build)):
                if name == build or seen not in found:
                    found[seen] = name
    return found


def _corpora(store: Store, build: str) -> dict[str, str]:
    query = sa.select(items.c.item, items.c.corpus).where(items.c.build == build)
    with store.translated(), store.engine.connect() as connection:
        return {item: corpus for item, corpus in connection.execute(query)}
