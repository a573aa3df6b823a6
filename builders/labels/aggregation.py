"""Combine an utterance's label, votes and intensities into an emotion of our vocabulary.

A mapping table says what a label means alone. Beside it, `label_maps/emotion/<slug>.rules.tsv`
says for a corpus with votes or intensities when a label is too uncertain to be believed, and what
becomes a second emotion. Without a rule nothing changes: a corpus without rules keeps its labels
as they are. Four outcomes that no annotator writes have their own rows in the mapping table:
`TIE`, `LOW_AGREEMENT`, `NOTHING_NEUTRAL` and `NOTHING_CLEAR`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from builders import resources
from builders.errors import UsageError, suggested
from builders.labels.readings import (
    Shares,
    as_root,
    in_table_order,
    is_feeling,
    is_tie,
    lowered,
    only_one_with,
    strongest_first,
    with_second,
)
from builders.labels.tables import read_rows
from builders.labels.vocabulary import LabelMap, label_map, vocabulary
from builders.record.redraft import HeardEmotion
from builders.record.types import (
    LABEL_OF_DIALOGUE,
    REVIEWED,
    Annotation,
    Emotions,
    Sentiment,
    Target,
    Utterance,
)
from builders.record.views import LabelView, VoteCount

TIE = "(tie)"
LOW_AGREEMENT = "(low agreement)"
NOTHING_NEUTRAL = "(none, sentiment near zero)"
NOTHING_CLEAR = "(none, sentiment clear)"

RULES = {
    "least_agreement": "the share of votes below which a label is (low agreement)",
    "root_share": "the share of votes that gives an ambiguous label their common root",
    "secondary_share": "the least share of votes for a second emotion",
    "secondary_of_strongest": "the least part of the strongest intensity for a second emotion",
    "opposite_secondary": "0 if a second emotion cannot be of the opposite valence",
    "least_intensity": "the intensity below which the strongest emotion is flagged as weak",
    "near_zero_sentiment": "the sentiment, either way, below which there is none",
}
# More than rounding can add up to, and far less than a step between two intensities.
_ROUNDING = 1e-3


@dataclass(frozen=True, eq=False)
class Labelling:
    """How the labels of one corpus are read.

    Args:
        map: what each label means alone.
        rules: values of `RULES`, from the corpus's table.
        version: version and digests of the tables.
        view: the label view that gives the label, None where the corpus has one label only.
    """

    map: LabelMap
    rules: Mapping[str, float]
    version: str
    view: str | None = None

    def settle(self, utterance: Utterance) -> None:
        """Fill in what follows from votes, views and intensities: label, agreement, sentiment.

        Flags say where a label is in other words than the table's, and where the corpus's own
        sentiment is against it.
        """
        self._settle(utterance)
        if utterance.label is not None:
            found = self._flags(utterance.label, utterance.sentiment)
            weak = () if self._strong(utterance) else ("intensity_weak",)
            utterance.flags = tuple(dict.fromkeys((*utterance.flags, *found, *weak)))

    def _settle(self, utterance: Utterance) -> None:
        said = utterance.annotation
        if said is None:
            return
        if self.view is not None and said.views:
            _look_through(utterance, said, self.view)
        if said.dimensions and "secondary_of_strongest" in self.rules:
            self._take_strongest(utterance, said)
        elif said.votes and said.agreement is None and utterance.label is not None:
            said.agreement = self._agreement(utterance.label, said.votes)

    def _strong(self, utterance: Utterance) -> bool:
        """Return whether the strongest emotion is no weaker than the corpus's rule wants."""
        least, said = self.rules.get("least_intensity"), utterance.annotation
        if least is None or said is None or said.intensity is None:
            return True
        return said.intensity >= least - _ROUNDING

    @lru_cache(maxsize=65_536)  # noqa: B019 - one object for a corpus, as long as its build
    def _flags(self, label: str, sentiment: Sentiment | None) -> tuple[str, ...]:
        try:
            meaning = self.map.emotions(label)
        except KeyError:
            return ()  # raised as an error when the label is mapped
        opposite = meaning is not None and {meaning.valence, sentiment} == {"positive", "negative"}
        told = {
            "label_by_alias": label not in self.map.labels,
            "sentiment_against_label": opposite,
        }
        return tuple(flag for flag, applies in told.items() if applies)

    def emotions(self, utterance: Utterance) -> Emotions | None:
        """Return the emotions that a settled utterance's label maps to.

        None if there is no label or it is unmapped on purpose; KeyError, naming the label, if
        a label or a vote has no row. A label of the whole dialogue is a lower match on later turns.
        """
        meaning = self._meaning(utterance)
        if meaning and utterance.second and (other := self.map.emotions(utterance.second)):
            meaning = with_second(meaning, ((other.primary, 1.0),), 0.0)
        if meaning is None or LABEL_OF_DIALOGUE not in utterance.flags:
            return meaning
        return lowered(meaning)

    def _meaning(self, utterance: Utterance) -> Emotions | None:
        label, said = utterance.label, utterance.annotation
        if label is None:
            return None
        if said is None:
            return self.map.emotions(label, utterance.sentiment)
        if "secondary_of_strongest" in self.rules and said.dimensions:
            shares = self._intensities(said)
            return self._with_intensities(label, utterance.sentiment, shares)
        if not said.votes or not self.rules:
            return self.map.emotions(label, utterance.sentiment)
        votes = tuple((vote["label"], vote["count"]) for vote in said.votes)
        return self._with_votes(label, utterance.sentiment, said.agreement, votes)

    def _agreement(self, label: str, votes: Sequence[VoteCount]) -> float | None:
        """Return the share of raters who chose what a label means; 0 where nobody did.

        Of an ambiguous label it is the share of the coarse label that it has, else the largest one.
        """
        words, node = vocabulary(), self.node(label)
        voted = {self.node(vote["label"]) for vote in votes}
        if node not in words.nodes or words.root_of(node) != "unknown":
            return self._share(votes, {node})
        counted = tuple((vote["label"], vote["count"]) for vote in votes)
        root = self._common_root(self._shares(counted)) if voted <= {*words.nodes} else None
        if root is not None:
            return self._share(votes, {n for n in words.nodes if words.root_of(n) == root})
        return max(self._share(votes, {one}) for one in voted)

    def _share(self, votes: Sequence[VoteCount], nodes: set[str]) -> float:
        """Return the share of raters, or where they have no names of votes, for some emotions."""
        chosen = [vote for vote in votes if self.node(vote["label"]) in nodes]
        if all(vote["rater"] for vote in votes):
            raters, own = ({vote["rater"] for vote in part} for part in (votes, chosen))
            return round(len(own) / len(raters), 4)
        total, those = (sum(int(vote["count"]) for vote in part) for part in (votes, chosen))
        return round(those / total, 4)

    def node(self, label: str) -> str:
        """Return the emotion that a label stands for, the label itself where it has none."""
        try:
            meaning = self.map.emotions(label)
        except KeyError:
            return label  # raised as an error when the label is mapped
        return meaning.primary if meaning else label

    @lru_cache(maxsize=65_536)  # noqa: B019 - one object for a corpus, as long as its build
    def _with_votes(
        self,
        label: str,
        sentiment: Sentiment | None,
        agreement: float | None,
        votes: tuple[tuple[str, int], ...],
    ) -> Emotions | None:
        shares = self._shares(votes)
        least = self.rules.get("least_agreement")
        if least is not None and agreement is not None:
            if is_tie(votes):
                label = TIE
            elif agreement < least:
                label = LOW_AGREEMENT
        meaning = self.map.emotions(label, sentiment)
        if meaning is None:
            return None
        if meaning.root == "unknown":
            return self._unsettled(meaning, shares)
        turned = bool(self.rules.get("opposite_secondary", 1.0))
        return with_second(meaning, shares, self.rules.get("secondary_share"), turned)

    def _shares(self, votes: tuple[tuple[str, int], ...]) -> Shares:
        """Return the share of each emotion voted for, the largest first, then as in the tables."""
        total = sum(count for _, count in votes)
        nodes: dict[str, float] = {}
        for label, count in votes:
            meaning = self.map.emotions(label)
            if meaning and count:
                nodes[meaning.primary] = nodes.get(meaning.primary, 0.0) + count / total
        return strongest_first(nodes)

    def _unsettled(self, meaning: Emotions, shares: Shares) -> Emotions:
        """Return an ambiguous label with the emotions voted for as its other readings.

        Where the rules say so, the coarse label of enough votes stands in its place.
        """
        if root := self._common_root(shares):
            meaning = as_root(meaning, root)
        if meaning.root == "neutral":
            return meaning
        words, least = vocabulary(), self.rules.get("secondary_share", 0.0)
        strong = [node for node, share in shares if share >= least and node != meaning.primary]
        # Neutral is a reading as well, where no other one stands in the label's place.
        unsettled = meaning.root == "unknown"
        others = [
            n for n in strong if is_feeling(n) or (unsettled and words.root_of(n) == "neutral")
        ]
        return replace(meaning, alternatives=in_table_order(others))

    def _common_root(self, shares: Shares) -> str | None:
        """Return the one coarse label that has as many votes as the rules ask for."""
        enough, roots = self.rules.get("root_share"), dict[str, float]()
        for node, share in shares:
            if (root := vocabulary().root_of(node)) != "unknown":
                roots[root] = roots.get(root, 0.0) + share
        return None if enough is None else only_one_with(roots, enough)

    def _intensities(self, said: Annotation) -> Shares:
        """Return the intensity of each emotion that has a row in the map and is above zero."""
        given = {d["name"]: d["value"] for d in said.dimensions or () if d["rater"] is None}
        known = {n: v for n, v in given.items() if n in self.map.labels and v and v > 0}
        return tuple(sorted(known.items(), key=lambda pair: -pair[1]))

    def _take_strongest(self, utterance: Utterance, said: Annotation) -> None:
        """Make the strongest intensity the label."""
        given = {d["name"]: d["value"] for d in said.dimensions or ()}
        sentiment, near = given.get("sentiment"), self.rules["near_zero_sentiment"]
        if sentiment is not None:
            polarity: Sentiment = "positive" if sentiment > 0 else "negative"
            utterance.sentiment = "neutral" if abs(sentiment) < near else polarity
        strengths = self._intensities(said)
        if not strengths:
            clear = utterance.sentiment not in ("neutral", None)
            utterance.label = NOTHING_CLEAR if clear else NOTHING_NEUTRAL
            return
        top = strengths[0][1]
        tied = len(strengths) > 1 and strengths[1][1] == top
        utterance.label = TIE if tied else strengths[0][0]
        said.intensity = top

    @lru_cache(maxsize=65_536)  # noqa: B019 - one object for a corpus, as long as its build
    def _with_intensities(
        self, label: str, sentiment: Sentiment | None, strengths: Shares
    ) -> Emotions | None:
        meaning = self.map.emotions(label, sentiment)
        if meaning is None or not strengths:
            return meaning
        # Intensities are thirds, rounded to four digits: half of two thirds is one third.
        least = self.rules["secondary_of_strongest"] * strengths[0][1] - _ROUNDING
        mapped = ((self.map.emotions(name), value) for name, value in strengths if value >= least)
        nodes: dict[str, float] = {}
        for one, value in mapped:
            if one:
                nodes[one.primary] = max(value, nodes.get(one.primary, 0.0))
        if meaning.root == "unknown":
            return self._tied(meaning, nodes, strengths[0][1])
        return with_second(meaning, strongest_first(nodes), 0.0)

    def _tied(self, meaning: Emotions, nodes: Mapping[str, float], top: float) -> Emotions:
        """Return a tie as the coarse label that all of it share, else as it is, with them all."""
        roots = {vocabulary().root_of(node) for node, value in nodes.items() if value == top}
        if len(roots) == 1:
            meaning = as_root(meaning, roots.pop())
        others = (node for node in nodes if node != meaning.primary)
        return replace(meaning, alternatives=in_table_order(others))


