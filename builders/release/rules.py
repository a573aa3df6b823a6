"""Requirements for publishing: general ones, and the publisher's rules.

    [publish]
    reviewed_share = 1.0     # minimum share of samples reviewed and undisputed
    alpha_strategy = 0.67    # minimum agreement on strategies
    alpha_affect = 0.45      # minimum agreement on each scale: fit, naturalness, restraint
    max_bad_share = 0.02     # maximum share of bad replies, as the latest audit shows it
    gated = "manual"         # users must request access on the Hub

The rules are in `hearten.toml`; there are none by default. `review-status` and `publish` evaluate
them here and print the same sentences. Shares count the samples of the build, not the rows that are
published: a rejected sample is a reviewed one. Once a build has reviews, minimum agreement
is only required if at least 50 items have two values. An undefined alpha passes if at least
90 % of the pairs agree: without variation, it says nothing. An audit shows a share with its own
confidence, which must be 95 % or more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from builders.corpora import load_card, slugs
from builders.errors import ConfigError, UsageError
from builders.llm.settings import PHRASEBOOK
from builders.record.dataset import Build
from builders.record.manifest_views import Manifest
from builders.record.types import ReviewStatus
from builders.release.eligibility import Purpose, Restrictions, left_out, nobody, strings
from builders.release.rights import Terms
from builders.review.data.decisions import choices
from builders.review.data.events import Reviews
from builders.review.data.items import Items
from builders.review.outcome.agreement import Agreement, agreement
from builders.review.outcome.alpha import Alpha
from builders.review.outcome.audit import AuditOutcome, latest_ended, outcome
from builders.review.outcome.merge import Merged, views
from builders.settings.file import SETTINGS_FILE
from builders.store.address import store_exists
from builders.store.database import Store

LEAST_ITEMS = 50
LEAST_OBSERVED = 0.9
LEAST_CONFIDENCE = 0.95
_MORE = "have more samples reviewed, and adjudicate the disputed ones"
_AUDIT = (
    "run hearten audit with --max-bad, or have rejected replies drafted again (--redraft rejected)"
)
_AGREE = "discuss the guidelines with the annotators, or change the rule in hearten.toml"
# Strict: neither true nor "0.5" is a number.
_Share = Annotated[float | None, Field(ge=0, le=1, strict=True)]


class PublishRules(BaseModel):
    """The publisher's rules: shares and Krippendorff's alpha, each from 0 to 1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reviewed_share: _Share = None
    alpha_strategy: _Share = None
    alpha_affect: _Share = None
    max_bad_share: _Share = None
    gated: Literal["manual", "auto"] | None = None


@dataclass(frozen=True, slots=True)
class RuleResult:
    """The result of one rule: whether the build passes, why, and what to do if not."""

    rule: str
    passed: bool
    sentence: str
    advice: str

    @property
    def line(self) -> str:
        """Return the result as both commands print it."""
        return f"{'met' if self.passed else 'not met'}: {self.rule}: {self.sentence}"


def read_rules(settings: Mapping[str, Any]) -> PublishRules:
    """Return the rules in `hearten.toml`; ConfigError names an invalid one."""
    try:
        return PublishRules(**settings.get("publish", {}))
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        if name not in PublishRules.model_fields:
            expected = f"one of {', '.join(PublishRules.model_fields)}"
        else:
            expected = '"manual" or "auto"' if name == "gated" else "a number from 0 to 1"
        raise ConfigError(
            f"publish.{name} is {first['input']!r}",
            where=SETTINGS_FILE,
            expected=expected,
            do="change it, or remove it to drop this rule",
        ) from error


def judge(rules: PublishRules, merged: Sequence[Merged], samples: int) -> list[RuleResult]:
    """Return the result of each rule for a build with a number of samples; empty without rules.

    Args:
        rules: the publisher's.
        merged: the merged decisions, see `merge.views`.
        samples: the number of samples that may be reviewed.
    """
    found = []
    if rules.reviewed_share is not None:
        found.append(_reviewed(rules.reviewed_share, merged, samples))
    least = {"alpha_strategy": rules.alpha_strategy, "alpha_affect": rules.alpha_affect}
    overall = {row.measure: row for row in agreement(merged, ("all",))}
    if not overall:
        asked = [rule for rule, value in least.items() if value is not None]
        return found + [
            RuleResult(rule, False, "no sample has been reviewed", _MORE) for rule in asked
        ]
    wanted = [("alpha_strategy", "strategies")]
    wanted += [("alpha_affect", scale) for scale in choices("scale")]
    for rule, measure in wanted:
        if (value := least[rule]) is not None:
            found.append(_agreed(rule, value, measure, overall.get(measure)))
    return found


def _reviewed(least: float, merged: Sequence[Merged], samples: int) -> RuleResult:
    settled = sum(view.status != ReviewStatus.DISPUTED for view in merged)
    share = settled / samples if samples else 0.0
    sentence = f"{settled:,} of {samples:,} samples are reviewed and undisputed"
    sentence += f"; {least:.0%} are required"
    return RuleResult("reviewed_share", share >= least, sentence, _MORE)


