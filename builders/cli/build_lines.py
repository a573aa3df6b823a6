"""What `build` prints: samples, counts, cost, what to do next; or an estimate."""

from __future__ import annotations

import json
import shutil
import sys
from itertools import islice
from pathlib import Path
from typing import Any

from builders.cli.status import cost_line
from builders.llm.settings import PHRASEBOOK
from builders.pipeline.estimate import BuildEstimate
from builders.pipeline.run import Finished
from builders.record.dataset import Build
from builders.record.manifest import summary_line
from builders.record.manifest_views import ManifestResult
from builders.record.views import SampleRecord
from builders.release.eligibility import GATES_FILE, Purpose, Restrictions, excluded_by, going_out
from builders.settings import BuildConfig
from builders.store.messages import MessageSizes

PHRASEBOOK_WARNING = "phrasebook: for trying out, not for training"


def print_finished(finished: Finished, config: BuildConfig, sample: bool, show: int) -> None:
    """Print `show` samples, the counts of a finished build, its cost, and what to do next."""
    result, run = finished.manifest["result"], finished.manifest["run"]
    known = Restrictions(excluded_by(config.exclusions, config.store_url))
    shown = going_out(Build(finished.folder).rows(batch=max(show, 1)), Purpose.REVIEW, known)
    for record in islice(shown, show):
        _print_sample(record)
    if not finished.fresh:
        print(f"{config.name} is complete already; nothing was asked or written.")
    print_counts(result)
    _print_speech(result.get("speech"))
    print_set(result, finished.gated)
    if config.models:
        took = f"{run['requests']:,} requests in {run['seconds']:,.0f} s"
        print(f"{took}; in all {cost_line(run['cost'])}")
        if finished.fresh:
            print(f"messages of {MessageSizes(**run['messages'])}")
    if config.redraft:
        from builders.review.outcome.redraft import drafted_again

        again = drafted_again(Build(config.output / config.redraft.of), Build(finished.folder))
        print(f"drafted again: {again:,}; all else as in {config.redraft.of}")
    print(f"dataset: {finished.folder}")
    print(f"report:  {finished.folder / 'report.html'}")
    print("next:")
    for command in _next_commands(config, sample):
        print(f"  {command}")
    if config.provider == PHRASEBOOK:
        print(PHRASEBOOK_WARNING)


def print_counts(result: ManifestResult) -> None:
    """Print the four counts of a build, and its rejects by reason."""
    print(summary_line(result["counts"]))
    for reason, count in sorted(result["rejected"].items(), key=lambda pair: -pair[1]):
        print(f"  rejected: {count:,} {reason}")


def print_set(result: ManifestResult, gated: int | None) -> None:
    """Print in what the replies as a set differ from people's, and how many are kept back."""
    found = result.get("set_checks") or []
    if any(one["out"] for one in found):
        # Here, as polars takes a quarter of a second.
        from builders.report.set_checks.telling import lines

        print("the replies as a set:")
        for line in lines(found):
            print(f"  {line}")
    if gated is not None:
        print(f"  {gated:,} replies are kept back by {GATES_FILE}")


def _print_speech(speech: dict[str, Any] | None) -> None:
    """Print who spoke, and what was not spoken."""
    if not speech:
        return
    heard = "read back" if speech["read_back"] else "not read back"
    print(f"speech: {speech['seconds'] / 3600:.2f} h by {speech['engine']}, {heard}")
    for what in ("utterances", "replies"):
        counts = ", ".join(f"{n:,} {why}" for why, n in speech.get(what, {}).items())
        if counts:
            print(f"  {what}: {counts}")


def _next_commands(config: BuildConfig, sample: bool) -> tuple[str, str]:
    """Return two commands to try next, spelled as this one was called."""
    build, hearten = _spelling(sys.argv[0])
    if config.provider != PHRASEBOOK:
        code = f"from builders import Build; print(Build('{config.folder}').to_pandas())"
        return f'python -c "{code}"', f"{hearten} status {config.folder}"
    source = "DIR" if sample else config.source
    own = f"{build} --corpus {config.corpus} --source {source}"
    text = " --text-only" if sample or config.text_only else ""
    text += "".join(f" --split {split}" for split in config.splits)
    model = (
        f"--name {config.corpus}-trial --limit 20 --model MODEL --base-url http://127.0.0.1:8000/v1"
    )
    first = f"{own}{text}" if sample else f"{hearten} status {config.folder}"
    return first, f"{own}{text} {model}"


def _spelling(called: str) -> tuple[str, str]:
    """Return `build` and `hearten` as they can be called by whoever called this program so."""
    program = Path(called)
    if program.name not in ("build", "hearten"):
        return "hearten build", "hearten"
    if shutil.which(program.name) == called:
        return "build", "hearten"
    return str(program.with_name("build")), str(program.with_name("hearten"))


def _print_sample(record: SampleRecord) -> None:
    """Print a sample in full as JSON, sound as its size."""
    print(json.dumps(record, indent=2, ensure_ascii=False, default=_size))


def _size(flac: bytes) -> str:
    return f"<{len(flac):,} bytes of FLAC>"


def print_estimate(estimate: BuildEstimate) -> None:
    """Print what a build would take."""
    if estimate["captions_to_ask"] is not None:
        print(f"{estimate['captions_to_ask']:,} captions to ask for")
    print(
        f"{estimate['targets']:,} targets, {estimate['held']:,} first answers held, "
        f"{estimate['to_ask']:,} to ask"
    )
    usd = estimate["usd"]
    cost = "cost unknown (no price for this model)" if usd is None else f"about ${usd:,.2f}"
    print(
        f"about {estimate['prompt_tokens']:,} prompt tokens and at most "
        f"{estimate['completion_tokens']:,} of answers, without corrections: {cost}"
    )
    for one in estimate["votes"]:
        usd = one["usd"]
        print(
            f"votes of {one['model']}: {one['held']:,} held, {one['to_ask']:,} to ask, about "
            f"{one['prompt_tokens']:,} prompt tokens and at most {one['completion_tokens']:,} of "
            f"answers: {'cost unknown' if usd is None else f'about ${usd:,.2f}'}"
        )
    speech = estimate["to_speak"]
    if any(speech.values()):
        print(
            f"to be spoken, which is not in that: {speech['utterance_characters']:,} characters "
            f"of utterances, and {speech['replies']:,} replies"
        )
