"""`build`, which is `hearten build` too: one corpus, or every corpus that is found."""

from __future__ import annotations

import gc
import json
from typing import Annotated, Literal, Unpack

import typer

from builders.cli.build_options import BuildOptions
from builders.cli.options import (
    EXCLUSIONS,
    OUTPUT,
    BaseUrl,
    ClientHelp,
    Clips,
    Drafters,
    Drafts,
    Estimate,
    Excluded,
    FollowLinks,
    Json,
    LeaveOut,
    MaxConcurrency,
    MaxTokens,
    MaxUsd,
    MaySend,
    OnlySplits,
    Output,
    Patience,
    ReplyTokens,
    RetryKind,
    Source,
    StoreAddress,
    TextOnly,
    Timeout,
)
from builders.cli.prompt_options import Background, PromptVersion, RealNames
from builders.cli.reply_options import (
    DemonstrationsBy,
    DemonstrationsFrom,
    EnforceSetGates,
    Moderation,
    PersonaChoice,
    PlannedBy,
    ReplaceNames,
    ReplyWorthy,
    RouteModel,
    TagModel,
)
from builders.cli.speech_options import (
    MisheardWords,
    ReadBack,
    Speak,
    SpeakReplies,
    Tts,
    TtsBaseUrl,
    TtsVoice,
)
from builders.errors import UsageError

commands = typer.Typer()

Corpora = Annotated[
    str,
    typer.Option(
        metavar="CORPUS", help="The corpus to build, or all; `hearten corpora` lists them."
    ),
]
# The choices of `settings.BuildConfig` again, whose import would slow --help; a test compares.
Balance = Literal["emotion", "strategy"]
Client = Literal["aiohttp", "openai"]
Resume = Literal["if-possible", "always", "never"]
OnError = Literal["quarantine", "stop"]


