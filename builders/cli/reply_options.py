"""The options of `build` that say how replies are made."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

# The choices of `settings.BuildConfig` again, whose import would slow --help; a test compares.
Persona = Literal["assistant", "addressee"]
PlanBy = Literal["hash", "model", "none"]

PersonaChoice = Annotated[
    Persona,
    typer.Option(help="Who replies: an assistant, or the person who was spoken to."),
]
DemonstrationsFrom = Annotated[
    str | None,
    typer.Option(
        metavar="ours|FOLDER|BUILD|none",
        envvar="HEARTEN_DEMONSTRATIONS",
        help="Show the model two or three cases with their replies in each prompt: ours, the "
        "tables of a folder, or the replies of a finished build.",
        show_default="ours, where there are some in the corpus's language",
    ),
]
DemonstrationsBy = Annotated[
    Literal["words", "meaning"],
    typer.Option(
        metavar="words|meaning",
        help="How the cases nearest to an utterance are found: by shared words, or by meaning, "
        "which needs an optional extra.",
    ),
]
PlannedBy = Annotated[
    PlanBy | None,
    typer.Option(
        help="Who decides what each reply does, how long it is and in which emotions it may be "
        "spoken. hash: drawn as often as people do it; model: the drafting model, in a "
        "question of its own; none: the model, while it writes.",
        envvar="HEARTEN_PLAN",
        show_default="hash",
    ),
]
ReplyWorthy = Annotated[
    bool | None,
    typer.Option(
        "--reply-worthy/--no-reply-worthy",
        envvar="HEARTEN_REPLY_WORTHY",
        help="Only targets that tell a feeling or an event of the speaker's own, by their words or "
        "those just before.",
        show_default="on for --persona assistant, off with --sample",
    ),
]
ReplaceNames = Annotated[
    bool,
    typer.Option(
        "--replace-names",
        help="Replace names of people by others as soon as a line is read (needs hearten[ner]). "
        "Those of a corpus's speakers and characters stay. Lines with one have no clip.",
        envvar="HEARTEN_REPLACE_NAMES",
    ),
]
RouteModel = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL[@URL]",
        help="Model that says beside the patterns which lines tell of a crisis; these are not "
        "drafted but held for people. It also routes lines in languages without patterns.",
    ),
]
Moderation = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL[@URL]",
        help="Moderation endpoint that is asked about each line as well, such as "
        "omni-moderation-latest. A line without its answer is not drafted.",
    ),
]
TagModel = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL[@URL]",
        help="Model that says what each reply really does, without knowing the plan. Without "
        "one, cues in the words tell it where there is a plan.",
    ),
]
EnforceSetGates = Annotated[
    bool,
    typer.Option(
        "--enforce-set-gates",
        help="List replies that repeat others more than people do in gated.tsv of the build; "
        "export and publish leave these out.",
    ),
]
