"""The outcome of an audit: the estimated share of bad replies among rows that nobody saw.

A reply is bad if the auditor rejects it. Every row of the sample stands for as many rows, since
each stratum has its share of it; so the estimate is the plain share, and the bounds are those of
`exact.py`. The claim that a gate asks for is one-sided, "at most so many"; the interval has two
sides, so that it reaches further than the claim.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from builders.review.data.audits import AuditPlan, AuditQueue, Audits, AuditSample, Stratum
from builders.review.outcome.exact import Looked, rows_needed, share_at_least, share_at_most
from builders.store.database import Store


@dataclass(frozen=True, slots=True)
class AuditStratum:
    """One stratum: its rows that nobody saw, how many were judged, and how many are bad."""

    corpus: str
    root: str
    rows: int
    judged: int
    bad: int
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class AuditOutcome:
    """What an audit has found so far.

    Attributes:
        number: 1 for the first audit of the build.
        of: how many rows nobody had decided about.
        needed: how many of them are to be judged.
        allowed: how many may be bad.
        judged, bad, edited: how many are judged, rejected, and accepted after a change.
        skipped: rows that nobody could judge; another one took the place of each.
        max_bad, confidence: what the audit asks.
        share: the estimated share of bad rows; None if none is judged.
        low, high: its exact interval, with two sides.
        at_most: the share that is not exceeded, with the same confidence.
        ended: whether the audit is decided.
        passed: whether it shows that at most `max_bad` are bad; None while it is not decided.
        strata: the same by corpus and root emotion.
    """

    number: int
    of: int
    needed: int
    allowed: int
    judged: int
    bad: int
    edited: int
    skipped: int
    max_bad: float
    confidence: float
    share: float | None
    low: float | None
    high: float | None
    at_most: float | None
    ended: bool
    passed: bool | None
    strata: list[AuditStratum]

    @classmethod
    def kept(cls, result: Mapping[str, Any]) -> AuditOutcome:
        """Return an outcome that was kept as JSON values."""
        return cls(**{**result, "strata": [AuditStratum(**one) for one in result["strata"]]})


def begin(store: Store, build: str, plan: AuditPlan) -> AuditPlan:
    """Fix how many rows an audit needs, and store it; the items of the build are registered."""
    audits = Audits(store, build)
    of = sum(audits.unseen(plan.salt).values())
    needed = min(of, rows_needed(plan.max_bad, plan.confidence, plan.allowed, of)) if of else 0
    begun = replace(plan, rows=needed, number=len(audits.all()) + 1)
    audits.save(begun)
    return begun


def outcome(store: Store, build: str, plan: AuditPlan | None = None) -> AuditOutcome | None:
    """Return what the latest audit of a build, or `plan`, has found; None if there is none.

    Once it is decided it stays as it was, whatever is reviewed later.
    """
    plan = plan or Audits(store, build).latest()
    if plan is None:
        return None
    if plan.result:
        return AuditOutcome.kept(plan.result)
    sample = AuditQueue(store, build, plan).sample()
    return outcome_of(plan, sample, Audits(store, build).unseen(plan.salt))


def latest_ended(store: Store, build: str) -> AuditOutcome | None:
    """Return what the latest audit that has ended has found; None without one."""
    ended = [plan for plan in Audits(store, build).all() if plan.result]
    return outcome(store, build, ended[-1]) if ended else None


def settle(store: Store, build: str, plan: AuditPlan) -> AuditOutcome | None:
    """Return what an audit has found, and keep it if it is decided."""
    found = outcome(store, build, replace(plan, result=None))
    result = asdict(found) if found is not None and found.ended else None
    Audits(store, build).save(replace(plan, result=result))
    return found


def outcome_of(plan: AuditPlan, sample: AuditSample, unseen: Mapping[Stratum, int]) -> AuditOutcome:
    """Return what is found in a sample of the rows that nobody saw, whose number is by stratum."""
    judged = [row for row in sample.rows if row.verdict]
    verdicts = Counter(row.verdict for row in judged)
    of, bad = sum(unseen.values()), verdicts["reject"]
    ended = sample.is_judged and bool(judged)
    full = len(judged) >= plan.rows
    seen = Looked(of, len(judged), bad, stopped=ended and not full and bad > plan.allowed)
    at_most = share_at_most(seen, 1 - plan.confidence) if judged else None
    side = (1 - plan.confidence) / 2
    return AuditOutcome(
        number=plan.number,
        of=of,
        needed=plan.rows,
        allowed=plan.allowed,
        judged=len(judged),
        bad=bad,
        edited=verdicts["edit"],
        skipped=sample.skipped,
        max_bad=plan.max_bad,
        confidence=plan.confidence,
        share=bad / len(judged) if judged else None,
        low=share_at_least(seen, side) if judged else None,
        high=share_at_most(seen, side) if judged else None,
        at_most=at_most,
        ended=ended,
        passed=at_most is not None and at_most <= plan.max_bad if ended else None,
        strata=_strata(plan, sample, unseen),
    )


def _strata(
    plan: AuditPlan, sample: AuditSample, unseen: Mapping[Stratum, int]
) -> list[AuditStratum]:
    judged: Counter[Stratum] = Counter()
    bad: Counter[Stratum] = Counter()
    for row in sample.rows:
        stratum = (row.item.corpus, row.item.label)
        judged[stratum] += row.verdict is not None
        bad[stratum] += row.verdict == "reject"
    side = (1 - plan.confidence) / 2
    found = []
    for stratum, rows in sorted(unseen.items()):
        seen = Looked(rows, judged[stratum], bad[stratum])
        told = bool(seen.judged)
        low = share_at_least(seen, side) if told else None
        high = share_at_most(seen, side) if told else None
        found.append(AuditStratum(*stratum, rows, seen.judged, seen.bad, low, high))
    return found
