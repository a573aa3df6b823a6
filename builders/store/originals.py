"""The names of people that were replaced in a build; the store alone has them, beside the answers.

For each utterance there is a value of kind ``surrogates``: the name, by what stands in its
place. Nothing that leaves the machine is made from it; `hearten show --restore-names` reads it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TypeVar, cast

import orjson

from builders.store.database import Store
from builders.store.key_value import Kept, KeyValue, key_of

T = TypeVar("T")


def keep_originals(store: Store, build: str, originals: Mapping[str, Mapping[str, str]]) -> None:
    """Store the names that were replaced in each utterance.

    Args:
        store: the store.
        build: the name of the build.
        originals: each name, by its surrogate, by the id of the utterance.
    """
    values = KeyValue(store)
    try:
        for name, replaced in originals.items():
            kept = Kept(orjson.dumps(dict(replaced), option=orjson.OPT_SORT_KEYS))
            values.put("surrogates", key_of(build, name), kept, name)
    finally:
        values.close()


def originals_of(store: Store, build: str, ids: Iterable[str]) -> dict[str, str]:
    """Return the names that were replaced in utterances, by their surrogates."""
    values, found = KeyValue(store), dict[str, str]()
    try:
        for name in ids:
            if kept := values.get("surrogates", key_of(build, name)):
                found |= orjson.loads(kept.value)
    finally:
        values.close()
    return found


def restored(value: T, originals: Mapping[str, str]) -> T:
    """Return a JSON value in whose texts each surrogate is what was said; longer ones first."""
    if not originals:
        return value
    said = sorted(originals, key=len, reverse=True)
    pattern = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, said)) + r")(?!\w)")
    return cast("T", _restored(value, originals, pattern))


def _restored(value: object, originals: Mapping[str, str], pattern: re.Pattern[str]) -> object:
    if isinstance(value, str):
        return pattern.sub(lambda found: originals[found[0]], value)
    if isinstance(value, list):
        return [_restored(one, originals, pattern) for one in value]
    if isinstance(value, dict):
        return {key: _restored(one, originals, pattern) for key, one in value.items()}
    return value
