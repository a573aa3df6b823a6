"""What a build may cost: prices, what was spent over all runs, and the limit that stops it.

Room is set aside for each request before it is sent and given back when its use is known, so that
requests in flight cannot carry a build over its limit.
"""

from __future__ import annotations

import asyncio
import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from builders.errors import ConfigError, StoppedEarly
from builders.llm.prices import CHARACTERS_PER_TOKEN, Price
from builders.llm.request import Request
from builders.record.manifest_views import PriceUsed, RunCost
from builders.store.database import Answer, Spent

_AUDIO = Path(__file__).with_name("audio.toml")

# Of prompts and of answers, by model.
Tokens = dict[str, tuple[int, int]]


def estimated_tokens(characters: int) -> int:
    """Return about how many tokens a text has: its characters over four, rounded up."""
    return -(-characters // CHARACTERS_PER_TOKEN)


def tokens_of(request: Request) -> int:
    """Return about how many tokens a prompt has, its schema and its clip included."""
    characters = sum(len(str(message["content"])) for message in request.messages)
    clip = request.video.sound if request.video else request.audio
    sent = clip.seconds * _tokens_per_second(request.model, "tokens_per_second") if clip else 0
    if request.video:
        of_picture = _tokens_per_second(request.model, "picture_tokens_per_second")
        sent += request.video.seconds * of_picture
    return estimated_tokens(characters + len(request.schema.sent_text)) + math.ceil(sent)


@cache
def _tokens_per_second(model: str, table: str) -> float:
    rows = tomllib.loads(_AUDIO.read_text("utf-8"))[table]
    return float(next(tokens for name, tokens in rows.items() if name in model.lower()))


class Room(NamedTuple):
    """Tokens of prompt and answer that are set aside for one request to a model."""

    model: str
    prompt: int
    completion: int


class OverBudget(StoppedEarly):
    """A request could carry the build over its limit."""


def _room_of(request: Request) -> Room:
    return Room(request.model, tokens_of(request), request.max_tokens)


class Budget:
    """Keeps a build within `--max-usd` and `--max-tokens`, over all of its runs and models.

    Args:
        prices: the models that are paid for, the one that drafts first, each with its price or
            None.
        max_usd: most US dollars, or None.
        max_tokens: most tokens, prompts and answers together, or None.
        before: what earlier runs of the build spent.

    Raises:
        ConfigError: there is a limit in dollars but no price.
    """

    def __init__(
        self,
        prices: Mapping[str, Price | None],
        max_usd: float | None,
        max_tokens: int | None,
        before: Sequence[Spent],
    ) -> None:
        for model in (model for model, price in prices.items() if price is None):
            if max_usd is not None:
                raise ConfigError(
                    f"--max-usd {max_usd} cannot be kept: the price of {model} is not known",
                    do=f'add [prices."{model}"] prompt and completion to hearten.toml '
                    "(for a voice: characters), or use --max-tokens",
                )
        self._prices = prices
        self._max_usd = max_usd
        self._max_tokens = max_tokens
        self._used: Tokens = {}
        self._answers: Tokens = {}
        self._reserved: Tokens = {}
        self._settled = asyncio.Event()
        for row in before:
            _add(self._used, row.model, row.prompt_tokens, row.completion_tokens)

    @property
    def prompt_tokens(self) -> int:
        """Return the tokens of all prompts so far."""
        return sum(prompt for prompt, _ in self._used.values())

    @property
    def completion_tokens(self) -> int:
        """Return the tokens of all answers so far."""
        return sum(completion for _, completion in self._used.values())

    @property
    def tokens(self) -> int:
        """Return the tokens of prompts and answers so far."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def prices_used(self) -> dict[str, PriceUsed | None]:
        """Return the price of each model as a manifest has it."""
        return {
            model: {"prompt": price.prompt, "completion": price.completion, "source": price.source}
            if price
            else None
            for model, price in self._prices.items()
        }

    @property
    def usd(self) -> float | None:
        """Return what was spent in US dollars, None when a price is unknown."""
        return self._usd(self._used)

    @property
    def cost(self) -> RunCost:
        """Return tokens and US dollars as a manifest has them; null where a price is unknown."""
        return self._cost(self._used)

    @property
    def cost_of_answers(self) -> RunCost:
        """Return the same of the answers that were taken in, whoever paid for them."""
        return self._cost(self._answers)

    def count_answer(self, model: str, answer: Answer) -> None:
        """Count what an answer of a model took when it was asked for."""
        _add(self._answers, model, answer.prompt_tokens or 0, answer.completion_tokens or 0)

    def worth(self, answers: Iterable[tuple[str, Answer]]) -> tuple[float | None, int]:
        """Return US dollars (None without a price) and tokens of answers, each with its model."""
        tokens: Tokens = {}
        for model, answer in answers:
            _add(tokens, model, answer.prompt_tokens or 0, answer.completion_tokens or 0)
        usd = self._usd(tokens) if self._prices else None
        return usd, sum(map(sum, tokens.values()))

    def _cost(self, tokens: Tokens) -> RunCost:
        return {
            "prompt_tokens": sum(prompt for prompt, _ in tokens.values()),
            "completion_tokens": sum(completion for _, completion in tokens.values()),
            "usd": self._usd(tokens),
        }

    async def room_for(self, request: Request) -> Room:
        """Reserve, waiting for what requests under way do not use up; raises `StoppedEarly`."""
        return await self.room(_room_of(request))

    async def room(self, wanted: Room) -> Room:
        """Reserve what is wanted; see `room_for`."""
        while True:
            try:
                return self._reserve(wanted)
            except StoppedEarly:
                if not self._reserved:
                    raise
            self._settled.clear()
            await self._settled.wait()

    def reserve(self, request: Request) -> Room:
        """Set room aside for a request; give it to `settle` afterwards.

        Raises:
            StoppedEarly: the request could carry the build over its limit.
        """
        return self._reserve(_room_of(request))

    def _reserve(self, room: Room) -> Room:
        wanted = dict(self._used)
        for model, (prompt, completion) in [*self._reserved.items(), (room.model, room[1:])]:
            _add(wanted, model, prompt, completion)
        if self._max_tokens is not None and sum(map(sum, wanted.values())) > self._max_tokens:
            raise self._stop(f"--max-tokens {self._max_tokens}")
        if self._max_usd is not None and (self._usd(wanted) or 0) > self._max_usd:
            raise self._stop(f"--max-usd {self._max_usd}")
        _add(self._reserved, *room)
        return room

    def settle(self, room: Room, used: tuple[int, int]) -> None:
        """Give room back and count the tokens that were used, of prompt and answer."""
        _add(self._reserved, room.model, -room.prompt, -room.completion)
        if self._reserved[room.model] == (0, 0):
            del self._reserved[room.model]
        _add(self._used, room.model, *used)
        self._settled.set()

    def spend(self, model: str, used: tuple[int, int]) -> None:
        """Count tokens of prompt and answer for which no room was set aside."""
        _add(self._used, model, *used)

    def _usd(self, tokens: Tokens) -> float | None:
        if None in self._prices.values():
            return None
        known = [price for price in self._prices.values() if price is not None]
        # What an earlier run spent on a model of another name counts as the drafting one.
        return sum(
            (self._prices.get(model) or known[0]).usd(*used) for model, used in tokens.items()
        )

    def _stop(self, limit: str) -> OverBudget:
        spent = f"{self.prompt_tokens + self.completion_tokens:,} tokens"
        if self.usd is not None:
            spent += f", ${self.usd:.4f}"
        return OverBudget(
            f"the budget {limit} is reached ({spent} so far)",
            do="every answer is kept; raise the limit and run the same command again to go on",
        )


def _add(tokens: Tokens, model: str, prompt: int, completion: int) -> None:
    before = tokens.get(model, (0, 0))
    tokens[model] = (before[0] + prompt, before[1] + completion)
