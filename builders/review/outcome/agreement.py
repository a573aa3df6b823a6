"""Inter-annotator agreement, anchoring by the draft, and results on gold items.

Agreement is Krippendorff's alpha (`alpha.py`) over the decisions that count, one per person and
item: nominal for verdict and emotion, ordinal for ratings, MASI for sets of strategies. Gold items
are left out, since they test annotators. Adjudications are never among the values, nor are
missing answers: leaving the label unchanged does not mean hearing that emotion.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from builders.labels import strategies
from builders.review.data.decided import Decision, Event
from builders.review.data.decisions import scales
from builders.review.data.queue import Item
from builders.review.outcome.alpha import Alpha, Distance, alpha
from builders.review.outcome.merge import Merged
from builders.stats import Difference, difference, share

# Two strategies that ask questions are hard to tell apart, so agreement is
# also given with the two merged.
_AS_ONE = {"inquiry": "open_ended_questioning"}


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement on one measure, over a part of the items or between two people.

    Attributes:
        measure: verdict, strategies, strategies_merged, emotion, or a scale.
        by: all, corpus, label or pair.
        group: which corpus, label (a root emotion) or pair (two annotators' ids); "" for all.
        answered, asked: the decisions that say something about it, and all of them. What is not
            touched is no answer, so few may stand behind an agreement.
    """

    measure: str
    by: str
    group: str
    alpha: Alpha
    answered: int
    asked: int


_Chosen = tuple[Item, Event, frozenset[str]]
Value = Callable[[Item, Decision], Hashable | None]


def agreement(
    views: Sequence[Merged], by: Iterable[str] = ("all", "corpus", "label", "pair")
) -> list[Agreement]:
    """Return agreement on every measure, for all items and by corpus, label and pair of people.

    Measures without any value are left out. `views` come from `merge.views`.
    """
    plain = [view for view in views if not view.item.gold]
    found = []
    for measure, (value, distance) in measures().items():
        given = [(view.item, _asked(view, value)) for view in plain]
        if not any(_said(values) for _, values in given):
            continue
        for kind in by:
            for group, rows in _grouped(kind, given):
                said = [_said(values) for values in rows]
                counted = sum(map(len, said)), sum(map(len, rows))
                # Two people are compared where both said something.
                if counted[0] and (kind != "pair" or any(len(one) > 1 for one in said)):
                    found.append(Agreement(measure, kind, group, alpha(said, distance), *counted))
    return found


def measures() -> dict[str, tuple[Value, Distance]]:
    """Return the measures of agreement: how to get a decision's value, and the distance."""
    rated: dict[str, tuple[Value, Distance]] = {
        scale: (_rating(scale), "ordinal") for scale in scales()
    }
    return {
        "verdict": (lambda _, decision: decision.verdict, "nominal"),
        "strategies": (lambda _, decision: _set(decision.strategies), "masi"),
        "strategies_merged": (lambda _, d: _set(d.strategies, _AS_ONE), "masi"),
        "emotion": (lambda _, decision: decision.emotion, "nominal"),
        **rated,
    }


@dataclass(frozen=True, slots=True)
class Anchoring:
    """Anchoring: whether seeing the draft changed the answers.

    Attributes:
        shown, hidden: the number of decisions made with the draft visible, and first without it;
            decisions without that information are in neither.
        like_draft_shown: with the draft visible, the share that chose exactly its strategies.
        like_draft_hidden: the same of the answers given before the draft was shown.
        moved: the share of hidden ones whose strategies changed once the draft was seen.
        effect: how much more often the draft's strategies are chosen with it visible; None if
            one of the two conditions has no decisions.
        alpha_shown, alpha_hidden: agreement on strategies within each condition.
    """

    shown: int
    hidden: int
    like_draft_shown: float | None
    like_draft_hidden: float | None
    moved: float | None
    effect: Difference | None
    alpha_shown: Alpha
    alpha_hidden: Alpha


def anchoring(views: Sequence[Merged]) -> Anchoring:
    """Return the anchoring results; decisions without strategies do not count."""
    shown, hidden, moved = _in_sight_and_hidden(views)
    in_sight = share([chosen == _drafted(item) for item, _, chosen in shown])
    without = share([chosen == _drafted(item) for item, _, chosen in hidden])
    return Anchoring(
        shown=len(shown),
        hidden=len(hidden),
        like_draft_shown=in_sight.share,
        like_draft_hidden=without.share,
        moved=share(moved).share,
        effect=difference(in_sight, without),
        alpha_shown=alpha(_by_item(shown), "masi"),
        alpha_hidden=alpha(_by_item(hidden), "masi"),
    )


