"""Rows of a file with the strategies that their replies carry out, beside those expected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import cast

from builders.labels import strategies
from builders.stats import share
from builders.tasks.reply.checks.rows import Row
from builders.tasks.reply.checks.scoring import shown
from builders.tasks.reply.tagging import UNKNOWN, Tag, tag
from builders.tasks.reply.worthy import Before, Worth, judged, known_languages


@dataclass(frozen=True, slots=True)
class TaggedRow:
    """A row and the strategies of its reply, in their order."""

    row: Row
    tags: tuple[Tag, ...]

    @property
    def names(self) -> list[str]:
        """Return the strategies by name."""
        return [one.strategy for one in self.tags]

    @property
    def gold(self) -> list[str] | None:
        """Return the strategies that were expected, or None."""
        gold = self.row.gold
        if not isinstance(gold, list):
            return None
        emotions = self.row.candidate.emotions
        valence = emotions.valence if emotions else "unknown"
        return [strategies.resolve(name, valence) or name for name in gold]

    @property
    def document(self) -> dict[str, object]:
        """Return the row with what was found."""
        told: dict[str, object] = {"strategies": [asdict(one) for one in self.tags]}
        if worth := worth_of(self.row):
            told |= {"reply_worthy": worth.worthy, "reply_worthy_reasons": [*worth.reasons]}
        return self.row.document | told


def worth_of(row: Row) -> Worth | None:
    """Return whether the utterance of a row is worth a reply; None without one, or without tables.

    Turns with the role user were said by whom the reply is for.
    """
    scene = row.candidate.scene
    if scene is None or not scene.utterance.strip() or scene.language not in known_languages():
        return None
    turns = cast("list[dict[str, object]]", row.document.get("context") or [])
    before = [Before(str(turn["text"]), turn.get("role") == "user") for turn in turns]
    return judged(scene.utterance, before, scene.language)


def tag_row(row: Row) -> TaggedRow:
    """Return the strategies that the reply of a row carries out."""
    emotions, scene = row.candidate.emotions, row.candidate.scene
    valence = emotions.valence if emotions else "unknown"
    language = scene.language if scene else "en"
    return TaggedRow(row, tuple(tag(row.candidate.text, valence, language)))


def scores(tagged: Sequence[TaggedRow]) -> dict[str, object]:
    """Return how many tags are unknown, and how the others agree with what was expected."""
    found: dict[str, object] = {
        "rows": len(tagged),
        "unknown": asdict(share([one.names == [UNKNOWN] for one in tagged])),
    }
    known = [(one.names, gold) for one in tagged if (gold := one.gold) is not None]
    if known:
        found["same_sequence"] = asdict(share([names == gold for names, gold in known]))
        told = sorted({name for names, gold in known for name in (*names, *gold)} - {UNKNOWN})
        found["by_strategy"] = {name: _agreement(known, name) for name in told}
    return found


def _agreement(known: Sequence[tuple[list[str], list[str]]], name: str) -> dict[str, object]:
    return {
        "precision": asdict(share([name in gold for names, gold in known if name in names])),
        "recall": asdict(share([name in names for names, gold in known if name in gold])),
    }


def lines(found: dict[str, object]) -> list[str]:
    """Return the scores as lines for a person."""
    unknown, same = found["unknown"], found.get("same_sequence")
    said = [f"{found['rows']} rows; unknown: {shown(unknown) if isinstance(unknown, dict) else 0}"]
    if isinstance(same, dict):
        said.append(f"the same strategies in the same order: {shown(same)}")
    table = found.get("by_strategy")
    for name, cells in table.items() if isinstance(table, dict) else ():
        parts = (f"{part} {shown(cells[part])}" for part in ("precision", "recall"))
        said.append(f"{name}: {', '.join(parts)}")
    return said