def _look_through(utterance: Utterance, said: Annotation, name: str) -> None:
    """Take label, votes, agreement and level from one of the views."""
    view = next((view for view in said.views or () if view["name"] == name), None)
    utterance.label = view["label"] if view else None
    if view:
        said.source = name
        said.votes, said.agreement, said.intensity = view["votes"], view["agreement"], view["level"]


def load_labelling(slug: str, view: str | None = None) -> Labelling:
    """Return how the labels of a corpus are read, by its map and, where it has them, its rules.

    Args:
        slug: the corpus.
        view: the label view that gives the label.

    Raises LabelError where a table is missing or wrong.
    """
    table = label_map(slug)
    path = resources.label_maps() / "emotion" / f"{slug}.rules.tsv"
    if not path.is_file():
        return Labelling(table, {}, table.version, view)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    return Labelling(table, _read_rules(path), f"{table.version}+{digest}", view)


def _read_rules(path: Path) -> dict[str, float]:
    rules: dict[str, float] = {}
    for row in read_rows(path, ("rule", "value", "reason"), key=("rule",)):
        name = row.choice("rule", RULES)
        row.text("reason")
        try:
            rules[name] = float(row.cells["value"])
        except ValueError:
            raise row.error("value", "a number") from None
    return rules


def check_view(slug: str, view: str, known: Sequence[str]) -> None:
    """Raise UsageError if a corpus has no such label view."""
    if view not in known:
        why = "" if known else ": it has one label only"
        raise UsageError(
            f"{slug} has no label view {view!r}",
            **suggested(view, known, f"leave out --label-view{why}"),
        )


def as_heard(target: Target, heard: HeardEmotion, source: str | None) -> Target:
    """Return a target with the emotion that reviewers hear in it.

    The raw label is kept. The corpus's label becomes a view, named after what its annotators had
    access to, by default `source`.
    """
    said = target.utterance.annotation or Annotation()
    views, name = said.views or [], said.source or source
    if name and name not in {view["name"] for view in views}:
        own = LabelView(
            name=name,
            label=target.utterance.label,
            votes=said.votes,
            agreement=said.agreement,
            level=None,
        )
        views = [own, *views]
    votes: list[VoteCount] = [
        {"rater": None, "label": e, "count": n} for e, n in heard.votes.items()
    ]
    share = heard.votes.get(heard.emotion, 0) / max(1, sum(heard.votes.values()))
    agreement = round(share, 4)
    reviewed = replace(said, source=REVIEWED, votes=votes, agreement=agreement, views=views)
    words, node = vocabulary(), heard.emotion
    return replace(
        target,
        utterance=replace(target.utterance, annotation=reviewed),
        emotions=Emotions(node, words.root_of(node), words.valence(node), words.arousal(node)),
    )
