"""The options of `build` about synthetic speech."""

from __future__ import annotations

from typing import Annotated

import typer

from builders.cli.options import env

Speak = Annotated[
    bool,
    typer.Option("--speak", help="Make synthetic speech for a text-only corpus's utterances."),
]
SpeakReplies = Annotated[
    bool, typer.Option("--speak-replies", help="Make synthetic speech for the replies.")
]
Tts = Annotated[
    str | None,
    env(
        "TTS",
        "Speech engine: hibari, which runs here and needs an optional extra, or the model of a "
        "speech endpoint.",
        metavar="MODEL",
        show_default="hibari",
    ),
]
TtsVoice = Annotated[
    str | None,
    typer.Option(
        metavar="VOICE",
        help="Voice of the speech engine.",
        show_default="heart with hibari, else alloy",
    ),
]
TtsBaseUrl = Annotated[
    list[str] | None,
    env("TTS_BASE_URL", "Address of an OpenAI-compatible speech endpoint.", metavar="URL"),
]
ReadBack = Annotated[
    bool,
    typer.Option(
        "--read-back/--no-read-back", help="Check the synthetic speech by speech recognition."
    ),
]
MisheardWords = Annotated[
    float,
    typer.Option(
        min=0, max=1, help="Maximum word error rate of that check; worse speech is left out."
    ),
]
