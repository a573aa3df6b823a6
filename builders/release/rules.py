"""What must hold before anything is published: the build's, the publisher's own rules.

    [publish]
    reviewed_share = 1.0     # of the samples are decided about and not disputed
    alpha_strategy = 0.67    # least agreement on strategies
    alpha_affect = 0.45      # least agreement on each scale: fit, naturalness, restraint
    gated = "manual"         # whoever wants the dataset asks for it on the Hub

The rules stand in `hearten.toml`; there are none by default. `review-status` and `publish` evaluate
them here and print the same sentences. Shares count the samples of the build, not the rows that are
published: a rejected sample is a reviewed one. Where somebody has reviewed a build, least agreement
is asked only if at least 50 items have two values. Alpha that is undefined passes where at least
nine tenths of the pairs agree: without variation it says nothing.
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
from builders.review.outcome.merge import Merged, views
from builders.settings.file import SETTINGS_FILE
from builders.store.database import Store, store_exists

LEAST_ITEMS = 50
LEAST_OBSERVED = 0.9
_MORE = "have more of it reviewed, and settle what is disputed"
_AGREE = "go through the guidelines with the annotators, or change the rule"
# Strict: neither true nor "0.5" is a number.
_Share = Annotated[float | None, Field(ge=0, le=1, strict=True)]


class PublishRules(BaseModel):
    """What a build must come up to: shares and Krippendorff's alpha, each from 0 to 1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reviewed_share: _Share = None
    alpha_strategy: _Share = None
    alpha_affect: _Share = None
    gated: Literal["manual", "auto"] | None = None


@dataclass(frozen=True, slots=True)
class RuleResult:
    """How one rule came out: whether it lets the build pass, why, and what would help if not."""

    rule: str
    passed: bool
    sentence: str
    advice: str

    @property
    def line(self) -> str:
        """Return the finding as both commands print it."""
        return f"{'met' if self.passed else 'not met'}: {self.rule}: {self.sentence}"


def read_rules(settings: Mapping[str, Any]) -> PublishRules:
    """Return the rules of `hearten.toml`; ConfigError names a wrong one."""
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
            do="correct it, or remove it to have no such rule",
        ) from error


def judge(rules: PublishRules, merged: Sequence[Merged], samples: int) -> list[RuleResult]:
    """Return how each rule comes out for a build of so many samples; empty without rules.

    Args:
        rules: the publisher's.
        merged: what was decided about the samples, see `merge.views`.
        samples: how many of the build's samples may be reviewed at all.
    """
    found = []
    if rules.reviewed_share is not None:
        found.append(_reviewed(rules.reviewed_share, merged, samples))
    least = {"alpha_strategy": rules.alpha_strategy, "alpha_affect": rules.alpha_affect}
    overall = {row.measure: row for row in agreement(merged, ("all",))}
    if not overall:
        asked = [rule for rule, value in least.items() if value is not None]
        return found + [RuleResult(rule, False, "nobody has reviewed it", _MORE) for rule in asked]
    wanted = [("alpha_strategy", "strategies")]
    wanted += [("alpha_affect", scale) for scale in choices("scale")]
    for rule, measure in wanted:
        if (value := least[rule]) is not None:
            found.append(_agreed(rule, value, measure, overall.get(measure)))
    return found


def _reviewed(least: float, merged: Sequence[Merged], samples: int) -> RuleResult:
    settled = sum(view.status != ReviewStatus.DISPUTED for view in merged)
    share = settled / samples if samples else 0.0
    sentence = f"{settled:,} of {samples:,} samples are reviewed and settled"
    sentence += f"; {least:.0%} are wanted"
    return RuleResult("reviewed_share", share >= least, sentence, _MORE)


def _agreed(rule: str, least: float, measure: str, row: Agreement | None) -> RuleResult:
    found = row.alpha if row else Alpha(None, None, None, 0, 0, None)
    on = f"on {measure}"
    if found.items < LEAST_ITEMS:
        sentence = f"{found.items} items have two answers {on}; asked only from {LEAST_ITEMS} on"
    elif found.alpha is None:
        sentence = f"agreement {on} is undefined; {found.observed:.0%} of the pairs agree"
    else:
        sentence = f"agreement {on} is {found.alpha:.2f} over {found.items:,} items"
        sentence += f"; {least:.2f} is wanted"
    return RuleResult(rule, reaches(found, least), sentence, _AGREE)


def reaches(found: Alpha, least: float) -> bool:
    """Return whether agreement is as much as is wanted, or says too little to be asked for it."""
    if found.items < LEAST_ITEMS:
        return True
    if found.alpha is None:
        return (found.observed or 0.0) >= LEAST_OBSERVED
    return found.alpha >= least


def evaluate(
    rules: PublishRules, build: Build, address: str, excluded: Callable[[str], bool] = nobody
) -> list[RuleResult]:
    """Return how each rule comes out for a build, by what the store holds of its review.

    Args:
        rules: the publisher's.
        build: a finished build, not a copy of it with what was decided.
        address: the store with the decisions; there may be none.
        excluded: says of an id whether it must not be used; such a sample does not count.
    """
    known = Restrictions(excluded)
    out = left_out(build.shards(), Purpose.REVIEW, known)
    samples = build.manifest["result"]["counts"]["kept"] - len(out)
    return judge(rules, _views(build, address, known), samples)


def _views(build: Build, address: str, known: Restrictions) -> list[Merged]:
    if not store_exists(address):
        return []
    with closing(Store(address, writes=False)) as store:
        if not Reviews(store).any():
            return []
        for _ in Items(store, known).register(build):
            pass
        return views(store, build.manifest["result"]["name"])


def check_rules(findings: Sequence[RuleResult]) -> None:
    """Raise ConfigError where a build does not come up to a rule, in the words of its finding."""
    for found in findings:
        if not found.passed:
            raise ConfigError(found.line, do=found.advice)


def check_build(folder: Path, manifest: Manifest) -> None:
    """Raise ConfigError where a build may not be published whatever its records are."""
    if parts := manifest["result"].get("combined"):
        known = [word for part in parts for word in strings(part) if word in slugs()]
        licences = ", ".join(sorted({load_card(slug).licence for slug in known}))
        raise ConfigError(
            "a combined build is for this machine only: its corpora are under "
            f"{licences or 'terms of their own'}, and one repository has one licence",
            where=folder,
            do="publish the build of each corpus to a repository of its own",
        )
    if not manifest["result"]["counts"]["kept"]:
        raise ConfigError("the build has no samples", where=folder, do="build it with others")


def check_terms(terms: Terms, manifest: Manifest, *, public: bool, allow_phrasebook: bool) -> None:
    """Raise an error where what would go out may not go out in this way."""
    if terms.widened and public:
        raise UsageError(
            f"{', '.join(terms.widened)} goes beyond the terms of {terms.card.title}",
            expected="a private repository",
            do="leave --public out",
        )
    phrasebook = manifest["result"]["config"]["provider"] == PHRASEBOOK
    if phrasebook and terms.replies and not allow_phrasebook:
        raise ConfigError(
            "the replies come from the phrasebook, which is for trying out, not for training",
            do="build with --model, or publish them all the same with --allow-phrasebook",
        )