def _agreed(rule: str, least: float, measure: str, row: Agreement | None) -> RuleResult:
    found = row.alpha if row else Alpha(None, None, None, 0, 0, None)
    on = f"on {measure}"
    if found.items < LEAST_ITEMS:
        sentence = (
            f"{found.items} items have two answers {on}; the rule applies from {LEAST_ITEMS} items"
        )
    elif found.alpha is None:
        sentence = f"agreement {on} is undefined; {found.observed:.0%} of the pairs agree"
    else:
        sentence = f"agreement {on} is {found.alpha:.2f} over {found.items:,} items"
        sentence += f"; {least:.2f} is required"
    return RuleResult(rule, reaches(found, least), sentence, _AGREE)


def _audited(most: float, found: AuditOutcome | None) -> RuleResult:
    if found is None or found.at_most is None or not found.ended:
        state = "there is no audit" if found is None else "the audit has not ended"
        return RuleResult("max_bad_share", False, f"{state}; {most:.1%} bad may be", _AUDIT)
    sentence = f"at most {found.at_most:.1%} of the replies that nobody saw are bad "
    sentence += f"({found.confidence:.0%} confidence, {found.bad:,} of {found.judged:,} rows); "
    sentence += f"{most:.1%} may be"
    sure = found.confidence >= LEAST_CONFIDENCE
    if not sure:
        sentence += f", with {LEAST_CONFIDENCE:.0%} confidence"
    return RuleResult("max_bad_share", sure and found.at_most <= most, sentence, _AUDIT)


def reaches(found: Alpha, least: float) -> bool:
    """Return whether agreement is sufficient, or there is too little data to require it."""
    if found.items < LEAST_ITEMS:
        return True
    if found.alpha is None:
        return (found.observed or 0.0) >= LEAST_OBSERVED
    return found.alpha >= least


def evaluate(
    rules: PublishRules, build: Build, address: str, excluded: Callable[[str], bool] = nobody
) -> list[RuleResult]:
    """Return the result of each rule for a build, from the review data in the store.

    Args:
        rules: the publisher's.
        build: a finished build, not its reviewed copy.
        address: the store with the decisions; it may be missing.
        excluded: returns whether an id must not be used; such samples do not count.
    """
    known = Restrictions(excluded)
    out = left_out(build.shards(), Purpose.REVIEW, known)
    samples = build.manifest["result"]["counts"]["kept"] - len(out)
    merged, audited = _reviewed_in(build, address, known)
    found = judge(rules, merged, samples)
    if rules.max_bad_share is not None:
        found.append(_audited(rules.max_bad_share, audited))
    return found


def _reviewed_in(
    build: Build, address: str, known: Restrictions
) -> tuple[list[Merged], AuditOutcome | None]:
    """Return the merged decisions about a build, and what its latest audit has found."""
    if not store_exists(address):
        return [], None
    with closing(Store(address, writes=False)) as store:
        if not Reviews(store).any():
            return [], None
        for _ in Items(store, known).register(build):
            pass
        name = build.manifest["result"]["name"]
        return views(store, name), latest_ended(store, name) or outcome(store, name)


def check_rules(findings: Sequence[RuleResult]) -> None:
    """Raise ConfigError with the result of the first rule that a build does not meet."""
    for found in findings:
        if not found.passed:
            raise ConfigError(found.line, do=found.advice)


def check_build(folder: Path, manifest: Manifest) -> None:
    """Raise ConfigError if a build may not be published at all."""
    if parts := manifest["result"].get("combined"):
        known = [word for part in parts for word in strings(part) if word in slugs()]
        licences = ", ".join(sorted({load_card(slug).licence for slug in known}))
        raise ConfigError(
            "a combined build cannot be published: its corpora are under "
            f"{licences or 'different terms'}, and a repository has one licence",
            where=folder,
            do="publish the build of each corpus to its own repository",
        )
    if not manifest["result"]["counts"]["kept"]:
        raise ConfigError(
            "the build has no samples",
            where=folder,
            do="build with other targets: --emotion, --min-words, --split",
        )


def check_terms(terms: Terms, manifest: Manifest, *, public: bool, allow_phrasebook: bool) -> None:
    """Raise an error if the terms do not allow publishing in this way."""
    if terms.widened and public:
        raise UsageError(
            f"{', '.join(terms.widened)} goes beyond the terms of {terms.card.title}",
            expected="a private repository",
            do="leave out --public",
        )
    phrasebook = manifest["result"]["config"]["provider"] == PHRASEBOOK
    if phrasebook and terms.replies and not allow_phrasebook:
        raise ConfigError(
            "the replies come from the phrasebook, which is for trials, not for training",
            do="build with --model, or publish them anyway with --allow-phrasebook",
        )
