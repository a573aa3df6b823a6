"""What `hearten audit` and `review-status` print of an audit."""

from __future__ import annotations

from collections.abc import Iterator

from builders.review.outcome.audit import AuditOutcome


def audit_lines(name: str, found: AuditOutcome) -> Iterator[str]:
    """Yield what an audit has found as lines for a person."""
    beside = f", {found.edited:,} edited" if found.edited else ""
    if found.skipped:
        beside += f", {found.skipped:,} skipped and replaced"
    of = f"{found.judged:,} of {found.needed:,} rows judged"
    yield f"audit {found.number} of {name}: {of}, {found.bad:,} bad{beside}"
    if found.share is None:
        return
    yield f"bad among the {found.of:,} rows that nobody else has decided about: {_share(found)}"
    yield f"  {verdict(found)}"
    for one in found.strata:
        of = f"{one.judged:,} of {one.rows:,} rows"
        between = "" if one.low is None or one.high is None else _between(one.low, one.high)
        group = f"{one.corpus} {one.root}".replace("_", " ")
        yield f"  {group.ljust(30)} {of}, {one.bad:,} bad{between}"


def verdict(found: AuditOutcome) -> str:
    """Return in a sentence what an audit shows."""
    asked = f"at most {found.max_bad:.1%} are bad"
    sure = f"with {found.confidence:.0%} confidence"
    if found.passed is None:
        return "not decided yet"
    shown = f"at most {found.at_most:.1%} {sure}"
    return f"shown: {asked} ({shown})" if found.passed else f"not shown: {asked} ({shown})"


def _share(found: AuditOutcome) -> str:
    if found.low is None or found.high is None:
        return "unknown"
    return (
        f"{found.share:.1%}\n  {found.confidence:.0%} interval "
        f"{found.low:.1%} to {found.high:.1%}, exact"
    )


def _between(low: float, high: float) -> str:
    return f" ({low:.0%} to {high:.0%})"
