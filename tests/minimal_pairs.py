"""Minimal pairs in small builds, and a judge who matches them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import orjson
from exporting import Row, changed, spoken

from builders.evaluation.decoys import DecoySet
from builders.evaluation.judgements import Judgement, Judgements
from builders.evaluation.pairs import pairs_of
from builders.record.dataset import Build
from builders.store.database import Store
from builders.store.key_value import Kept, KeyValue

LABELS = {
    "happiness": ("positive", "medium"),
    "sadness": ("negative", "low"),
    "anger": ("negative", "high"),
}
REPLIES = {
    "happiness": "I'm so glad for you, {}! What made it happen?",
    "sadness": "That sounds hard, {}. I'm here with you.",
    "anger": "You have every right to be angry, {}. Let it out.",
}
TITLES = ("Ada", "Bo", "Cleo", "Dan", "Eve", "Finn", "Gil", "Hana")


def member(number: int, group: int, root: str, agreement: float | None = 0.9, **fields) -> Row:
    """Return a clip of a minimal pair, heard as `root`, with a reply that suits it."""
    row = spoken(number, dialogue=str(group))
    text = fields.pop("reply", REPLIES[root].format(TITLES[group % len(TITLES)]))
    valence, arousal = LABELS[root]
    label = {"primary": root, "root": root, "valence": valence, "arousal": arousal}
    target = {**row[0]["target_utterance"], "text": "It is eleven o'clock, and so it goes."}
    target["emotions"] = {**target["emotions"], **label}
    voice = {"descriptors": [], "reference": "corpus", "caption": None, "reliable": True}
    return changed(
        row,
        desired_response={"text": text},
        target_utterance=target,
        annotation={"agreement": agreement},
        contrast={"group": f"g{group}", "role": root, "twin_of": []},
        voice={**voice, "words": f"voice {group} {number}"},
        **fields,
    )


def matched(
    folder: Path,
    verdict: str = "right",
    model: str = "a-judge",
    fit: bool | None = True,
    **only: str,
) -> None:
    """Let a judge match all minimal pairs of a build; `fit` is what it was measured to be."""
    with closing(Store(str(folder.parent / "hearten.sqlite"))) as store:
        found = [
            Judgement(
                pair.seen,
                pair.one.id,
                pair.other.id,
                "swap",
                "swap",
                float(verdict == "right"),
                verdict,
                model,
                "swap 1+abc",
            )
            for pair in pairs_of(Build(folder))
            if only.get("group", pair.one.group) == pair.one.group
        ]
        Judgements(store).append(found)
        if fit is not None:
            told = {"voice_twins": [[number, fit] for number in range(104)]}
            values = KeyValue(store)
            values.put("fitness", DecoySet("en").key(model, "swap"), Kept(orjson.dumps(told)))
            values.close()
