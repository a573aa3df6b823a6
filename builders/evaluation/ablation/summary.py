"""What an ablation comes to: for each arm how many replies change, and how well they match."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict

from builders.evaluation.ablation.arms import BASE, WRONG, Arm
from builders.evaluation.ablation.drafts import ArmReply
from builders.evaluation.ablation.matching import REFUSED, ArmVerdict
from builders.evaluation.ablation.preferring import ArmComparison
from builders.stats import grouped

NOT_USED = "replies do not use the voice"
UsesVoice = Literal["yes", "no", "not_judged"]


class MeanOver(TypedDict):
    """A mean with its 95 % interval, over `groups` dialogues or groups; None without values."""

    mean: float | None
    low: float | None
    high: float | None
    of: int
    groups: int


class ArmSummary(TypedDict):
    """What one arm comes to.

    `changed` is the share of replies that differ from those of the first arm, `swap` that of
    minimal pairs which the judge matched in both orders, `swap_by_people` that of
    answers of people who heard the pairs, None where nobody did; they are asked once, so that
    guessing is right in half. `behind` is by how much the first arm's share is higher on the same
    pairs, `preferred` how much more often a fit judge preferred the first arm's reply, -1 to 1.
    """

    arm: str
    what: str
    drafts: int
    failed: int
    changed: MeanOver
    swap: MeanOver | None
    behind: MeanOver | None
    swap_by_people: MeanOver | None
    preferred: MeanOver | None


def summarised(
    arms: Sequence[Arm],
    replies: Sequence[ArmReply],
    verdicts: Sequence[ArmVerdict] | None,
    comparisons: Sequence[ArmComparison] | None,
) -> list[ArmSummary]:
    """Return what each arm comes to.

    Args:
        arms: the arms, the one as it was built first.
        replies: the replies of all of them.
        verdicts: what a judge made of minimal pairs; None without one.
        comparisons: what a fit judge preferred; None without one.
    """
    by_arm: dict[str, list[ArmReply]] = {arm.name: [] for arm in arms}
    for reply in replies:
        by_arm[reply["arm"]].append(reply)
    base = {one["id"]: one["reply"] for one in by_arm[arms[0].name]}
    return [
        {
            "arm": arm.name,
            "what": arm.what,
            "drafts": sum(one["reply"] is not None for one in by_arm[arm.name]),
            "failed": sum(one["reply"] is None for one in by_arm[arm.name]),
            "changed": _changed(base, by_arm[arm.name]),
            "swap": None if verdicts is None else _swap(arm.name, verdicts),
            "behind": None if verdicts is None else _behind(arm.name, verdicts),
            "swap_by_people": None,
            "preferred": None if comparisons is None else _preferred(arm.name, comparisons),
        }
        for arm in arms
    ]


def _changed(base: Mapping[str, str | None], replies: Sequence[ArmReply]) -> MeanOver:
    both = [one for one in replies if one["reply"] and base.get(one["id"])]
    changed = [float(one["reply"] != base[one["id"]]) for one in both]
    return _mean(changed, [one["dialogue"] for one in both])


def _swap(arm: str, verdicts: Sequence[ArmVerdict]) -> MeanOver:
    judged = [one for one in verdicts if one["arm"] == arm and one["verdict"] != REFUSED]
    right = [float(one["verdict"] == "right") for one in judged]
    return _mean(right, [one["group"] for one in judged])


def _behind(arm: str, verdicts: Sequence[ArmVerdict]) -> MeanOver:
    """Return by how much more pairs of the first arm are matched, of those judged in both."""
    right: dict[tuple[str, str, str], dict[str, float]] = {}
    for one in verdicts:
        if one["verdict"] != REFUSED and one["arm"] in (arm, BASE):
            pair = right.setdefault((one["group"], one["one"], one["other"]), {})
            pair[one["arm"]] = float(one["verdict"] == "right")
    both = {names: of for names, of in right.items() if {arm, BASE} <= of.keys()}
    apart = [of[BASE] - of[arm] for of in both.values()]
    return _mean(apart, [group for group, _, _ in both], least=-1.0)


def _preferred(arm: str, comparisons: Sequence[ArmComparison]) -> MeanOver | None:
    """Return how much more often the first arm's reply was preferred; None for that arm itself."""
    if arm == BASE:
        return None
    of = [one for one in comparisons if one["arm"] == arm]
    return _mean([one["preferred"] for one in of], [one["dialogue"] for one in of], least=-1.0)


def _mean(values: Sequence[float], groups: Sequence[str], least: float = 0.0) -> MeanOver:
    found = grouped(values, groups, least)
    return {
        "mean": found.mean,
        "low": found.low,
        "high": found.high,
        "of": found.of,
        "groups": found.groups,
    }


def uses_voice(arms: Sequence[ArmSummary], swap_fit: bool | None) -> tuple[UsesVoice, str]:
    """Return whether the right voice beats a wrong one, and a sentence that says so.

    Replies that are the same in another voice do not use it, whoever judges. Otherwise a fit
    judge's preference decides, and without one the swap test of a judge that is fit in it.

    Args:
        arms: what each arm comes to.
        swap_fit: whether the judge matches our own minimal pairs; None where it was not asked.
    """
    wrong = next(arm for arm in arms if arm["arm"] == WRONG)
    changed = wrong["changed"]
    if changed["of"] and changed["mean"] == 0:
        return "no", f"{NOT_USED}: none of {changed['of']:,} changes with a wrong one"
    if not wrong["preferred"] and wrong["behind"] and not swap_fit:
        return "not_judged", "no fit judge has judged whether the right voice beats a wrong one"
    beaten = wrong["preferred"] or wrong["behind"]
    by = "a fit judge prefers" if wrong["preferred"] else "the swap test matches"
    if beaten is None or beaten["mean"] is None or beaten["low"] is None or beaten["high"] is None:
        return "not_judged", "nobody has judged whether the right voice beats a wrong one"
    figures = f"{beaten['mean']:+.1%}, 95 % interval {beaten['low']:+.1%} to {beaten['high']:+.1%}"
    what = "drafts in {} dialogues" if wrong["preferred"] else "pairs in {} groups"
    over = f"{beaten['of']:,} {what.format(beaten['groups'])}"
    if beaten["low"] > 0:
        return "yes", f"the right voice beats a wrong one: {by} it more often ({figures}; {over})"
    return "no", f"{NOT_USED}: the right voice does not beat a wrong one ({by}: {figures}; {over})"
