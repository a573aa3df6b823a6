"""The planner: what a reply is to do, before a model is asked for it.

Left to themselves, models answer nearly everything in one way. A plan is drawn by the hash of the
record's id from what people do when they answer such an emotion (``label_maps/planning``), among
the strategies that the policy allows and whose needs are met. It depends on the record alone: not
on the order, the size of the build or the machine.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TypeVar

from builders.labels import strategies
from builders.pipeline.selection import rank
from builders.record.planned_reply import PlannedReply
from builders.record.types import Emotions, Target
from builders.tasks.reply.checks.fit import fitting_reply_emotions
from builders.tasks.reply.circumstances import circumstances, load_circumstances, own_turns
from builders.tasks.reply.planning_tables import PlanTables, load_plan_tables
from builders.tasks.reply.tagging import UNKNOWN, tag

Option = TypeVar("Option")

_RANKS = 2.0**64
# What people do that nothing of ours does here counts as this.
_OTHER = "other"
# How often the chances are fitted at most, and when they have settled.
_ROUNDS, _SETTLED = 100, 1e-4
# How many acts there must be room for, per reply.
_ROOM = 1.12
Chances = dict[tuple[str, ...], float]
Sequences = tuple[tuple[tuple[str, ...], float], ...]


class Planner:
    """Plans replies by hash.

    Args:
        language: that of the corpus.

    Raises LabelError where a table is wrong, or the language has none.
    """

    by = "hash"

    def __init__(self, language: str = "en") -> None:
        load_circumstances(language)
        self._language = language
        self._tables = load_plan_tables()

    @property
    def version(self) -> str:
        """Return the version of the tables."""
        return self._tables.version

    def plan_for(self, target: Target) -> PlannedReply | None:
        """Return what the reply to a target is to do; None where the policy leaves nothing."""
        sequences = self.sequences(target)
        if not sequences:
            return None
        chosen = _drawn(f"{target.id}|strategies", sequences)
        words = self.lengths(len(chosen))
        band = _drawn(f"{target.id}|words", words)
        return PlannedReply(chosen, band, reply_emotions(target.emotions, chosen))

    def sequences(self, target: Target) -> Sequences:
        """Return what the reply may do, in order, with the chance of each; they sum up to 1."""
        holds = circumstances(target, self._language)
        done = last_done(target, self._language)
        return possible_sequences(target.emotions, own_turns(target), holds, done)

    def lengths(self, acts: int) -> tuple[tuple[tuple[int, int], float], ...]:
        """Return the length bands of replies of so many acts, with the chance of each."""
        shares = "one_act" if acts == 1 else "two_acts"
        bands = (((b.low, b.high), getattr(b, shares) / 100) for b in self._tables.bands)
        return tuple((band, share) for band, share in bands if share)


def last_done(target: Target, language: str = "en") -> frozenset[str]:
    """Return what the last turn of whoever replies did, as far as its words tell."""
    turns = (turn for turn in reversed(target.turns) if turn.role == "assistant")
    last = next(turns, None)
    if last is None:
        return frozenset()
    tags = tag(last.utterance.text, target.emotions.valence, language)
    return frozenset(one.strategy for one in tags) - {UNKNOWN}


@cache
def reply_emotions(emotions: Emotions, planned: tuple[str, ...]) -> tuple[str, ...]:
    """Return the emotions in which a reply that does this may be spoken.

    Those that all its strategies may be spoken in, or any of them where there is none.
    """
    table, fitting = load_plan_tables().emotions, fitting_reply_emotions(emotions)
    said = (table.get((emotions.root, name), tuple(sorted(fitting))) for name in planned)
    each = [[e for e in allowed if e in fitting] for allowed in said]
    shared = [e for e in each[0] if all(e in others for others in each)]
    either = dict.fromkeys(e for allowed in each for e in allowed)
    return tuple(shared or either or sorted(fitting))


@cache
def possible_sequences(
    emotions: Emotions, own: int, holds: frozenset[str], done: frozenset[str]
) -> Sequences:
    """Return the sequences of strategies with the chance of each.

    Args:
        emotions: the target's label.
        own: how many earlier turns its speaker has.
        holds: the needs that are met.
        done: what whoever replies did last, which is avoided while there is something else.
    """
    able = [
        name
        for name in strategies.allowed(emotions, own)
        if strategies.needs(name, emotions.primary) in (*holds, "")
    ]
    fresh = [name for name in able if name not in done]
    return _Draw(emotions, fresh).sequences() or _Draw(emotions, able).sequences()


class _Draw:
    """The chances of all sequences of some strategies to one label."""

    def __init__(self, emotions: Emotions, able: Sequence[str]) -> None:
        self._emotions = emotions
        self._tables: PlanTables = load_plan_tables()
        self._rules = self._tables.rules
        self._kinds = {name: one.kind for name, one in strategies.strategies().items()}
        self._single = self._chances(able)

    def sequences(self) -> Sequences:
        """Return each sequence with its chance; empty where none is allowed."""
        chances: Chances = defaultdict(float)
        for name, chance in self._single.items():
            pairs = self._pairs(name)
            alone = not strategies.order_errors([name], self._emotions)
            second = (self._second(name) if alone else 1.0) if pairs else 0.0
            if alone:
                chances[name,] += chance * (1 - second)
            for pair, share in pairs.items():
                chances[pair] += chance * second * share
        spread = _whole({names: chance for names, chance in chances.items() if chance})
        if not spread:
            return ()
        fitted = _fitted(spread, self._bounds())
        return tuple(_capped(fitted, self._rules["sequence_cap"]).items())

    def _chances(self, able: Sequence[str]) -> dict[str, float]:
        """Return each strategy's chance to be drawn first, from what people do."""
        rates = dict(self._tables.rates(self._emotions.primary))
        weights = {act: self._weights(act, able) for act in rates}
        rates[_OTHER] += sum(rate for act, rate in rates.items() if not weights[act])
        chances: dict[str, float] = defaultdict(float)
        for act, of in weights.items():
            for name, weight in of.items():
                chances[name] += rates[act] / 100 * weight / sum(of.values())
        return dict(chances)

    def _weights(self, act: str, able: Sequence[str]) -> dict[str, float]:
        of = {"first": self._rules["place_first"], "later": self._rules["place_later"]}
        return {
            name: weight * of.get(strategies.place_of(name, self._emotions.primary), 1.0)
            for name, weight in self._tables.doing[act].items()
            if name in able and weight
        }

    def _bounds(self) -> list[tuple[frozenset[str], float, float]]:
        """Return for each heading its strategies, and between which shares they are to lie."""
        within, rates = self._rules["within"], self._tables.rates(self._emotions.primary)
        able = frozenset(self._single)
        shares = {
            heading: sum(rates[act] for act in heading.acts) / 100
            for heading in self._tables.headings
            if not able.isdisjoint(heading.strategies)
        }
        # What no strategy can do here is left to the last heading, so that some do two things.
        left = max(0.0, _ROOM - sum(share + within for share in shares.values()))
        return [
            (
                frozenset(heading.strategies),
                share - within,
                share + within + left * (_OTHER in heading.acts),
            )
            for heading, share in shares.items()
        ]

    def _second(self, name: str) -> float:
        asks = self._kinds[name] == "question"
        return self._rules["second_to_question" if asks else "second_to_statement"]

    def _pairs(self, name: str) -> Chances:
        """Return the pairs that a strategy may be part of, with the share of each."""
        found: Chances = {}
        for other, chance in self._single.items():
            orders = sorted(self._orders(name, other), key=self._place_of_pair)
            if other != name and orders:
                found[orders[0]] = chance
        return _whole(found)

    def _orders(self, name: str, other: str) -> Iterator[tuple[str, ...]]:
        for pair in ((name, other), (other, name)):
            if not strategies.order_errors(pair, self._emotions):
                yield pair

    def _place_of_pair(self, pair: tuple[str, ...]) -> int:
        """Return where the opening of a pair comes: one that the policy puts first is best."""
        return strategies.place_of(pair[0], self._emotions.primary) != "first"