@commands.command("build")
def build_command(  # noqa: PLR0913 - one argument for each option
    corpus: Corpora,
    source: Source = None,
    sample: Annotated[
        bool,
        typer.Option("--sample", help="Use the small invented sample that comes with each corpus."),
    ] = False,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Name of the build.", show_default="the corpus"),
    ] = None,
    output: Output = OUTPUT,
    split: OnlySplits = None,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1, help="Maximum number of targets; a larger limit contains the smaller one."
        ),
    ] = None,
    text_only: TextOnly = False,
    follow_links: FollowLinks = False,
    emotion: Annotated[
        list[str] | None,
        typer.Option(metavar="EMOTION", help="Only targets with this emotion."),
    ] = None,
    min_words: Annotated[int, typer.Option(min=0, help="Minimum number of words in a target.")] = 0,
    max_per_emotion: Annotated[
        int | None, typer.Option(min=1, help="Maximum number of targets for each emotion.")
    ] = None,
    exclude_emotion: Annotated[
        list[str] | None,
        typer.Option(metavar="EMOTION", help="No targets with this emotion."),
    ] = None,
    balance: Annotated[
        Balance | None,
        typer.Option(
            help="As many targets of each coarse emotion or planned strategy as the rarest has."
        ),
    ] = None,
    min_agreement: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Minimum share of the corpus's annotators who chose the label. Targets for which "
            "the corpus does not say it are kept.",
        ),
    ] = None,
    known_agreement: Annotated[
        bool,
        typer.Option(
            "--known-agreement",
            help="With --min-agreement: leave those out for which it is unknown.",
        ),
    ] = False,
    reply_worthy: ReplyWorthy = None,
    replace_names: ReplaceNames = False,
    no_ambiguous: Annotated[
        bool,
        typer.Option(
            "--no-ambiguous",
            help="Leave out targets whose annotators did not settle on one emotion.",
        ),
    ] = False,
    context_turns: Annotated[
        int, typer.Option(min=0, help="Maximum number of earlier turns shown to the model.")
    ] = 8,
    label_view: Annotated[
        str | None,
        typer.Option(
            metavar="VIEW",
            help="Annotation layer to use as the label, for corpora that have several.",
        ),
    ] = None,
    persona: PersonaChoice = "assistant",
    model: Drafters = None,
    drafts: Drafts = 1,
    base_url: BaseUrl = None,
    vote_model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODEL[@URL]",
            help="Model that labels the emotion from the words alone, to compare with the "
            "annotation. Three of different families work best.",
        ),
    ] = None,
    max_concurrency: MaxConcurrency = None,
    timeout: Timeout = 120.0,
    patience: Patience = 180.0,
    temperature: Annotated[float, typer.Option(min=0, max=2, help="Sampling temperature.")] = 0.8,
    top_p: Annotated[
        float, typer.Option(min=0, max=1, help="Nucleus sampling: total probability kept.")
    ] = 1.0,
    reply_tokens: ReplyTokens = 400,
    leave_out: LeaveOut = None,
    client: Annotated[Client, ClientHelp] = "aiohttp",
    estimate: Estimate = False,
    max_usd: MaxUsd = None,
    max_tokens: MaxTokens = None,
    resume: Annotated[
        Resume,
        typer.Option(
            help="Whether to continue an unfinished build of this name. always: it must exist; "
            "never: start over (cached responses are still used)."
        ),
    ] = "if-possible",
    retry_failed: Annotated[
        bool,
        typer.Option("--retry-failed", help="Ask again about every target that was given up."),
    ] = False,
    retry_kind: RetryKind = None,
    redraft: Annotated[
        str | None,
        typer.Option(
            metavar="rejected|stale|flagged|unmatched|IDS",
            help="Draft some replies again, as the build NAME@2: those that reviewers rejected, "
            "those whose prompts or tables have changed since, those that checks flagged (of "
            "certain codes: flagged:CODE,CODE), those of minimal pairs that a judge could not "
            "match, or these ids (separated by commas, or @FILE).",
        ),
    ] = None,
    judge_model: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL[@URL]",
            help="With --redraft unmatched, the model that matches the new replies, at most three "
            "times; the one that judged the pairs last.",
        ),
    ] = None,
    after_judge: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL[@URL]",
            help="With --redraft unmatched, another model, which says how many pairs can be "
            "matched before and after.",
        ),
    ] = None,
    demonstrations: DemonstrationsFrom = None,
    demonstrations_by: DemonstrationsBy = "words",
    background: Background = "corpus",
    real_names: RealNames = False,
    prompt_version: PromptVersion = 2,
    plan: PlannedBy = None,
    tag_model: TagModel = None,
    route_model: RouteModel = None,
    moderation: Moderation = None,
    enforce_set_gates: EnforceSetGates = False,
    on_error: Annotated[
        OnError | None,
        typer.Option(
            help="What to do with broken input: set it aside as a reject, or stop.",
            show_default="quarantine for records, stop for files",
        ),
    ] = None,
    check: Annotated[
        list[str] | None,
        typer.Option(
            metavar="vad|dnsmos|asr",
            help="Check the audio with a model; needs an optional extra. vad: does it contain "
            "speech? dnsmos: how good is the sound? asr: do the words match the transcript "
            "(English)? The last two take about half a second of CPU for each chosen clip.",
        ),
    ] = None,
    min_speech: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Minimum share of a clip that is speech.",
            show_default="any",
        ),
    ] = None,
    min_dnsmos: Annotated[
        float | None,
        typer.Option(
            min=1,
            max=5,
            help="Minimum DNSMOS overall score; needs --check dnsmos.",
            show_default="any",
        ),
    ] = None,
    reject_finding: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FLAG", help="Reject clips with this quality flag, such as clip_clipped."
        ),
    ] = None,
    hear: Annotated[
        bool,
        typer.Option(
            "--hear", help="Send the audio to the drafting model, which must accept audio."
        ),
    ] = False,
    see: Annotated[
        bool,
        typer.Option(
            "--see",
            help="Send the video with its sound to the drafting model, which must accept video.",
        ),
    ] = False,
    hear_seconds: Annotated[
        float,
        typer.Option(
            min=1,
            metavar="SECONDS",
            help="Longest clip that is sent to a model; for a longer one the model gets the words "
            "alone, and the clip the flag not_heard.",
        ),
    ] = 30.0,
    caption_model: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="Model that describes how each clip sounds before the reply is drafted; it must "
            "accept audio.",
        ),
    ] = None,
    caption_base_url: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="Address of the caption model.",
            show_default="that of --base-url",
        ),
    ] = None,
    exclusions: Excluded = EXCLUSIONS,
    speak: Speak = False,
    speak_replies: SpeakReplies = False,
    tts: Tts = None,
    tts_voice: TtsVoice = None,
    tts_base_url: TtsBaseUrl = None,
    read_back: ReadBack = True,
    misheard_words: MisheardWords = 0.3,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Threads for audio analysis and synthetic speech.",
            show_default="one per core",
        ),
    ] = None,
    store: StoreAddress = None,
    clips: Clips = None,
    show: Annotated[
        int | None,
        typer.Option(
            min=0, help="Number of samples to print at the end.", show_default="3 with --sample"
        ),
    ] = None,
    i_may_send: MaySend = None,
    as_json: Json = False,
) -> None:
    """Build a dataset: read a corpus, map its labels, draft replies, check them, write."""
    _build(**locals())


