"""`build`, which is `hearten build` too: one corpus, or every corpus that is found."""

from __future__ import annotations

import gc
import json
from pathlib import Path
from typing import Annotated, Literal, Unpack

import typer

from builders.cli.build_options import BuildOptions
from builders.cli.options import (
    Excluded,
    Json,
    OnlySplits,
    Source,
    StoreAddress,
    TextOnly,
    env,
)
from builders.errors import UsageError

commands = typer.Typer()

Corpora = Annotated[str, typer.Option(help="Which corpus, or all; `hearten corpora` lists them.")]
# The choices of `settings.BuildConfig` again, whose import would slow --help; a test compares.
Persona = Literal["assistant", "addressee"]
Client = Literal["aiohttp", "openai"]
Resume = Literal["if-possible", "always", "never"]
OnError = Literal["quarantine", "stop"]


@commands.command("build")
def build_command(  # noqa: PLR0913 - one argument for each option
    corpus: Corpora,
    source: Source = None,
    sample: Annotated[
        bool, typer.Option("--sample", help="Build the invented sample that comes along.")
    ] = False,
    name: Annotated[
        str | None, typer.Option(help="Name of the build.", show_default="the corpus")
    ] = None,
    output: Annotated[Path, env("OUTPUT", "Folder of all builds.")] = Path("output"),
    split: OnlySplits = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many targets, chosen by hash of the id.")
    ] = None,
    text_only: TextOnly = False,
    emotion: Annotated[
        list[str] | None, typer.Option(help="Only this emotion; may be given again.")
    ] = None,
    min_words: Annotated[int, typer.Option(min=0, help="Only targets of so many words.")] = 0,
    max_per_emotion: Annotated[
        int | None, typer.Option(min=1, help="At most so many targets of each emotion.")
    ] = None,
    context_turns: Annotated[int, typer.Option(min=0, help="Earlier turns shown, at most.")] = 8,
    label_view: Annotated[
        str | None,
        typer.Option(help="Whose label counts, where a corpus has several.", show_default=False),
    ] = None,
    persona: Annotated[Persona, typer.Option(help="Whom the reply speaks for.")] = "assistant",
    model: Annotated[
        str | None, env("MODEL", "The model that drafts; without one the phrasebook does.")
    ] = None,
    base_url: Annotated[
        list[str] | None,
        env("BASE_URL", "Address of an OpenAI-compatible endpoint; may be given again."),
    ] = None,
    vote_model: Annotated[
        list[str] | None,
        typer.Option(
            help="A model that says which emotion the words alone show, as MODEL or MODEL@URL; "
            "may be given again (best three, of different families).",
        ),
    ] = None,
    max_concurrency: Annotated[
        int | None, env("MAX_CONCURRENCY", "Requests in flight, at most.", min=1)
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for one answer.")] = 120.0,
    patience: Annotated[
        float, typer.Option(help="Seconds without any answer before the build stops.")
    ] = 180.0,
    temperature: Annotated[float, typer.Option(min=0, max=2, help="Sampling temperature.")] = 0.8,
    top_p: Annotated[float, typer.Option(min=0, max=1, help="Nucleus sampling.")] = 1.0,
    reply_tokens: Annotated[int, typer.Option(min=50, help="Tokens of one answer, at most.")] = 400,
    client: Annotated[Client, typer.Option(help="HTTP client.")] = "aiohttp",
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Say what it would cost; ask nothing.")
    ] = False,
    max_usd: Annotated[float | None, typer.Option(help="Stop before this is spent.")] = None,
    max_tokens: Annotated[
        int | None, typer.Option(min=1, help="Stop before so many tokens are used.")
    ] = None,
    resume: Annotated[
        Resume, typer.Option(help="Go on with a build: if-possible, always or never.")
    ] = "if-possible",
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Ask again about targets that were given up.")
    ] = False,
    retry_kind: Annotated[
        list[str] | None, typer.Option(help="Ask again about those given up for this reason.")
    ] = None,
    redraft: Annotated[
        str | None,
        typer.Option(
            metavar="rejected|stale|IDS",
            help="Draft again as the build NAME@2: what reviewers rejected, what was drafted from "
            "prompts or tables that have changed, or these ids (with commas, or @FILE).",
        ),
    ] = None,
    on_error: Annotated[
        OnError | None,
        typer.Option(
            help="Broken input: set it aside as a reject, or stop at once.",
            show_default="quarantine for records, stop for files",
        ),
    ] = None,
    check: Annotated[
        list[str] | None,
        typer.Option(
            help="Check clips by a model that an extra brings: vad (is it speech), dnsmos (how "
            "does it sound), asr (does it say its text; English). The last two look at chosen "
            "clips and take half a second of a core for each. May be given again."
        ),
    ] = None,
    min_speech: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Only clips of which so much is speech.", show_default="any"
        ),
    ] = None,
    min_dnsmos: Annotated[
        float | None,
        typer.Option(
            min=1,
            max=5,
            help="Only clips that sound so good, with --check dnsmos.",
            show_default="any",
        ),
    ] = None,
    reject_finding: Annotated[
        list[str] | None,
        typer.Option(help="No clip with this finding, such as clip_clipped; may be given again."),
    ] = None,
    hear: Annotated[
        bool, typer.Option("--hear", help="Send each clip along, to a model that takes audio.")
    ] = False,
    hear_seconds: Annotated[
        float, typer.Option(min=1, help="Seconds of the longest clip that a model is sent.")
    ] = 30.0,
    caption_model: Annotated[
        str | None,
        typer.Option(help="A model that takes audio and says first how each clip sounds."),
    ] = None,
    caption_base_url: Annotated[
        list[str] | None,
        typer.Option(
            help="Address of that model; may be given again.", show_default="that of the build"
        ),
    ] = None,
    exclusions: Excluded = Path("exclusions.tsv"),
    speak: Annotated[
        bool,
        typer.Option("--speak", help="Give the utterances of a text-only corpus a voice."),
    ] = False,
    speak_replies: Annotated[
        bool, typer.Option("--speak-replies", help="Give the replies a voice.")
    ] = False,
    tts: Annotated[
        str | None,
        env("TTS", "The voice: hibari, or the model of a speech endpoint.", show_default="hibari"),
    ] = None,
    tts_voice: Annotated[
        str | None,
        typer.Option(help="Which of its voices.", show_default="heart of hibari, else alloy"),
    ] = None,
    tts_base_url: Annotated[
        list[str] | None,
        env("TTS_BASE_URL", "Address of an OpenAI-compatible speech endpoint; may be given again."),
    ] = None,
    read_back: Annotated[
        bool,
        typer.Option(
            "--read-back/--no-read-back", help="Have recognition listen to what was spoken."
        ),
    ] = True,
    misheard_words: Annotated[
        float,
        typer.Option(min=0, max=1, help="Share of words that it may hear otherwise."),
    ] = 0.3,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Threads that hear clips, or speak.", show_default="all cores"),
    ] = None,
    store: StoreAddress = None,
    clips: Annotated[
        Path | None,
        env(
            "CLIPS",
            "Folder of encoded clips and made speech.",
            show_default="clips beside the store",
        ),
    ] = None,
    show: Annotated[
        int | None,
        typer.Option(min=0, help="Samples to show at the end.", show_default="3 with --sample"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Build a dataset from a corpus: read, map, attach, draft, check, write."""
    _build(**locals())


def _build(**given: Unpack[BuildOptions]) -> None:
    """Build a dataset, or with `estimate` say what it would cost.

    Args:
        given: the options of the command line by name.
    """
    from builders.cli.build_config import config_of
    from builders.cli.settings_file import read_settings
    from builders.llm.settings import PHRASEBOOK

    as_json, show = given.pop("as_json"), given.pop("show")
    sample = given["sample"]
    settings = read_settings()
    if given["corpus"].strip().lower() == "all":
        if given["redraft"]:
            raise UsageError("--redraft is for one corpus", do="name it with --corpus")
        from builders.cli.build_all import build_all

        build_all(given, settings, as_json)
        return
    config = config_of(given, settings)
    from builders.cli.build_lines import PHRASEBOOK_WARNING, print_estimate, print_finished
    from builders.pipeline import run
    from builders.pipeline.estimate import estimate

    prices = settings.get("prices", {})
    if config.estimate:
        found = estimate(config, prices)
        if as_json:
            print(json.dumps(found, indent=2))
        else:
            print_estimate(found)
        return
    if config.provider == PHRASEBOOK and not as_json:
        print(PHRASEBOOK_WARNING)
    tune_collector()
    finished = run.build(config, prices, quiet=as_json)
    if as_json:
        print(json.dumps({"folder": str(finished.folder), **finished.manifest}, indent=2))
        return
    print_finished(finished, config, sample, 3 if show is None and sample else show or 0)


def tune_collector() -> None:
    """Let the collector of cycles look seldom: it takes a tenth of the time.

    What is loaded by now stays, and a stream leaves few cycles behind.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
