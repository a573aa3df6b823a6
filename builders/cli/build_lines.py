"""What `build` prints: samples, counts, cost, what to do next; or an estimate."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from builders.cli.cautions import cautions
from builders.cli.looking import some_samples
from builders.cli.sample_lines import sample_lines, width
from builders.cli.status import cost_line, count_lines
from builders.llm.estimate import Estimate
from builders.llm.settings import PHRASEBOOK
from builders.pipeline.estimate import BuildEstimate
from builders.pipeline.run import Finished
from builders.record.dataset import Build
from builders.record.manifest_views import (
    ManifestResult,
    ManifestRun,
    QualificationPart,
    QualificationResult,
)
from builders.release.eligibility import GATES_FILE, Restrictions, excluded_by
from builders.settings import BuildConfig
from builders.store.messages import MessageSizes
from builders.tasks.qualification import meanings

# An option and its value, which stay on one line: words are not parted at this sign.
_OPTION = re.compile(r"(--\S+) (?!--)(\S+)")
_TIE = "\0"
PHRASEBOOK_WARNING = "phrasebook: for trying out, not for training"


def print_finished(finished: Finished, config: BuildConfig, sample: bool, show: int) -> None:
    """Print `show` samples, what a finished build holds, its cost, and what to do next."""
    result, run = finished.manifest["result"], finished.manifest["run"]
    build = Build(finished.folder)
    known = Restrictions(excluded_by(config.exclusions, config.store_url))
    for record in some_samples(build, show, known):
        print("\n".join(sample_lines(record, width())), end="\n\n")
    if not finished.fresh:
        print(f"{config.name} is complete already: no model was asked, nothing was written.")
    print_counts(build)
    for flag in config.reject_findings:
        if flag not in result["rejected"]:
            print(f"  rejected: 0 {flag}, which no chosen clip has")
    print("".join(f"{line}\n" for line in qualification_lines(result)), end="")
    _print_speech(result.get("speech"))
    print_set(result, finished.gated, finished.gated_before)
    for line in drafts_lines(build):
        print(line)
    if config.models:
        _print_requests(run, finished.fresh)
    if config.redraft:
        from builders.review.outcome.redraft import drafted_again

        again = drafted_again(Build(config.output / config.redraft.of), build)
        print(f"drafted again: {again:,}; all other replies are those of {config.redraft.of}")
    print(f"dataset: {finished.folder}")
    print(f"report:  {finished.folder / 'report.html'}")
    print("next:")
    for command in _next_commands(config, sample):
        print(_in_columns(command))
    if config.provider == PHRASEBOOK:
        print(PHRASEBOOK_WARNING)


def _print_requests(run: ManifestRun, fresh: bool) -> None:
    """Print what was asked of models and what it cost; the messages' size where they are new."""
    took = f"{run['requests']:,} requests in {run['seconds']:,.0f} s"
    print(f"{took}; in all {cost_line(run['cost'])}")
    for line in money_lines(run):
        print(line)
    if fresh and run["messages"]["requests"]:
        print(f"messages of {MessageSizes(**run['messages'])}")


def money_lines(run: ManifestRun) -> list[str]:
    """Return what the answers took where others paid, whose prices they are, and the estimate."""
    lines = []
    answers = run.get("cost_of_answers")
    if answers and answers["prompt_tokens"] > run["cost"]["prompt_tokens"]:
        lines.append(f"the answers took {cost_line(answers)}; other builds paid for some of them")
    listed = {p["source"] for p in run.get("prices", {}).values() if p}
    if sources := sorted(source for source in listed if "genai-prices" in source):
        lines.append(f"prices: {'; '.join(sources)}")
    if found := run.get("estimate"):
        usd = f"${found['usd']:,.4f}" if found["usd"] is not None else "cost unknown"
        lines.append(
            f"estimated after {found['after']} samples: {found['tokens']:,} tokens, {usd} "
            f"({found['cost_error']:+.0%}), {found['seconds']:,.0f} s ({found['time_error']:+.0%})"
        )
    return lines


def print_counts(build: Build) -> None:
    """Print the four counts of a build, its rejects by reason, and what else is to be known."""
    for line in count_lines(build.manifest["result"]):
        print(line)
    for line in cautions(build).lines():
        print(line)


def print_set(result: ManifestResult, gated: int | None, before: bool = False) -> None:
    """Print in what the replies as a set differ from people's, and how many are kept back.

    `before` says that an earlier run wrote the list of them.
    """
    found = result.get("set_checks") or []
    if any(one["out"] for one in found):
        # Here, as polars takes a quarter of a second.
        from builders.report.set_checks.telling import lines

        print("the replies as a set:")
        for line in lines(found):
            print(f"  {line}")
    if gated is not None:
        still = " of an earlier run; delete it to use them" if before else ""
        print(f"  {gated:,} replies are kept back by {GATES_FILE}{still}")


def drafts_lines(build: Build) -> Iterator[str]:
    """Yield how often which model's draft was chosen, where there were several."""
    config = build.manifest["result"]["config"]
    if config.get("drafters") or config.get("drafts"):
        from builders.report.drafters import drafters

        found = drafters(build.shards())
        yield from found.lines() if found else ()


def _print_speech(speech: dict[str, Any] | None) -> None:
    """Print how much synthetic speech there is, and what has none."""
    if not speech:
        return
    checked = "checked by ASR" if speech["read_back"] else "not checked by ASR"
    print(f"speech: {speech['seconds'] / 3600:.2f} h by {speech['engine']}, {checked}")
    for what in ("utterances", "replies"):
        counts = ", ".join(f"{n:,} {why}" for why, n in speech.get(what, {}).items())
        if counts:
            print(f"  {what}: {counts}")


