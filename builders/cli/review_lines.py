"""What `hearten review-status` prints: counts, people, agreement, what moves answers, what wins."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from builders.cli.audit_lines import audit_lines
from builders.release.rules import RuleResult
from builders.review.outcome.agreement import Agreement, Anchoring, Move
from builders.review.outcome.alpha import LEAST_ITEMS, Alpha, meaning
from builders.review.outcome.audit import AuditOutcome
from builders.review.outcome.comparisons import Comparison
from builders.review.outcome.heard_pairs import HeardResult, heard_lines
from builders.review.outcome.judge_agreement import JudgeAgreement, RaterAgreement
from builders.stats import Difference, Share

_SHOWN = 10
_MEASURES = {"strategies_merged": "strategies, both that ask as one"}


@dataclass(frozen=True, slots=True)
class ReviewOverview:
    """What is known of a review, in the order in which JSON has it.

    Attributes:
        name: the build.
        samples: those that may be reviewed.
        overlap: how many people are to decide about each.
        decided, complete: samples that somebody has decided about, and so many people as wanted.
        statuses, policies, flags: how many samples have each.
        annotators: of each pseudonym what they decided, skipped, and had right of gold items.
        audit: what the latest audit has found, None without one.
        rules: how the publisher's own rules come out.
        disputed: ids of samples to be settled.
        judges: how far judges agree with people.
        held: how many lines are held for people, and how many of them somebody answered.
        heard: what people matched by ear, beside the judges; None without answers.
    """

    name: str
    samples: int
    overlap: int
    decided: int
    complete: int
    statuses: dict[str, int]
    policies: dict[str, int]
    flags: dict[str, int]
    annotators: dict[str, dict[str, int]]
    agreement: list[Agreement]
    moved: list[Move]
    anchoring: Anchoring
    comparisons: list[Comparison]
    comparisons_unknown: int
    audit: AuditOutcome | None
    rules: list[RuleResult]
    disputed: list[str]
    judges: list[JudgeAgreement]
    held: dict[str, int]
    heard: HeardResult | None = None


def lines(known: ReviewOverview, names: Mapping[str, str]) -> Iterator[str]:
    """Yield what is known of a review as lines for a person; `names` are those of annotators.

    They are as wide as a terminal of 80 columns; longer ones go on below, further to the right.
    """
    for line in _lines(known, names):
        indent = " " * (len(line) - len(line.lstrip()) + 4)
        yield from textwrap.wrap(
            line, 80, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )


def _lines(known: ReviewOverview, names: Mapping[str, str]) -> Iterator[str]:
    yield from _counts(known)
    yield from _people(known.annotators, names)
    yield from _agreement(known.agreement, names)
    yield from _moved(known.moved)
    yield from _anchoring(known.anchoring)
    yield from _compared(known)
    yield from _judges(known.judges)
    yield from heard_lines(known.heard) if known.heard else ()
    if known.held["lines"]:
        count, answered = known.held["lines"], known.held["answered"]
        yield f"{count:,} lines are held for people, {answered:,} of them answered"
    if known.audit:
        yield from audit_lines(known.name, known.audit)
    for rule in known.rules:
        yield rule.line
    if known.disputed:
        shown = ", ".join(known.disputed[:_SHOWN])
        more = len(known.disputed) - _SHOWN
        yield f"disputed: {shown}" + (f" and {more:,} more" if more > 0 else "")


def _counts(known: ReviewOverview) -> Iterator[str]:
    yield f"{known.name}: {known.decided:,} of {known.samples:,} samples have a decision"
    people = "1 person" if known.overlap == 1 else f"{known.overlap} people"
    yield f"{known.complete:,} of them by {people}, as required"
    for status, count in known.statuses.items():
        yield f"  {count:,} {status}"
    for flag, count in known.flags.items():
        yield f"  {count:,} flagged {flag}"


def _people(annotators: Mapping[str, Mapping[str, int]], names: Mapping[str, str]) -> Iterator[str]:
    for who, of in annotators.items():
        said = f"{of['decided']:,} decided, {of['skipped']:,} skipped"
        if of["gold"]:
            said += f", {of['gold_right']} of {of['gold']} gold items right"
        yield f"{names.get(who, who)}: {said}"


def _agreement(rows: Sequence[Agreement], names: Mapping[str, str]) -> Iterator[str]:
    """Yield agreement on all items, and of groups where there are several and enough items."""
    known = [row for row in rows if row.alpha.items]
    if known:
        yield "agreement (Krippendorff's alpha, 95 % interval), over what was answered:"
    groups = Counter((row.measure, row.by) for row in known)
    for found in known:
        if found.by != "all" and (
            groups[found.measure, found.by] == 1 or found.alpha.items < LEAST_ITEMS
        ):
            continue
        group = " and ".join(names.get(part, part) for part in found.group.split())
        what = _MEASURES.get(found.measure, found.measure)
        said = f"{found.answered:,} answered of {found.asked:,}"
        yield f"  {' '.join((what, group)).ljust(18)} {alpha_line(found.alpha)}; {said}"
        if found.by == "all":
            yield f"    {meaning(found.alpha)}"


def _judges(found: Sequence[JudgeAgreement]) -> Iterator[str]:
    if found:
        yield "judges and people, on the same samples (weighted kappa, 95 % interval):"
    for one in found:
        what = f"{one.dimension}, rated by {one.by} as {one.scale}"
        yield f"  {what}: {one.model} and people {_rater_line(one.judge)}"
        yield f"  {what}: people and people {_rater_line(one.people)}"


def _rater_line(found: RaterAgreement) -> str:
    of = f"{found.items:,} samples"
    if found.pairwise is not None:
        of += f", {found.pairwise:.0%} of two samples in the same order"
    if found.kappa is None:
        return f"undefined ({of})"
    if found.low is None or found.high is None:
        return f"{found.kappa:.2f} ({of})"
    return f"{found.kappa:.2f} from {found.low:.2f} to {found.high:.2f} ({of})"


def alpha_line(found: Alpha) -> str:
    """Return agreement in one line; undefined stays undefined."""
    of = f"{found.items:,} items"
    if found.observed is not None:
        of += f", {found.observed:.0%} of the pairs equal"
    if found.alpha is None:
        return f"undefined ({of})"
    if found.low is None or found.high is None:
        return f"{found.alpha:.2f} ({of})"
    return f"{found.alpha:.2f} from {found.low:.2f} to {found.high:.2f} ({of})"


def _moved(moved: Sequence[Move]) -> Iterator[str]:
    if moved:
        yield "emotions that annotators corrected:"
    for move in moved:
        times = "1 time" if move.decisions == 1 else f"{move.decisions:,} times"
        change = f"{move.label} to {move.heard}"
        yield f"  {change.ljust(40)} {times}, by the majority in {len(move.prevails):,}"


def _anchoring(found: Anchoring) -> Iterator[str]:
    if not found.hidden:
        return
    shares = [found.like_draft_shown, found.like_draft_hidden, found.moved]
    shown, hidden, moved = ("unknown" if share is None else f"{share:.0%}" for share in shares)
    yield (
        f"same strategies as the draft: {shown} of {found.shown:,} with the draft visible, "
        f"{hidden} of {found.hidden:,} first answers without it; {moved} of these changed "
        "when it was shown"
    )
    effect = found.effect
    if effect:
        low, high = f"{100 * effect.low:+.0f}", f"{100 * effect.high:+.0f}"
        points = f"{100 * effect.difference:+.0f} points (95 % interval {low} to {high})"
        yield f"seeing the draft {_verdict(effect)}: {points}"


def _verdict(effect: Difference) -> str:
    if not effect.is_told:
        return "makes no significant difference"
    return f"moves answers {'towards' if effect.difference > 0 else 'away from'} it"


def _compared(known: ReviewOverview) -> Iterator[str]:
    for of in known.comparisons:
        wins, losses, ties = of.wins, of.losses, of.ties
        if of.corpus:
            yield f"  {of.corpus}: {wins:,} won, {losses:,} lost, {ties:,} equal"
            continue
        yield (
            f"compared with {of.against}: {wins + losses + ties:,} targets; "
            f"{wins:,} for {known.name}, {losses:,} for {of.against}, {ties:,} equal"
        )
        yield f"  preferred, without ties: {_share(of.preferred)}"
        yield f"  the reply shown first, of votes that are not equal: {_share(of.first)}"
        yield f"  agreement: {alpha_line(of.alpha)}"
    if count := known.comparisons_unknown:
        yield f"{count:,} comparisons are with drafts of builds that are not in this store"


def _share(found: Share) -> str:
    if found.share is None or found.low is None or found.high is None:
        return "unknown"
    interval = f"95 % interval {found.low:.0%} to {found.high:.0%}"
    return f"{found.count:,} of {found.of:,}, {found.share:.0%} ({interval})"
