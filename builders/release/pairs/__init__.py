"""Preference pairs by where they come from: people's, and apart from them those of models.

    people    edits, rejections and comparisons (`builders.release.preferences`)
    judge     two drafts of one target, of which a fit judge holds one better in both orders
    contrast  the reply to this voice over the reply to the same words in another voice
    planted   the kept reply over the same with one thing made wrong

`export --pairs-from` and the published configs `preference` and `preference_ai` have them from
here. Nobody whom `eligibility` leaves out is in a pair, on neither side.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from builders.record.dataset import Build
from builders.release.eligibility import Restrictions
from builders.release.pairs.contrast import contrast_pairs
from builders.release.pairs.judged import judged_pairs
from builders.release.pairs.planted import planted_pairs
from builders.release.pairs.reply_pair import CONTRAST, JUDGE, PEOPLE, PLANTED, ReplyPair
from builders.store.address import store_exists
from builders.store.database import Store

Pairs = Mapping[str, Sequence[ReplyPair]]


@dataclass
class MadePairs:
    """Pairs that models or tables made.

    Attributes:
        pairs: by the id of the target.
        without: by source, why possible pairs were not made, and how many.
    """

    pairs: dict[str, list[ReplyPair]] = field(default_factory=dict)
    without: dict[str, Counter[str]] = field(default_factory=dict)

    def take(self, source: str, found: Sequence[ReplyPair], without: Counter[str]) -> None:
        """Add the pairs of one source."""
        self.without[source] = without
        for pair in found:
            self.pairs.setdefault(pair.id, []).append(pair)


def made_pairs(
    build: Build,
    address: str,
    known: Restrictions,
    sources: Collection[str],
    say: Callable[[str], None],
) -> MadePairs:
    """Return the pairs of a build that are not people's.

    Args:
        build: the build as people have left it, with their edits in place.
        address: the store with the judgements; without one there are no pairs by judges.
        known: the ids that may not be used.
        sources: of `reply_pair.SOURCES`; people's are not made here.
        say: called with a line for each source, about what was possible and was not made.
    """
    found = MadePairs()
    if PLANTED in sources:
        found.take(PLANTED, *planted_pairs(build, known))
    if store_exists(address):
        with closing(Store(address, writes=False)) as store:
            if JUDGE in sources:
                found.take(JUDGE, *judged_pairs(build, store, known))
            if CONTRAST in sources:
                found.take(CONTRAST, *contrast_pairs(build, store, known))
    for source, reasons in found.without.items():
        if reasons:
            told = ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common())
            say(f"no pair from {source}: {told}")
    return found


__all__ = ["CONTRAST", "JUDGE", "PEOPLE", "PLANTED", "MadePairs", "Pairs", "ReplyPair"]
