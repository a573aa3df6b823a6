"""What a model costs: the user's own price, nothing where it is one's own server, else a list's.

List prices are those of the package genai-prices, as it was when it was installed; it is never
asked to renew them. A price that nobody knows is None and never 0.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from builders.errors import ConfigError

if TYPE_CHECKING:
    from genai_prices.types import TieredPrices

CHARACTERS_PER_TOKEN = 4
_PACKAGE = "genai-prices"
_RELEASES = Path(__file__).with_name("prices.toml")


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens of prompt and of completion, and who says so."""

    prompt: float
    completion: float
    source: str = "hearten.toml"

    def usd(self, prompt_tokens: float, completion_tokens: float) -> float:
        """Return what these tokens cost in US dollars."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / 1e6


def price_of(
    model: str | None, own: Mapping[str, object], addresses: Iterable[str] = ()
) -> Price | None:
    """Return a model's price, None when unknown; without a model there is nothing to pay.

    Args:
        model: its name.
        own: the user's prices by model, which go before all others.
        addresses: where it is served; on this machine or in a private network it costs nothing.

    Raises:
        ConfigError: the user's price is incomplete.
    """
    if model is None:
        return Price(0.0, 0.0, "no model")
    if model in own:
        return _own(model, own[model])
    served = tuple(addresses)
    if served and _is_local(served):
        return Price(0.0, 0.0, "a server of one's own")
    return next((found for url in (*served, None) if (found := _listed(model, url))), None)


def _is_local(addresses: tuple[str, ...]) -> bool:
    from builders.llm.addresses import is_third_party

    return not any(map(is_third_party, addresses))


def _own(model: str, row: object) -> Price:
    try:
        if not isinstance(row, dict):
            raise TypeError
        if "characters" in row:
            return Price(float(row["characters"]) * CHARACTERS_PER_TOKEN, 0.0)
        return Price(float(row["prompt"]), float(row["completion"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f'prices."{model}" is incomplete',
            where="hearten.toml",
            expected="prompt and completion, US dollars for a million tokens, "
            "or characters, US dollars for a million of them",
            do="correct it",
        ) from error


@cache
def _listed(model: str, url: str | None) -> Price | None:
    """Return the list price of a model where it is served, or wherever it is served."""
    # Here, as it takes a third of a second, which only a model that is paid for is worth.
    from genai_prices import Usage, calc_price

    try:
        found = calc_price(Usage(), model, provider_api_url=url)
    except LookupError:
        return None
    prompt, completion = found.model_price.input_mtok, found.model_price.output_mtok
    if prompt is None or completion is None:
        return None
    return Price(_base(prompt), _base(completion), f"{found.provider.name}, {list_of_prices()}")


def _base(price: Decimal | TieredPrices) -> float:
    """Return a price; some rise with the length of the prompt, beyond that of any of ours."""
    return float(price if isinstance(price, Decimal) else price.base)


@cache
def list_of_prices() -> str:
    """Return the name of the list of prices, its version and its date."""
    version = metadata.version(_PACKAGE)
    date = tomllib.loads(_RELEASES.read_text("utf-8"))["released"].get(version)
    return f"{_PACKAGE} {version}" + (f" of {date}" if date else "")
