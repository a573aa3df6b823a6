"""`build`, which is `hearten build` too: one corpus, or every corpus that is found."""

from __future__ import annotations

import gc
import json
from typing import Annotated, Literal, Unpack

import typer

from builders.cli.build_options import BuildOptions
from builders.cli.collecting import tune_collector
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
    SettingsProfile,
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
from builders.cli.target_options import (
    BalanceBy,
    Checks,
    ContextTurns,
    ExcludeEmotions,
    HearSeconds,
    KnownAgreement,
    LabelView,
    MaxPerEmotion,
    MinAgreement,
    MinDnsmos,
    MinSpeech,
    MinWords,
    NoAmbiguous,
    OnErrorDo,
    OnlyEmotions,
    RedraftWhich,
    RejectFindings,
    Temperature,
    TopP,
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
Client = Literal["aiohttp", "openai"]
Resume = Literal["if-possible", "always", "never"]


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
    emotion: OnlyEmotions = None,
    min_words: MinWords = 0,
    max_per_emotion: MaxPerEmotion = None,
    exclude_emotion: ExcludeEmotions = None,
    balance: BalanceBy = None,
    min_agreement: MinAgreement = None,
    known_agreement: KnownAgreement = False,
    reply_worthy: ReplyWorthy = None,
    replace_names: ReplaceNames = False,
    no_ambiguous: NoAmbiguous = False,
    context_turns: ContextTurns = 8,
    label_view: LabelView = None,
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
    temperature: Temperature = 0.8,
    top_p: TopP = 1.0,
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
    redraft: RedraftWhich = None,
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
    on_error: OnErrorDo = None,
    check: Checks = None,
    min_speech: MinSpeech = None,
    min_dnsmos: MinDnsmos = None,
    reject_finding: RejectFindings = None,
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
    hear_seconds: HearSeconds = 30.0,
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
    settings_profile: SettingsProfile = None,
    as_json: Json = False,
) -> None:
    """Build a dataset: read a corpus, map its labels, draft replies, check them, write."""
    _build(**locals())


def _build(**given: Unpack[BuildOptions]) -> None:
    """Build a dataset, or with `estimate` say what it would cost.

    Args:
        given: the options of the command line by name.
    """
    given.pop("settings_profile")  # the command line has read it
    tune_collector()
    from builders.cli.build_config import config_of
    from builders.cli.named_models import named_judges
    from builders.cli.settings_file import read_settings
    from builders.llm.settings import PHRASEBOOK

    as_json, show = given.pop("as_json"), given.pop("show")
    settings = read_settings()
    judges = named_judges((given.pop("judge_model"), given.pop("after_judge")), settings)
    if any(judges) and given["redraft"] != "unmatched":
        raise UsageError("--judge-model and --after-judge need --redraft unmatched", do="add it")
    sample = given["sample"]
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