def _build(**given: Unpack[BuildOptions]) -> None:
    """Build a dataset, or with `estimate` say what it would cost.

    Args:
        given: the options of the command line by name.
    """
    tune_collector()
    from builders.cli.build_config import config_of
    from builders.cli.settings_file import read_settings
    from builders.llm.settings import PHRASEBOOK

    as_json, show = given.pop("as_json"), given.pop("show")
    judges = given.pop("judge_model"), given.pop("after_judge")
    if any(judges) and given["redraft"] != "unmatched":
        raise UsageError("--judge-model and --after-judge need --redraft unmatched", do="add it")
    sample = given["sample"]
    settings = read_settings()
    if given["corpus"].strip().lower() == "all":
        if given["redraft"]:
            raise UsageError("--redraft is for one corpus", do="name it with --corpus")
        from builders.cli.build_all import build_all

        build_all(given, settings, as_json)
        return
    config = config_of(given, settings)
    from builders.pipeline import run

    prices = settings.get("prices", {})
    if config.estimate:
        from builders.cli.build_lines import print_estimate
        from builders.pipeline.estimate import estimate

        found = estimate(config, prices)
        if as_json:
            print(json.dumps(found, indent=2))
        else:
            print_estimate(found, judged=any(judges))
        return
    if config.provider == PHRASEBOOK and not as_json:
        from builders.cli.build_lines import PHRASEBOOK_WARNING

        print(PHRASEBOOK_WARNING)
    gc.freeze()  # what is loaded by now stays
    lines: list[str] = []
    if given["redraft"] == "unmatched":
        from builders.cli.redraft_unmatched import built_in_rounds

        finished, config, lines = built_in_rounds(config, judges, prices, as_json)
    else:
        finished = run.build(config, prices, quiet=as_json)
    if as_json:
        print(json.dumps({"folder": str(finished.folder), **finished.manifest}, indent=2))
        return
    # Here, as it takes its time to import, and the first request goes out before.
    from builders.cli.build_lines import print_finished

    print_finished(finished, config, sample, 3 if show is None and sample else show or 0)
    print("".join(f"{line}\n" for line in lines), end="")


def tune_collector() -> None:
    """Let the collector of cycles look seldom: it takes a tenth of the time.

    Importing leaves no cycles behind, and a stream few.
    """
    gc.set_threshold(20_000, 20, 50)
