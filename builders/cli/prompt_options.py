"""The options of `build` about what a prompt tells, and under which version of it."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

# The choices of `settings.BuildConfig` again, whose import would slow --help; a test compares.
Background = Annotated[
    Literal["model", "corpus", "none"],
    typer.Option(
        help="What a prompt tells of what was before its dialogue: a summary, by the drafting "
        "model, of the turns that the prompt does not show (one more request for each target that "
        "has such turns); what the corpus says; or nothing."
    ),
]
RealNames = Annotated[
    bool,
    typer.Option(
        "--real-names",
        help="Keep the names of a script's people in requests. Without it, models that know the "
        "script by heart are told other names, and the replies get the script's back.",
    ),
]
PromptVersion = Annotated[
    int,
    typer.Option(
        min=1,
        max=2,
        help="Version of the prompt. 1: continue with responses that were stored under it.",
    ),
]
