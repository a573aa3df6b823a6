"""What a build may cost: prices, what was spent over all runs, and the limit that stops it.

Room is set aside for each request before it is sent and given back when its use is known, so that
requests in flight cannot carry a build over its limit.
"""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builders.drafting.request import Request
from builders.drafting.store import Spent
from builders.errors import ConfigError, StoppedEarly

_CHARACTERS_PER_TOKEN = 4
_PRICES = Path(__file__).with_name("prices.toml")


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens of prompt and of completion."""

    prompt: float
    completion: float

    def usd(self, prompt_tokens: float, completion_tokens: float) -> float:
        """Return what these tokens cost in US dollars."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / 1e6


def price_of(model: str | None, own: Mapping[str, Any]) -> Price | None:
    """Return a model's price from `hearten.toml`, then from our dated table; None when unknown.

    Without a model there is nothing to pay.
    """
    if model is None:
        return Price(0.0, 0.0)
    table = {**tomllib.loads(_PRICES.read_text("utf-8")), **own}
    row = table.get(model)
    if row is None:
        return None
    try:
        if "characters" in row:
            return Price(float(row["characters"]) * _CHARACTERS_PER_TOKEN, 0.0)
        return Price(float(row["prompt"]), float(row["completion"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f'prices."{model}" is incomplete',
            where="hearten.toml",
            expected="prompt and completion, US dollars for a million tokens, "
            "or characters, US dollars for a million of them",
            do="correct it",
        ) from error


def estimated_tokens(characters: int) -> int:
    """Return about how many tokens a text has: its characters over four, rounded up."""
    return -(-characters // _CHARACTERS_PER_TOKEN)


def tokens_of(request: Request) -> int:
    """Return about how many tokens a prompt has, its schema included."""
    characters = sum(len(str(message["content"])) for message in request.messages)
    return estimated_tokens(characters + len(request.schema.sent_text))


def _room_of(request: Request) -> tuple[int, int]:
    return tokens_of(request), request.max_tokens


class Budget:
    """Keeps a build within `--max-usd` and `--max-tokens`, over all of its runs.

    Args:
        model: the model that is paid for.
        price: its price, or None.
        max_usd: most US dollars, or None.
        max_tokens: most tokens, prompts and answers together, or None.
        before: what earlier runs of the build spent.

    Attributes:
        beside: the budget of another model that the same limits are for.

    Raises:
        ConfigError: there is a limit in dollars but no price.
    """

    beside: Budget | None = None

    def __init__(
        self,
        model: str,
        price: Price | None,
        max_usd: float | None,
        max_tokens: int | None,
        before: Sequence[Spent],
    ) -> None:
        if max_usd is not None and price is None:
            raise ConfigError(
                f"--max-usd {max_usd} cannot be kept: the price of {model} is not known",
                do=f'add [prices."{model}"] prompt and completion to hearten.toml '
                "(for a voice: characters), or use --max-tokens",
            )
        self.price = price
        self.prompt_tokens = sum(row.prompt_tokens for row in before)
        self.completion_tokens = sum(row.completion_tokens for row in before)
        self._max_usd = max_usd
        self._max_tokens = max_tokens
        self._reserved = (0, 0)
        self._settled = asyncio.Event()

    @property
    def usd(self) -> float | None:
        """Return what was spent in US dollars, None when the price is unknown."""
        if self.price is None:
            return None
        return self.price.usd(self.prompt_tokens, self.completion_tokens)

    async def room_for(self, request: Request) -> tuple[int, int]:
        """Reserve, waiting for what requests under way do not use up; raises `StoppedEarly`."""
        return await self.room(_room_of(request))

    async def room(self, wanted: tuple[int, int]) -> tuple[int, int]:
        """Reserve so many tokens of prompt and answer; see `room_for`."""
        while True:
            try:
                return self._reserve(wanted)
            except StoppedEarly:
                if self._reserved == (0, 0):
                    raise
            self._settled.clear()
            await self._settled.wait()

    def reserve(self, request: Request) -> tuple[int, int]:
        """Set room aside for a request; give the returned tokens to `settle` afterwards.

        Raises:
            StoppedEarly: the request could carry the build over its limit.
        """
        return self._reserve(_room_of(request))

    def _reserve(self, room: tuple[int, int]) -> tuple[int, int]:
        tokens, usd = self._with(room)
        if self.beside:
            more = self.beside._with((0, 0))
            tokens, usd = tokens + more[0], usd + more[1]
        if self._max_tokens is not None and tokens > self._max_tokens:
            raise self._stop(f"--max-tokens {self._max_tokens}")
        if self._max_usd is not None and usd > self._max_usd:
            raise self._stop(f"--max-usd {self._max_usd}")
        self._reserved = (self._reserved[0] + room[0], self._reserved[1] + room[1])
        return room

    def settle(self, room: tuple[int, int], used: tuple[int, int]) -> None:
        """Give room back and count the tokens that were used, of prompt and answer."""
        self._reserved = (self._reserved[0] - room[0], self._reserved[1] - room[1])
        self.prompt_tokens += used[0]
        self.completion_tokens += used[1]
        self._settled.set()

    def _with(self, room: tuple[int, int]) -> tuple[int, float]:
        """Return tokens and US dollars once what is reserved, and this room too, is used up."""
        prompt = self.prompt_tokens + self._reserved[0] + room[0]
        completion = self.completion_tokens + self._reserved[1] + room[1]
        usd = self.price.usd(prompt, completion) if self.price else 0.0
        return prompt + completion, usd

    def _stop(self, limit: str) -> StoppedEarly:
        spent = f"{self.prompt_tokens + self.completion_tokens:,} tokens"
        if self.usd is not None:
            spent += f", ${self.usd:.4f}"
        return StoppedEarly(
            f"the budget {limit} is reached ({spent} so far)",
            do="every answer is kept; raise the limit and run the same command again to go on",
        )
