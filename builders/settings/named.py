"""`[models.NAME]` of `hearten.toml`: a model under a short name, with all that is known of it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypedDict

from builders import masking
from builders.errors import ConfigError, nearest, suggested

MODEL_KEYS = (
    *("model", "address", "key", "price"),
    *("output_terms", "terms_link", "terms_read", "may_train", "may_publish"),
)
_TEXTS = {
    "model": "the name under which it is served",
    "address": "the address of an OpenAI-compatible endpoint",
    "key": "the name of an environment variable",
    "output_terms": "the name of the terms of its output",
    "terms_link": "where these terms are",
    "terms_read": "the day on which they were read, such as 2026-11-30",
}
_PERMISSIONS = ("may_train", "may_publish")
# Somewhere it is tomorrow already.
_A_DAY = timedelta(days=1)
_EXPECTED = {
    "terms_link": "an address that begins with https://",
    "terms_read": "a day that is not to come, such as 2026-11-30, in quotation marks",
    **dict.fromkeys(_PERMISSIONS, "true or false"),
}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class ModelTable(TypedDict, total=False):
    """One table `[models.NAME]`.

    Attributes:
        model: the name under which it is served; by default that of the table.
        address: where it is served.
        key: the environment variable that holds the key for this address.
        price: US dollars for a million tokens, as in `[prices]`.
        output_terms: the terms under which its output may be used, by name.
        terms_link: where these terms are.
        terms_read: the day on which somebody read them.
        may_train: whether they allow training other models on the output.
        may_publish: whether they allow publishing the output.
    """

    model: str
    address: str
    key: str
    price: dict[str, float]
    output_terms: str
    terms_link: str
    terms_read: str
    may_train: bool
    may_publish: bool


def model_faults(name: str, table: Mapping[str, Any], path: Path) -> Iterator[ConfigError]:
    """Yield what cannot be meant in a table of a model; no value of `key` is shown."""
    for field, meaning in _TEXTS.items():
        if field in table and (not isinstance(table[field], str) or not table[field].strip()):
            yield ConfigError(
                f"models.{name}.{field} is no text",
                where=path,
                expected=f"{meaning}, in quotation marks",
                do="correct it",
            )
    key = table.get("key")
    if key is not None and not _VARIABLE.fullmatch(str(key)):
        # It may be the key itself, which is shown nowhere from now on.
        masking.learn(str(key))
        yield ConfigError(
            f"models.{name}.key is not the name of an environment variable",
            where=path,
            expected='a name such as "TEAM_API_KEY"; a key itself never stands in a file',
            do="put the key into a variable and write its name here",
        )
    if key is not None and "address" not in table:
        yield ConfigError(
            f"models.{name} has a key and no address",
            where=path,
            expected="the address that the key is for, so that it is sent nowhere else",
            do=f'write address = "URL" under [models.{name}]',
        )
    if not isinstance(table.get("price", {}), dict):
        yield ConfigError(
            f"models.{name}.price is {table['price']!r}",
            where=path,
            expected="prompt and completion, US dollars for a million tokens",
            do="write price = { prompt = 0.15, completion = 0.60 }",
        )
    yield from _term_faults(name, table, path)


def _term_faults(name: str, table: Mapping[str, Any], path: Path) -> Iterator[ConfigError]:
    """Yield the terms of a model's output that are no link, date or permission."""
    for field, expected in _EXPECTED.items():
        if field in table and not _may_be(field, table[field]):
            yield ConfigError(
                f"models.{name}.{field} is {table[field]!r}",
                where=path,
                expected=expected,
                do="correct it, or remove it if it is not known",
            )


def _may_be(field: str, value: object) -> bool:
    if field in _PERMISSIONS:
        return isinstance(value, bool)
    text = str(value)
    if field == "terms_link":
        return text.startswith(("https://", "http://"))
    return _is_past_day(text)


def _is_past_day(text: str) -> bool:
    try:
        return date.fromisoformat(text) <= datetime.now(UTC).date() + _A_DAY
    except ValueError:
        return False


def learn_keys(models: Mapping[str, ModelTable]) -> None:
    """Mask the keys of these models wherever something is printed or stored."""
    masking.learn(*(os.environ.get(table["key"]) for table in models.values() if "key" in table))


def served_name(name: str, models: Mapping[str, ModelTable]) -> str:
    """Return the name under which a model is served; of one without a table, its own."""
    return models.get(name, {}).get("model", name)


def written(name: str, models: Mapping[str, ModelTable]) -> str:
    """Return ``MODEL@URL`` or ``MODEL`` for the name of a table; anything else as it is."""
    address = models.get(name, {}).get("address")
    served = served_name(name, models)
    return f"{served}@{address}" if address else served


def key_of(name: str, models: Mapping[str, ModelTable]) -> str | None:
    """Return the variable of a model's key, None where it has none of its own.

    Raises:
        ConfigError: the variable is not set; the line names one that is like it.
    """
    key = models.get(name, {}).get("key")
    if key is None or os.environ.get(key, "").strip():
        return key
    near = nearest(key, [one for one in os.environ if one != key])
    raise ConfigError(
        f"models.{name}.key names {key}, and no such variable is set",
        where="hearten.toml",
        do=f"did you mean {near}?" if near else f"set {key}, or correct the name",
    )


def prices_of(models: Mapping[str, ModelTable]) -> dict[str, object]:
    """Return the prices that the tables have, by the name under which a model is served.

    Raises:
        ConfigError: two tables of one served model have different prices.
    """
    found: dict[str, object] = {}
    for name, table in models.items():
        price, served = table.get("price"), served_name(name, models)
        if price is not None and found.setdefault(served, price) != price:
            raise ConfigError(
                f"models.{name} and another table give {served} different prices",
                where="hearten.toml",
                expected="one price for a model of one name",
                do="write the same price in both, or serve one of them under another name",
            )
    return found


def check_profile(name: str | None, profiles: Sequence[str], path: Path) -> None:
    """Raise ConfigError where there is no profile of a name."""
    if name is not None and name not in profiles:
        known = sorted(profiles)
        do = f"write its settings below a line [profiles.{name}]"
        raise ConfigError(f"there is no profile {name!r}", where=path, **suggested(name, known, do))
