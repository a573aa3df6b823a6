"""`hearten corpora` and `hearten verify`: what there is to read, and whether it is as published."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Annotated

import typer

from builders.cli.options import FollowLinks, Json, OnlySplits, Source, TextOnly
from builders.errors import VerificationError

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
def corpora_command(as_json: Json = False) -> None:
    """List the corpora: licence, what may be published or sent to a model, how to get them."""
    _list(as_json)


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
        VerificationError: a count is off.
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
    if not verification.ok:
        raise VerificationError(
            f"{len(verification.off)} counts differ from the published ones",
            where=source,
            do="see the lines marked 'differs', and download the release again from its owner",
        )


def _list(as_json: bool) -> None:
    """List the corpora with their terms."""
    from builders.corpora import load_card, slugs

    cards = [load_card(slug) for slug in slugs()]
    if as_json:
        print(json.dumps([card.model_dump(mode="json") for card in cards], indent=2))
        return
    for card in cards:
        rights = card.rights.model_dump()
        published = [
            what for what in ("audio", "text", "labels", "derived") if rights[what] == "yes"
        ]
        sent = [what for what, may in card.send_to_third_party.model_dump().items() if may == "yes"]
        print(f"{card.slug}: {card.title}, {card.owner}")
        print(f"  licence       {card.licence}")
        print(f"  published     {', '.join(published) or 'ids and counts only'}")
        print(f"  third parties {', '.join(sent) or 'nothing'}")
        print(
            textwrap.fill(
                card.how_to_get, 96, initial_indent="  to get it     ", subsequent_indent=" " * 16
            )
        )
