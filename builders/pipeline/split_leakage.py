"""Overlap between the splits of a combined set, found while it is written.

A few hashes are kept per sample: about a hundred bytes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b

from builders.corpora.reading import Defects
from builders.record.views import SampleRecord

# Shorter utterances ("What are you doing here?") recur by chance.
_WORDS_THAT_TELL = 8
_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Leak:
    """An overlap within a corpus, or between two: its kind and examples."""

    kind: str
    corpus: str
    keys: list[str]

    def as_json(self) -> dict[str, object]:
        """Return the kind, the corpus, the number, and a few examples."""
        shown = {"count": len(self.keys), "examples": self.keys[:_EXAMPLES]}
        return {"leak": self.kind, "corpus": self.corpus, **shown}


class Leaks:
    """Collects overlap between splits: dialogues, minimal pairs, speakers, words, spans."""

    def __init__(self) -> None:
        self._places: dict[str, dict[tuple[str, str], set[str]]] = {
            "dialogue": defaultdict(set),
            "contrast_group": defaultdict(set),
            "speaker": defaultdict(set),
        }
        self._words: dict[bytes, list[tuple[str, str, str]]] = defaultdict(list)
        self._splits: dict[str, str] = {}

    def add(self, row: SampleRecord, split: str) -> None:
        """Add a sample (its id, source, target_utterance, contrast) and its split."""
        source, said = row["source"], row["target_utterance"]
        corpus = source["corpus"]
        self._splits[row["id"]] = split
        keys = {
            "dialogue": f"{source['split']}-{source['dialogue_id']}",
            "contrast_group": row["contrast"] and row["contrast"]["group"],
            "speaker": said["speaker"]["id"],
        }
        for kind, key in keys.items():
            if key is not None:
                self._places[kind][corpus, key].add(split)
        words = said["text"].lower().split()
        if len(words) >= _WORDS_THAT_TELL:
            digest = blake2b(" ".join(words).encode(), digest_size=12).digest()
            self._words[digest].append((corpus, split, row["id"]))

    def found(self, corpora: Iterable[str]) -> list[dict[str, object]]:
        """Return each kind of overlap: what, how many, and a few examples."""
        leaks = [*self._shared(), *self._of_owners(corpora), *self._across()]
        leaks.sort(key=lambda leak: (leak.kind, leak.corpus))
        return [leak.as_json() for leak in leaks]

    def _shared(self) -> Iterator[Leak]:
        for kind, places in self._places.items():
            by_corpus: dict[str, list[str]] = defaultdict(list)
            for (corpus, key), splits in places.items():
                if len(splits) > 1:
                    by_corpus[corpus].append(key)
            for corpus, keys in by_corpus.items():
                yield Leak(f"{kind}s_in_several_splits", corpus, sorted(keys))

    def _of_owners(self, corpora: Iterable[str]) -> Iterator[Leak]:
        """Yield the spans that the owner put into two splits, from the table of defects."""
        for corpus in corpora:
            known = [row for row in Defects.load(corpus).rows if row.defect == "leak_across_splits"]
            ids = {
                f"{corpus}-{row.split}-{row.dialogue}-{row.utterance}": f"{corpus}-{row.value}"
                for row in known
            }
            here = sorted(one for one, other in ids.items() if {one, other} <= self._splits.keys())
            if here:
                yield Leak("same_spans_in_two_splits", corpus, here)

    def _across(self) -> Iterator[Leak]:
        """Yield utterances that two corpora have in different splits: one show, annotated twice."""
        pairs: dict[str, list[str]] = defaultdict(list)
        for said in self._words.values():
            corpora = sorted({corpus for corpus, _, _ in said})
            if len(corpora) > 1 and len({split for _, split, _ in said}) > 1:
                pairs[" and ".join(corpora)].append(min(name for _, _, name in said))
        for corpora_of, ids in pairs.items():
            yield Leak("same_words_in_two_corpora_and_splits", corpora_of, sorted(ids))
