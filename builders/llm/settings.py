"""Which models are asked, where and with which key, and the limits that all of them keep to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

PHRASEBOOK = "phrasebook"
KEY_VARIABLES = ("HEARTEN_API_KEY", "OPENAI_API_KEY")
KEY_NAMES = " or ".join(KEY_VARIABLES)
DEFAULT_BASE_URL = "https://api.openai.com/v1"
# Seconds for one answer, and without any success.
TIMEOUT, PATIENCE = 120.0, 180.0
# Sampling, and tokens of one answer.
TEMPERATURE, TOP_P, REPLY_TOKENS = 0.8, 1.0, 400

# The version of the prompt for replies; earlier ones are kept for stores that they filled.
DRAFT_VERSION = 2

Client = Literal["aiohttp", "openai"]
SamplingValue = Literal["temperature", "top_p", "seed"]
Part = Literal["text", "audio", "video"]

# What a setting may be, wherever it is given.
Positive = Annotated[float, Field(gt=0)]
PositiveCount = Annotated[int, Field(gt=0)]
AtLeastOne = Annotated[int, Field(ge=1)]
Temperature = Annotated[float, Field(ge=0, le=2)]
TopP = Annotated[float, Field(gt=0, le=1)]
AnswerTokens = Annotated[int, Field(ge=50)]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a model samples, and how long its answer may be (in tokens)."""

    temperature: float = TEMPERATURE
    top_p: float = TOP_P
    max_tokens: int = REPLY_TOKENS


class ModelSettings(BaseModel):
    """A model that is asked over HTTP.

    Attributes:
        model: its name.
        base_urls: where it is served.
        sent: the parts of a corpus that it is sent.
        keys: the environment variables of which the first one set holds its key.
        client: the HTTP client.
        temperature: sampling value, part of each request's key.
        top_p: likewise.
        reply_tokens: most tokens of one answer, likewise.
        leave_out: sampling values that are not sent, as the server refuses them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    base_urls: tuple[str, ...] = ()
    sent: frozenset[Part] = frozenset()
    keys: tuple[str, ...] = KEY_VARIABLES
    client: Client = "aiohttp"
    temperature: Temperature = TEMPERATURE
    top_p: TopP = TOP_P
    reply_tokens: AnswerTokens = REPLY_TOKENS
    leave_out: tuple[SamplingValue, ...] = ()

    @property
    def sampling(self) -> Sampling:
        """Return how it samples."""
        return Sampling(self.temperature, self.top_p, self.reply_tokens)


class Limits(BaseModel):
    """How much is asked at once, how long is waited, and what may be spent in all.

    Attributes:
        max_concurrency: requests in flight at one address; None starts low and adapts.
        timeout: seconds for one answer.
        patience: seconds without any success after which the asking stops.
        max_usd: most US dollars over all runs, or None.
        max_tokens: most tokens of prompts and answers over all runs, or None.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_concurrency: AtLeastOne | None = None
    timeout: Positive = TIMEOUT
    patience: Positive = PATIENCE
    max_usd: Positive | None = None
    max_tokens: PositiveCount | None = None
