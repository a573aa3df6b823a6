"""The options of `build` that say which targets are chosen, and what they are asked."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

# The choices of `settings.BuildConfig` again, whose import would slow --help; a test compares.
Balance = Literal["emotion", "strategy"]
OnError = Literal["quarantine", "stop"]

OnlyEmotions = Annotated[
    list[str] | None,
    typer.Option(metavar="EMOTION", help="Only targets with this emotion."),
]
MinWords = Annotated[int, typer.Option(min=0, help="Minimum number of words in a target.")]
MaxPerEmotion = Annotated[
    int | None, typer.Option(min=1, help="Maximum number of targets for each emotion.")
]
ExcludeEmotions = Annotated[
    list[str] | None,
    typer.Option(metavar="EMOTION", help="No targets with this emotion."),
]
BalanceBy = Annotated[
    Balance | None,
    typer.Option(
        help="As many targets of each coarse emotion or planned strategy as the rarest has."
    ),
]
MinAgreement = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        help="Minimum share of the corpus's annotators who chose the label. Targets for which "
        "the corpus does not say it are kept.",
    ),
]
KnownAgreement = Annotated[
    bool,
    typer.Option(
        "--known-agreement",
        help="With --min-agreement: leave those out for which it is unknown.",
    ),
]
NoAmbiguous = Annotated[
    bool,
    typer.Option(
        "--no-ambiguous",
        help="Leave out targets whose annotators did not settle on one emotion.",
    ),
]
LabelView = Annotated[
    str | None,
    typer.Option(
        metavar="VIEW",
        help="Annotation layer to use as the label, for corpora that have several.",
    ),
]
ContextTurns = Annotated[
    int, typer.Option(min=0, help="Maximum number of earlier turns shown to the model.")
]
Temperature = Annotated[float, typer.Option(min=0, max=2, help="Sampling temperature.")]
TopP = Annotated[
    float, typer.Option(min=0, max=1, help="Nucleus sampling: total probability kept.")
]
RedraftWhich = Annotated[
    str | None,
    typer.Option(
        metavar="rejected|stale|flagged|unmatched|IDS",
        help="Draft some replies again, as the build NAME@2: those that reviewers rejected, "
        "those whose prompts or tables have changed since, those that checks flagged (of "
        "certain codes: flagged:CODE,CODE), those of minimal pairs that a judge could not "
        "match, or these ids (separated by commas, or @FILE).",
    ),
]
Checks = Annotated[
    list[str] | None,
    typer.Option(
        metavar="vad|dnsmos|asr|pitch",
        help="Check the audio with a model; needs an optional extra. vad: does it contain "
        "speech? dnsmos: how good is the sound? asr: do the words match the transcript "
        "(English)? pitch: is our pitch an octave off? dnsmos and asr take about half a second of "
        "CPU for each chosen clip; pitch is checked in about 200 clips of the corpus.",
    ),
]
MinSpeech = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        help="Minimum share of a clip that is speech.",
        show_default="any",
    ),
]
MinDnsmos = Annotated[
    float | None,
    typer.Option(
        min=1,
        max=5,
        help="Minimum DNSMOS overall score; needs --check dnsmos.",
        show_default="any",
    ),
]
RejectFindings = Annotated[
    list[str] | None,
    typer.Option(metavar="FLAG", help="Reject clips with this quality flag, such as clip_clipped."),
]
HearSeconds = Annotated[
    float,
    typer.Option(
        min=1,
        metavar="SECONDS",
        help="Longest clip that is sent to a model; for a longer one the model gets the words "
        "alone, and the clip the flag not_heard.",
    ),
]
OnErrorDo = Annotated[
    OnError | None,
    typer.Option(
        help="What to do with broken input: set it aside as a reject, or stop.",
        show_default="quarantine for records, stop for files",
    ),
]
