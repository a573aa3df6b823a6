"""Demonstrations: small cases with the reply that was given there; a prompt shows two or three.

A set is read before anything is asked and never changes during a build. Which cases a target is
shown follows from its label, the plan of its reply, what was said and a hash of its id alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import sha256
from itertools import groupby, islice, zip_longest

import orjson

from builders.labels import strategies
from builders.labels.vocabulary import vocabulary
from builders.pipeline.selection import rank
from builders.record.planned_reply import PlannedReply
from builders.record.types import Target
from builders.tasks.reply.nearness import Index, WordIndex, words_of

LEAST, SHOWN = 2, 3
# Among so many of the nearest, those of the planned length and of the very label go first.
_LOOKED_AT = 16
# The turns before the utterance that tell what it is about.
_TURNS = 2
# A line of so many different words that stands in two corpora is of one scene.
_OWN_WORDS = 4
_NO_KIN = 3


@dataclass(frozen=True, slots=True)
class Demonstration:
    """One case: what was said before, the utterance and its label, and the reply.

    Attributes:
        id: its name in the set.
        root: the coarse label of the utterance.
        emotion: its label.
        voice: how it was said, in words; None where that is not known.
        turns: earlier turns, each with who speaks: ``Speaker`` or ``Listener``.
        utterance: what is answered.
        strategies: what the reply does, in order.
        reply_emotion: the emotion that the reply is spoken in.
        reply: its words.
        personas: whom such a reply may come from: ``assistant``, ``addressee``, or both.
        dialogue: what the ids of its dialogue begin with; None for an invented case.
    """

    id: str
    root: str
    emotion: str
    voice: str | None
    turns: tuple[tuple[str, str], ...]
    utterance: str
    strategies: tuple[str, ...]
    reply_emotion: str
    reply: str
    personas: tuple[str, ...] = ("assistant", "addressee")
    dialogue: str | None = None

    @property
    def said(self) -> str:
        """Return all that was said before the reply."""
        return " ".join([*(text for _, text in self.turns), self.utterance])

    @property
    def texts(self) -> tuple[str, ...]:
        """Return each text of the case, the reply last."""
        return (*(text for _, text in self.turns), self.utterance, self.reply)


class Demonstrations:
    """A set of cases.

    Args:
        cases: in any order; ids are unique.
        origin: where they come from, as the manifest says it.
        index: how the cases near to what was said are found.
        by: what `index` goes by, and in which version; None for words.
    """

    def __init__(
        self,
        cases: Iterable[Demonstration],
        origin: str,
        index: Callable[[Sequence[str]], Index] = WordIndex,
        by: str | None = None,
    ) -> None:
        self.cases = tuple(sorted(cases, key=lambda case: case.id))
        self.origin = origin
        self._by = by
        roots: dict[str, list[Demonstration]] = defaultdict(list)
        acts: dict[str, dict[tuple[str, ...], list[Demonstration]]] = defaultdict(dict)
        for case in self.cases:
            roots[case.root].append(case)
            acts[case.root].setdefault(case.strategies, []).append(case)
        self._by_root = {root: _Group(of, index) for root, of in roots.items()}
        # A build plans the same few sequences again and again.
        self._orders: dict[tuple[str, tuple[str, ...]], list[tuple[int, list[_Group]]]] = {}
        self._by_acts = {
            root: {names: _Group(of, index) for names, of in groups.items()}
            for root, groups in acts.items()
        }

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 over all cases."""
        return sha256(orjson.dumps([asdict(case) for case in self.cases])).hexdigest()

    @property
    def document(self) -> dict[str, object]:
        """Return the set as a `Fit`: where it comes from, and the digest of each case."""
        each = {case.id: sha256(orjson.dumps(asdict(case))).hexdigest() for case in self.cases}
        found: dict[str, object] = {"origin": self.origin, "set_digest": self.digest, "cases": each}
        return found | ({"by": self._by} if self._by else {})

    def shown(
        self, target: Target, persona: str, own_turns: int, plan: PlannedReply | None = None
    ) -> tuple[Demonstration, ...]:
        """Return the cases that a target is shown, none of its own dialogue.

        With a plan, those that do what is planned come first, then those that do a part of it, and
        among them those of the planned length, of the very label, and near to what was said.
        Without one, the nearest come first, and no two that do the same where there are others.

        Args:
            target: what is answered.
            persona: who replies.
            own_turns: how many earlier turns the target's speaker has.
            plan: what the reply shall do; None where nothing is planned.
        """
        root = target.emotions.root
        if root not in self._by_root:
            return ()
        wanted = _Wanted(target, persona, own_turns, plan)
        if plan is None:
            return _different(case for case, _ in self._by_root[root].fitting(wanted))
        return _planned(self._in_order(root, plan.strategies), wanted)

    def _in_order(self, root: str, planned: tuple[str, ...]) -> list[tuple[int, list[_Group]]]:
        """Return the groups of cases by how far they are from what is planned, nearest first."""
        if (root, planned) not in self._orders:
            groups = self._by_acts[root]
            by_kin = sorted((_kin(names, planned), names) for names in groups)
            self._orders[root, planned] = [
                (kin, [groups[names] for _, names in found])
                for kin, found in groupby(by_kin, key=lambda one: one[0])
            ]
        return self._orders[root, planned]