def _next_commands(config: BuildConfig, sample: bool) -> tuple[str, ...]:
    """Return commands to try next, spelled as this one was called."""
    build, hearten = _spelling(sys.argv[0])
    look = f"{hearten} show {config.folder}"
    if config.provider != PHRASEBOOK:
        return look, f"{hearten} review {config.folder}"
    source = "DIR" if sample else config.source
    own = f"{build} --corpus {config.corpus} --source {source}"
    own += " --text-only" if sample or config.text_only else ""
    own += "".join(f" --split {split}" for split in config.splits)
    model = f"--name {config.corpus}-trial --limit 20 --model MODEL"
    return look, f"{own} {model} --base-url http://127.0.0.1:8000/v1"


def _in_columns(command: str) -> str:
    """Return a command in lines that fit the screen and can be copied as they are."""
    lines = textwrap.wrap(
        _OPTION.sub(f"\\1{_TIE}\\2", command),
        width() - 2,
        initial_indent="  ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return " \\\n".join(lines).replace(_TIE, " ")


def _spelling(called: str) -> tuple[str, str]:
    """Return `build` and `hearten` as they can be called by whoever called this program so."""
    program = Path(called)
    if program.name not in ("build", "hearten"):
        return "hearten build", "hearten"
    if shutil.which(program.name) == called:
        return "build", "hearten"
    return str(program.with_name("build")), str(program.with_name("hearten"))


def _takes(what: str, one: Estimate) -> str:
    usd = one["usd"]
    cost = "cost unknown" if usd is None else f"about ${usd:,.2f}"
    return (
        f"{what}: {one['held']:,} cached, {one['to_ask']:,} requests to make, "
        f"about {one['prompt_tokens']:,} prompt tokens and at most "
        f"{one['completion_tokens']:,} tokens of responses: {cost}"
    )


def qualification_lines(result: ManifestResult) -> list[str]:
    """Return what each model that votes or describes clips proved able to do, a line each."""
    lines = [_qualification_line(one) for one in result.get("qualification", ())]
    if (result.get("contribution") or {}).get("reason"):
        lines.append("no sample has a class of audio contribution: no model qualified to vote")
    return lines


def _qualification_line(one: QualificationResult) -> str:
    what, missed = _PURPOSES[one["purpose"]]
    parts = "; ".join(_part(part) for part in one["parts"])
    if one["qualified"]:
        return f"{one['model']} qualified to {what}: {parts}"
    return f"{one['model']} did not qualify to {what}, so {missed}: {parts}"


# What a model qualifies to do, and what it does not do where it falls short.
_PURPOSES = {
    "votes": ("vote", "it casts no vote"),
    "describes": ("describe clips", "it describes no clip"),
    "routes": ("route", "nothing is drafted"),
}


def _part(part: QualificationPart) -> str:
    least = "" if part["share"] >= part["least"] else f", needed {part['least']:.0%}"
    shown = f"{part['right']} of {part['of']} ({part['low']:.0%} to {part['high']:.0%}{least})"
    return f"{meanings()[part['part']]} {shown}"


def _route_lines(estimate: BuildEstimate) -> Iterator[str]:
    """Yield what routing takes beside the patterns."""
    if routes := estimate["routes"]:
        yield _takes(f"routes of {routes['model']}", routes)
    if estimate["moderation_to_ask"] is not None:
        yield f"{estimate['moderation_to_ask']:,} requests to the moderation endpoint to make"


def print_estimate(estimate: BuildEstimate, judged: bool = False) -> None:
    """Print what a build would take; `judged` if judges are asked too, and drafts in rounds."""
    beside = (
        (estimate["captions_to_ask"], "captions to request"),
        (estimate["summaries_to_ask"], "summaries of earlier turns to request"),
        (estimate["plans_to_ask"], "plans to request"),
        (estimate["tags_to_ask"], "replies to have tagged"),
        (estimate["reply_routes_to_ask"], "replies to have routed"),
    )
    for count, what in beside:
        if count is not None:
            print(f"{count:,} {what}")
    print(
        f"{estimate['targets']:,} targets: {estimate['held']:,} responses cached, "
        f"{estimate['to_ask']:,} requests to make"
    )
    for one in estimate["drafts"] if len(estimate["drafts"]) > 1 else ():
        usd = one["usd"]
        cost = "cost unknown" if usd is None else f"about ${usd:,.2f}"
        print(
            f"  drafts of {one['model']}: {one['held']:,} cached, {one['to_ask']:,} requests to "
            f"make: {cost}"
        )
    usd = estimate["usd"]
    cost = "cost unknown (no price for this model)" if usd is None else f"about ${usd:,.2f}"
    print(
        f"about {estimate['prompt_tokens']:,} prompt tokens and at most "
        f"{estimate['completion_tokens']:,} tokens of responses, corrections not counted: {cost}"
        + (
            "\nfurther rounds of drafts and the questions to the judges come on top"
            if judged
            else ""
        )
    )
    hours = estimate["hours"]
    if estimate["to_ask"] and hours is None:
        print("time unknown: too few recent responses of this model; it is told after 50 samples")
    elif estimate["to_ask"] and hours is not None:
        print(f"about {hours:,.2f} hours at the pace of the model's last answers")
    for sat in estimate["qualification"]:
        short = "" if sat["qualified"] is not False else " (it did not qualify)"
        print(_takes(f"qualification of {sat['model']}{short}", sat))
    for line in _route_lines(estimate):
        print(line)
    for one in estimate["votes"]:
        print(_takes(f"votes of {one['model']}", one))
    speech = estimate["to_speak"]
    if any(speech.values()):
        print(
            f"synthetic speech, not in that cost: {speech['utterance_characters']:,} characters "
            f"of utterances, and {speech['replies']:,} replies"
        )
