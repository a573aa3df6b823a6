"""The cases nearest to what was said by what they mean: static embeddings that a package carries.

A text is the mean of the vectors of its pieces, so that texts without a word in common can be near.
Nothing is downloaded: the weights are in the wheel of the package wordllama.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Protocol, cast

from builders.audio.onnx_models import versions_of
from builders.audio.weights import checked
from builders.tasks.reply.nearness import Embed, Index, MeaningIndex, Vector

EXTRA = "show-near"
PACKAGE = "wordllama"


class _Embedder(Protocol):
    """What the package offers, as far as it is used."""

    def embed(self, texts: list[str], *, norm: bool) -> Vector:
        """Return a row for each text."""
        ...


def open_meaning() -> tuple[Callable[[Sequence[str]], Index], str]:
    """Return what makes an index of texts by meaning, and the package and version it goes by.

    Raises:
        ConfigError: the extra is not installed, or its weights are not those that were tested.
    """
    version = versions_of(EXTRA, PACKAGE)
    model = _load()

    @lru_cache(maxsize=8)  # several groups of cases are asked about one target in a row
    def embed_one(text: str) -> Vector:
        return model.embed([text], norm=True)

    def embed(texts: Sequence[str]) -> Vector:
        return embed_one(texts[0]) if len(texts) == 1 else model.embed(list(texts), norm=True)

    return partial(MeaningIndex, embed=embed), version


def open_embeddings() -> tuple[Embed, str]:
    """Return what makes a row of length 1 of each text, and the package and version it goes by.

    Raises:
        ConfigError: as `open_meaning`.
    """
    version = versions_of(EXTRA, PACKAGE)
    model = _load()
    return (lambda texts: model.embed(list(texts), norm=True)), version


def _load() -> _Embedder:
    checked(f"{PACKAGE}/tokenizers", EXTRA)
    folder = checked(f"{PACKAGE}/weights", EXTRA).parent
    import wordllama  # of an extra

    # If not told, the package looks for its own tokenizer in another folder than it is in.
    loaded = wordllama.WordLlama.load(cache_dir=folder, disable_download=True)
    return cast("_Embedder", loaded)
