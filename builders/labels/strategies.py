"""The response strategies: their names, which suit an emotion, and their order.

Read from the tables in ``label_maps/strategy``. A table says which strategies suit which emotion;
this module contains only the rules for all emotions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from builders import resources
from builders.errors import LabelError
from builders.labels.tables import TableRow, normalise, read_rows
from builders.labels.vocabulary import VALENCES, vocabulary
from builders.record.types import Emotions

KINDS = ("statement", "question")
PLACES = ("first", "later", "avoid")
# What must hold before a reply can follow a strategy; in the policy also that nothing must.
NEEDS = ("solvable", "thanks", "two_own_turns", "ambiguity")
_NOTHING = "nothing"
MAX_STRATEGIES = 3

# The valences of the target that a family of strategies may answer.
_FAMILIES = {
    "negative": frozenset({"negative", "ambiguous", "mixed", "unknown"}),
    "positive": frozenset({"positive", "ambiguous", "mixed"}),
    "neutral": frozenset(VALENCES),
}
_STRATEGIES = ("strategy", "family", "kind", "definition", "example")
_TABLES = ("_aliases.tsv", "_policy.tsv", "_strategies.tsv")
_JOINT = "_then_"
_HEAVY_ROOTS = ("sadness", "fear", "anger")
_NEVER_OPENS_HEAVY = ("problem_solving", "future_oriented_discussion")


@dataclass(frozen=True, slots=True)
class Strategy:
    """One thing a reply can do; `family` is the valence it answers, `kind` one of `KINDS`.

    `needs` is what must hold before a reply can do it, one of `NEEDS`, or empty.
    """

    id: str
    family: str
    kind: str
    definition: str
    example: str
    needs: str


class StrategyTables:
    """The strategies of one folder of tables."""

    def __init__(self, folder: Path) -> None:
        self.strategies: dict[str, Strategy] = {}
        told = read_rows(folder / "_strategies.tsv", _STRATEGIES, ("strategy",), optional="needs")
        for row in told:
            strategy = _strategy(row)
            self.strategies[strategy.id] = strategy
        self._aliases = self._read_aliases(folder / "_aliases.tsv")
        self._needs: dict[tuple[str, str], str] = {}
        self._policy = self._read_policy(folder / "_policy.tsv")
        self._check_policy(folder / "_policy.tsv")
        self.version = _digest([folder / name for name in _TABLES])
        held = [*(one.needs for one in self.strategies.values()), *self._needs.items()]
        self.needs_digest = hashlib.sha256(repr(held).encode()).digest()

    def _read_aliases(self, path: Path) -> dict[tuple[str, str], str]:
        aliases = {(normalise(name), ""): name for name in self.strategies}
        for row in read_rows(path, ("alias", "strategy", "valence"), key=("valence", "alias")):
            key = normalise(row.text("alias")), row.choice("valence", ("", *VALENCES))
            if key in aliases or key[0] in self.strategies:
                raise row.error("alias", "each word once for a valence, and no strategy's own name")
            aliases[key] = row.choice("strategy", self.strategies)
        return aliases

    def _read_policy(self, path: Path) -> dict[str, dict[str, str]]:
        policy: dict[str, dict[str, str]] = {}
        columns = ("emotion", "strategy", "place", "reason")
        for row in read_rows(path, columns, ("emotion", "strategy"), optional="needs"):
            block = policy.setdefault(row.choice("emotion", vocabulary().nodes), {})
            name = row.choice("strategy", self.strategies)
            row.text("reason")
            block[name] = row.choice("place", PLACES)
            self._needs[row.cells["emotion"], name] = row.choice("needs", ("", _NOTHING, *NEEDS))
        return policy

    def _check_policy(self, path: Path) -> None:
        """Raise LabelError if a strategy or a coarse emotion is only partly added."""
        named = {name for block in self._policy.values() for name in block}
        for name in self.strategies:
            if name not in named:
                raise LabelError(
                    f"strategy {name} has no row",
                    where=path,
                    expected="at least one, with an emotion that it suits or harms",
                    do=f"add it, with one of the places {', '.join(PLACES)} and a reason",
                )
        for root in vocabulary().roots:
            if "first" not in self._policy.get(root, {}).values():
                raise LabelError(
                    f"emotion {root} has no first choice",
                    where=path,
                    expected="at least one for each coarse emotion",
                    do="add a row with the place first and a reason",
                )

    def resolve(self, word: str, valence: str) -> str | None:
        """Return the strategy a word stands for; an alias for that valence takes precedence."""
        name = normalise(word)
        return self._aliases.get((name, valence)) or self._aliases.get((name, ""))

    def places(self, node: str) -> dict[str, str]:
        """Return the place of each strategy that the policy names for a node.

        A fine label's rows take precedence over its coarse label's. If it names its own first
        choices, those of its coarse label come later.
        """
        own = self._policy.get(node, {})
        inherited = self._policy.get(vocabulary().root_of(node), {})
        if "first" in own.values():
            inherited = {n: "later" if p == "first" else p for n, p in inherited.items()}
        return own | {name: place for name, place in inherited.items() if name not in own}

    def needs(self, node: str, name: str) -> str:
        """Return what must hold before a reply to a node can follow a strategy, or nothing.

        The row of the node counts, then that of its root, then that of the strategy.
        """
        for emotion in (node, vocabulary().root_of(node)):
            if found := self._needs.get((emotion, name)):
                return "" if found == _NOTHING else found
        return self.strategies[name].needs

    def suiting(self, node: str, valence: str) -> set[str]:
        """Return the strategies that suit a node, by family and policy."""
        places = self.places(node)
        suiting = {s.id for s in self.strategies.values() if valence in _FAMILIES[s.family]}
        return {name for name in suiting | places.keys() if places.get(name) != "avoid"}


def _strategy(row: TableRow) -> Strategy:
    name = row.matching("strategy", "[a-z]+(_[a-z]+)*", "words of the letters a to z, _ between")
    if _JOINT in name:
        raise row.error("strategy", f"no {_JOINT}, which stands between two strategies")
    return Strategy(
        id=name,
        family=row.choice("family", _FAMILIES),
        kind=row.choice("kind", KINDS),
        definition=row.text("definition"),
        example=row.text("example"),
        needs=row.choice("needs", ("", *NEEDS)),
    )


def _digest(paths: Sequence[Path]) -> str:
    """Return the version of tables, but for what only plans look at: a plan has its own version.

    So a build without a plan goes on that was begun when the tables had no such column.
    """
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode() + b"\0" + _without_needs(path.read_bytes()) + b"\0")
    return digest.hexdigest()[:12]


def _without_needs(table: bytes) -> bytes:
    lines = table.split(b"\n")
    header = next((line for line in lines if not line.startswith(b"#")), b"")
    if not header.endswith(b"\tneeds"):
        return table
    return b"\n".join(line.rpartition(b"\t")[0] if b"\t" in line else line for line in lines)


def needs_digest() -> bytes:
    """Return the digest of what must hold before a reply can follow each strategy."""
    return _tables().needs_digest


@cache
def _tables() -> StrategyTables:
    return StrategyTables(resources.label_maps() / "strategy")


def strategies() -> Mapping[str, Strategy]:
    """Return all strategies by id, in table order."""
    return _tables().strategies


def tables_version() -> str:
    """Return the first 12 hex digits of the SHA-256 over the names and bytes of the tables."""
    return _tables().version


def resolve(word: str, valence: str = "unknown") -> str | None:
    """Return the id that a word of any spelling stands for, given the target's valence, or None."""
    return _tables().resolve(word, valence)


