"""The minimal pairs of a build as the ranker takes them: voices in numbers, labels, replies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

from builders.errors import ConfigError
from builders.evaluation.pairs import pairs_of
from builders.record.dataset import Build
from builders.record.views import VoiceDescriptor
from builders.release.eligibility import Restrictions
from builders.tasks.reply.nearness import words_in_order

_COLUMNS = (
    *("id", "target_utterance.text", "target_utterance.speaker"),
    *("target_utterance.emotions.primary", "voice.descriptors", "voice.words"),
    "desired_response.text",
)


@dataclass(frozen=True, slots=True)
class Rendering:
    """One member of a minimal pair.

    `sentence` are its words in lower case, `voice` its measured values by name, each as the number
    of standard deviations above the reference; those that were not measured are missing.
    """

    id: str
    speaker: str
    sentence: str
    label: str
    voice: dict[str, float]
    reply: str


Matched = tuple[Rendering, Rendering]


@dataclass(frozen=True, slots=True)
class MatchedPairs:
    """The pairs that a ranker can be asked about, and how many it cannot."""

    pairs: Sequence[Matched]
    untold: int

    @property
    def speakers(self) -> set[str]:
        """Return who speaks in them."""
        return {one.speaker for one, _ in self.pairs}

    @property
    def sentences(self) -> set[str]:
        """Return what is said in them."""
        return {one.sentence for one, _ in self.pairs}

    def with_replies(self, replies: dict[str, str]) -> MatchedPairs:
        """Return the same with other replies, by id; pairs without both are left out."""
        kept = [pair for pair in self.pairs if all(one.id in replies for one in pair)]
        changed = [(_replying(one, replies), _replying(other, replies)) for one, other in kept]
        return MatchedPairs(changed, self.untold)


def _replying(one: Rendering, replies: dict[str, str]) -> Rendering:
    return replace(one, reply=replies[one.id])


def matched_pairs(build: Build, known: Restrictions | None = None) -> MatchedPairs:
    """Return the minimal pairs of a build whose voices were measured.

    Args:
        build: a finished build.
        known: the excluded ids, none by default.
    """
    pairs = [(pair.one.id, pair.other.id) for pair in pairs_of(build, known)]
    wanted = {*chain.from_iterable(pairs)}
    renderings = {one.id: one for one in _renderings(build, wanted)}
    told = [(renderings[a], renderings[b]) for a, b in pairs if {a, b} <= renderings.keys()]
    return MatchedPairs(told, len(pairs) - len(told))


def check_pairs(found: MatchedPairs, build: Build) -> None:
    """Raise ConfigError where there is nothing that a ranker could learn and be asked about."""
    if not found.pairs and not found.untold:
        raise ConfigError(
            "there is no minimal pair, so there is no certificate",
            where=build.folder,
            expected="the same words by one speaker with two emotions",
            do="take a build that has minimal pairs, such as crema_d without --limit",
        )
    if not found.pairs:
        raise ConfigError(
            f"no voice was measured in {found.untold:,} minimal pairs, so there is no certificate",
            where=build.folder,
            do="build it with its clips, without --text-only",
        )
    for what, seen in (("speaker", found.speakers), ("sentence", found.sentences)):
        if len(seen) < 2:
            raise ConfigError(
                f"all {len(found.pairs):,} minimal pairs are of one {what}, and the ranker is "
                f"asked about a {what} that it has not seen",
                where=build.folder,
                expected="minimal pairs of two speakers with two sentences, and better of ten",
                do="take more of the corpus into the build: a larger --limit, more --split",
            )


def _renderings(build: Build, wanted: set[str]) -> list[Rendering]:
    found = []
    for row in build.rows(_COLUMNS, batch=1000):
        said, voice = row["target_utterance"], row["voice"]
        if row["id"] in wanted and voice and voice["words"] and said["speaker"]:
            found.append(
                Rendering(
                    id=row["id"],
                    speaker=str(said["speaker"]["id"]),
                    sentence=" ".join(words_in_order(said["text"])),
                    label=said["emotions"]["primary"],
                    voice=_values(voice["descriptors"]),
                    reply=row["desired_response"]["text"],
                )
            )
    return found


def _values(descriptors: Sequence[VoiceDescriptor]) -> dict[str, float]:
    return {one["name"]: one["z"] for one in descriptors if one["z"] is not None}
