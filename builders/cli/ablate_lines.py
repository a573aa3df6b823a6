"""What `hearten ablate` prints for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from builders.cli.status import cost_line
from builders.evaluation.ablation.drafts import Arms
from builders.llm.estimate import Estimate
from builders.report import CERTIFICATE_PARTS

_NOT_ASKED = "–"


def ablation_lines(told: Mapping[str, Any], count: int) -> list[str]:
    """Return what an ablation found, with `count` samples in the build."""
    head = f"{told['targets']:,} targets of {told['dialogues']:,} dialogues, by {told['model']}"
    if told["wanted"] > count:
        head += f" (the build has {count:,} samples, not {told['wanted']:,})"
    return [
        head,
        *_table(told["arms"]),
        *_failed(told["arms"]),
        *_judge_lines(told),
        told["sentence"],
        f"{told['requests']:,} requests; in all {cost_line(told['cost'])}",
    ]


def _table(arms: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    rows = [("told to the model", "changed", "swap, judge", "swap, people", "preferred over it")]
    for number, arm in enumerate(arms):
        rows.append(
            (
                arm["what"],
                _share(arm["changed"]) if number else "",
                _share(arm["swap"]),
                _share(arm["swap_by_people"]),
                (_share(arm["preferred"]) if arm["preferred"] else "no fit judge")
                if number
                else "",
            )
        )
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(
            f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)
        ).rstrip()


def _share(found: Mapping[str, Any] | None) -> str:
    """Return a mean and its interval in short."""
    if found is None or found["mean"] is None:
        return _NOT_ASKED
    return f"{found['mean']:.0%} ({found['low']:.0%} to {found['high']:.0%})"


def _failed(arms: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for arm in arms:
        if arm["failed"]:
            yield f"{arm['failed']:,} replies were given up: {arm['what']}"


def _judge_lines(told: Mapping[str, Any]) -> Iterator[str]:
    if not told["judge"]:
        yield "no judge was asked to match replies to voices; --judge MODEL asks one"
        return
    if all(arm["preferred"] is None for arm in told["arms"]):
        yield (
            f"{told['judge']} is not measured, or not fit, in the dimension heard, so that its "
            "preference is not asked; hearten judge --test score --dimension heard measures it"
        )
    pairs = max((arm["swap"]["of"] for arm in told["arms"] if arm["swap"]), default=0)
    if not pairs:
        yield "there is no minimal pair in the sample, so there was nothing to match"
    else:
        fit = "" if told["swap_fit"] else ", which is not fit in the swap test"
        yield f"matched by {told['judge']}{fit}: {pairs:,} pairs; 25% is chance"


def certificate_lines(found: Mapping[str, Any]) -> list[str]:
    """Return what a certificate says."""
    lines = [
        f"certificate: a ranker picks the right reply in {found['pairs']:,} minimal pairs of "
        f"{found['speakers']:,} speakers and {found['sentences']:,} sentences it has not seen"
    ]
    for name, words in CERTIFICATE_PARTS:
        share = found["told_by"][name]
        said = f"  by {words}: {share['share']:.1%}"
        if name != "words":  # half of them by construction
            said += f" ({share['low']:.1%} to {share['high']:.1%})"
        lines.append(said)
    lines.append(f"  {found['sentence']}; 50% is chance")
    for name, words in (
        ("left", "have no measured voice"),
        ("unasked", "have nothing to learn from: too few speakers or sentences"),
    ):
        if found[name]:
            lines.append(f"  {found[name]:,} pairs {words}")
    return lines


def estimate_lines(asked: Arms, expected: Estimate, judge: str | None) -> list[str]:
    """Return what an ablation would take."""
    usd = expected["usd"]
    cost = "cost unknown (no price for this model)" if usd is None else f"about ${usd:,.2f}"
    return [
        f"{len(asked.targets):,} targets in {len(asked.arms)} arms: {expected['held']:,} responses "
        f"cached, {expected['to_ask']:,} requests to make",
        f"about {expected['prompt_tokens']:,} prompt tokens and at most "
        f"{expected['completion_tokens']:,} tokens of responses: {cost}",
        *(["the questions to the judge come on top"] if judge else []),
    ]
