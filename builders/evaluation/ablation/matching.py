"""The swap test on the replies of each arm: whether they can be matched to the voices answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypedDict

from builders.evaluation.ablation.drafts import ArmReply
from builders.evaluation.dimensions import SWAP
from builders.evaluation.judgements import Judgements
from builders.evaluation.pairs import Pair
from builders.store.address import store_exists
from builders.store.database import Store

REFUSED = "refused"


class ArmVerdict(TypedDict):
    """What a judge made of one minimal pair with the replies of one arm; see `SwapVerdict`."""

    arm: str
    one: str
    other: str
    group: str
    verdict: str


@dataclass(frozen=True, slots=True)
class ArmPair:
    """A minimal pair with the replies of one arm."""

    arm: str
    pair: Pair


def arm_pairs(pairs: Sequence[Pair], replies: Sequence[ArmReply]) -> list[ArmPair]:
    """Return the pairs whose voices can be told apart, with the replies of each arm.

    An arm has those of which it has both replies.
    """
    said: dict[str, dict[str, str]] = {}
    for reply in replies:
        if reply["reply"] is not None:
            said.setdefault(reply["arm"], {})[reply["id"]] = reply["reply"]
    return [
        ArmPair(arm, _with(pair, texts))
        for arm, texts in said.items()
        for pair in pairs
        if pair.can_be_told and {pair.one.id, pair.other.id} <= texts.keys()
    ]


def verdicts(pairs: Sequence[ArmPair], store: str, model: str) -> list[ArmVerdict]:
    """Return what a model has said of these pairs, as far as it has."""
    if not store_exists(store):
        return []
    opened = Store(store, writes=False)
    try:
        hashes = list(dict.fromkeys(one.pair.seen for one in pairs))
        held = {
            (found.subject_hash, found.subject, found.other): str(found.verdict)
            for found in Judgements(opened).about(hashes, SWAP)
            if found.model == model
        }
    finally:
        opened.close()
    return list(_told(pairs, held))


def _told(
    pairs: Sequence[ArmPair], held: Mapping[tuple[str, str, str], str]
) -> Iterator[ArmVerdict]:
    for one in pairs:
        first, second = one.pair.one, one.pair.other
        verdict = held.get((one.pair.seen, first.id, second.id))
        if verdict:
            yield {
                "arm": one.arm,
                "one": first.id,
                "other": second.id,
                "group": first.group,
                "verdict": verdict,
            }


def _with(pair: Pair, texts: Mapping[str, str]) -> Pair:
    one = replace(pair.one, reply=texts[pair.one.id])
    return replace(pair, one=one, other=replace(pair.other, reply=texts[pair.other.id]))
