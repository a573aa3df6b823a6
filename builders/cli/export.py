"""`hearten export`: a finished build in the form that a trainer loads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from builders.cli.options import EXCLUSIONS, VOICES, Excluded, Folder, Json, StoreAddress, Voices

commands = typer.Typer()

Format = Literal["chat", "ms-swift", "llama-factory", "trl", "nemo", "webdataset", "lhotse"]
Task = Literal["sft", "dpo", "kto", "grpo"]
Profile = Literal["qwen2-audio", "qwen2.5-omni", "qwen3-omni"]
Subset = Literal["weak", "strong"]
Replies = Literal["drafted", "people"]


@commands.command("export")
def export_command(  # noqa: PLR0913 - one argument for each option
    folder: Folder,
    format: Annotated[Format, typer.Option(help="Output format.")],
    to: Annotated[
        Path,
        typer.Option(metavar="DIR", help="Folder to write to: a new one, or an earlier export."),
    ],
    task: Annotated[Task, typer.Option(help="Training objective.")] = "sft",
    profile: Annotated[
        Profile | None,
        typer.Option(help="Model to train: how it takes audio, and its limits."),
    ] = None,
    system_prompt: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Text file with a system prompt for every row."),
    ] = None,
    reply_audio: Annotated[
        bool, typer.Option("--reply-audio", help="Include the speech of the replies.")
    ] = False,
    replies: Annotated[
        Replies,
        typer.Option(help="The drafts, or what people really answered, as hearten mine found it."),
    ] = "drafted",
    pairs_from: Annotated[
        list[str] | None,
        typer.Option(
            metavar="people|judge|contrast|planted",
            help="Where the pairs of dpo come from; several are written apart: what people "
            "decided, what a fit judge prefers, the reply to the same words in another voice, or "
            "the reply with a planted fault.",
            show_default="people",
        ),
    ] = None,
    rewards: Annotated[
        bool,
        typer.Option("--rewards", help="Write the rewards of our checks for grpo: rewards.py."),
    ] = False,
    context_audio: Annotated[
        bool,
        typer.Option("--context-audio", help="Include the audio of earlier turns, where known."),
    ] = False,
    subset: Annotated[
        Subset | None,
        typer.Option(
            help="Only targets whose emotion the words show (weak), or only the voice (strong)."
        ),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Only targets whose label matches our vocabulary exactly or closely at the coarse "
            "level, with a known agreement.",
        ),
    ] = False,
    voice_words: Annotated[
        bool,
        typer.Option("--with-voice-words", help="Include the prosody description of the voice."),
    ] = False,
    exclusions: Excluded = EXCLUSIONS,
    voices: Voices = VOICES,
    store: StoreAddress = None,
    as_json: Json = False,
) -> None:
    """Write a finished build in the format that a trainer loads."""
    _export(**locals())


def _export(
    folder: Path,
    to: Path,
    store: str | None,
    exclusions: Path,
    voices: Path,
    as_json: bool,
    **given: Any,
) -> None:
    """Write a build in a trainer's form, and say what became of every record.

    Args:
        folder: the folder of a finished build.
        to: a new folder, or an earlier export.
        store: the address of the store, by default the file beside the build.
        exclusions: the table of ids that must not be used.
        voices: the table of voices and who consented.
        as_json: print one JSON object.
        given: the other options of the command line, by name.
    """
    from builders.cli.beside import store_of
    from builders.cli.build_lines import PHRASEBOOK_WARNING
    from builders.llm.settings import PHRASEBOOK
    from builders.release.consent import VoiceTable
    from builders.release.eligibility import excluded_by
    from builders.release.export import export
    from builders.release.export.describing import TEST_ONLY
    from builders.release.export.options import make_options
    from builders.release.pairs.bag_of_words import said_of
    from builders.release.splits import TEST

    store = store_of(folder, store)
    excluded = excluded_by(exclusions, store)
    options = make_options(**given)
    table = VoiceTable.load(voices)
    exported = export(folder, to, options, store, excluded, quiet=as_json, voices=table)
    counts = exported.counts
    if as_json:
        told = {
            "folder": str(to),
            **counts.totals,
            "splits": counts.by_split(),
            "start": exported.start,
            **({"pairs": exported.words_alone} if exported.words_alone else {}),
        }
        print(json.dumps(told, indent=2))
        return
    for split, count in counts.by_split().items():
        print(f"{split}: {count['written']:,} of {count['read']:,}")
    totals = counts.totals
    print(
        f"{totals['read']:,} read = {totals['written']:,} written + {totals['left_out']:,} left out"
    )
    for reason, number in counts.reasons().items():
        print(f"  left out: {number:,} {reason}")
    if options.context_audio:
        print(f"clips of earlier turns: {exported.clips_found:,} of {exported.clips_wanted:,}")
    if options.task == "dpo":
        print(f"pairs: {counts.rows:,}")
        for one in exported.words_alone:
            print(f"  {said_of(one)}")
    print(f"export: {to}")
    print(f"next, from there:\n  {exported.start}" if exported.start else TEST_ONLY)
    tested = counts.by_split().get(TEST)
    if exported.start and tested and tested["written"]:
        print("the rows of test are the corpus's own test split: measure on them, do not train")
    if counts.providers[PHRASEBOOK]:
        print(PHRASEBOOK_WARNING)
