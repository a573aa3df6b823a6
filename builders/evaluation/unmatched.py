"""Pairs that the swap test cannot match, and what their replies are drafted again for.

A pair counts as mended only if both orders are right and neither reply that was drafted again talks
of the voice: ``label_maps/judge/_voice_words.tsv`` has the words by which one does.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache

from builders import resources
from builders.errors import ConfigError
from builders.evaluation.pairs import Member, Pair, pairs_of
from builders.evaluation.results import latest_of
from builders.labels.tables import read_rows
from builders.record.dataset import Build
from builders.release.eligibility import Restrictions
from builders.store.database import Store


@dataclass(frozen=True, slots=True)
class Unmatched:
    """What a judge could not match.

    Attributes:
        judge: the model.
        reasons: why the reply of each sample is to be drafted again, by its id.
    """

    judge: str
    reasons: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Mended:
    """Of pairs that were drafted again: how many there are, are matched, and only by talk of it."""

    pairs: int
    matched: int
    by_words: int


def unmatched(
    build: Build,
    store: Store,
    known: Restrictions,
    judge: str | None = None,
    again: Collection[str] | None = None,
) -> Unmatched:
    """Return the samples of all pairs that a judge could not match.

    Args:
        build: a finished build.
        store: an open store with the judgements.
        known: ids that must not be used.
        judge: the model; the one that judged last without it.
        again: the samples that were drafted again before; only their pairs count, and talk of the
            voice in their replies counts as no match.

    Raises:
        ConfigError: nobody has judged the pairs of the build.
    """
    pairs = {(p.one.id, p.other.id): p for p in pairs_of(build, known) if p.can_be_told}
    latest = latest_of(store, pairs)
    model = judge or next(reversed(latest), None)
    if model and again is not None and model not in latest:
        return Unmatched(model, {})  # all that was drafted again was given up
    if model is None or model not in latest:
        raise ConfigError(
            f"no pair of {build.name} was judged" + (f" by {judge}" if judge else ""),
            where=build.folder,
            do=f"run the swap test first: hearten judge {build.folder} --model MODEL",
        )
    reasons: dict[str, tuple[str, ...]] = {}
    for ids, held in latest[model].items():
        if again is not None and not set(again) & set(ids):
            continue
        for member, why in _failing(pairs[ids], held.verdict, again or ()).items():
            reasons[member] = tuple(dict.fromkeys((*reasons.get(member, ()), *why)))
    return Unmatched(model, reasons)


def mended(
    build: Build, store: Store, known: Restrictions, judge: str, again: Collection[str]
) -> Mended:
    """Return how many pairs of samples that were drafted again a judge can match now."""
    pairs = {(p.one.id, p.other.id): p for p in pairs_of(build, known) if p.can_be_told}
    held = latest_of(store, pairs).get(judge, {})
    ids = [one for one in held if set(again) & set(one) and held[one].verdict != "refused"]
    right = [one for one in ids if held[one].verdict == "right"]
    talk = [one for one in right if _talking(pairs[one], again)]
    return Mended(len(ids), len(right) - len(talk), len(talk))


def voice_words_in(text: str) -> str | None:
    """Return the words by which a reply talks of the speaker's voice, None where there are none."""
    found = _voice_words().search(text.replace("\u2019", "'").casefold())
    return found[0] if found else None


def _failing(pair: Pair, verdict: str | None, again: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return the members of a pair to draft again, with the reasons."""
    talking = _talking(pair, again)
    if verdict in ("right", "refused"):
        return talking
    reasons = (_sentences()["unmatched"],)
    return {one.id: (*reasons, *talking.get(one.id, ())) for one in (pair.one, pair.other)}


def _talking(pair: Pair, again: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return the members that were drafted again and now talk of the voice."""
    members: tuple[Member, ...] = pair.one, pair.other
    found = {one.id: voice_words_in(one.reply) for one in members if one.id in again}
    said = _sentences()["voice_words"]
    return {name: (said.format(found=f'"{words}"'),) for name, words in found.items() if words}


@cache
def _sentences() -> Mapping[str, str]:
    path = resources.label_maps() / "judge" / "_redraft.tsv"
    rows = read_rows(path, ("code", "sentence"), key=("code",))
    return {row.text("code"): row.text("sentence") for row in rows}


@cache
def _voice_words() -> re.Pattern[str]:
    path = resources.label_maps() / "judge" / "_voice_words.tsv"
    phrases = [row.text("phrase") for row in read_rows(path, ("phrase",), key=("phrase",))]
    longest = sorted(phrases, key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, longest))})\b")
