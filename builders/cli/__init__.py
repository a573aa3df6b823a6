"""The command line: arguments in, one call out. Heavy imports wait until a command needs them."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from builders import __version__
from builders.cli import judging, publishing, review
from builders.cli.options import OPTIONS, Excluded, Folder, Json, StoreAddress, env
from builders.errors import HeartenError, StoppedEarly, UsageError

# Commands beside `build` that look into the store, or leave out what is excluded.
_READING = (
    *("status", "report", "judge", "export", "publish", "hydrate"),
    *("review", "review-status", "review-export", "review-import"),
)
# What the command line library returns instead of letting a KeyboardInterrupt through.
_INTERRUPTED = 130
# Typer carries its own copy of click and exports only this leaf of its errors.
_CommandLineError: Any = typer.BadParameter.__mro__[2]

app = typer.Typer(
    help="Build empathetic spoken-dialogue datasets from emotion speech corpora.",
    **OPTIONS,  # type: ignore[arg-type]
)
_build_app = typer.Typer(**OPTIONS)  # type: ignore[arg-type]

Corpus = Annotated[str, typer.Option(help="Which corpus; `hearten corpora` lists them.")]
Corpora = Annotated[str, typer.Option(help="Which corpus, or all; `hearten corpora` lists them.")]
Source = Annotated[
    Path | None,
    typer.Option(help="The corpus folder as its owner ships it.", show_default=False),
]
Splits = Annotated[list[str] | None, typer.Option(help="Only this split; may be given again.")]
TextOnly = Annotated[
    bool, typer.Option("--text-only", help="Leave the clips out; they need not be there.")
]
# The choices again that `config.BuildConfig` has, whose import would slow --help; a test compares.
Persona = Literal["assistant", "addressee"]
Client = Literal["aiohttp", "openai"]
Resume = Literal["if-possible", "always", "never"]
OnError = Literal["quarantine", "stop"]


@_build_app.command("build")
@app.command("build")
def build_command(  # noqa: PLR0913 - one argument for each option
    corpus: Corpora,
    source: Source = None,
    sample: Annotated[
        bool, typer.Option("--sample", help="Build the invented sample that comes along.")
    ] = False,
    name: Annotated[
        str | None, typer.Option(help="Name of the build.", show_default="the corpus")
    ] = None,
    output: Annotated[Path, env("OUTPUT", "Folder of all builds. [default: output]")] = Path(
        "output"
    ),
    split: Splits = None,
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
        env("TTS", "The voice: hibari, or the model of a speech endpoint. [default: hibari]"),
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
    show: Annotated[
        int | None,
        typer.Option(min=0, help="Samples to show at the end.", show_default="3 with --sample"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Build a dataset from a corpus: read, map, attach, draft, check, write."""
    given = dict(locals())
    from builders.commands import build

    build.build(given)


@app.command("verify")
def verify_command(
    corpus: Corpus,
    source: Source = None,
    split: Splits = None,
    text_only: TextOnly = False,
    as_json: Json = False,
) -> None:
    """Compare what is read with the published counts; list known defects found and missing."""
    from builders.commands import corpora

    corpora.verify(corpus, source, tuple(split or ()), text_only, as_json)


@app.command("corpora")
def corpora_command(as_json: Json = False) -> None:
    """List the corpora: licence, what may be published and sent, how to get them."""
    from builders.commands import corpora

    corpora.corpora(as_json)


@app.command("status")
def status_command(folder: Folder, store: StoreAddress = None, as_json: Json = False) -> None:
    """Say how far a build is, and what it has cost."""
    from builders.commands import status

    status.status(folder, store, as_json)


@app.command("report")
def report_command(
    folder: Folder,
    exclusions: Excluded = Path("exclusions.tsv"),
    store: StoreAddress = None,
) -> None:
    """Write the report of a finished build again, with what reviewers and judges said of it."""
    from builders.commands import status

    status.report(folder, store, exclusions)


app.add_typer(judging.commands)
app.add_typer(review.commands)
app.add_typer(publishing.commands)


def main() -> None:
    """Run `hearten`."""
    _run(app, "hearten")


def build_main() -> None:
    """Run `build`, which is `hearten build`."""
    _run(_build_app, "build")


def _run(command: typer.Typer, name: str) -> None:
    """Run a command; every error a user can meet is one line on stderr and its exit code."""
    if sys.argv[1:] == ["--version"]:
        print(f"hearten {__version__}")
        return
    arguments = sys.argv[1:] or ([] if name == "build" else ["--help"])
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = command(
            arguments, prog_name=name, standalone_mode=False, default_map=_defaults(name)
        )
        if code == _INTERRUPTED:
            raise KeyboardInterrupt
    except HeartenError as error:
        _fail(str(error), error.exit_code)
    except _CommandLineError as error:
        line = f"{error.format_message().rstrip('.')}; see {name} --help"
        _fail(line, UsageError.exit_code)
    except KeyboardInterrupt:
        _fail("stopped; run the same command again to go on", StoppedEarly.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _defaults(name: str) -> dict[str, Any]:
    """Return what `hearten.toml` says for the options of `build`, as the library takes it."""
    path = Path("hearten.toml")
    if not path.is_file():
        return {}
    from builders.settings import LISTED, load_settings

    settings: dict[str, Any] = load_settings(path).get("build", {})
    # One value stands for a list of one.
    listed = {n: [v] for n, v in settings.items() if n in LISTED and isinstance(v, str)}
    settings = settings | listed
    if name == "build":
        return settings
    shared = {n: settings[n] for n in settings if n in ("store", "exclusions")}
    return {"build": settings, **dict.fromkeys(_READING, shared)}


def _fail(line: str, code: int) -> None:
    print(f"error: {line}", file=sys.stderr)
    sys.exit(code)
