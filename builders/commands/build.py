"""`build`: one corpus, or every corpus that is found and one set of all of them."""

from __future__ import annotations

import gc
import json
import os
import shutil
import sys
from itertools import islice
from pathlib import Path
from typing import Any

from builders import resources
from builders.commands.settings import read_settings
from builders.commands.status import cost_line
from builders.corpora import load_card, resolve_slug
from builders.errors import ConfigError, UsageError
from builders.llm.settings import DEFAULT_BASE_URL, KEY_NAMES, KEY_VARIABLES, PHRASEBOOK
from builders.record.dataset import Build
from builders.record.manifest import summary_line
from builders.settings import HIBARI, LISTED, BuildConfig, find_source, make_config, voting

PHRASEBOOK_WARNING = "phrasebook: for trying out, not for training"


def build(given: dict[str, Any]) -> None:
    """Build a dataset, or with `estimate` say what it would cost.

    Args:
        given: the options of the command line by name.
    """
    as_json, show = given.pop("as_json"), given.pop("show")
    sample = given["sample"]
    settings = read_settings()
    if given["corpus"].strip().lower() == "all":
        if given["redraft"]:
            raise UsageError("--redraft is for one corpus", do="name it with --corpus")
        from builders.commands.build_all import build_all

        build_all(given, settings, as_json)
        return
    config = config_of(given, settings)
    from builders.pipeline import estimate as estimating
    from builders.pipeline import run as pipeline

    prices = settings.get("prices", {})
    if config.estimate:
        estimate = estimating.estimate(config, prices)
        if as_json:
            print(json.dumps(estimate, indent=2))
        else:
            print_estimate(estimate)
        return
    if config.provider == PHRASEBOOK and not as_json:
        print(PHRASEBOOK_WARNING)
    tune_collector()
    finished = pipeline.build(config, prices, quiet=as_json)
    if as_json:
        print(json.dumps({"folder": str(finished.folder), **finished.manifest}, indent=2))
        return
    _print_finished(finished, config, sample, 3 if show is None and sample else show or 0)


def tune_collector() -> None:
    """Let the collector of cycles look seldom: it takes a tenth of the time.

    What is loaded by now stays, and a stream leaves few cycles behind.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def config_of(given: dict[str, Any], settings: dict[str, Any]) -> BuildConfig:
    """Return the config of a build of one corpus; `given` are the options by name."""
    slug = resolve_slug(given.pop("corpus"))
    redraft = given.pop("redraft", None)
    sample, source = given.pop("sample"), given.pop("source")
    if sample and source:
        raise UsageError("--sample and --source exclude each other", do="leave one of them out")
    if sample:
        source = resources.corpora() / slug / "sample"
    source = source or find_source(slug, load_card(slug).how_to_get, settings)
    given["name"] = given["name"] or (f"{slug}-sample" if sample else slug)
    lists = {setting: tuple(given.pop(option) or ()) for option, setting in LISTED.items()}
    _check_hearing(given, lists["caption_base_urls"])
    asked = _asked_at_base_urls(given, lists)
    if lists["base_urls"] and not (asked or sample):
        raise UsageError("--base-url is given without --model", do="name the model that drafts")
    lists["base_urls"] = lists["base_urls"] or default_addresses(asked)
    speaks = given["speak"] or given["speak_replies"]
    given["tts"] = (given["tts"] if speaks else None) or HIBARI
    lists["tts_base_urls"] = _speech_addresses(given, lists["tts_base_urls"])
    lists["emotions"] = tuple(_emotion(word) for word in lists["emotions"])
    config = make_config(corpus=slug, source=source, **lists, **given)
    if redraft:
        from builders.review.outcome.redraft import redrafting

        return redrafting(config, redraft)
    return config


def _check_hearing(given: dict[str, Any], addresses: tuple[str, ...]) -> None:
    """Refuse options about models that hear which do not go together."""
    if given["hear"] and not given["model"]:
        raise UsageError(
            "--hear is given without --model, and the phrasebook hears nothing",
            do="name a model that takes audio",
        )
    for option, wanted in (("--hear", "hear"), ("--caption-model", "caption_model")):
        if given[wanted] and given["text_only"]:
            raise UsageError(
                f"{option} and --text-only exclude each other", do="leave one of them out"
            )
    if addresses and not given["caption_model"]:
        raise UsageError(
            "--caption-base-url is given without --caption-model", do="name the model there"
        )
    if addresses and given["caption_model"] == given["model"]:
        raise UsageError(
            f"--caption-base-url is given for {given['model']}, which drafts at --base-url",
            do="leave it out, or serve one of the two under another name",
        )


def _asked_at_base_urls(given: dict[str, Any], lists: dict[str, Any]) -> str | None:
    """Return a model that is asked at --base-url: the one that drafts, describes or votes."""
    describes = None if lists["caption_base_urls"] else given["caption_model"]
    votes = (one for one in lists["vote_models"] if voting(one).address is None)
    return given["model"] or describes or next(votes, None)


def default_addresses(model: str | None, option: str = "--base-url") -> tuple[str, ...]:
    """Return where a model is asked when no address is given: the provider's own variables say."""
    address = os.environ.get("OPENAI_BASE_URL")
    if model and not address and not any(os.environ.get(name) for name in KEY_VARIABLES):
        raise ConfigError(
            f"there is no address for the model {model}, and no key for {DEFAULT_BASE_URL}",
            do=f"give {option}, or set {KEY_NAMES}",
        )
    return (address or DEFAULT_BASE_URL,)


def _speech_addresses(given: dict[str, Any], addresses: tuple[str, ...]) -> tuple[str, ...]:
    """Return where a voice is asked for: nowhere if it is the embedded one."""
    if not (given["speak"] or given["speak_replies"]):
        return ()
    if given["tts"] != HIBARI:
        return addresses or default_addresses(given["tts"], "--tts-base-url")
    if addresses:
        raise UsageError("--tts-base-url is given without --tts", do="name the model that speaks")
    return ()


def _emotion(word: str) -> str:
    from builders.labels.vocabulary import vocabulary

    node = vocabulary().resolve(word)
    if node is None:
        known = ", ".join(vocabulary().nodes)
        raise UsageError(f"there is no emotion {word!r}", expected=f"one of {known}")
    return node


def _print_finished(finished: Any, config: BuildConfig, sample: bool, show: int) -> None:
    result, run = finished.manifest["result"], finished.manifest["run"]
    for record in islice(Build(finished.folder).samples(), show):
        _print_sample(record)
    if not finished.fresh:
        print(f"{config.name} is complete already; nothing was asked or written.")
    print_counts(result)
    _print_speech(result.get("speech"))
    if config.models:
        took = f"{run['requests']:,} requests in {run['seconds']:,.0f} s"
        print(f"{took}; in all {cost_line(run['cost'])}")
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


def print_counts(result: dict[str, Any]) -> None:
    """Print the four counts of a build, and its rejects by reason."""
    print(summary_line(result["counts"]))
    for reason, count in sorted(result["rejected"].items(), key=lambda pair: -pair[1]):
        print(f"  rejected: {count:,} {reason}")


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


def _print_sample(record: dict[str, Any]) -> None:
    """Print a sample in full as JSON, sound as its size."""
    for audio in (record["audio"], record["desired_response"]["audio"]):
        if audio:
            audio["bytes"] = f"<{len(audio['bytes']):,} bytes of FLAC>"
    print(json.dumps(record, indent=2, ensure_ascii=False))


def print_estimate(estimate: dict[str, Any]) -> None:
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
    for one in estimate.get("votes", ()):
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
