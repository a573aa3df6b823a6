"""Whether a fit judge prefers the replies as built to those of an arm, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypedDict

from builders.evaluation.ablation.arms import BASE
from builders.evaluation.ablation.drafts import ArmReply
from builders.evaluation.asking import Judge
from builders.evaluation.decoys import DecoySet, has_decoys
from builders.evaluation.fitness import fit_in
from builders.evaluation.replies import Replies, language_of
from builders.evaluation.scoring import compare_replies
from builders.record.dataset import Build
from builders.store.address import store_exists
from builders.store.database import Store
from builders.tasks.scoring import ShownReply

# What a judge must be fit in whose preference says anything about voices.
HEARD = "heard"


class ArmComparison(TypedDict):
    """How a judge rated the first arm's reply beside another's: 1 better, -1 worse, 0 as good.

    Better is what is better in both orders; the same reply is as good without being asked about.
    """

    arm: str
    id: str
    dialogue: str
    preferred: float


def is_fit(build: Build, store: str, model: str) -> bool:
    """Return whether a judge was measured and found fit to say what fits what is heard."""
    language = language_of(build)
    if not store_exists(store) or not has_decoys(language):
        return False
    opened = Store(store, writes=False)
    try:
        found = fit_in(opened, model, HEARD, DecoySet(language))
    finally:
        opened.close()
    return found is not None and found["fit"]


def compared(
    by: Judge,
    replies: Replies,
    drafts: Sequence[ArmReply],
    prices: Mapping[str, object],
    quiet: bool,
) -> list[ArmComparison]:
    """Return what a judge prefers, of each target and arm with two replies.

    Args:
        by: the judge.
        replies: those of the build, for what else a judge is shown.
        drafts: the replies of all arms.
        prices: the user's own prices, by model.
        quiet: show no progress.

    Raises:
        StoppedEarly: it stopped before the end.
    """
    base = {d["id"]: d["reply"] for d in drafts if d["arm"] == BASE and d["reply"]}
    shown = {one.id: one for one in replies.shown() if one.id in base}
    both = [d for d in drafts if d["arm"] != BASE and d["reply"] and d["id"] in shown]
    asked = [one for one in both if one["reply"] != base[one["id"]]]
    pairs = [(_with(shown[d["id"]], base[d["id"]]), str(d["reply"])) for d in asked]
    scores = compare_replies(by, pairs, HEARD, prices, quiet)
    margins = {
        (one["arm"], one["id"]): None if two is None else two.margin
        for one, two in zip(asked, scores, strict=True)
    }
    return [
        {
            "arm": one["arm"],
            "id": one["id"],
            "dialogue": one["dialogue"],
            "preferred": float((margin > 0) - (margin < 0)),
        }
        for one in both
        if (margin := margins.get((one["arm"], one["id"]), 0.0)) is not None
    ]


def _with(shown: ShownReply, reply: str | None) -> ShownReply:
    return replace(shown, reply=str(reply))
