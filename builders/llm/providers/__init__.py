"""Providers: one file or package for each kind of server that serves models.

A new provider (Anthropic, Gemini) is a class that fills in `Provider`: how a request is written,
how an answer is read, what its errors mean, and how what a server understands is found out and
remembered. The pool asks, limits, tries again and explains failures; it knows no server's shapes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import ClassVar, Protocol, Self, TypeVar

import orjson

from builders.llm.concurrency import AdaptiveLimit

Asks_contra = TypeVar("Asks_contra", contravariant=True)
Got_co = TypeVar("Got_co", covariant=True)


class Provider(Protocol[Asks_contra, Got_co]):
    """One server and one of its models."""

    @property
    def name(self) -> str:
        """Return the address without user, password and query."""
        ...

    @property
    def model(self) -> str:
        """Return the model that is asked for."""
        ...

    @property
    def limit(self) -> AdaptiveLimit:
        """Return how many requests it gets at once."""
        ...

    @property
    def help(self) -> Help:
        """Return the words with which a person is told what to correct."""
        ...

    async def complete(self, request: Asks_contra) -> Got_co:
        """Send a request once, in the form the server understands; raises `Failure`."""
        ...

    async def check(self, like: Asks_contra) -> bool:
        """Return whether a question of its own, in the form of a request, is answered now."""
        ...

    async def answered_before(self) -> bool:
        """Return whether it has answered requests in earlier runs."""
        ...

    async def models(self) -> list[str]:
        """Return the models that the server says it has; empty where it does not say."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


@dataclass(frozen=True, slots=True)
class Help:
    """The words with which a person is told what to correct.

    Attributes:
        route: what is asked, below the address.
        address_form: what an address looks like.
        address_option: the option that says where the server is.
        model_option: the option that names the model.
        key_names: the variables that may hold its key.
    """

    route: str
    address_form: str
    address_option: str
    model_option: str
    key_names: str


@dataclass(slots=True)
class Completion:
    """A model's answer: `outcome` is ok, refusal, truncated or empty; it took `seconds`.

    Tokens are None where the server does not count them.
    """

    outcome: str
    text: str
    finish_reason: str | None
    model: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    seconds: float
    endpoint: str


class SpeechRequest(Protocol):
    """A text to be said, and how: what speech providers are asked."""

    @property
    def text(self) -> str:
        """Return what is said."""
        ...

    @property
    def style(self) -> str | None:
        """Return how it is said, in words; None for plainly."""
        ...


@dataclass(frozen=True, slots=True)
class SpeechAudio:
    """A text as sound: FLAC, and the style that it was given, where styles are taken."""

    flac: bytes
    style: str | None


class Memory(Protocol):
    """Keeps what was learnt of a server from one run to the next."""

    def remembered_dialect(self, base_url: str, model: str) -> str | None:
        """Return what was remembered, or None."""
        ...

    def has_answered(self, base_url: str, model: str) -> bool:
        """Return whether requests were answered there, in this run or earlier ones."""
        ...

    def remember_dialect(self, base_url: str, model: str, understands: str) -> None:
        """Remember it."""
        ...


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What one server understands of a request; a provider adds the fields, all JSON values.

    `stored_as` gives the names of fields that are called otherwise in stores; those `where_known`
    are left out while they are None.
    """

    stored_as: ClassVar[Mapping[str, str]] = {}
    where_known: ClassVar[tuple[str, ...]] = ()

    def dumps(self) -> str:
        """Return them as text to be remembered."""
        named = {
            self.stored_as.get(name, name): value
            for name, value in asdict(self).items()
            if value is not None or name not in self.where_known
        }
        return orjson.dumps(named).decode()

    @classmethod
    def loads(cls, text: str) -> Self:
        """Return what `dumps` wrote; what an earlier version did not know has its default."""
        known = orjson.loads(text)
        names = {one.name: cls.stored_as.get(one.name, one.name) for one in fields(cls)}
        found = {name: known[stored] for name, stored in names.items() if stored in known}
        return cls(**{n: tuple(v) if isinstance(v, list) else v for n, v in found.items()})
