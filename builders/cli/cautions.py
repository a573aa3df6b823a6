"""What a careful user must know of a build before using it, counted over its samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from builders.record.dataset import Build

# A flag is told of where it is found in more than this share of the clips.
TOLD = 0.1
_AMBIGUOUS = "ambiguous"
_COLUMNS = (
    "audio_info.duration",
    "audio_info.findings.code",
    "target_utterance.emotions.primary",
    "target_utterance.emotions.alternatives",
    "target_utterance.flags",
    "annotation.agreement",
)


@dataclass(frozen=True, slots=True)
class Cautions:
    """Counts over the samples of a build.

    Attributes:
        samples, clips: all samples, and those that have a clip.
        flags: how many clips have each quality flag.
        places: how many utterances are flagged for their words or their place in the dialogue.
        agreed: samples for which the corpus says how far its annotators agree.
        ambiguous: samples whose annotators agree on no single emotion.
    """

    samples: int
    clips: int
    flags: Counter[str]
    places: Counter[str]
    agreed: int
    ambiguous: int

    def lines(self) -> Iterator[str]:
        """Yield them as lines for a person: frequent flags, and how many labels are ambiguous."""
        # Without audio, what is flagged is the annotation.
        whole, what = (self.clips, "clips") if self.clips else (self.samples, "utterances")
        for code, count in self.flags.most_common():
            if count > TOLD * whole:
                yield f"  flagged: {count:,} of {whole:,} {what} {code}"
        for code, count in self.places.most_common():
            yield f"  flagged: {count:,} of {self.samples:,} utterances {code}"
        if self.agreed or self.ambiguous:
            yield f"  ambiguous: {self.ambiguous:,} of {self.samples:,} labels"
        elif self.samples:
            yield "  ambiguous: unknown, as the corpus gives one label without votes"


def cautions(build: Build) -> Cautions:
    """Count what is to be known of a build, in one pass over a few columns."""
    samples = clips = agreed = ambiguous = 0
    flags: Counter[str] = Counter()
    places: Counter[str] = Counter()
    for row in build.rows(_COLUMNS):
        samples += 1
        clips += row["audio_info"]["duration"] is not None
        flags.update({finding["code"] for finding in row["audio_info"]["findings"] or ()})
        places.update(row["target_utterance"]["flags"] or ())
        agreed += row["annotation"]["agreement"] is not None
        emotions = row["target_utterance"]["emotions"]
        ambiguous += bool(emotions["alternatives"]) or emotions["primary"] == _AMBIGUOUS
    return Cautions(samples, clips, flags, places, agreed, ambiguous)
