"""Ids of samples as people name them on the command line."""

from __future__ import annotations

from pathlib import Path

from builders.errors import ConfigError


def listed(text: str) -> tuple[str, ...]:
    """Return ids that are given with commas between them, or as @FILE with one id a line.

    They are sorted, each once; none is an empty tuple.

    Raises:
        ConfigError: the file cannot be read.
    """
    named = _lines(Path(text[1:])) if text.startswith("@") else text.split(",")
    return tuple(sorted({name.strip() for name in named} - {""}))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the ids cannot be read ({error})",
            where=path,
            expected="a text file with one id a line",
            do="correct the name after @",
        ) from error
