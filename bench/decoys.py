"""How far words alone tell good replies from decoys, and whether lengths do.

    PYTHONPATH=. python bench/decoys.py

For each kind of decoys of ``prompts/judge/decoys/en/``, a bag of words with logistic regression
learns from nine tenths of the situations and says of the other tenth which of two replies is the
good one. 50 % is chance. Where a kind can be spotted by its words alone, as advice can, a judge
that tells it apart has shown less than one that tells apart the right act for another emotion.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from builders.evaluation.decoys import OTHER_ROOT, VOICE_TWINS, Decoyed, load_decoys, written_kinds

_FOLDS = 10


def told_by_words(pairs: list[Decoyed]) -> float:
    """Return the share of pairs whose good reply a bag of words finds, held out by situation."""
    right, groups = 0.0, [one.row for one in pairs]
    for train, test in GroupKFold(_FOLDS).split(pairs, groups=groups):
        texts = [text for n in train for text in (pairs[n].shown.reply, pairs[n].decoy)]
        bag = CountVectorizer(ngram_range=(1, 2)).fit(texts)
        model = LogisticRegression(max_iter=1000).fit(bag.transform(texts), [1, 0] * len(train))
        for n in test:
            good, decoy = model.decision_function(
                bag.transform([pairs[n].shown.reply, pairs[n].decoy])
            )
            right += float(good > decoy) + 0.5 * float(good == decoy)
    return right / len(pairs)


def longer(pairs: list[Decoyed]) -> float:
    """Return the share of pairs whose good reply has more words; ties count half."""
    apart = [len(one.shown.reply.split()) - len(one.decoy.split()) for one in pairs]
    return float(np.mean([(by > 0) + 0.5 * (by == 0) for by in apart]))


def main() -> None:
    """Print a line for each kind."""
    by_kind: dict[str, list[Decoyed]] = defaultdict(list)
    for one in load_decoys("en"):
        by_kind[one.kind].append(one)
    print("kind             pairs  by words alone  good one longer")
    for kind in (OTHER_ROOT, VOICE_TWINS, *written_kinds()):
        pairs = by_kind[kind]
        print(f"{kind:16} {len(pairs):5}  {told_by_words(pairs):13.1%}  {longer(pairs):14.1%}")


if __name__ == "__main__":
    main()