def _whole(chances: Chances) -> Chances:
    """Return chances so that they sum up to 1."""
    total = sum(chances.values())
    return {option: chance / total for option, chance in chances.items()}


def _fitted(chances: Chances, bounds: Sequence[tuple[frozenset[str], float, float]]) -> Chances:
    """Return the chances so that what the replies do lies in its bounds, as far as it can.

    Iterative proportional fitting: the sequences that do too much of something become rarer.
    """
    for _ in range(_ROUNDS):
        before = chances
        for names, low, high in bounds:
            share = sum(chance for of, chance in chances.items() if not names.isdisjoint(of))
            wanted = min(max(share, low), high)
            if wanted != share and 0 < share < 1:
                inside, outside = wanted / share, (1 - wanted) / (1 - share)
                chances = {
                    of: chance * (outside if names.isdisjoint(of) else inside)
                    for of, chance in chances.items()
                }
        if all(abs(chances[of] - chance) < _SETTLED for of, chance in before.items()):
            break
    return chances


def _capped(chances: Chances, cap: float) -> Chances:
    """Return the chances with no sequence of several above a cap; the others take the rest."""
    over = {names for names, chance in chances.items() if len(names) > 1 and chance > cap}
    rest = sum(chance for names, chance in chances.items() if names not in over)
    if not over or not rest:
        return chances
    factor = (1 - cap * len(over)) / rest
    return {n: cap if n in over else chance * factor for n, chance in chances.items()}


def _drawn(name: str, options: Sequence[tuple[Option, float]]) -> Option:
    """Return the option that the hash of a name falls on, given the chance of each."""
    place, reached = rank(name) / _RANKS, 0.0
    for option, chance in options:
        reached += chance
        if place < reached:
            return option
    return options[-1][0]
