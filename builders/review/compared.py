"""What people say of two drafts of one target, shown side by side: who wins, and what it hangs on.

A person counts once for each two drafts, with what they said last, whichever was shown first. That
is the draft which the event's body names as its `first`, a or b; a where it names none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from builders.drafting.store import Store
from builders.review.alpha import Alpha, alpha
from builders.review.decided import Event, standing
from builders.review.events import Reviews
from builders.review.shares import Share, share
from builders.review.tables import items

EQUAL = "equal"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What one person says of two drafts: their hashes in the order shown, and the better one.

    `better` is None where both are as good.
    """

    item: str
    annotator: str
    first: str
    second: str
    better: str | None


@dataclass(frozen=True, slots=True)
class Duel:
    """How the drafts of two builds stand: wins of the `one` and of the `other`, and ties.

    `corpus` is "" for all of them.
    """

    one: str
    other: str
    corpus: str
    wins: int
    losses: int
    ties: int


@dataclass(frozen=True, slots=True)
class Compared:
    """What all comparisons of the drafts of a build's targets come to.

    Attributes:
        comparisons: how many there are.
        people: by how many.
        duels: for each two builds, in all and by corpus.
        first: of those with a winner, the share that the draft shown first won; half where the
            order does not matter.
        agreement: of the people who compared the same two drafts.
        unknown: how many are about a draft that no build registered here has; they count nowhere
            else.
    """

    comparisons: int
    people: int
    duels: tuple[Duel, ...]
    first: Share
    agreement: Alpha
    unknown: int


def comparisons(made: Iterable[Event]) -> list[Comparison]:
    """Return what each person says of each two drafts, of the events that stand."""
    latest: dict[tuple[str, str, frozenset[str]], Comparison] = {}
    for event in standing(made):
        if event.kind == "comparison":
            a, b = event.seen, str(event.body["other"])
            better = {"a": a, "b": b}.get(event.verdict)
            order = (b, a) if event.body.get("first") == "b" else (a, b)
            said = Comparison(event.item, event.annotator, *order, better)
            latest[event.item, event.annotator, frozenset(order)] = said
    return list(latest.values())


def compared(store: Store, build: str) -> Compared:
    """Return what the comparisons of drafts of a build's targets come to; register it first."""
    said = comparisons(Reviews(store).of_build(build))
    names, corpora = _drafts_of(store, said, build), _corpora(store, build)
    known = [one for one in said if (one.first in names) and (one.second in names)]
    scores: Counter[tuple[str, str, str, str]] = Counter()
    values: dict[tuple[str, frozenset[str]], dict[str, str]] = {}
    for one in known:
        result = names[one.better] if one.better else EQUAL
        pair = sorted((names[one.first], names[one.second]))
        for corpus in ("", corpora[one.item]):
            scores[(*pair, corpus, result)] += 1  # type: ignore[index]
        drafts = one.item, frozenset((one.first, one.second))
        values.setdefault(drafts, {})[one.annotator] = result
    return Compared(
        comparisons=len(known),
        people=len({one.annotator for one in known}),
        duels=_duels(scores),
        first=share([one.better == one.first for one in known if one.better]),
        agreement=alpha(list(values.values()), "nominal"),
        unknown=len(said) - len(known),
    )


def opponents(store: Store, build: str) -> list[str]:
    """Return the other builds whose drafts were compared with others of a build's targets."""
    said = comparisons(Reviews(store).of_build(build))
    return sorted({*_drafts_of(store, said, build).values()} - {build})


def _duels(scores: Mapping[tuple[str, str, str, str], int]) -> tuple[Duel, ...]:
    found = sorted({(one, other, corpus) for one, other, corpus, _ in scores})
    return tuple(
        Duel(
            *(one, other, corpus),
            wins=scores.get((one, other, corpus, one), 0),
            losses=scores.get((one, other, corpus, other), 0),
            ties=scores.get((one, other, corpus, EQUAL), 0),
        )
        for one, other, corpus in found
    )


def _drafts_of(store: Store, said: Sequence[Comparison], build: str) -> dict[str, str]:
    """Return the build that each draft is from, by hash: this one, or the first that has it."""
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
