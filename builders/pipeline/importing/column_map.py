"""A map that a user writes: which column is which field, and which emotion a label stands for."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from builders.errors import ConfigError, first_of, suggested
from builders.labels.vocabulary import vocabulary


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Columns(_Part):
    """The names of the columns of records; rows of one dialogue stand together, in order."""

    id: str
    text: str
    emotion: str
    dialogue: str | None = None
    speaker: str | None = None
    split: str | None = None
    audio: str | None = None
    background: str | None = None
    language: str | None = None
    secondary: str | None = None
    votes: str | None = None


class ColumnMap(_Part):
    """A map: `columns`, None where the records have a form of their own, and labels' emotions.

    An empty text stands for no emotion, on purpose.
    """

    columns: Columns | None = None
    emotions: Mapping[str, str] = {}


def read_map(path: Path) -> ColumnMap:
    """Return the map in a file.

    Raises:
        ConfigError: it is no TOML, leaves a field out, has an unknown one, or names an emotion
            that there is not.
    """
    written: dict[str, Any] = {}
    try:
        written = tomllib.loads(path.read_text("utf-8"))
        found = ColumnMap(**written)
    except OSError as error:
        raise ConfigError(f"there is no map {path}", expected="a TOML file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"not valid TOML: {error}", where=path, do="fix that line") from error
    except ValidationError as error:
        emotions = written.get("emotions")
        labels = _no_emotions(emotions if isinstance(emotions, dict) else {}, path)
        wrong = first_of([*(_wrong(path, one) for one in error.errors()), *labels])
        raise wrong or ConfigError("the map is not valid", where=path) from error
    if wrong := first_of(_no_emotions(found.emotions, path)):
        raise wrong
    return found


def _no_emotions(emotions: Mapping[str, object], path: Path) -> Iterator[ConfigError]:
    for label, emotion in emotions.items():
        if isinstance(emotion, str) and emotion and emotion not in vocabulary().nodes:
            yield ConfigError(
                f"emotions.{label} is {emotion!r}",
                where=path,
                **suggested(emotion, vocabulary().nodes),
            )


def _wrong(path: Path, first: ErrorDetails) -> ConfigError:
    """Return the error for one fault that pydantic found."""
    name = ".".join(map(str, first["loc"]))
    if first["type"] == "missing":
        return ConfigError(
            f"the map leaves out {name}",
            where=path,
            expected="the name of the column that has it",
            do=f'write {name.rpartition(".")[2]} = "COLUMN" under [columns]',
        )
    if first["type"] == "extra_forbidden":
        known = (
            [*Columns.model_fields] if name.startswith("columns.") else [*ColumnMap.model_fields]
        )
        return ConfigError(
            f"unknown field {name}", where=path, **suggested(name.rpartition(".")[2], known)
        )
    return ConfigError(f"{name}: {first['msg']}", where=path, do="fix that field")
