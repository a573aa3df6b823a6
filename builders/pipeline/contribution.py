"""What the audio adds to the text: whether each of them is enough to tell the emotion.

Text models vote from the text and its context alone. If enough of them find the coarse label,
a sample is `text_solvable`; if not, but people who judged the voice alone heard it,
`audio_solvable`; if people judged the voice and did not hear it either, `unsupported`, which does
not mean "hard audio": the label may be wrong. If nobody judged the voice, there is no class.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache

from builders import resources
from builders.corpora import Card
from builders.labels.aggregation import Labelling
from builders.labels.tables import read_rows
from builders.labels.vocabulary import votable_roots
from builders.llm.task import Accepted, GivenUp, Outcome
from builders.record.types import Contribution, Target

_RULES = ("text_share", "voice_share")
# Why no sample of a build has a class though votes were wanted.
NO_VOTER = "no_model_qualified_to_vote"


@cache
def rules() -> Mapping[str, Fraction]:
    """Return the thresholds (shares of votes) above which text or voice tells the emotion."""
    path = resources.label_maps() / "emotion" / "_contribution.tsv"
    found: dict[str, Fraction] = {}
    for row in read_rows(path, ("rule", "value", "reason"), key=("rule",)):
        name = row.choice("rule", _RULES)
        row.text("reason")
        try:
            found[name] = Fraction(row.text("value"))
        except (ValueError, ZeroDivisionError):
            raise row.error("value", "a share, such as 2/3") from None
    return found


def needed(voters: int) -> int:
    """Return how many of a number of models must find the coarse label."""
    return math.ceil(rules()["text_share"] * voters)


class Evidence:
    """Votes of people who judged the voices of a corpus alone.

    Args:
        card: names the view with their votes.
        labelling: maps their labels to coarse labels.
    """

    def __init__(self, card: Card, labelling: Labelling) -> None:
        self._view = card.voice_evidence and card.voice_evidence.view
        self._map = labelling.map

    def share(self, target: Target) -> float | None:
        """Return the share of votes on the voice for the coarse label, 0 to 1; None without any."""
        said = target.utterance.annotation
        views = (said and said.views) or ()
        votes = next((view["votes"] for view in views if view["name"] == self._view), None)
        if not self._view or not votes:
            return None
        by_root: Counter[str | None] = Counter()
        for vote in votes:
            heard = self._map.emotions(vote["label"])
            by_root[heard.root if heard else None] += vote["count"]
        return round(by_root[target.emotions.root] / by_root.total(), 4)


@dataclass
class Ballots:
    """The votes of a build, by sample and model.

    Attributes:
        voters: the models that vote.
        failed: by model, how many of its votes failed, by reason.
        left: how many have no response yet, by kind; while there is one, nothing is drafted.
        example: the detail of one without a response.
    """

    voters: tuple[str, ...]
    failed: dict[str, Counter[str]] = field(default_factory=dict)
    left: Counter[str] = field(default_factory=Counter)
    example: str | None = None
    _cast: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    _equal: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)

    def take(self, model: str, target: Target, outcome: Outcome[dict[str, object]]) -> None:
        """Add a model's vote, or the reason why there is none."""
        if isinstance(outcome, Accepted):
            vote = model, str(outcome.value["emotion"])
            # Equal lists share one object: there are as many lists as targets.
            self._cast.setdefault(target.id, []).append(self._equal.setdefault(vote, vote))
        elif isinstance(outcome, GivenUp):
            self.failed.setdefault(model, Counter())[outcome.reason] += 1
        else:
            self.left[outcome.kind] += 1
            self.example = self.example or outcome.detail

    def contribution(self, target: Target, heard: float | None) -> Contribution | None:
        """Return the contribution for a target; None without a known label, or if votes failed.

        Failed votes only matter if they could have changed the result.

        Args:
            target: the target.
            heard: the share of people who heard its coarse label in the voice, None if nobody
            judged it.
        """
        if not self.voters or not can_vote(target):
            return None
        votes = tuple(self._cast.get(target.id, ()))
        hits = sum(emotion == target.emotions.root for _, emotion in votes)
        missing, need = len(self.voters) - len(votes), needed(len(self.voters))
        if hits < need <= hits + missing:
            return None
        if hits >= need:
            return Contribution(votes, hits, heard, "text_solvable")
        if heard is None:
            return Contribution(votes, hits, None, None)
        supported = heard >= float(rules()["voice_share"])
        return Contribution(votes, hits, heard, "audio_solvable" if supported else "unsupported")

    @property
    def document(self) -> dict[str, object]:
        """Return all votes by target and model; a `Fit` made from responses."""
        return {"models": list(self.voters), "votes": self._cast}

    def result(self) -> dict[str, object]:
        """Return the manifest entry for the votes."""
        return {
            "models": list(self.voters),
            "needed": needed(len(self.voters)) if self.voters else None,
            "reason": None if self.voters else NO_VOTER,
            "failed": {model: dict(sorted(c.items())) for model, c in sorted(self.failed.items())},
        }


def can_vote(target: Target) -> bool:
    """Return whether a target has a known label, so that a vote can be right."""
    return target.emotions.root != "unknown"


def options(labelling: Labelling) -> Sequence[str]:
    """Return the options of a vote: the corpus's coarse labels in the vocabulary's order."""
    words = labelling.map
    meanings = (words.emotions(label) for label in words.labels)
    roots = {meaning.root for meaning in meanings if meaning}
    return tuple(root for root in votable_roots() if root in roots)
