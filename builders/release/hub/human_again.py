"""Restoring people's replies in a hydrated build: words and clips that could not be published."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from builders.corpora.exclusions import Exclusions
from builders.errors import ConfigError
from builders.record.data_file import DataFile
from builders.record.human_replies import SCHEMA as HUMAN_REPLIES
from builders.record.human_replies import HumanReplies
from builders.release.hub.client import Hub
from builders.release.mining import mine
from builders.settings import BuildConfig
from builders.store.database import forgotten_by


def published_pairs(hub: Hub, revision: str, work: Path) -> dict[str, str]:
    """Return the id of the reply for each utterance of the config `human_replies`."""
    paths = [path for path in hub.digests(revision) if path.startswith(f"data/{HUMAN_REPLIES}/")]
    found: dict[str, str] = {}
    for path in sorted(paths):
        with DataFile(hub.download(path, revision, work / "published")) as file:
            for table in file.groups(("id", "reply_id")):
                pairs = table.to_pylist()
                found |= {pair["id"]: pair["reply_id"] for pair in pairs}
    return found


def restore(
    folder: Path, config: BuildConfig, pairs: Mapping[str, str]
) -> tuple[int | None, list[str]]:
    """Mine a hydrated build again, and return how many replies were restored and what is missing.

    None if none were published.

    Args:
        folder: the hydrated build, complete.
        config: its settings, with the corpus folder and the ids that must not be used.
        pairs: the published replies: the id of the reply by that of the utterance.
    """
    if not pairs:
        return None, []
    if not (folder / "manifest.json").is_file():
        again = f"build --corpus {config.corpus} --source {config.source}, then hearten mine"
        return 0, [f"{len(pairs):,} replies that people gave: {again}"]
    known = Exclusions.load(config.exclusions, forgotten_by(config.store_url))
    source = None if config.text_only else config.source
    try:
        follow = config.follow_links
        mine(folder, config.store_url, known, source, pairs.__contains__, follow_links=follow)
    except ConfigError as error:
        return 0, [f"{len(pairs):,} replies that people gave ({error})"]
    rows = HumanReplies(folder).rows(("id", "reply_id"))
    same = sum(pairs.get(row["id"]) == row["reply_id"] for row in rows)
    left = len(pairs) - same
    return same, [f"{left:,} replies that people gave (the rules or checks are others now)"] * (
        left > 0
    )
