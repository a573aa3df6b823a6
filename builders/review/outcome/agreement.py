"""How far annotators agree, whether seeing a draft moved them, and how they do on gold items.

Agreement is Krippendorff's alpha (`alpha.py`) over the decisions that count, one per person and
item: nominal for verdict and emotion, ordinal for ratings, MASI for sets of strategies. Gold items
are left out, as annotators are tested on them. Adjudications are never among the values, nor is
what somebody did not say: who leaves the label as it is has not said that they hear it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from builders.labels import strategies
from builders.review.data.decided import Decision, Event
from builders.review.data.decisions import choices
from builders.review.data.queue import Item
from builders.review.outcome.alpha import Alpha, Distance, alpha
from builders.review.outcome.merge import Merged
from builders.stats import Difference, difference, share

# Asking about good news and asking about anything else is hard to tell apart, so agreement is
# also given with the two as one.
_AS_ONE = {"inquiry": "open_ended_questioning"}


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement on one measure, over a part of the items or between two people.

    Attributes:
        measure: verdict, strategies, strategies_merged, emotion, or a scale.
        by: all, corpus, label or pair.
        group: which corpus, label (a root emotion) or pair (two annotators' ids); "" for all.
    """

    measure: str
    by: str
    group: str
    alpha: Alpha


_Chosen = tuple[Item, Event, frozenset[str]]
Value = Callable[[Item, Decision], Hashable | None]


def agreement(
    views: Sequence[Merged], by: Iterable[str] = ("all", "corpus", "label", "pair")
) -> list[Agreement]:
    """Return agreement on every measure, for all items and by corpus, label and pair of people.

    Measures without a single value are left out. `views` come from `merge.views`.
    """
    plain = [view for view in views if not view.item.gold]
    found = []
    for measure, (value, distance) in measures().items():
        given = [(view.item, _values(view, value)) for view in plain]
        if not any(values for _, values in given):
            continue
        for kind in by:
            for group, rows in _grouped(kind, given):
                found.append(Agreement(measure, kind, group, alpha(rows, distance)))
    return found


def measures() -> dict[str, tuple[Value, Distance]]:
    """Return what agreement is measured on: how a decision gives its value, and the distance."""
    scales: dict[str, tuple[Value, Distance]] = {
        scale: (_rating(scale), "ordinal") for scale in choices("scale")
    }
    return {
        "verdict": (lambda _, decision: decision.verdict, "nominal"),
        "strategies": (lambda _, decision: _set(decision.strategies), "masi"),
        "strategies_merged": (lambda _, d: _set(d.strategies, _AS_ONE), "masi"),
        "emotion": (lambda _, decision: decision.emotion, "nominal"),
        **scales,
    }


@dataclass(frozen=True, slots=True)
class Anchoring:
    """Whether seeing the draft moved the answers.

    Attributes:
        shown, hidden: how many decisions were made with the draft in sight, and first without it;
            of neither are those of which it is not said.
        like_draft_shown: of those in sight, the share that chose exactly the draft's strategies.
        like_draft_hidden: the same of the answers given before the draft was shown.
        moved: the share of hidden ones whose strategies changed once the draft was seen.
        effect: how much more often the draft's strategies are chosen with it in sight; None where
            the one or the other has not happened.
        alpha_shown, alpha_hidden: agreement on strategies among the ones and among the others.
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
    """Return what hiding drafts at first has shown; decisions without strategies do not count."""
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
    """Return what was chosen with the draft in sight, what before it, and whether that moved."""
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
    """A label that annotators moved: to what, in how many decisions, in which items it prevails."""

    label: str
    heard: str
    decisions: int
    prevails: tuple[str, ...]


def moves(views: Sequence[Merged]) -> list[Move]:
    """Return which labels annotators moved to which emotion, the most frequent first."""
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
    """How one annotator did on gold items: decided so many, so many as the gold answer."""

    annotator: str
    decided: int
    right: int


def gold_results(views: Sequence[Merged]) -> list[GoldResult]:
    """Return each annotator's result on gold items, over what the gold answers say."""
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
    """Return whether a decision leaves an item as a gold answer says; edits count as accepted.

    The words of an edit are the annotator's own and are not compared. Whoever does not say that the
    label is another leaves it as it is.
    """
    keeps = decision.verdict != "reject"
    if keeps != (answer.verdict != "reject"):
        return False
    if answer.strategies is not None and _kept(item, decision) != _set(answer.strategies):
        return False
    return answer.emotion is None or (decision.emotion or item.emotion) == answer.emotion


def _values(view: Merged, value: Value) -> dict[str, Hashable]:
    found = {event.annotator: value(view.item, event.decision) for event in view.decisions}
    return {who: given for who, given in found.items() if given is not None}


def _grouped(
    by: str, given: Sequence[tuple[Item, dict[str, Hashable]]]
) -> list[tuple[str, list[Mapping[str, Hashable]]]]:
    """Return the values of each group, groups in order of their names."""
    groups: dict[str, list[Mapping[str, Hashable]]] = {}
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
    """Return strategies as a set, some of them under another's name; None for no opinion."""
    if chosen is None:
        return None
    return frozenset((as_one or {}).get(name, name) for name in chosen)


def _kept(item: Item, decision: Decision) -> frozenset[str] | None:
    """Return the strategies that stand after a decision: those chosen, or of the reply that stays;
    None where no reply does.
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
