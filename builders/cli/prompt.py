"""`hearten prompt`: what a model would be sent, and what it was sent and answered."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from builders.cli.build import build_command
from builders.cli.options import (
    EXCLUSIONS,
    OUTPUT,
    Clips,
    Drafters,
    Drafts,
    Excluded,
    FollowLinks,
    Json,
    LeaveOut,
    OnlySplits,
    Output,
    ReplyTokens,
    SettingsProfile,
    Source,
    StoreAddress,
    TextOnly,
)
from builders.cli.prompt_options import Background, PromptVersion, RealNames
from builders.cli.reply_options import (
    DemonstrationsBy,
    DemonstrationsFrom,
    PersonaChoice,
    PlannedBy,
    ReplaceNames,
    ReplyWorthy,
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

if TYPE_CHECKING:
    from builders.cli.build_options import BuildOptions
    from builders.settings import BuildConfig

commands = typer.Typer()

# Stands for the model where none is named: no prompt depends on its name, but the key does.
ANY_MODEL = "MODEL"
# Where nothing is sent to: what a corpus's terms say about sending does not matter here.
_NOWHERE = "http://127.0.0.1:9/v1"
_FEW = 1


@commands.command("prompt")
def prompt_command(  # noqa: PLR0913 - one argument for each option
    build: Annotated[
        str | None,
        typer.Argument(
            metavar="OUTPUT/NAME",
            help="The folder of a build: show what was asked and answered. With --corpus: the ID.",
        ),
    ] = None,
    sample_id: Annotated[
        str | None, typer.Argument(metavar="ID", help="The sample that is asked about.")
    ] = None,
    corpus: Annotated[
        str | None,
        typer.Option(metavar="CORPUS", help="The corpus of which to show what would be asked."),
    ] = None,
    source: Source = None,
    sample: Annotated[
        bool, typer.Option("--sample", help="Use the small invented sample of the corpus.")
    ] = False,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Number of targets: those that a build with this limit has.",
            show_default=str(_FEW),
        ),
    ] = None,
    split: OnlySplits = None,
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
    on_error: OnErrorDo = None,
    check: Checks = None,
    min_speech: MinSpeech = None,
    min_dnsmos: MinDnsmos = None,
    reject_finding: RejectFindings = None,
    text_only: TextOnly = False,
    follow_links: FollowLinks = False,
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="With --redraft, the name of the build.",
            show_default="the corpus",
        ),
    ] = None,
    redraft: RedraftWhich = None,
    model: Drafters = None,
    drafts: Drafts = 1,
    persona: PersonaChoice = "assistant",
    context_turns: ContextTurns = 8,
    label_view: LabelView = None,
    plan: PlannedBy = None,
    demonstrations: DemonstrationsFrom = None,
    demonstrations_by: DemonstrationsBy = "words",
    background: Background = "corpus",
    real_names: RealNames = False,
    prompt_version: PromptVersion = 2,
    hear: Annotated[
        bool, typer.Option("--hear", help="As for a model that is sent the audio.")
    ] = False,
    see: Annotated[
        bool, typer.Option("--see", help="As for a model that is sent the video with its sound.")
    ] = False,
    caption_model: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Model that describes how each clip sounds."),
    ] = None,
    hear_seconds: HearSeconds = 30.0,
    temperature: Temperature = 0.8,
    top_p: TopP = 1.0,
    reply_tokens: ReplyTokens = 400,
    leave_out: LeaveOut = None,
    exclusions: Excluded = EXCLUSIONS,
    output: Output = OUTPUT,
    store: StoreAddress = None,
    clips: Clips = None,
    settings_profile: SettingsProfile = None,
    as_json: Json = False,
) -> None:
    """Print prompts: with --corpus, what would be sent; of a build, what was sent and answered."""
    given = dict(locals())
    named = given.pop("build"), given.pop("sample_id")
    if corpus is None:
        _sent(*named, exclusions, store, as_json)
        return
    if named[1]:
        raise UsageError(
            "--corpus and the folder of a build exclude each other", do="leave one of them out"
        )
    if named[0] and limit:
        raise UsageError("an ID and --limit exclude each other", do="leave one of them out")
    _to_send(given, named[0], as_json)


def _to_send(given: dict[str, Any], name: str | None, as_json: bool) -> None:
    """Print what a build with these options would send."""
    from builders.cli import prompt_lines
    from builders.pipeline.prompting import first_requests

    config = _config(given, name)
    found = first_requests(config, name)
    if as_json:
        _print_all(prompt_lines.documents(config, found))
    else:
        _print_all(prompt_lines.texts(config, found))


def _config(given: dict[str, Any], name: str | None) -> BuildConfig:
    """Return the config of the build; what `build` has no say in here has its default."""
    from builders.cli.build_config import config_of
    from builders.cli.settings_file import read_settings
    from builders.settings import voting
    from builders.settings.named import served_name

    options: dict[str, Any] = {
        n: p.default for n, p in inspect.signature(build_command).parameters.items()
    }
    settings = read_settings()
    # Names of tables stand for models; nothing is asked, so their addresses and keys do not matter.
    tables = settings.pop("models", {})
    models = [served_name(voting(one).model, tables) for one in given["model"] or (ANY_MODEL,)]
    if given["caption_model"]:
        given = given | {"caption_model": served_name(given["caption_model"], tables)}
    limit = given["limit"] or (None if name or given["redraft"] else _FEW)
    options |= given | {
        "model": models,
        "limit": limit,
        "base_url": [_NOWHERE],
        "resume": "never",
    }
    return config_of(cast("BuildOptions", options), settings)


def _sent(
    folder: str | None, name: str | None, exclusions: Path, store: str | None, as_json: bool
) -> None:
    """Print what was asked about a sample of a build, and what was answered."""
    if folder is None or name is None:
        raise UsageError(
            "prompt needs --corpus, or the folder of a build and an ID",
            do="hearten prompt --help says more",
        )
    from builders.cli import asked_lines, looking
    from builders.cli.beside import store_of
    from builders.record.dataset import Build
    from builders.release.eligibility import Restrictions, excluded_by

    address = store_of(Path(folder), store)
    build = Build(folder, footers=False)
    known = Restrictions(excluded_by(exclusions, address))
    found = looking.outcome_of(build, name, known)
    asked = asked_lines.asked(build, found, address)
    _print_all([asked_lines.document(asked)] if as_json else asked_lines.texts(asked))


def _print_all(parts: Iterable[str]) -> None:
    for part in parts:
        print(part)
