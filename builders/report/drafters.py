"""How often the draft of which model became the reply, where there were several of each target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from builders.record.data_file import rows_of
from builders.record.views import SampleRecord
from builders.report.tallies import batches
from builders.stats import Share, wilson

_COLUMNS = ("id", "drafting.model", "drafting.candidates", "checks.results.code")


@dataclass(slots=True)
class ModelDrafts:
    """The drafts of a model to targets that have a reply.

    `chosen` became the reply, `given_up` counts reasons, `notes` those of the checks on all drafts
    that were accepted.
    """

    model: str
    drafts: int = 0
    chosen: int = 0
    notes: int = 0
    given_up: Counter[str] = field(default_factory=Counter)

    @property
    def accepted(self) -> int:
        """Return how many drafts were accepted."""
        return self.drafts - self.given_up.total()


@dataclass(frozen=True, slots=True)
class Drafters:
    """All models that drafted the `samples`; in `told` of them notes of checks decided."""

    samples: int
    told: int
    models: Sequence[ModelDrafts]

    def share(self, one: ModelDrafts) -> Share:
        """Return in how many of the samples the reply is by a model, with its interval."""
        part = one.chosen / self.samples
        return Share(one.chosen, self.samples, part, *wilson(part, self.samples))

    def lines(self) -> Iterator[str]:
        """Yield what is said of them at the end of a build."""
        by_hash = self.samples - self.told
        yield (
            f"drafts: the notes of the checks chose {self.told:,} replies, a hash of the "
            f"request the {by_hash:,} others"
        )
        for one in self.models:
            found = self.share(one)
            reasons = ", ".join(f"{n:,} {why}" for why, n in sorted(one.given_up.items()))
            yield (
                f"  {one.model}: {one.chosen:,} of {self.samples:,} replies, "
                f"{found.share or 0:.1%} ({found.low or 0:.1%} to {found.high or 0:.1%}); "
                f"{one.accepted:,} of {one.drafts:,} drafts accepted"
                + (f", given up: {reasons}" if reasons else "")
            )


def drafters(paths: Sequence[Path], out: Collection[str] = ()) -> Drafters | None:
    """Return who drafted the samples of Parquet files; None where each has one draft.

    Raises:
        VerificationError: a file cannot be read.
    """
    models: dict[str, ModelDrafts] = {}
    samples = told = 0
    for path in paths:
        for batch in batches(path, _COLUMNS, out):
            for row in cast("list[SampleRecord]", rows_of(path, batch)):
                if row["drafting"].get("candidates"):
                    samples += 1
                    told += _count(row, models)
    found = [models[name] for name in sorted(models)]
    return Drafters(samples, told, found) if found else None


def _count(row: SampleRecord, models: dict[str, ModelDrafts]) -> bool:
    """Count the drafts of a sample; return whether the notes of the checks told the best one."""
    notes = len((row["checks"] or {"results": []})["results"])
    chosen = models.setdefault(row["drafting"]["model"], ModelDrafts(row["drafting"]["model"]))
    chosen.drafts += 1
    chosen.chosen += 1
    chosen.notes += notes
    accepted = False
    as_good = False
    for other in row["drafting"]["candidates"] or ():
        model = models.setdefault(other["model"], ModelDrafts(other["model"]))
        model.drafts += 1
        if other["reply"] is None:
            model.given_up[other["reason"] or "unknown"] += 1
            continue
        accepted = True
        found = len(other["checks"] or ())
        model.notes += found
        as_good = as_good or found == notes
    return not (accepted and as_good)
