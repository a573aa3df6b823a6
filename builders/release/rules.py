"""What must hold before anything is published: the build's, the publisher's own rules.

The rules are `[publish]` in `hearten.toml`; there are none by default.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from builders.corpora import load_card, slugs
from builders.errors import ConfigError, UsageError
from builders.record.manifest_views import Manifest
from builders.release.eligibility import strings
from builders.release.rights import Terms
from builders.release.tally import Tally
from builders.review.outcome.alpha import Alpha
from builders.review.outcome.rules import reaches
from builders.settings import PHRASEBOOK, SETTINGS_FILE


class Rules(BaseModel):
    """What a build must come up to: shares and Krippendorff's alpha, each from 0 to 1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reviewed_share: float | None = Field(None, ge=0, le=1)
    alpha_strategy: float | None = Field(None, ge=-1, le=1)
    alpha_affect: float | None = Field(None, ge=-1, le=1)
    gated: Literal["manual", "auto"] | None = None


def read_rules(settings: Mapping[str, Any]) -> Rules:
    """Return the rules of `hearten.toml`; ConfigError names a wrong one."""
    try:
        return Rules(**settings.get("publish", {}))
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(
            f"publish.{first['loc'][0]} is {first['input']!r}: {first['msg']}",
            where=SETTINGS_FILE,
            do="correct it",
        ) from error


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


def agreement(manifest: Manifest) -> dict[str, Alpha]:
    """Return the reviewers' agreement by what it is of, as far as the build's manifest knows it."""
    known = manifest["result"].get("agreement") or {}
    return {name: Alpha(**value) for name, value in sorted(known.items())}


def check_rules(rules: Rules, tally: Tally, measured: Mapping[str, Alpha]) -> None:
    """Raise ConfigError where a build does not come up to the publisher's rules.

    Least agreement is asked where there is enough to measure it by
    (`builders/review/outcome/rules.py`).
    """
    share = rules.reviewed_share
    if share is not None and tally.reviewed_share < share:
        raise _below("reviewed_share", f"{tally.reviewed_share:.2f}", share)
    for kind in ("strategy", "affect"):
        least: float | None = getattr(rules, f"alpha_{kind}")
        found = measured.get(kind)
        if least is not None and not measured:
            raise _below(f"alpha_{kind}", "not measured", least)
        if least is not None and found is not None and not reaches(found, least):
            shown = "undefined" if found.alpha is None else f"{found.alpha:.2f}"
            raise _below(f"alpha_{kind}", shown, least)


def _below(name: str, found: str, least: float) -> ConfigError:
    return ConfigError(
        f"{name} is {found}",
        expected=f"at least {least:.2f}, as [publish] in {SETTINGS_FILE} says",
        do="have more of it reviewed, or change the rule",
    )
