"""The replies of a build as a judge is shown them, with their other drafts.

A judge sees turns, words, the voice as measured and the reply; people are called by their part in
the talk. It sees no label, plan or strategy, and nothing of the model that drafted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from heapq import nsmallest

from builders.evaluation.scoring import same_words
from builders.pipeline.selection import rank
from builders.record.dataset import Build
from builders.record.views import SampleRecord
from builders.release.eligibility import Purpose, Restrictions, left_out
from builders.tasks.reply.checks.language import ENGLISH, answered_in
from builders.tasks.scoring import ShownReply

_COLUMNS = [
    *("id", "text_context.role", "text_context.text", "target_utterance.text", "voice.words"),
    "desired_response.text",
]
_DRAFTS = [*_COLUMNS, "drafting.candidates"]
_BATCH = 1000
_CALLED = {"user": "Speaker", "assistant": "Listener"}


class Replies:
    """The replies of a build that may be sent to a judge.

    Args:
        build: a finished build.
        known: the ids that may not be used, none by default.
        without: further ids that are left out.
        limit: take so many, by the hash of the id: a larger limit only adds some.
    """

    def __init__(
        self,
        build: Build,
        known: Restrictions | None = None,
        without: Collection[str] = (),
        limit: int | None = None,
    ) -> None:
        self._build = build
        self._out = {*left_out(build.shards(), Purpose.SEND, known or Restrictions()), *without}
        self._only = None if limit is None else set(nsmallest(limit, self._ids(), key=rank))

    def shown(self) -> Iterator[ShownReply]:
        """Yield each reply in the order of the build."""
        for row in self._rows(_COLUMNS):
            yield _shown(row)

    def drafts(self) -> Iterator[tuple[ShownReply, str, str]]:
        """Yield each reply with each other draft of its target, and that draft's request key.

        A draft that was given up, or says the same, is passed over.
        """
        for row in self._rows(_DRAFTS):
            for other in row["drafting"]["candidates"] or ():
                said = other["reply"] and other["reply"]["text"]
                if said and not same_words(said, row["desired_response"]["text"]):
                    yield _shown(row), said, other["request_key"]

    def count(self) -> int:
        """Return the number of replies."""
        return sum(1 for _ in self._rows(["id"]))

    def corpora(self) -> set[str]:
        """Return the corpora that the replies are from."""
        return {row["source"]["corpus"] for row in self._rows(["id", "source.corpus"])}

    def _ids(self) -> Iterator[str]:
        for row in self._build.rows(["id"], batch=_BATCH):
            if row["id"] not in self._out:
                yield row["id"]

    def _rows(self, columns: list[str]) -> Iterator[SampleRecord]:
        for row in self._build.rows(columns, batch=_BATCH):
            if row["id"] not in self._out and (self._only is None or row["id"] in self._only):
                yield row


def language_of(build: Build) -> str:
    """Return the language of a build's replies; English where it has no sample."""
    return answered_in(next((row["language"] for row in build.first(1, ["language"])), ENGLISH))


def _shown(row: SampleRecord) -> ShownReply:
    turns = ((_CALLED.get(turn["role"], "Other"), turn["text"]) for turn in row["text_context"])
    voice = row["voice"] and row["voice"]["words"]
    words, reply = row["target_utterance"]["text"], row["desired_response"]["text"]
    return ShownReply(row["id"], words, reply, voice, tuple(turns))