@cache
def allowed(emotions: Emotions, own_turns: int) -> tuple[str, ...]:
    """Return the strategies a reply to `emotions` may use, in table order.

    `own_turns` counts the target speaker's earlier turns in the context: two are needed before
    there is anything to summarise. A secondary emotion adds what suits it, never what the primary
    avoids.
    """
    tables = _tables()
    names = tables.suiting(emotions.primary, emotions.valence)
    if emotions.secondary:
        names |= tables.suiting(emotions.secondary, vocabulary().valence(emotions.secondary))
    places = tables.places(emotions.primary)
    if own_turns < 2:
        names.discard("summarization")
    return tuple(n for n in tables.strategies if n in names and places.get(n) != "avoid")


def place_of(name: str, emotion: str) -> str:
    """Return the place that the policy gives a strategy for an emotion; empty where none."""
    return _tables().places(emotion).get(name, "")


def needs(name: str, emotion: str) -> str:
    """Return what must hold before a reply to an emotion can follow a strategy, or nothing."""
    return _tables().needs(emotion, name)


@cache
def first_choices(emotions: Emotions) -> tuple[str, ...]:
    """Return the strategies that the policy puts first for the primary emotion, best first."""
    places = _tables().places(emotions.primary)
    return tuple(name for name, place in places.items() if place == "first")


def order_errors(ids: Sequence[str], emotions: Emotions) -> list[str]:
    """Return one sentence for each rule that the order of strategies breaks."""
    errors = []
    if len(ids) > MAX_STRATEGIES:
        errors.append(f"At most {MAX_STRATEGIES} strategies may be named, not {len(ids)}.")
    for name in dict.fromkeys(n for n in ids if ids.count(n) > 1):
        errors.append(f"{name} is named more than once.")
    return errors + _question_errors(ids) + _opening_errors(ids, emotions)


def _question_errors(ids: Sequence[str]) -> list[str]:
    asking = [name for name in dict.fromkeys(ids) if strategies()[name].kind == "question"]
    if len(asking) > 1:
        return [f"At most one strategy may ask a question, not {' and '.join(asking)}."]
    if asking and ids[-1] != asking[0]:
        return [f"{asking[0]} asks a question, so it must come last."]
    return []


def _opening_errors(ids: Sequence[str], emotions: Emotions) -> list[str]:
    opening = ids[0] if ids else None
    if opening == "redirection":
        place = "stand alone" if len(ids) == 1 else "come first"
        return [f"redirection must not {place}: acknowledge the feeling first."]
    if opening not in _NEVER_OPENS_HEAVY or emotions.root not in _HEAVY_ROOTS:
        return []
    if opening in first_choices(emotions):
        return []
    return [f"{opening} must not come first when the speaker feels {emotions.primary}."]


def join(ids: Sequence[str]) -> str:
    """Return strategies as the one string that is published."""
    return _JOINT.join(ids)


def split(text: str) -> list[str]:
    """Return the strategies of a published string, in order."""
    return text.split(_JOINT)
