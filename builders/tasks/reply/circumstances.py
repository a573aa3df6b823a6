"""What holds in a dialogue, so that a reply can do something about it.

There is something to solve or help is asked for, thanks are said, the speaker has said several
things, or it is open what is meant. Told by the words (``label_maps/planning/<language>``) and by
what is known of the label.
"""

from __future__ import annotations

from functools import cache

from builders import resources
from builders.errors import LabelError
from builders.record.types import Target
from builders.tasks.reply.checks.language import load_language, read_patterns
from builders.tasks.reply.checks.patterns import PatternSet
from builders.tasks.reply.checks.text import read_text

_KINDS = frozenset({"solvable", "help_asked", "thanks", "vague"})
_OPEN_VALENCES = frozenset({"ambiguous", "mixed", "unknown"})
# Fewer of the annotators than this share chose the label.
_LOW_AGREEMENT = 0.6


@cache
def load_circumstances(language: str) -> PatternSet:
    """Return the patterns of a language, all regions of which have one folder.

    Raises LabelError where there are none, or some kind has none.
    """
    folder = resources.label_maps() / "planning" / language.partition("-")[0].lower()
    tables = load_language(language)
    patterns = read_patterns(folder, tables.classes, tables.words)
    found = {pattern.code for pattern in patterns}
    if found != _KINDS:
        raise LabelError(
            f"replies in {language!r} cannot be planned",
            where=folder,
            expected=f"a table for each of {', '.join(sorted(_KINDS))}, and no other",
            do="add it as in the folder of en, or build with --plan none",
        )
    return PatternSet(patterns)


def circumstances(target: Target, language: str = "en") -> frozenset[str]:
    """Return which of `builders.labels.strategies.NEEDS` hold for a reply to a target."""
    said = load_circumstances(language).find(read_text(target.utterance.text))
    holds = {
        "solvable": bool(said.keys() & {"solvable", "help_asked"}),
        "thanks": "thanks" in said,
        "two_own_turns": own_turns(target) > 1,
        "ambiguity": "vague" in said or _is_open(target),
    }
    return frozenset(name for name, held in holds.items() if held)


def _is_open(target: Target) -> bool:
    """Return whether the label leaves open what the speaker feels."""
    emotions, said = target.emotions, target.utterance.annotation
    agreement = said.agreement if said else None
    return (
        emotions.valence in _OPEN_VALENCES
        or emotions.secondary is not None
        or bool(emotions.alternatives)
        or (agreement is not None and agreement < _LOW_AGREEMENT)
    )


def own_turns(target: Target) -> int:
    """Return how many earlier turns the target's speaker has; two are as good as more."""
    return min(2, sum(turn.role == "user" for turn in target.turns))
