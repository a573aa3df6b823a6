"""`hearten corpora` and `hearten verify`: what there is to read, and whether it is as published."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from builders.cli.options import FollowLinks, Json, OnlySplits, Source, TextOnly
from builders.errors import UsageError, VerificationError

if TYPE_CHECKING:
    from builders.corpora import Card

commands = typer.Typer()

Corpus = Annotated[
    str, typer.Option(metavar="CORPUS", help="The corpus; `hearten corpora` lists them.")
]


@commands.command("verify")
def verify_command(
    corpus: Corpus,
    source: Source = None,
    split: OnlySplits = None,
    text_only: TextOnly = False,
    follow_links: FollowLinks = False,
    as_json: Json = False,
) -> None:
    """Compare your copy of a corpus with its published counts; list its known defects."""
    _verify(corpus, source, tuple(split or ()), text_only, follow_links, as_json)


@commands.command("corpora")
def corpora_command(
    as_json: Json = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the list as a table in Markdown.")
    ] = False,
) -> None:
    """List the corpora: licence, what may be published or sent to a model, how to get them."""
    if as_json and markdown:
        raise UsageError("--json and --markdown exclude each other", do="leave one of them out")
    _list(as_json, markdown)


def _verify(
    corpus: str,
    source: Path | None,
    splits: tuple[str, ...],
    text_only: bool,
    follow_links: bool,
    as_json: bool,
) -> None:
    """Compare a corpus on disk, or some of its splits, with its published counts.

    Raises:
        VerificationError: a count is off, or clips cannot be used.
    """
    from builders.cli.settings_file import read_settings
    from builders.corpora import load_card, resolve_slug
    from builders.corpora.verify import verify
    from builders.settings.file import find_source, follows_links

    slug = resolve_slug(corpus)
    settings = read_settings()
    follow = follows_links(slug, follow_links, settings)
    source = source or find_source(slug, load_card(slug).how_to_get, settings)
    verification = verify(slug, source, splits, text_only=text_only, follow_links=follow)
    print(json.dumps(verification.as_json(), indent=2) if as_json else verification.as_text())
    if verification.failed:
        raise VerificationError(
            f"clips cannot be read: {verification.failed:,}",
            where=source,
            do="see the lines on clips; run `git lfs pull`, add --follow-links, or unpack again",
        )
    if not verification.ok:
        raise VerificationError(
            f"{len(verification.off)} counts differ from the published ones",
            where=source,
            do="see the lines marked 'differs', and download the release again from its owner",
        )


def _list(as_json: bool, markdown: bool) -> None:
    """List the corpora with their terms."""
    from builders.corpora import load_card, slugs

    cards = [load_card(slug) for slug in slugs()]
    if as_json:
        print(json.dumps([card.model_dump(mode="json") for card in cards], indent=2))
    elif markdown:
        print(table_of(cards))
    else:
        for card in cards:
            _print_card(card)


def _print_card(card: Card) -> None:
    print(f"{card.slug}: {card.title}, {card.owner}")
    print(f"  licence       {card.licence}")
    print(f"  published     {_published(card)}")
    print(f"  third parties {_sent(card)}")
    print(f"  language      {card.language}")
    print(f"  shape         {card.shape}")
    found = card.no_benchmark_found
    for line in _benchmarks(card) or [f"none found ({found})" if found else "not looked up"]:
        print(f"  benchmarks    {line}")
    get, indent = "  to get it     ", " " * 16
    print(textwrap.fill(card.how_to_get, 96, initial_indent=get, subsequent_indent=indent))


def table_of(cards: Sequence[Card]) -> str:
    """Return a table in Markdown: what each corpus is, what it holds and what its terms are."""
    lines = [f"| {' | '.join(_COLUMNS)} |", f"|{' --- |' * len(_COLUMNS)}"]
    for card in cards:
        cells = (
            f"`{card.slug}`",
            re.split("[:,]", card.title)[0],
            card.language,
            card.audio_origin,
            card.label_source.replace("_", " and "),
            card.licence,
            _published(card),
            _sent(card),
            card.shape,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


_COLUMNS = (
    *("slug", "corpus", "language", "voices", "label", "licence", "may be published"),
    *("may be sent to a third party", "shape"),
)


def _benchmarks(card: Card) -> list[str]:
    """Return a line for each benchmark that is made from a corpus: what it shares, who says so."""
    return [
        f"{one.name} ({one.kind}, {', '.join(one.splits)}; "
        + (
            f"{one.source} {one.revision or ''}".strip() + f", {one.looked_up})"
            if one.looked_up
            else "not looked up)"
        )
        for one in card.benchmarks
    ]


def _published(card: Card) -> str:
    rights = card.rights.model_dump()
    may = [what for what in ("audio", "text", "labels", "derived") if rights[what] == "yes"]
    return ", ".join(may) or "ids and counts only"


def _sent(card: Card) -> str:
    may = card.send_to_third_party.model_dump()
    return ", ".join(what for what, said in may.items() if said == "yes") or "nothing"
