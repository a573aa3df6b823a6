"""The properties of trainers' formats and the limits of models, from `formats.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from builders.release.splits import split_name

_TABLE = Path(__file__).with_name("formats.toml")


class _Facts(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Facts(_Facts):
    """The properties of a trainer's format; `formats.toml` explains the fields."""

    rows: str
    mark: str
    reserved: tuple[str, ...]
    several: bool
    needs_audio: bool
    datasets: bool
    needs_profile: bool
    start: dict[str, str]
    reward: str = ""
    rewards: tuple[str, ...] = ()

    @property
    def tasks(self) -> tuple[str, ...]:
        """Return the tasks the format serves: sft, dpo, kto, grpo or fewer."""
        return tuple(self.start)


class Profile(_Facts):
    """The limits of a model: seconds per clip, tokens per row; and its notation of clips."""

    model: str
    template: str
    audio_key: str
    seconds: float
    tokens: int
    tokens_per_second: float
    speaks: bool
    speech_system: str | None = None


class _Defaults(_Facts):
    profile: str
    text_model: str


class _Table(_Facts):
    formats: dict[str, Facts]
    profiles: dict[str, Profile]
    defaults: _Defaults


@cache
def _table() -> _Table:
    return _Table(**tomllib.loads(_TABLE.read_text(encoding="utf-8")))


def formats() -> dict[str, Facts]:
    """Return the properties of every format by its name on the command line."""
    return _table().formats


def profiles() -> dict[str, Profile]:
    """Return the limits of every model by its name on the command line."""
    return _table().profiles


def start_line(name: str, task: str, profile: Profile | None, split: str = "train") -> str:
    """Return the command that starts a run on a split, from inside the export folder."""
    facts, defaults = formats()[name], _table().defaults
    model = profile or profiles()[defaults.profile]
    return facts.start[task].format(
        model=model.model,
        template=model.template,
        text_model=defaults.text_model,
        split=split,
        hub_split=split_name(split),
        file=facts.rows.format(split=split),
    )


def with_rewards(name: str, start: str) -> str:
    """Return a start line of grpo with the rewards of the export's own `rewards.py`."""
    given = formats()[name].rewards
    return start.replace(formats()[name].reward, " ".join(given))