class _Wanted:
    """What is known of the target that cases are looked for."""

    def __init__(
        self, target: Target, persona: str, own_turns: int, plan: PlannedReply | None
    ) -> None:
        before = [turn.utterance.text for turn in target.turns]
        self.said = " ".join([*before[-_TURNS:], target.utterance.text])
        self.place = rank(target.id)
        self._id = target.id
        self._persona = persona
        self._allowed = frozenset(strategies.allowed(target.emotions, own_turns))
        self._spoken = frozenset(plan.reply_emotions) if plan else None
        reference = [target.reference.text] if target.reference else []
        self._lines = (*before, target.utterance.text, *reference)
        self._primary = target.emotions.primary
        self._words = plan.words if plan else (0, 0)

    def fits(self, case: Demonstration) -> bool:
        """Return whether a case may be shown."""
        return (
            self._persona in case.personas
            and self._allowed.issuperset(case.strategies)
            and (self._spoken is None or self._speaks(case))
            and not (case.dialogue and self._id.startswith(case.dialogue))
            and not (case.dialogue and self._is_same_scene(case))
        )

    def points(self, case: Demonstration, nearness: float) -> float:
        """Return how good a case that fits is: its label, its length and its nearness count."""
        least, most = self._words
        of_length = least <= len(case.reply.split()) <= most
        return (case.emotion == self._primary) + of_length + 2 * nearness

    @cached_property
    def _scene(self) -> set[frozenset[str] | None]:
        """Return the lines of the scene; cases that are invented are of none."""
        return set(map(_line, self._lines)) - {None}

    def _speaks(self, case: Demonstration) -> bool:
        spoken = self._spoken or ()
        return case.reply_emotion in spoken or vocabulary().root_of(case.reply_emotion) in spoken

    def _is_same_scene(self, case: Demonstration) -> bool:
        """Return whether a case has a line of the target's scene: two corpora of one series."""
        return any(_line(text) in self._scene for text in case.texts)


class _Group:
    """Cases that are looked through together, by what was said in them."""

    def __init__(
        self, cases: Sequence[Demonstration], index: Callable[[Sequence[str]], Index]
    ) -> None:
        self._cases = cases
        self._index = index([case.said for case in cases])

    def fitting(self, wanted: _Wanted) -> Iterator[tuple[Demonstration, float]]:
        """Yield the cases that may be shown, each with its nearness, nearest first."""
        for number, nearness in self._index.nearest(wanted.said, wanted.place):
            if wanted.fits(self._cases[number]):
                yield self._cases[number], nearness

    def best(self, wanted: _Wanted) -> list[Demonstration]:
        """Return those of the nearest cases that may be shown, the best first."""
        near = list(islice(self.fitting(wanted), _LOOKED_AT))
        near.sort(key=lambda found: -wanted.points(*found))
        return [case for case, _ in near]


def _line(text: str) -> frozenset[str] | None:
    """Return the words of a line; None for one that anybody may say anywhere."""
    return words if len(words := words_of(text)) >= _OWN_WORDS else None


def _different(cases: Iterator[Demonstration]) -> tuple[Demonstration, ...]:
    """Return the first cases that do different things; then whatever comes next."""
    chosen: dict[tuple[str, ...], Demonstration] = {}
    others: list[Demonstration] = []
    for case in cases:
        if case.strategies in chosen:
            others.append(case)
        else:
            chosen[case.strategies] = case
        if len(chosen) == SHOWN:
            break
    return (*chosen.values(), *others)[:SHOWN]


def _planned(
    groups: Iterable[tuple[int, list[_Group]]], wanted: _Wanted
) -> tuple[Demonstration, ...]:
    """Return the first cases that do what is planned; then those that do some of it."""
    chosen: list[Demonstration] = []
    for kin, alike in groups:
        room = LEAST if kin == _NO_KIN else SHOWN
        if len(chosen) >= room:
            break
        of_each = [group.best(wanted) for group in alike]
        in_turn = (case for turn in zip_longest(*of_each) for case in turn if case)
        chosen += islice(in_turn, room - len(chosen))
    return tuple(chosen)


def _kin(names: Sequence[str], planned: Sequence[str]) -> int:
    """Return how far what a case does is from what is planned: 0 for the same, in that order."""
    if tuple(names) == tuple(planned):
        return 0
    shared = set(names) & set(planned)
    if not shared:
        return _NO_KIN
    return 1 if shared in (set(names), set(planned)) else 2
