"""What replies, people's next turns and the turns before do: strategies, as far as cues tell.

What a record says is executed counts as it is; everything else is tagged here. What no cue tells
is unknown and has no strategy.
"""

from __future__ import annotations

from functools import cache

import polars as pl

from builders import resources
from builders.tasks.reply.tagging import UNKNOWN, tag

# Rows at most, the first in the order of a hash of their ids: reading cues takes its time.
MOST_TAGGED = 10_000
_NAMES = pl.List(pl.String())


def with_acts(frame: pl.DataFrame) -> pl.DataFrame:
    """Return rows in the order of `order` with the columns `acts`, `next_acts` and `before_acts`.

    Args:
        frame: as `reading.replies` returns it, with a column `order`.
    """
    drawn = frame[frame["order"].arg_sort()[:MOST_TAGGED]]
    said = drawn.select("language", "valence", "text", "next", "before", "executed").rows()
    acts: dict[str, list[list[str]]] = {"acts": [], "next_acts": [], "before_acts": []}
    for language, valence, text, after, before, executed in said:
        known = None if executed is None else [one for one in executed if one != UNKNOWN]
        acts["acts"].append(_acts(text, valence, language) if known is None else known)
        acts["next_acts"].append(_acts(after, valence, language))
        acts["before_acts"].append(_acts(before, valence, language))
    return drawn.with_columns(pl.Series(name, acts[name], _NAMES) for name in acts)


def _acts(text: str | None, valence: str | None, language: str | None) -> list[str]:
    """Return the strategies of a text in order; what is said again is tagged again."""
    code = (language or "").partition("-")[0].lower()
    if not text or not _has_cues(code):
        return []
    return [
        one.strategy for one in tag(text, valence or "unknown", code) if one.strategy != UNKNOWN
    ]


@cache
def _has_cues(code: str) -> bool:
    return bool(code) and (resources.label_maps() / "strategy" / code).is_dir()
