"""Review settings of a build: set by a lead, stored, and shared by all its servers."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Literal

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from builders.errors import ConfigError
from builders.review.data.tables import settings, writing
from builders.store.database import Store

Order = Literal["build", "doubt"]
ORDERS: tuple[Order, ...] = ("build", "doubt")


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one build's review.

    Attributes:
        overlap: k, the number of people who decide each item.
        lease_seconds: how long an item is reserved for a person.
        order: ``build``, the order of the build, or ``doubt``, the most doubtful first.
        hidden_share: share of (annotator, item) pairs whose draft is hidden at first.
        gold_share: share of the items given that are gold, while there are any.
        text_only: the text-only condition: no audio is played, and deciding is not locked.
        only: the ids of the items that are given out, all without any: those drawn to compare a
            judge with people.
        qualified: the ids of the people whom a lead named as qualified to answer held lines.
        held_per_day: how many held lines each of them is shown a day.
        salt: determines by hash which drafts are hidden; drawn once per build.
    """

    overlap: int = 1
    lease_seconds: float = 900.0
    order: Order = "build"
    hidden_share: float = 0.0
    gold_share: float = 0.05
    text_only: bool = False
    only: Sequence[str] = ()
    qualified: Sequence[str] = ()
    held_per_day: int = 5
    salt: str = field(default_factory=lambda: secrets.token_hex(8))

    def __post_init__(self) -> None:
        # JSON, in which settings are stored, has lists alone.
        object.__setattr__(self, "only", tuple(self.only))
        object.__setattr__(self, "qualified", tuple(self.qualified))

    def hides(self, annotator: str, item: str) -> bool:
        """Return whether the draft of an item is hidden from an annotator at first."""
        return self.draw("hidden", annotator, item) < self.hidden_share

    def draw(self, *names: str) -> float:
        """Return a reproducible number from 0 to below 1 for these names in this build."""
        digest = sha256("|".join((self.salt, *names)).encode()).digest()
        return int.from_bytes(digest[:8], "big") / 2**64


def load_settings(store: Store, build: str) -> Settings:
    """Return the settings of a build; they are created on first use."""
    with store.translated(), store.engine.connect() as connection:
        value = _kept(connection, build)
    if value is not None:
        return value
    with writing(store) as connection:
        return settings_of(connection, build)


def save_settings(store: Store, build: str, wanted: Settings) -> None:
    """Save the settings of a build.

    Raises:
        ConfigError: a value is out of its range.
    """
    checked(wanted)
    row = {"build": build, "value": orjson.dumps(asdict(wanted)).decode()}
    with writing(store) as connection:
        statement = store.insert(settings).values(row)
        changed = {"value": row["value"]}
        connection.execute(statement.on_conflict_do_update(index_elements=["build"], set_=changed))


def checked(wanted: Settings) -> Settings:
    """Return settings whose values are in their ranges; ConfigError names the one that is not."""
    ranges = (
        ("overlap", isinstance(wanted.overlap, int) and 1 <= wanted.overlap <= 20, "1 to 20"),
        ("lease_seconds", 1 <= wanted.lease_seconds <= 86_400, "1 to 86400"),
        ("order", wanted.order in ORDERS, " or ".join(ORDERS)),
        ("hidden_share", 0 <= wanted.hidden_share <= 1, "0 to 1"),
        ("held_per_day", 1 <= wanted.held_per_day <= 100, "1 to 100"),
        ("gold_share", 0 <= wanted.gold_share < 1, "0 to below 1"),
    )
    for name, right, expected in ranges:
        if not right:
            raise ConfigError(
                f"{name} is {getattr(wanted, name)!r}",
                where="the review settings",
                expected=expected,
                do=f"pass such a value to --{name.replace('_', '-')}",
            )
    return wanted


def settings_of(connection: Connection, build: str) -> Settings:
    """Return the settings of a build within a transaction that may write."""
    kept = _kept(connection, build)
    if kept is not None:
        return kept
    made = Settings()
    row = {"build": build, "value": orjson.dumps(asdict(made)).decode()}
    connection.execute(sa.insert(settings).values(row))
    return made


def _kept(connection: Connection, build: str) -> Settings | None:
    value = connection.scalar(sa.select(settings.c.value).where(settings.c.build == build))
    return None if value is None else Settings(**orjson.loads(value))
