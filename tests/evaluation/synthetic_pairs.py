"""Minimal pairs as CREMA-D has them: few sentences, many actors, replies by drafters of a kind."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from builders.evaluation.certificate.members import MatchedPairs, Rendering

LABELS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness")
# What a drafter says to each label, and to three ways to speak.
TO_LABEL = {
    "anger": ("That would make anyone cross.", "You have every right to be furious."),
    "disgust": ("That does sound revolting.", "What an unpleasant thing to deal with."),
    "fear": ("That must have been frightening.", "It is all right to be scared by that."),
    "happiness": ("How wonderful for you!", "That is great news!"),
    "neutral": ("I see.", "Thanks for telling me."),
    "sadness": ("I am sorry it turned out like that.", "That sounds heavy to carry."),
}
TO_VOICE = (
    ("You can say as much or as little as you like.", "I am listening, take your time."),
    ("What happened next?", "Tell me more about it."),
    ("Take a breath, there is no rush.", "Easy, one thing at a time."),
)
_DESCRIPTORS = 8
_LOUD = 0.67


def pairs_by(
    obeys: str, actors: int, seed: int, share: float = 1.0, sentences: int = 12
) -> MatchedPairs:
    """Return pairs whose replies follow the label, the voice, both or nothing.

    A voice is drawn around the mean of its label; what a drafter hears is whether its first value
    is high, usual or low.

    Args:
        obeys: ``label``, ``voice``, ``both`` or ``nothing``.
        actors: how many people speak.
        seed: of all that is drawn.
        share: how many of the replies follow; the others follow nothing.
        sentences: how many each of them says.
    """
    dice = np.random.default_rng(seed)
    means = dice.normal(0, 0.8, (len(LABELS), _DESCRIPTORS))
    pairs = []
    for actor in range(actors):
        for sentence in range(sentences):
            said = dice.choice(len(LABELS), size=dice.choice([2, 2, 2, 3]), replace=False)
            members = [
                _rendering(obeys if dice.random() < share else "nothing", actor, sentence, *one)
                for one in ((int(label), means[label], dice) for label in said)
            ]
            pairs += combinations(members, 2)
    return MatchedPairs(pairs, 0)


def _rendering(obeys, actor, sentence, label, mean, dice) -> Rendering:
    voice = mean + dice.normal(0, 1, _DESCRIPTORS)
    heard = 1 + int(voice[0] > _LOUD) - int(voice[0] < -_LOUD)
    named = LABELS[label] if obeys in ("label", "both") else dice.choice(LABELS)
    way = heard if obeys in ("voice", "both") else dice.integers(3)
    return Rendering(
        id=f"{actor}-{sentence}-{label}",
        speaker=f"actor {actor}",
        sentence=f"sentence {sentence}",
        label=LABELS[label],
        voice={f"value {n}": float(z) for n, z in enumerate(voice)},
        reply=f"{dice.choice(TO_LABEL[named])} {dice.choice(TO_VOICE[way])}",
    )
