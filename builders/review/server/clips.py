"""The clips of a build under review, as a page plays and draws them."""

from __future__ import annotations

import orjson

from builders.record.dataset import Build
from builders.review.data.queue import Item
from builders.review.server.sound import Cache, as_wav, drawing

_BYTES = 128 * 2**20


class Clips:
    """Recently played clips, and what is drawn of them; `build` is the one they are read from."""

    def __init__(self, build: Build) -> None:
        self._build = build
        self._cache = Cache(_BYTES)

    def wav(self, item: Item, column: str = "audio") -> bytes:
        """Return an item's clip as WAV; KeyError if there is none.

        `column` is ``audio``, or ``reply_audio`` for the spoken reply.
        """
        found = self._cache.get(f"{column} {item.seen}", lambda: self._made(item, column), len)
        if not found:
            raise KeyError(item.item)
        return found

    def drawing(self, item: Item) -> bytes:
        """Return the peaks and pitch of an item's clip, as JSON; KeyError if there is none."""
        wav = self.wav(item)
        return self._cache.get(f"drawing {item.seen}", lambda: orjson.dumps(drawing(wav)), len)

    def _made(self, item: Item, column: str) -> bytes:
        flac = self._build.clip(item.shard, item.row, column)
        return as_wav(flac) if flac else b""
