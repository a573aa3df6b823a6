"""Sample ids as given on the command line."""

from __future__ import annotations

from pathlib import Path

from builders.errors import ConfigError


def listed(text: str) -> tuple[str, ...]:
    """Return ids given as a comma-separated list, or as @FILE with one id per line.

    They are sorted and unique; empty if there are none.

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
            expected="a text file with one id per line",
            do="check the file name after @",
        ) from error
