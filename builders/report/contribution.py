"""What the audio adds, for the report: how well votes from the text agree with the labels.

Accuracy is not a good measure: if most labels are neutral, a model that always answers
neutral is mostly right. Balanced accuracy is the mean recall over coarse labels; for
one coarse label, the mean of sensitivity and specificity. Cohen's kappa is 0 for guessing by
the frequencies of labels and votes.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from builders.corpora import load_card, slugs
from builders.report.tallies import NONE, OPEN

CLASSES = ("text_solvable", "audio_solvable", "unsupported", OPEN)


@dataclass(frozen=True, slots=True)
class LabelAgreement:
    """The agreement of votes with labels; a measure is None if undefined."""

    name: str
    votes: int
    right: float
    balanced: float | None
    kappa: float | None


@dataclass(frozen=True, slots=True)
class OfCorpus:
    """One corpus: its models and all of them together, its coarse labels, its classes by these.

    `unknown` counts the samples without a known label, `failed` those without enough valid votes.
    `evidence` is the card's note on who judged the voice alone.
    """

    corpus: str
    models: list[LabelAgreement]
    roots: list[tuple[LabelAgreement, list[int]]]
    classes: list[int]
    unknown: int
    failed: int
    evidence: str | None


def by_corpus(votes: pd.Series, classes: pd.Series) -> list[OfCorpus]:
    """Return the results of the votes, by corpus; empty without votes.

    Args:
        votes: counts by corpus, model, root and vote.
        classes: counts by corpus, root and class.
    """
    return [
        _of_corpus(str(corpus), votes.loc[corpus], classes.loc[corpus])
        for corpus in votes.index.get_level_values("corpus").unique()
    ]


def _of_corpus(corpus: str, votes: pd.Series, classes: pd.Series) -> OfCorpus:
    every = classes.unstack("kind", fill_value=0)
    missing = every[NONE] if NONE in every else every.sum(axis="columns") * 0
    unknown = int(missing.get("unknown", 0))
    counts = every.reindex(columns=list(CLASSES), fill_value=0)
    counts = counts[counts.sum(axis="columns") > 0]
    together = votes.groupby(level=["root", "vote"]).sum()
    order = counts.sum(axis="columns").sort_values(ascending=False, kind="stable").index
    roots = [(of_root(str(r), together), [int(n) for n in counts.loc[r]]) for r in order]
    card = load_card(corpus) if corpus in slugs() else None
    evidence = card.voice_evidence.note if card and card.voice_evidence else None
    return OfCorpus(
        corpus=corpus,
        models=_of_models(votes, together),
        roots=roots,
        classes=[int(n) for n in counts.sum()],
        unknown=unknown,
        failed=int(missing.sum()) - unknown,
        evidence=evidence,
    )


def _of_models(votes: pd.Series, together: pd.Series) -> list[LabelAgreement]:
    """Return the agreement of each model, and of all votes if there are several models."""
    names = votes.index.get_level_values("model").unique()
    models = [agreement(str(name), votes.loc[name]) for name in names]
    pooled = [agreement("all votes", together)] if len(models) > 1 else []
    return [*models, *pooled]


def agreement(name: str, votes: pd.Series) -> LabelAgreement:
    """Return the agreement of votes with coarse labels; `votes` counts by both."""
    matrix = _square(votes)
    total, right = int(matrix.to_numpy().sum()), int(matrix.to_numpy().trace())
    if not total:
        return LabelAgreement(name, 0, 0.0, None, None)
    labelled, voted = matrix.sum(axis="columns"), matrix.sum(axis="index")
    found = [matrix.loc[r, r] / n for r, n in labelled.items() if n]
    by_chance = float((labelled * voted).sum()) / total**2
    kappa = None if by_chance == 1 else (right / total - by_chance) / (1 - by_chance)
    return LabelAgreement(name, total, right / total, float(sum(found) / len(found)), kappa)


def of_root(root: str, votes: pd.Series) -> LabelAgreement:
    """Return how well votes distinguish one coarse label from all others."""
    matrix = _square(votes)
    if root not in matrix.index or not matrix.loc[root].sum():
        return LabelAgreement(root, 0, 0.0, None, None)
    hit, labelled, voted = matrix.loc[root, root], matrix.loc[root].sum(), matrix[root].sum()
    total = matrix.to_numpy().sum()
    pairs = {
        (True, True): hit,
        (True, False): labelled - hit,
        (False, True): voted - hit,
        (False, False): total - labelled - voted + hit,
    }
    index = pd.MultiIndex.from_tuples(pairs, names=["root", "vote"])
    told = agreement(root, pd.Series(list(pairs.values()), index=index))
    one_sided = labelled == total
    balanced, kappa = (None, None) if one_sided else (told.balanced, told.kappa)
    return LabelAgreement(root, int(labelled), float(hit / labelled), balanced, kappa)


def _square(votes: pd.Series) -> pd.DataFrame:
    """Return counts of labels by votes, with a row and a column for each name in either."""
    names = sorted({name for level in ("root", "vote") for name in votes.index.unique(level)})
    matrix = votes.unstack("vote", fill_value=0)
    return matrix.reindex(index=names, columns=names, fill_value=0)