def _in_sight_and_hidden(
    views: Sequence[Merged],
) -> tuple[list[_Chosen], list[_Chosen], list[bool]]:
    """Return the choices with the draft visible, those before it, and whether they changed."""
    shown: list[_Chosen] = []
    hidden: list[_Chosen] = []
    moved = []
    for view in views:
        for event in view.decisions:
            final, first = _kept(view.item, event.decision), _first(event.decision)
            if event.decision.hidden is False and final is not None:
                shown.append((view.item, event, final))
            elif event.decision.hidden and first is not None:
                hidden.append((view.item, event, first))
                if final is not None:
                    moved.append(final != first)
    return shown, hidden, moved


@dataclass(frozen=True, slots=True)
class Move:
    """A label changed by annotators: to what, in how many decisions, where it prevails."""

    label: str
    heard: str
    decisions: int
    prevails: tuple[str, ...]


def moves(views: Sequence[Merged]) -> list[Move]:
    """Return the label changes by annotators, the most frequent first."""
    decided: Counter[tuple[str, str]] = Counter()
    prevails: dict[tuple[str, str], list[str]] = {}
    for view in views:
        label = view.item.emotion
        heard = [event.decision.emotion for event in view.decisions]
        decided.update((label, emotion) for emotion in heard if emotion and emotion != label)
        if view.heard.emotion not in (None, label):
            prevails.setdefault((label, view.heard.emotion), []).append(view.item.item)
    return [
        Move(*pair, decided[pair], tuple(prevails.get(pair, ())))
        for pair in sorted({*decided, *prevails}, key=lambda pair: (-decided[pair], pair))
    ]


@dataclass(frozen=True, slots=True)
class GoldResult:
    """One annotator's results on gold items: number decided, number correct."""

    annotator: str
    decided: int
    right: int


def gold_results(views: Sequence[Merged]) -> list[GoldResult]:
    """Return each annotator's result on gold items, over the fields in the gold answers."""
    decided: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for view in views:
        if view.item.gold and view.decisive is not None:
            for event in view.decisions:
                decided[event.annotator] += 1
                right[event.annotator] += _is_right(
                    view.item, event.decision, view.decisive.decision
                )
    return [GoldResult(who, decided[who], right[who]) for who in sorted(decided)]


def _is_right(item: Item, decision: Decision, answer: Decision) -> bool:
    """Return whether a decision agrees with a gold answer; edits count as accepted.

    The text of an edit is not compared. A decision without an emotion
    keeps the label.
    """
    keeps = decision.verdict != "reject"
    if keeps != (answer.verdict != "reject"):
        return False
    if answer.strategies is not None and _kept(item, decision) != _set(answer.strategies):
        return False
    return answer.emotion is None or (decision.emotion or item.emotion) == answer.emotion


def _asked(view: Merged, value: Value) -> dict[str, Hashable | None]:
    return {event.annotator: value(view.item, event.decision) for event in view.decisions}


def _said(values: Mapping[str, Hashable | None]) -> dict[str, Hashable]:
    return {who: given for who, given in values.items() if given is not None}


def _grouped(
    by: str, given: Sequence[tuple[Item, dict[str, Hashable | None]]]
) -> list[tuple[str, list[Mapping[str, Hashable | None]]]]:
    """Return the values of each group, groups in order of their names."""
    groups: dict[str, list[Mapping[str, Hashable | None]]] = {}
    for item, values in given:
        if by == "pair":
            for a, b in combinations(sorted(values), 2):
                groups.setdefault(f"{a} {b}", []).append({a: values[a], b: values[b]})
        else:
            group = {"all": "", "corpus": item.corpus, "label": item.label}[by]
            groups.setdefault(group, []).append(values)
    return sorted(groups.items())


def _rating(scale: str) -> Value:
    return lambda _, decision: (decision.ratings or {}).get(scale)


def _set(
    chosen: Iterable[str] | None, as_one: Mapping[str, str] | None = None
) -> frozenset[str] | None:
    """Return strategies as a set, with some merged; None for no answer."""
    if chosen is None:
        return None
    return frozenset((as_one or {}).get(name, name) for name in chosen)


def _kept(item: Item, decision: Decision) -> frozenset[str] | None:
    """Return the strategies after a decision: those chosen, or those of the kept reply;
    None if no reply is kept.
    """
    if decision.strategies is not None or decision.verdict in ("reject", "skip"):
        return _set(decision.strategies)
    return _set(decision.reply["strategies"]) if decision.reply else _drafted(item)


def _first(decision: Decision) -> frozenset[str] | None:
    return _set((decision.before or {}).get("strategies"))


def _drafted(item: Item) -> frozenset[str]:
    return frozenset(strategies.split(item.strategies))


def _by_item(rows: Iterable[_Chosen]) -> list[Mapping[str, Hashable]]:
    values: dict[str, dict[str, Hashable]] = {}
    for item, event, chosen in rows:
        values.setdefault(item.item, {})[event.annotator] = chosen
    return [*values.values()]
