"""The tables of the planner, from ``label_maps/planning``: what people do, how long, in which tone.

A table that does not add up, or that lacks something, is a LabelError with file and line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from builders import resources
from builders.errors import LabelError
from builders.labels import strategies
from builders.labels.tables import TableRow, read_rows
from builders.labels.vocabulary import vocabulary
from builders.record.schema import load_schema

ACTS = (
    *("question", "acknowledging", "sympathizing", "consoling", "encouraging", "suggesting"),
    *("wishing", "agreeing", "other"),
)
RULES = (
    *("place_first", "place_later", "second_to_question", "second_to_statement"),
    *("sequence_cap", "within"),
)
_SHARES = ("one_act", "two_acts")
_WHOLE, _TOLERANCE = 100.0, 0.05
_NUMBER = r"\d+(\.\d+)?"


@dataclass(frozen=True, slots=True)
class LengthBand:
    """Lengths in words, both ends included, and the percentage of replies of one and two acts."""

    low: int
    high: int
    one_act: float
    two_acts: float


@dataclass(frozen=True, slots=True)
class Heading:
    """What is compared with people: acts of theirs, and the strategies that do the same."""

    name: str
    acts: tuple[str, ...]
    strategies: tuple[str, ...]


@dataclass(frozen=True)
class PlanTables:
    """What a plan is drawn by.

    Attributes:
        people: by emotion, the percentage of people's replies that do each of `ACTS`.
        counts: how many turns were counted for each row of `people`.
        doing: by act, the weight of each strategy that does it; one without a row is never planned.
        bands: the length bands, shortest first.
        rules: the values of `RULES`.
        emotions: the emotions a reply may be spoken in, by root and strategy, where a row says so.
        headings: under which plans are compared with people.
        version: the first 12 hex digits of the SHA-256 over all of it.
    """

    people: Mapping[str, Mapping[str, float]]
    counts: Mapping[str, int]
    doing: Mapping[str, Mapping[str, float]]
    bands: Sequence[LengthBand]
    rules: Mapping[str, float]
    emotions: Mapping[tuple[str, str], tuple[str, ...]]
    headings: Sequence[Heading]
    version: str

    def rates(self, node: str) -> Mapping[str, float]:
        """Return what people do when they answer an emotion: percentages by act.

        A fine label without counts of its own is answered as its coarse label, and that as the
        mean of all that was counted below it, or of all where nothing was.
        """
        known = vocabulary()
        root = known.root_of(node)
        if node != root and node in self.people:
            return self.people[node]
        below = self.counted_for(root) or tuple(self.people)
        total = sum(self.counts[one] for one in below)
        return {
            act: sum(self.counts[one] * self.people[one][act] for one in below) / total
            for act in ACTS
        }

    def counted_for(self, root: str) -> tuple[str, ...]:
        """Return the emotions with a row of their own under a coarse label."""
        return tuple(one for one in self.people if vocabulary().root_of(one) == root)


@cache
def load_plan_tables() -> PlanTables:
    """Return the tables; LabelError where one is wrong."""
    return read_plan_tables(resources.label_maps() / "planning")


def read_plan_tables(folder: Path) -> PlanTables:
    """Return the tables of a folder; LabelError where one is wrong."""
    people, counts = _read_people(folder / "_people.tsv")
    digest = sha256(strategies.needs_digest())
    for path in sorted(folder.rglob("*.tsv")):
        name = path.relative_to(folder).as_posix()
        digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return PlanTables(
        people=people,
        counts=counts,
        doing=_read_acts(folder / "_acts.tsv"),
        bands=_read_lengths(folder / "_lengths.tsv"),
        rules=_read_rules(folder / "_rules.tsv"),
        emotions=_read_emotions(folder / "_reply_emotions.tsv"),
        headings=_read_headings(folder / "_measured.tsv"),
        version=digest.hexdigest()[:12],
    )


def _number(row: TableRow, column: str) -> float:
    return float(row.matching(column, _NUMBER, "a number of 0 or more, such as 12.5"))


def _read_people(path: Path) -> tuple[dict[str, Mapping[str, float]], dict[str, int]]:
    people: dict[str, Mapping[str, float]] = {}
    counts: dict[str, int] = {}
    for row in read_rows(path, ("emotion", "count", *ACTS, "source"), key=("emotion",)):
        node = row.choice("emotion", vocabulary().nodes)
        row.text("source")
        counts[node] = int(row.matching("count", r"[1-9]\d*", "how many turns were counted"))
        people[node] = {act: _number(row, act) for act in ACTS}
        if abs((total := sum(people[node].values())) - _WHOLE) > _TOLERANCE:
            raise LabelError(
                f"the rates for {node} add up to {total:g} %",
                where=row.where,
                expected="100 %",
                do="correct them; what is not counted elsewhere goes to other",
            )
    if not people:
        raise LabelError("no rates", where=path, expected="a row for each emotion", do="add rows")
    return people, counts


def _read_acts(path: Path) -> dict[str, dict[str, float]]:
    doing: dict[str, dict[str, float]] = {act: {} for act in ACTS}
    known = strategies.strategies()
    for row in read_rows(path, ("act", "strategy", "weight", "reason"), key=("act", "strategy")):
        row.text("reason")
        doing[row.choice("act", ACTS)][row.choice("strategy", known)] = _number(row, "weight")
    if empty := [act for act, weights in doing.items() if not weights]:
        raise LabelError(f"no strategy for {', '.join(empty)}", where=path, do="add a row")
    return doing


def _read_lengths(path: Path) -> list[LengthBand]:
    rows = read_rows(path, ("low", "high", *_SHARES, "source"), key=("low",))
    bands = [_band(row) for row in rows]
    for column in _SHARES:
        total = sum(getattr(band, column) for band in bands)
        if abs(total - _WHOLE) > _TOLERANCE:
            raise LabelError(
                f"the column {column} adds up to {total:g} %",
                where=rows[-1].where if rows else path,
                expected="100 %",
                do="correct it",
            )
    return bands


def _band(row: TableRow) -> LengthBand:
    low, high = (int(row.matching(end, r"[1-9]\d*", "words")) for end in ("low", "high"))
    row.text("source")
    if high < low:
        raise row.error("high", f"at least {low}, where the band begins")
    return LengthBand(low, high, _number(row, "one_act"), _number(row, "two_acts"))


def _read_rules(path: Path) -> dict[str, float]:
    rules = {}
    for row in read_rows(path, ("rule", "value", "reason"), key=("rule",)):
        row.text("reason")
        rules[row.choice("rule", RULES)] = _number(row, "value")
        if (
            row.cells["rule"].startswith(("second", "sequence", "within"))
            and float(row.cells["value"]) > 1
        ):
            raise row.error("value", "a share, 0 to 1")
    if missing := [name for name in RULES if name not in rules]:
        raise LabelError(f"no row for {', '.join(missing)}", where=path, do="add it")
    return rules


def _read_emotions(path: Path) -> dict[tuple[str, str], tuple[str, ...]]:
    known = load_schema("reply")["properties"]["emotion"]["enum"]
    table: dict[tuple[str, str], tuple[str, ...]] = {}
    columns = ("root", "strategy", "reply_emotions", "reason")
    for row in read_rows(path, columns, key=("root", "strategy")):
        row.text("reason")
        allowed = tuple(row.text("reply_emotions").split())
        if set(allowed) - set(known):
            raise row.error("reply_emotions", f"words of {', '.join(known)}, with blanks between")
        pair = row.choice("root", vocabulary().roots), row.choice("strategy", _names())
        table[pair] = allowed
    return table


def _read_headings(path: Path) -> list[Heading]:
    found = []
    for row in read_rows(path, ("heading", "acts", "strategies"), key=("heading",)):
        acts, names = row.text("acts").split(), row.text("strategies").split()
        for column, given, known in (("acts", acts, ACTS), ("strategies", names, _names())):
            if wrong := set(given) - set(known):
                raise row.error(column, f"words of {', '.join(known)}, not {min(wrong)}")
        found.append(Heading(row.text("heading"), tuple(acts), tuple(names)))
    for column, known in (("acts", ACTS), ("strategies", _names())):
        told = [name for one in found for name in getattr(one, column)]
        odd = [n for n in known if told.count(n) > 1 or (known is ACTS and n not in told)]
        if odd:
            raise LabelError(
                f"{odd[0]} stands under {told.count(odd[0])} headings",
                where=path,
                expected="each act under one, and each strategy under one at most",
                do=f"change the column {column}",
            )
    return found


def _names() -> tuple[str, ...]:
    return tuple(strategies.strategies())
